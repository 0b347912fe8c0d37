"""One run of the GPU check: a budget of wall time, commands with time-outs, and a record that is written after every
part, so that a check cut short has left what it knows."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

import record as records

TAIL = 4000  # characters of a failed command's output that go into the record
TIDY_SECONDS = 5.0  # kept back for ending commands and writing the record


@dataclass
class Settings:
    root: Path
    parts: list
    out: Path | None
    minutes: float
    architecture: str
    build_dir: Path
    bundle_dir: Path
    commit: str | None = None
    peers: bool = False  # measure the other libraries as well


class NotRun(Exception):
    """A part cannot run here; the text is the reason."""


class Failed(Exception):
    """A part ran and found a fault; figures may hold what it measured."""

    def __init__(self, reason, figures=None):
        super().__init__(reason)
        self.figures = figures or {}


@dataclass
class Done:
    code: int | None  # None: stopped at its time limit
    output: str
    seconds: float

    @property
    def timed_out(self):
        return self.code is None

    def tail(self):
        return self.output.strip()[-TAIL:]


def run_command(command, seconds, environment=None, folder=None):
    """stdout and stderr together. The command and its children end at the limit."""
    started = time.monotonic()
    process = subprocess.Popen(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        cwd=folder,
        env={**os.environ, **(environment or {})},
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=max(seconds, 0.1))
        code = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        code = None
    return Done(code, output, time.monotonic() - started)


def find_gpu():
    """{'name', 'driver', 'memory'} of the first GPU, or None."""
    try:
        done = run_command(
            ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"], seconds=60
        )
    except OSError:
        return None
    lines = [line for line in done.output.splitlines() if line.count(",") == 2]
    if done.code != 0 or not lines:
        return None
    name, driver, memory = (field.strip() for field in lines[0].split(","))
    return {"name": name, "driver": driver, "memory": memory}


def find_cuda_tool(name):
    """nvcc, compute-sanitizer or cuobjdump: from PATH, else where the toolkit installs itself; None where absent."""
    fixed = Path("/usr/local/cuda/bin") / name
    return shutil.which(name) or (str(fixed) if fixed.is_file() else None)


def find_nvcc():
    return find_cuda_tool("nvcc")


def part_entry(status, reason=None, seconds=None, figures=None):
    return {"status": status, "reason": reason, "seconds": seconds, "figures": figures or {}}


def interrupt(*_):
    raise KeyboardInterrupt


class Session:
    """`parts` maps names to functions (session) -> figures, which raise NotRun or Failed."""

    def __init__(self, settings, gpu, parts, clock=time.monotonic):
        self.settings, self.gpu, self.parts, self.clock = settings, gpu, parts, clock
        self.deadline = clock() + settings.minutes * 60
        self.rows, self.devices, self.absent_peers = [], {}, None
        self.record = self.new_record()

    def new_record(self):
        commit, dirty = self.carried_commit() if self.settings.commit else records.commit_of(self.settings.root)
        if commit is None:
            commit, dirty = self.carried_commit()
        return {
            "schema": records.SCHEMA,
            "kind": "gpu_check",
            "machine": records.machine(self.gpu["name"] if self.gpu else None),
            "commit": commit,
            "dirty": dirty,
            "date": records.now(),
            "versions": {**records.versions(), "driver": self.gpu["driver"] if self.gpu else None},
            "devices": {"cuda": dict(self.gpu)} if self.gpu else {},
            "parts": {name: part_entry("not run", "not reached") for name in self.parts},
            "rows": [],
        }

    def carried_commit(self):
        """Of a tree without .git, or whose .git is another's: what --commit says, else what the bundle noted."""
        if self.settings.commit and re.fullmatch(r"[0-9a-f]{7,40}", self.settings.commit):
            return self.settings.commit, None
        try:
            noted = json.loads((self.settings.bundle_dir / "commit.json").read_text())
            return noted["commit"], noted["dirty"]
        except (OSError, ValueError, KeyError):
            return None, None

    def remaining(self):
        return self.deadline - self.clock() - TIDY_SECONDS

    def command(self, command, seconds, **options):
        """Runs within the smaller of `seconds` and what is left; NotRun where nothing is left."""
        if self.remaining() <= 0:
            raise NotRun("the time budget was used up")
        try:
            return run_command(command, min(seconds, self.remaining()), **options)
        except OSError as error:
            raise NotRun(f"{command[0]} cannot be started: {error.strerror}") from error

    def must(self, command, seconds, **options):
        done = self.command(command, seconds, **options)
        if done.timed_out:
            raise Failed(f"{Path(str(command[0])).name} was stopped after {done.seconds:.0f} s", {"output": done.tail()})
        if done.code != 0:
            raise Failed(f"{Path(str(command[0])).name} ended with {done.code}", {"output": done.tail()})
        return done

    def path(self):
        return self.settings.out or records.default_path(self.settings.root, self.record)

    def write(self):
        self.record["rows"] = self.rows
        if self.absent_peers is not None:
            self.record["absent_peers"] = self.absent_peers
        for backend, facts in self.devices.items():
            self.record["devices"].setdefault(backend, {}).update(facts)
        records.write(self.path(), self.record)

    def run_part(self, name):
        if name not in self.settings.parts:
            return part_entry("not run", "not chosen")
        if self.remaining() <= 0:
            return part_entry("not run", "the time budget was used up")
        started = self.clock()
        try:
            figures = self.parts[name](self)
            status, reason = "passed", None
        except NotRun as error:
            return part_entry("not run", str(error))
        except Failed as error:
            status, reason, figures = "failed", str(error), error.figures
        except KeyboardInterrupt:
            raise
        except Exception:
            status, reason, figures = "failed", f"the check itself broke: {traceback.format_exc()[-TAIL:]}", {}
        return part_entry(status, reason, round(self.clock() - started, 3), figures)

    def run(self):
        # A stop from outside ends the check like Ctrl-C: the record stays.
        signal.signal(signal.SIGTERM, interrupt)
        self.write()
        name = None
        try:
            for name in self.parts:
                entry = self.run_part(name)
                self.record["parts"][name] = entry
                self.write()
                said = f"{entry['status']}" + (f": {entry['reason'].splitlines()[0][:120]}" if entry["reason"] else "")
                print(f"{name}: {said}", flush=True)
        except KeyboardInterrupt:
            self.record["parts"][name] = part_entry("failed", "interrupted")
            self.write()
        print(f"record: {self.path()}", flush=True)
        if any(entry["status"] == "failed" for entry in self.record["parts"].values()):
            print("gpu_check: a part failed", file=sys.stderr)
            return 1
        return 0
