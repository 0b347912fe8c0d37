"""The process of one peer: reads commands, one JSON object a line, and answers each with one.

  {"do": "hello"}                      -> {"version"}
  {"do": "prepare", "case": {...}}     -> {"compile_seconds", "once_seconds", "peak_bytes", "work", "firing_rate"}
                                          or {"unsupported": reason}
  {"do": "sample", "repeats": n}       -> {"seconds": one run's}

A pass is an object with enqueue(), wait() (returns when the results are there), compile() (seconds, or None where nothing
is compiled), work, firing_rate(), and held_bytes: what it keeps in memory between runs.

Usage: python worker.py MODULE cpu|cuda THREADS
"""

import ctypes
import gc
import importlib
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from peers.cases import Case  # noqa: E402

SHARE_OF_MEMORY = 0.5  # a case that wants more ends in an error, not in swapping


def limit_memory():
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    resource.setrlimit(resource.RLIMIT_DATA, (int(total * SHARE_OF_MEMORY),) * 2)


def end_with_parent():
    """No worker outlives the run that started it."""
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def run(program):
    program.enqueue()
    program.wait()


def status_bytes(field):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


class ProcessMemory:
    """What a pass takes, with what it holds: the process's high-water mark during it over what was resident before."""

    def __init__(self, held_bytes):
        self.held_bytes = held_bytes
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)  # what earlier cases left behind must not hide what this one takes
        self.usable = True
        try:
            Path("/proc/self/clear_refs").write_text("5")
        except OSError:
            self.usable = False
        self.before = status_bytes("VmRSS")

    def peak(self):
        return status_bytes("VmHWM") - self.before + self.held_bytes if self.usable else None


def memory_of(device, program):
    return program.memory() if device == "cuda" and hasattr(program, "memory") else ProcessMemory(program.held_bytes)


class Worker:
    def __init__(self, module, device):
        self.module, self.device, self.program = importlib.import_module(f"peers.neurons.{module}"), device, None

    def hello(self, _):
        return {"version": self.module.version()}

    def prepare(self, command):
        self.program = None  # what the case before held goes before this one's is made
        gc.collect()
        case = Case(**command["case"])
        self.program = program = self.module.build(case, self.device)
        compile_seconds = program.compile()
        run(program)  # warm-up: pages, threads, lazily made tables
        memory = memory_of(self.device, program)
        started = time.perf_counter()
        run(program)
        once = time.perf_counter() - started
        return {
            "compile_seconds": compile_seconds,
            "once_seconds": once,
            # A backward pass alone starts from what the forward pass kept, which is in no account.
            "peak_bytes": None if case.pass_name == "backward" else memory.peak(),
            "work": program.work,
            "firing_rate": program.firing_rate(),
        }

    def sample(self, command):
        program, repeats = self.program, command["repeats"]
        started = time.perf_counter()
        for _ in range(repeats):
            program.enqueue()
            if self.device == "cpu":
                program.wait()
        program.wait()  # a GPU's queue never runs dry between two runs, as in training
        return {"seconds": (time.perf_counter() - started) / repeats}


def sentence(error):
    """An exception in one line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else 'no text'}"


def serve(worker, commands, answers):
    for line in commands:
        command = json.loads(line)
        try:
            answer = getattr(worker, command["do"])(command)
        except MemoryError:
            answer = {"unsupported": f"it wants more than {SHARE_OF_MEMORY:.0%} of the machine's memory"}
        except Exception as error:  # a peer's own failure is an answer, too
            answer = {"unsupported": sentence(error)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def main():
    module, device, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    # Libraries print what they like; only answers go to the other end.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    os.environ["SPIKESCAN_PEER_THREADS"] = str(threads)
    end_with_parent()
    if device == "cpu":  # a GPU's driver maps far more than it uses
        limit_memory()
    try:
        worker = Worker(module, device)
    except Exception as error:
        answers.write(json.dumps({"unsupported": sentence(error)}) + "\n")
        return
    serve(worker, sys.stdin, answers)


if __name__ == "__main__":
    main()
