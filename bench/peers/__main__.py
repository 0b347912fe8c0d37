"""Measures the peers alone, and writes their rows as JSON.

python bench/peers --package build/cpu/python --out out/peers.json
python bench/peers --package build/cpu/python --only torch-loop,jax-loop --seconds 60
"""

import argparse
import dataclasses
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import record  # noqa: E402
from peers import gather  # noqa: E402
from peers.registry import PEERS  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", required=True, help="folder that holds the spikescan package")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--only", help=f"peers, with commas, in the order in which they are measured: {', '.join(peer.slug for peer in PEERS)}")
    parser.add_argument("--series", help="what for, with commas (default: all)")
    parser.add_argument("--seconds", type=float, default=gather.Limits.seconds, help="for everything")
    parser.add_argument(
        "--prepare-seconds", type=float, default=gather.Limits.prepare_seconds,
        help="for one case's data, compiling and first runs",
    )  # fmt: skip
    parser.add_argument("--tiny", action="store_true", help="tiny shapes, for tests: the figures mean nothing")
    parser.add_argument("--out", help="a JSON file with rows and absent_peers; without it a table is printed alone")
    options = parser.parse_args()
    limits = gather.Limits(seconds=options.seconds, prepare_seconds=options.prepare_seconds)
    if options.tiny:
        limits = dataclasses.replace(limits, case_seconds=0.05, most_samples=3)
    name = record.processor_name() if options.device == "cpu" else None
    rows, absent = gather.gather(
        options.package, options.device, name, limits, options.only and options.only.split(","), options.tiny,
        progress=gather.progress_line, series=options.series and options.series.split(","),
    )  # fmt: skip
    print(file=sys.stderr)
    for row in rows:
        peak = "-" if row["peak_bytes"] is None else f"{row['peak_bytes'] / 2**20:.0f} MiB"
        compiled = "" if row["compile_seconds"] is None else f" compile {row['compile_seconds']:.2f} s"
        print(f"{row['median_seconds'] * 1e3:12.3f} ms {peak:>10} {row['name']}{compiled}")
    for one in absent:
        print(f"absent: {one['peer']} {one['version'] or ''}: {one['reason']}")
    if options.out:
        Path(options.out).parent.mkdir(parents=True, exist_ok=True)
        Path(options.out).write_text(json.dumps({"rows": rows, "absent_peers": absent}, indent=1) + "\n")


if __name__ == "__main__":
    main()
