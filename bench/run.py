#!/usr/bin/env python3
"""Runs the benchmark programs, prints a table and writes a record (bench/record.schema.json).

  bench/run.py --build build/cpu                 bench/results/<machine>/<date>-<commit>.json
  bench/run.py --build build/cpu --out my.json --filter 'lif/.*float32'
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import record as records  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = ("copy_bench", "scan_bench")
# The smallest shape, one dtype of each size: enough to see every field of a row.
QUICK = ["--shapes=1x1024x64", "--benchmark_min_time=0.001"]
QUICK_FILTER = "copy/.*/1MiB|scan/.*/(lif|cuba_lif)/sigmoid_bernoulli/.*"


def find_program(build, name):
    for candidate in (Path(build) / "bench" / name, Path(build) / "bin" / name, Path(build) / name):
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate
    return None


class Progress:
    """One line that rewrites itself on a terminal; nothing in a pipe."""

    def __init__(self, total, stream=sys.stderr):
        self.total, self.done, self.stream = total, 0, stream
        self.shown = stream.isatty()

    def step(self, name):
        self.done += 1
        if self.shown:
            self.stream.write(f"\r\033[K[{self.done}/{self.total}] {name[:100]}")
            self.stream.flush()

    def close(self):
        if self.shown:
            self.stream.write("\r\033[K")
            self.stream.flush()


def list_cases(program, arguments):
    done = subprocess.run(
        [str(program), *arguments, "--benchmark_list_tests=true"], capture_output=True, text=True, check=True
    )
    return [line for line in done.stdout.splitlines() if line.startswith(("scan/", "copy/"))]


def run_program(program, arguments, progress):
    """Google Benchmark's JSON of one program."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        command = [str(program), *arguments, f"--benchmark_out={out}", "--benchmark_out_format=json"]
        with open(Path(folder) / "errors", "w+") as errors:  # a file: a full pipe would stop the program
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
            for line in process.stdout:
                if line.startswith(("scan/", "copy/")):
                    progress.step(line.split()[0])
            if process.wait() != 0:
                errors.seek(0)
                raise RuntimeError(f"{program.name} ended with {process.returncode}: {errors.read().strip()[-2000:]}")
        return json.loads(out.read_text())


def gather(build, arguments, case_filter, seconds=None):
    """(rows, devices) of every program; raises RuntimeError where one is missing or fails."""
    programs = []
    for name in PROGRAMS:
        program = find_program(build, name)
        if program is None:
            raise RuntimeError(f"{name} is not in {build}: build it with SPIKESCAN_BENCH=ON and Google Benchmark installed")
        programs.append(program)
    if case_filter:
        arguments = [*arguments, f"--benchmark_filter={case_filter}"]
    cases = {program: list_cases(program, arguments) for program in programs}
    deadline = None if seconds is None else time.monotonic() + seconds
    progress = Progress(sum(len(names) for names in cases.values()))
    rows, devices = [], {}
    try:
        for program, names in cases.items():
            if not names:
                continue
            budget = [] if deadline is None else [f"--seconds={max(deadline - time.monotonic(), 0.001):.3f}"]
            made = run_program(program, [*arguments, *budget], progress)
            rows += [records.row_of(entry, made["context"]) for entry in made["benchmarks"]]
            devices |= records.devices_of(made["context"])
    finally:
        progress.close()
    if not rows:
        raise RuntimeError("no benchmark matches the filter")
    return rows, devices


def table(rows):
    def cell(value, scale, pattern):
        return "-" if value is None else pattern.format(value * scale)

    lines = [("case", "ms", "spread", "GB/s", "of copy", "Mel/s", "firing")]
    for row in rows:
        speed = row["bytes"] / row["median_seconds"] if row["bytes"] and row["median_seconds"] else None
        lines.append(
            (
                row["name"],
                cell(row["median_seconds"], 1e3, "{:.3f}"),
                cell(row["spread"], 100, "{:.0f}%"),
                cell(speed, 1e-9, "{:.2f}"),
                cell(row["share_of_copy"], 100, "{:.1f}%"),
                cell(row["elements_per_second"], 1e-6, "{:.0f}"),
                cell(row["firing_rate"], 100, "{:.1f}%"),
            )
        )
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    shown = []
    for line in lines:
        numbers = "  ".join(text.rjust(width) for text, width in zip(line[1:], widths[1:]))
        shown.append(f"{line[0].ljust(widths[0])}  {numbers}")
    return "\n".join(shown)


def make_record(rows, devices, quick):
    commit, dirty = records.commit_of(ROOT)
    gpu = devices.get("cuda", {}).get("device")
    versions = records.versions()
    versions["spikescan"] = next((facts.get("spikescan") for facts in devices.values()), None)
    return {
        "schema": records.SCHEMA,
        "kind": "bench",
        "quick": quick,
        "machine": records.machine(gpu),
        "commit": commit,
        "dirty": dirty,
        "date": records.now(),
        "versions": versions,
        "devices": devices,
        "rows": rows,
    }


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=str(ROOT / "build"), help="the CMake build folder (default: build)")
    parser.add_argument("--out", help="the record's path (default: under bench/results/)")
    parser.add_argument("--backends", help="cpu, cuda or cpu,cuda (default: all usable)")
    parser.add_argument("--shapes", help="BxTxC,... in place of the default shapes")
    parser.add_argument("--filter", default="", help="regular expression on the case names")
    parser.add_argument("--seconds", type=float, help="cases that would start later are not run: their figures are null")
    parser.add_argument("--quick", action="store_true", help="tiny cases, for tests: the figures mean nothing")
    options = parser.parse_args(arguments)

    flags = [f"--backends={options.backends}"] if options.backends else []
    if options.quick:
        flags += QUICK
    elif options.shapes:
        flags.append(f"--shapes={options.shapes}")
    case_filter = options.filter or (QUICK_FILTER if options.quick else "")
    try:
        rows, devices = gather(options.build, flags, case_filter, options.seconds)
    except (RuntimeError, subprocess.CalledProcessError, ValueError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    record = make_record(rows, devices, options.quick)
    path = Path(options.out) if options.out else records.default_path(ROOT, record)
    records.write(path, record)
    print(table(rows))
    print(f"record: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
