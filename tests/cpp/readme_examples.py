#!/usr/bin/env python3
"""Holds the code blocks of the documents against the compiled files they quote.

A comment `<!-- path -->` or `<!-- path#region -->` stands right before a code fence: the block must equal that file, or
its lines between `[region]` and `[/region]`. Every c, cpp, python, cmake and makefile block must be marked.
usage: readme_examples.py ROOT DOCUMENT...      or      readme_examples.py --self-test
"""
import pathlib
import re
import sys
import tempfile
import textwrap

MARK = re.compile(r"^<!-- ([\w./-]+?)(?:#([\w-]+))? -->$")
CHECKED = {"c", "cpp", "c++", "python", "cmake", "makefile"}


def blocks(text):
    """Yields (line number, language, mark or None, body) of each fenced block."""
    lines = text.splitlines()
    i = 0
    while i < len(lines):
        if not lines[i].startswith("```"):
            i += 1
            continue
        start, language = i, lines[i][3:].strip().lower()
        previous = start - 1
        while previous >= 0 and not lines[previous].strip():
            previous -= 1
        mark = MARK.match(lines[previous].strip()) if previous >= 0 else None
        i += 1
        while i < len(lines) and not lines[i].startswith("```"):
            i += 1
        yield start + 1, language, mark, "\n".join(lines[start + 1 : i]) + "\n"
        i += 1


def quoted(root, path, region):
    """The text a mark stands for, or None where the file or the region does not exist."""
    file = root / path
    if not file.is_file():
        return None
    text = file.read_text()
    if region is None:
        return text
    lines = text.splitlines()
    starts = [n for n, line in enumerate(lines) if f"[{region}]" in line]
    ends = [n for n, line in enumerate(lines) if f"[/{region}]" in line]
    if len(starts) != 1 or len(ends) != 1 or ends[0] <= starts[0]:
        return None
    return textwrap.dedent("\n".join(lines[starts[0] + 1 : ends[0]]) + "\n")


def complaints(root, document):
    """What is wrong with one document, and how many blocks were compared."""
    found, compared = [], 0
    if not document.is_file():
        return [f"{document.name} does not exist"], 0
    for line, language, mark, body in blocks(document.read_text()):
        place = f"{document.name}:{line}"
        if mark is None:
            if language in CHECKED:
                found.append(f"{place}: a {language} block without a <!-- file --> mark")
            continue
        compared += 1
        expected = quoted(root, mark.group(1), mark.group(2))
        if expected is None:
            found.append(f"{place}: {mark.group(0)} names a file or region that does not exist once")
        elif expected != body:
            found.append(f"{place}: the block differs from {mark.group(0)}")
    return found, compared


def self_test():
    """Each planted fault must be found, and a right document must pass."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "a.cpp").write_text("int a;\n// [part]\n  int b;\n// [/part]\n")
        document = root / "doc.md"
        assert len(complaints(root, document)[0]) == 1, "a missing document must be found"

        def count(text):
            document.write_text(text)
            return len(complaints(root, document)[0])

        whole = "int a;\n// [part]\n  int b;\n// [/part]\n"
        assert count(f"<!-- a.cpp -->\n```cpp\n{whole}```\n") == 0
        assert count("<!-- a.cpp#part -->\n\n```cpp\nint b;\n```\n") == 0
        assert count("```sh\nmake\n```\n") == 0
        assert count("```cpp\nint a;\n```\n") == 1, "an unmarked block must be found"
        assert count("```python\na = 1\n```\n") == 1, "an unmarked block must be found"
        assert count("<!-- a.cpp#part -->\n```cpp\nint c;\n```\n") == 1, "a differing block must be found"
        assert count("<!-- b.cpp -->\n```cpp\nint c;\n```\n") == 1, "a missing file must be found"
        assert count("<!-- a.cpp#none -->\n```cpp\nint b;\n```\n") == 1, "a missing region must be found"
    return 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    root = pathlib.Path(sys.argv[1])
    failures = 0
    for name in sys.argv[2:]:
        found, compared = complaints(root, root / name)
        if compared == 0 and not found:
            found.append(f"{name}: no block is marked, so nothing was compared")
        for sentence in found:
            print(sentence)
        print(f"{name}: {compared} blocks compared, {len(found)} complaints")
        failures += len(found)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
