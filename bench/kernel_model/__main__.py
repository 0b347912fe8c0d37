"""Checks, or writes, the tables of the CUDA page that say what the kernels should cost.

python bench/kernel_model PLAN_OF                        prints them
python bench/kernel_model PLAN_OF --check docs/cuda.md   fails where the page says something else
python bench/kernel_model PLAN_OF --write docs/cuda.md   (the build's target kernel_model)

PLAN_OF is the program tests/host/plan_of of a build.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from kernel_model import page  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plan_of")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--check", type=Path, metavar="PAGE")
    which.add_argument("--write", type=Path, metavar="PAGE")
    options = parser.parse_args()
    path = options.check or options.write
    if path is None:
        for name, make in page.TABLES.items():
            print(f"{name}\n{make(options.plan_of)}\n")
        return 0
    text = path.read_text()
    made = page.filled(text, options.plan_of)
    if options.write:
        path.write_text(made)
    elif made != text:
        print(f"{path} has other tables than the model: build the target kernel_model", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
