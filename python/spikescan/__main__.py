"""``python -m spikescan doctor``."""

from __future__ import annotations

import sys

from spikescan import __version__


USAGE = "usage: python -m spikescan doctor | --help | --version"


def main(arguments: list[str]) -> int:
    if arguments in (["--help"], ["-h"]):
        print(USAGE)
        return 0
    if arguments == ["--version"]:
        print(f"spikescan {__version__}")
        return 0
    if arguments != ["doctor"]:
        print(USAGE, file=sys.stderr)
        return 2
    from spikescan import doctor

    return doctor.main()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
