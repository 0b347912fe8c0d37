"""Writes the report of a record.

python bench/report bench/results/<machine>/<record>.json            into out/report/<record>/
python bench/report a.json --out folder --previous b.json
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from report import load  # noqa: E402
from report.write import write  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("record")
    parser.add_argument("--out", help="folder (default: out/report/<name of the record>)")
    parser.add_argument("--previous", help="record to compare with (default: the one before, of the same machine)")
    options = parser.parse_args()
    record = load.load(options.record)
    previous = load.load(options.previous) if options.previous else load.earlier(record)
    folder = options.out or load.ROOT / "out" / "report" / Path(options.record).stem
    print(f"report: {write(record, folder, previous)}")


if __name__ == "__main__":
    main()
