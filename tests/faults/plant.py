#!/usr/bin/env python3
"""Plants faults in the source, one at a time, and expects a test to turn red for each.

    tests/faults/plant.py                   every fault of faults.py: about an hour on two cores
    tests/faults/plant.py --only split      those whose name or file contains a word
    tests/faults/plant.py --quick           three, and a change that is no fault (in `make test`)
    tests/faults/plant.py --list
It works on a copy in a scratch folder, CPU alone, kept with --work DIR for a quicker next run.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import faults

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPIED = ("CMakeLists.txt", "cmake", "host", "include", "kernels", "tests", "bench", "docs", "examples",
          "README.md")
# One instruction set, for this machine: three copies of the lane passes would be compiled three times.
OPTIONS = ("-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=generic", "-DCMAKE_CXX_FLAGS=-march=native",
           "-DSPIKESCAN_CUDA=OFF", "-DSPIKESCAN_BENCH=OFF", "-DSPIKESCAN_EXAMPLES=OFF", "-DSPIKESCAN_PYTHON=OFF")


class Scratch:
    """A copy of the source and its build folder."""

    def __init__(self, folder, jobs):
        self.source = folder / "source"
        self.build = folder / "build"
        self.jobs = jobs

    def prepare(self):
        for name in COPIED:
            self._copy(ROOT / name, self.source / name)
        generator = ["-G", "Ninja"] if shutil.which("ninja") else []
        self._check(["cmake", "-S", self.source, "-B", self.build, *generator, *OPTIONS], "configure")

    def make(self, target):
        return self._run(["cmake", "--build", self.build, "-j", str(self.jobs), "--target", target])

    def test_fails(self, test):
        """True if the test is red. A hang is red; a program that cannot start is an error."""
        environment = dict(os.environ, OMP_WAIT_POLICY="passive")
        command = [self.build / test.program, f"--gtest_filter={test.filter}", "--gtest_fail_fast", "--gtest_brief=1"]
        try:
            result = subprocess.run(command, env=environment, capture_output=True, timeout=600, check=False)
        except subprocess.TimeoutExpired:
            return True
        return result.returncode != 0

    def _copy(self, source, destination):
        """Only what changed, so that a kept folder rebuilds little; what has gone from the source goes."""
        if source.is_dir():
            names = {entry.name for entry in source.iterdir()} - {"__pycache__"}
            for gone in {entry.name for entry in destination.glob("*")} - names:
                stale = destination / gone
                shutil.rmtree(stale) if stale.is_dir() else stale.unlink()
            for name in names:
                self._copy(source / name, destination / name)
        elif source.exists():
            if not destination.exists() or destination.read_bytes() != source.read_bytes():
                destination.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, destination)

    def _run(self, command):
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def _check(self, command, what):
        result = self._run(command)
        if result.returncode != 0:
            sys.exit(f"plant: {what} failed\n{result.stdout[-3000:]}{result.stderr[-3000:]}")


def require_fresh():
    """Every fault there is can be planted, so that a quick run sees when a change has left one behind."""
    for fault in faults.ALL:
        places = (ROOT / fault.file).read_text().count(fault.old)
        if places != 1:
            sys.exit(f"plant: '{fault.name}' is stale: its text is {places} times in {fault.file}")


def plant(scratch, fault):
    """'caught', 'SURVIVED', or why it does not compile."""
    path = scratch.source / fault.file
    original = path.read_text()
    path.write_text(original.replace(fault.old, fault.new))
    try:
        build = scratch.make(fault.test.target)
        if build.returncode != 0:
            return "DOES NOT COMPILE: " + next((l for l in build.stdout.splitlines() if "error:" in l), "")
        return "caught" if scratch.test_fails(fault.test) else "SURVIVED"
    finally:
        path.write_text(original)


def choose(arguments):
    if arguments.quick:
        return [f for f in faults.ALL if f.name in faults.QUICK and f.test is faults.RECURRENCE] + [faults.HARMLESS]
    return [f for f in faults.ALL if not arguments.only or arguments.only in f.name or arguments.only in f.file]


def require_green(scratch, chosen):
    for test in dict.fromkeys(f.test for f in chosen):
        build = scratch.make(test.target)
        if build.returncode != 0:
            sys.exit(f"plant: {test.target} does not build without a fault\n{build.stdout[-3000:]}")
        if scratch.test_fails(test):
            sys.exit(f"plant: {test.target} ({test.filter}) is red without a fault")


def run(scratch, chosen):
    require_fresh()
    scratch.prepare()
    print(f"{len(chosen)} changes; first every test without one", flush=True)
    require_green(scratch, chosen)
    bad = 0
    for fault in chosen:
        start = time.monotonic()
        outcome = plant(scratch, fault)
        expected = "SURVIVED" if fault is faults.HARMLESS else "caught"
        bad += outcome != expected
        print(f"{outcome:9} {fault.file:32} {fault.name} ({time.monotonic() - start:.0f} s)", flush=True)
    print(f"{len(chosen) - bad} of {len(chosen)} as expected")
    return 1 if bad else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="three faults and a harmless change")
    parser.add_argument("--only", metavar="WORD", help="faults whose name or file contains it")
    parser.add_argument("--list", action="store_true", help="print the faults and stop")
    parser.add_argument("--work", type=pathlib.Path, help="scratch folder to keep")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    chosen = choose(arguments)
    if not chosen:
        parser.error("no such fault")
    if arguments.list:
        for fault in chosen:
            print(f"{fault.file:32} {fault.test.target:18} {fault.name}")
        return 0
    if arguments.work:
        return run(Scratch(arguments.work.resolve(), arguments.jobs), chosen)
    with tempfile.TemporaryDirectory(prefix="spikescan-faults-") as folder:
        return run(Scratch(pathlib.Path(folder), arguments.jobs), chosen)


if __name__ == "__main__":
    sys.exit(main())
