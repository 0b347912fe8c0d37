"""``python -m spikescan doctor``."""

from __future__ import annotations

import sys


def main(arguments: list[str]) -> int:
    if arguments != ["doctor"]:
        print("usage: python -m spikescan doctor", file=sys.stderr)
        return 2
    from spikescan import doctor

    return doctor.main()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
