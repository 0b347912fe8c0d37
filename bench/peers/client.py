"""The other end of a peer's process: commands with a time limit."""

import dataclasses
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WORKER = Path(__file__).resolve().parent / "worker.py"
START_SECONDS = 120


class Stopped(RuntimeError):
    """The process is gone, or was ended because it took too long; the text says which."""


class Client:
    """Starts when the first command is given, and again after it was stopped."""

    def __init__(self, module, device, threads, environment):
        self.command = [sys.executable, str(WORKER), module, device, str(threads)]
        self.environment, self.process, self.hello_answer = environment, None, None

    def launch(self):
        """Starts the process, which then imports its framework; start() waits for it."""
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, env=self.environment,
            start_new_session=True,
        )  # fmt: skip
        self.pending = b""

    def start(self):
        if self.process is None:
            self.launch()
        self.hello_answer = self.ask({"do": "hello"}, START_SECONDS)

    def ask(self, command, seconds):
        if self.process is None:
            self.start()
        try:
            self.process.stdin.write((json.dumps(command) + "\n").encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended: its last line says why
        return json.loads(self.line(time.monotonic() + seconds, seconds))

    def line(self, deadline, seconds):
        out = self.process.stdout.fileno()
        while b"\n" not in self.pending:
            ready, _, _ = select.select([out], [], [], max(deadline - time.monotonic(), 0))
            if not ready:
                self.stop()
                raise Stopped(f"ended after {seconds:.0f} s")
            got = os.read(out, 1 << 16)
            if not got:
                raise Stopped(self.last_words())
            self.pending += got
        line, self.pending = self.pending.split(b"\n", 1)
        return line

    def last_words(self):
        code = self.process.wait()
        self.errors.seek(0)
        lines = [line.strip() for line in self.errors.read().splitlines() if line.strip()]
        self.process = None
        what = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with {code}"
        return f"its process ended {what}: {lines[-1][:300] if lines else 'no output'}"

    def stop(self):
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process = None

    def prepare(self, case, seconds):
        return self.ask({"do": "prepare", "case": dataclasses.asdict(case)}, seconds)

    def sample(self, repeats, seconds):
        return self.ask({"do": "sample", "repeats": repeats}, seconds)["seconds"]
