#!/usr/bin/env python3
"""Runs spikescan-bench and, where asked to, the peers; writes a record (bench/record.schema.json) and its report.

  bench/run.py --build build/cpu                 bench/results/<machine>/<date>-<commit>.json
  bench/run.py --build build/cpu --peers 400 --report
  bench/run.py --build build/cpu --out my.json --filter 'lif/.*float32'
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import record as records  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = "spikescan-bench"
# The smallest shape, one dtype of each size: enough to see every field of a row.
QUICK = ["--shapes=1x1024x64", "--min-time=0.001"]
QUICK_FILTER = "copy/.*/1MiB|^scan/.*/(lif|cuba_lif)/sigmoid_bernoulli/(float32|bfloat16)|limits/|error/lif/0.9/"
QUICK_SERIES = "suite,limits,error"


class Failed(RuntimeError):
    """Said in one sentence."""


def find_program(build):
    for candidate in (Path(build) / "bench" / PROGRAM, Path(build) / PROGRAM):
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate
    raise Failed(f"{PROGRAM} is not in {build}: build it with SPIKESCAN_BENCH=ON, Google Benchmark and CLI11 installed")


def error_rows(rows):
    """An error row without its error was not measured, and says nothing."""
    return [row for row in rows if row["series"] != "error" or row["error_units"] is not None]


def ours(build, arguments):
    """(rows, devices) of this library. The program shows its own progress and table."""
    program = find_program(build)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        done = subprocess.run([str(program), "run", *arguments, f"--json={out}"], stderr=subprocess.PIPE if not sys.stderr.isatty() else None, text=True)
        if done.returncode != 0:
            said = f": {done.stderr.strip()[-2000:]}" if done.stderr else ""
            raise Failed(f"{program.name} ended with {done.returncode}{said}")
        made = json.loads(out.read_text())
    rows = error_rows([records.row_of(entry, made["context"]) for entry in made["benchmarks"]])
    return rows, records.devices_of(made["context"])


def peers(build, backend, devices, seconds, quick):
    """(rows, absent peers) of the other libraries, and of ours measured between their samples."""
    from peers import gather, registry

    package = Path(build) / "python"
    if not (package / "spikescan").is_dir():
        raise Failed(f"the Python package is not in {package}: build it with SPIKESCAN_PYTHON=ON")
    limits = gather.Limits(seconds=seconds)
    name = devices.get(backend, {}).get("device") or records.processor_name()
    try:
        return gather.gather(str(package), backend, name, limits, tiny=quick, progress=gather.progress_line)
    except RuntimeError as error:  # ours remain worth keeping
        print(f"bench: no peer was measured: {error}", file=sys.stderr)
        return [], [{"peer": peer.slug, "version": None, "reason": str(error)} for peer in registry.PEERS]
    finally:
        gather.progress_line("")


def make_record(rows, devices, quick, absent=None):
    commit, dirty = records.commit_of(ROOT)
    gpu = devices.get("cuda", {}).get("device")
    versions = records.versions()
    versions["spikescan"] = next((facts.get("spikescan") for facts in devices.values()), None)
    record = {
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
    return record if absent is None else {**record, "absent_peers": absent}


def write_report(path):
    done = subprocess.run([sys.executable, ROOT / "bench" / "report", path], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"the record stands in {path}; its report could not be made: {done.stderr.strip()[-500:]}")
    return done.stdout.strip()


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=str(ROOT / "build"), help="the CMake build folder (default: build)")
    parser.add_argument("--out", help="the record's path (default: under bench/results/)")
    parser.add_argument("--backends", help="cpu, cuda or cpu,cuda (default: all usable)")
    parser.add_argument("--shapes", help="BxTxC,... in place of the suite's shapes")
    parser.add_argument("--series", help="what for, with commas (default: all)")
    parser.add_argument("--filter", default="", help="regular expression on the case names")
    parser.add_argument("--min-time", type=float, help="seconds of samples a case")
    parser.add_argument("--seconds", type=float, help="cases of ours that would start later are not run: their figures are null")
    parser.add_argument("--peers", type=float, metavar="SECONDS", help="measure the other libraries as well, in so many seconds")
    parser.add_argument("--report", action="store_true", help="write the report as well, into out/report/")
    parser.add_argument("--quick", action="store_true", help="tiny cases, for tests: the figures mean nothing")
    return parser.parse_args(arguments)


def program_arguments(options):
    given = {"backend": options.backends, "shapes": options.shapes, "series": options.series, "min-time": options.min_time}
    given |= {"seconds": options.seconds, "filter": options.filter or (QUICK_FILTER if options.quick else None)}
    if options.quick:
        given |= {"shapes": None, "min-time": None, "series": options.series or QUICK_SERIES}
    return [f"--{key}={value}" for key, value in given.items() if value] + (QUICK if options.quick else [])


def main(arguments=None):
    options = parse(arguments)
    try:
        rows, devices = ours(options.build, program_arguments(options))
        absent = None
        if options.peers:
            backend = "cuda" if "cuda" in devices else "cpu"
            of_peers, absent = peers(options.build, backend, devices, options.peers, options.quick)
            rows += of_peers
        record = make_record(rows, devices, options.quick, absent)
        path = Path(options.out) if options.out else records.default_path(ROOT, record)
        records.write(path, record)
        print(f"record: {path}", flush=True)
        if options.report:
            print(write_report(path))
    except (Failed, RuntimeError, ValueError, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
