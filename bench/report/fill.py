#!/usr/bin/env python3
"""Fills in the figures that documents quote from a record, so that a test can check them.

A document names its record, and marks each figure and each table of the report with where it comes from:

  <!--record bench/results/M/R.json-->[...](...)<!--/record-->
  <!--figure time series=suite pass=forward slug=spikescan recurrence=lif-->12 ms<!--/figure-->
  <!--figure time_ratio slug=norse series=suite / slug=spikescan series=suite recurrence=lif-->4.2<!--/figure-->
  <!--table time_vs_length_cpu--> (the tables of that figure) <!--/table-->

Usage: fill.py DOCUMENT... [--record RECORD]    without a record: from those that the documents name
"""

import argparse
import json
import os
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from report import load, style  # noqa: E402
from report.figure import NOT_MEASURED  # noqa: E402
from report.write import all_figures  # noqa: E402

RECORD = re.compile(r"<!--record (?P<key>[^>]*?)-->(?P<text>.*?)<!--/record-->", re.DOTALL)
FIGURE = re.compile(r"<!--figure (?P<key>[^>]*?)-->(?P<text>.*?)<!--/figure-->", re.DOTALL)
TABLE = re.compile(r"<!--table (?P<key>[^>]*?)-->(?P<text>.*?)<!--/table-->", re.DOTALL)
# kind -> (field of the row, how it is written)
KINDS = {
    "time": ("median_seconds", style.seconds),
    "compile": ("compile_seconds", style.seconds),
    "peak": ("peak_bytes", style.sized),
    "share": ("share_of_copy", "{:.0%}".format),
    "rate": ("elements_per_second", lambda value: f"{value / 1e6:,.0f} million"),
    "copy": ("copy_bytes_per_second", lambda value: f"{value / 1e9:.1f} GB/s"),
    "error": ("error_units", "{:.1f}".format),
}
RATIOS = {"time_ratio": "median_seconds", "peak_ratio": "peak_bytes"}


class Unclear(ValueError):
    """A mark that cannot be followed."""


def conditions(words):
    wanted = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise Unclear(f"'{word}' is no condition of the form field=value")
        number = re.fullmatch(r"\d+(\.\d+)?", value)
        wanted["pass_name" if name == "pass" else name] = float(value) if number else value
    return wanted


def row_of(record, words):
    """The one row that fits; None where nothing of the kind was measured."""
    schema = json.loads((load.ROOT / "bench" / "record.schema.json").read_text())
    fields = {"pass_name", "slug", *schema["$defs"]["row"]["properties"]}
    wanted = conditions(words)
    unknown = set(wanted) - fields
    if unknown:
        raise Unclear(f"rows have no field {', '.join(sorted(unknown))}")
    rows = load.select(record, measured=False, **wanted)
    if len({row["name"] for row in rows}) > 1:
        raise Unclear(f"'{' '.join(words)}' fits {len(rows)} rows, such as {rows[0]['name']} and {rows[1]['name']}")
    return rows[0] if rows else None


def ratio(number):
    """Two digits where it is small, whole where it is not."""
    return f"{number:.1f}" if number < 10 else f"{number:,.0f}"


def value(record, key):
    """The text of a figure."""
    kind, *words = key.split()
    if kind in RATIOS:
        if "/" not in words:
            raise Unclear(f"{kind} wants two rows with a slash between them")
        middle = words.index("/")
        pair = [row_of(record, part) for part in (words[:middle], words[middle + 1 :])]
        numbers = [row and row.get(RATIOS[kind]) for row in pair]
        return ratio(numbers[0] / numbers[1]) if all(numbers) else NOT_MEASURED
    if kind not in KINDS:
        raise Unclear(f"'{kind}' is no kind of figure; there are {', '.join([*KINDS, *RATIOS])}")
    field, written = KINDS[kind]
    row = row_of(record, words)
    return written(row[field]) if row and row.get(field) is not None else NOT_MEASURED


def table(figures, key):
    for figure in figures:
        if figure.stem == key:
            return "\n\n" + "\n".join(figure.table or [f"{NOT_MEASURED.capitalize()}."]).strip() + "\n\n"
    raise Unclear(f"no figure is called {key}; there are {', '.join(figure.stem for figure in figures)}")


def link(path, document):
    relative = os.path.relpath(load.ROOT / path, Path(document).resolve().parent)
    return f"<!--record {path}-->[`{path}`]({relative})<!--/record-->"


def record_of(text):
    """The path of the record that a document names, or None."""
    found = {match["key"].strip() for match in RECORD.finditer(text)}
    if len(found) > 1:
        raise Unclear(f"several records are named: {', '.join(sorted(found))}")
    return found.pop() if found else None


def filled(text, record, document):
    """The text with every mark's content made anew."""
    figures = all_figures(record, None)
    path = load.named(record)
    text = RECORD.sub(lambda _: link(path, document), text)
    text = FIGURE.sub(lambda match: f"<!--figure {match['key']}-->{value(record, match['key'])}<!--/figure-->", text)
    return TABLE.sub(lambda match: f"<!--table {match['key']}-->{table(figures, match['key'])}<!--/table-->", text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", nargs="+")
    parser.add_argument("--record")
    options = parser.parse_args()
    for document in map(Path, options.documents):
        text = document.read_text()
        try:
            path = options.record or load.ROOT / (record_of(text) or "")
            document.write_text(filled(text, load.load(path), document))
        except (Unclear, OSError) as error:
            print(f"fill: {document}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
