#!/usr/bin/env python3
"""Runs a program; passes if it exits with 0 and its output contains the regular expression.

usage: expect_output.py EXPRESSION PROGRAM [ARGUMENT...]
ctest's own PASS_REGULAR_EXPRESSION would ignore the exit status.
"""
import re
import subprocess
import sys


def main():
    expression, command = sys.argv[1], sys.argv[2:]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(run.stdout, end="")
    if run.returncode != 0:
        print(f"exit status {run.returncode}; 0 expected")
        return 1
    if not re.search(expression, run.stdout):
        print(f"nothing in the output matches {expression!r}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
