"""Records and their rows."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "bench" / "results"
OURS_IN_C = "spikescan.c++"


def load(path):
    record = json.loads(Path(path).read_text())
    record["path"] = str(path)
    return record


def named(record):
    """The record's path as documents name it."""
    path = Path(record["path"]).resolve()
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def earlier(record, results=RESULTS):
    """The newest older record of the same machine and kind, or None."""
    found = []
    for path in sorted((Path(results) / record["machine"]["name"]).glob("*.json")):
        other = load(path)
        same = Path(path).resolve() == Path(record["path"]).resolve()
        if not same and other["kind"] == record["kind"] and other["date"] < record["date"] and not other.get("quick"):
            found.append(other)
    return max(found, key=lambda other: other["date"], default=None)


def slug(row):
    """Who made a row, in one word: the same in every picture."""
    parts = row["name"].split("/")
    if parts[0] == "peers" and len(parts) == 9:
        return parts[-2]
    if row.get("peer"):
        return re.sub(r"[^a-z0-9]+", "-", row["peer"].split("(")[0].lower()).strip("-")
    return OURS_IN_C


def series(row):
    """Rows of records older than the field belong to the suite."""
    return row.get("series") or "suite"


def select(record, measured=True, **wanted):
    """Rows whose fields have the wanted values; `pass_name` stands for pass, tuples give a choice.

    measured: only those that have a time.
    """
    chosen = []
    for row in record["rows"]:
        facts = {**row, "pass_name": row["pass"], "series": series(row), "slug": slug(row)}
        fits = all(
            facts.get(key) in value if isinstance(value, tuple) else facts.get(key) == value
            for key, value in wanted.items()
        )
        if fits and (row["median_seconds"] is not None or not measured):
            chosen.append(row)
    return chosen
