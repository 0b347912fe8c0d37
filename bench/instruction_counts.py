#!/usr/bin/env python3
"""Instructions an element of fixed CPU passes, counted by valgrind: a regression shows whatever the machine's mood.

  bench/instruction_counts.py --build build/cpu            compares with bench/instruction_counts.json; 1 if any grew
  bench/instruction_counts.py --build build/cpu --write    records the counts

Valgrind runs the AVX2 code, on one thread. Counts differ between compilers, so the record names the one it is of.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

RECORD = Path(__file__).resolve().parent / "instruction_counts.json"
# A batch of blocks of channels, and the tables' share in it as in the usual sizes; few channels; one long row;
# few steps.
CASES = [
    f"{direction} {recurrence} float32 float32 16x1024x64"
    for recurrence in ("lif", "spsn", "cuba_lif", "psu_lif")
    for direction in ("forward", "backward")
] + [
    "forward lif float32 bits32 16x1024x64",
    "forward lif float32 uint8 16x1024x64",
    "forward lif bfloat16 bfloat16 16x1024x64",
    "backward lif bfloat16 bfloat16 16x1024x64",
    "forward lif float16 float16 16x1024x64",
    "forward lif float32 float32 64x1000x3",
    "forward lif float32 float32 1x100000x1",
    "backward lif float32 float32 64x1000x3",
    "backward lif float32 float32 1x100000x1",
    "forward lif float32 float32 1024x10x64",
    "backward lif float32 float32 1024x10x64",
]
ALLOWED_GROWTH = 0.01


def elements(case):
    batch, time, channels = map(int, case.split()[-1].split("x"))
    return batch * time * channels


def count(program, case):
    """Instructions inside the one call, an element."""
    direction = case.split()[0]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "callgrind.out"
        command = ["valgrind", "--tool=callgrind", f"--toggle-collect=spikescan_{direction}", f"--callgrind-out-file={out}"]
        done = subprocess.run(
            [*command, str(program), *case.split()],
            capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        if done.returncode != 0:
            raise SystemExit(f"{case}: {done.stderr.strip()}")
        return parse_total(out.read_text()) / elements(case)


def parse_total(text):
    found = re.search(r"^(?:totals|summary): (\d+)", text, re.M)
    if not found or int(found.group(1)) == 0:
        raise SystemExit("callgrind counted nothing")
    return int(found.group(1))


def grown(counts, record):
    """The cases that take more than the record allows, or that it lacks."""
    return [
        case for case, value in counts.items()
        if case not in record or value > record[case] * (1 + ALLOWED_GROWTH)
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="a build folder with bench/one_pass")
    parser.add_argument("--write", action="store_true", help="record the counts in place of comparing")
    options = parser.parse_args()
    program = Path(options.build) / "bench" / "one_pass"
    counts = {case: round(count(program, case), 3) for case in CASES}
    recorded = {} if options.write or not RECORD.exists() else json.loads(RECORD.read_text())["instructions_an_element"]
    for case, value in counts.items():
        print(f"{case:50} {value:9.2f}  {'' if case not in recorded else f'recorded {recorded[case]:9.2f}'}")
    if options.write:
        compiler = subprocess.run(["c++", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
        RECORD.write_text(json.dumps({"compiler": compiler, "instructions_an_element": counts}, indent=2) + "\n")
        return 0
    more = grown(counts, recorded)
    for case in more:
        print(f"more instructions than recorded, or no record: {case}", file=sys.stderr)
    return 1 if more else 0


if __name__ == "__main__":
    sys.exit(main())
