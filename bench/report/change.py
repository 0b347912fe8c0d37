"""The change since an earlier record of the same machine, and what of it is noise by the records' own spreads."""

import math

from report import load, style
from report.figure import NOT_MEASURED, Figure, markdown_table
from report.style import plt

MOST_SHOWN = 30


def half_width(row):
    """How far a median of this row may be off, in seconds: half of its 10th to 90th percentile; None where unknown."""
    return None if row.get("spread") is None else row["spread"] * row["median_seconds"] / 2


def judge(now, before):
    """'faster', 'slower', 'noise' or 'unknown' (a row of either record has too few samples to tell).

    Noise: the medians are nearer to each other than the two half-widths together.
    """
    widths = half_width(now), half_width(before)
    if None in widths:
        return "unknown"
    if abs(now["median_seconds"] - before["median_seconds"]) <= sum(widths):
        return "noise"
    return "faster" if now["median_seconds"] < before["median_seconds"] else "slower"


def compare(record, previous):
    """One entry a row that both records measured, the largest change first."""
    # Names have no version: a peer's row is compared with itself, of whichever one.
    old = {row["name"]: row for row in load.select(previous)}
    entries = []
    for row in load.select(record):
        before = old.get(row["name"])
        if before is not None:
            ratio = row["median_seconds"] / before["median_seconds"]
            entries.append(
                {"name": row["name"], "ratio": ratio, "verdict": judge(row, before), "now": row, "before": before}
            )
    return sorted(entries, key=lambda entry: -abs(math.log(entry["ratio"])))


def figures(record, previous=None):
    title = "Change since the last record"
    if previous is None:
        return [
            Figure(
                "change", title, "There is no earlier record of this machine.", [], missing=[f"change: {NOT_MEASURED}"]
            )
        ]
    entries = compare(record, previous)
    data = [
        {
            "name": entry["name"], "ratio": entry["ratio"], "verdict": entry["verdict"],
            "now_seconds": entry["now"]["median_seconds"], "before_seconds": entry["before"]["median_seconds"],
            "now_spread": entry["now"].get("spread"), "before_spread": entry["before"].get("spread"),
        }
        for entry in entries
    ]  # fmt: skip
    counts = {
        verdict: sum(entry["verdict"] == verdict for entry in entries)
        for verdict in ("faster", "slower", "noise", "unknown")
    }
    text = (
        f"Against `{load.named(previous)}` ({previous['date']}): of {len(entries)} passes in both, {counts['faster']} "
        f"are faster, {counts['slower']} slower; for {counts['noise']} the change is noise (the medians are nearer "
        f"than half of both spreads together), and {counts['unknown']} have too few samples to tell."
    )
    real = [entry for entry in entries if entry["verdict"] in ("faster", "slower")][:MOST_SHOWN]
    missing = [] if entries else ["no pass is in both records"]
    return [Figure("change", title, text, data, (lambda: draw(real)) if real else None, table(real), missing)]


def percent(ratio):
    return f"{(ratio - 1) * 100:+.0f}% time"


def table(real):
    body = [
        [
            f"`{entry['name']}`",
            style.seconds(entry["before"]["median_seconds"]),
            style.seconds(entry["now"]["median_seconds"]),
            percent(entry["ratio"]),
        ]
        for entry in real
    ]
    return markdown_table(["largest changes beyond noise", "before", "now", "change"], body) if body else []


def draw(real):
    picture, ax = plt.subplots(figsize=(8.5, 0.22 * len(real) + 1.2))
    for place, entry in enumerate(real):
        colour = style.BLUE if entry["verdict"] == "faster" else style.RED
        before = entry["before"]["median_seconds"]
        doubt = (half_width(entry["now"]) + half_width(entry["before"])) / before
        ax.errorbar(entry["ratio"], place, xerr=min(doubt, entry["ratio"] * 0.95), fmt="o", color=colour, markersize=4)
    ax.axvline(1, color=style.BLACK, linewidth=1)
    ax.set_yticks(range(len(real)), [entry["name"] for entry in real], fontsize=6)
    ax.set_ylim(len(real) - 0.5, -0.5)
    ax.set_xscale("log")
    ticks = [
        tick for tick in (0.1, 0.2, 0.33, 0.5, 0.7, 1, 1.4, 2, 3, 5, 10) if ax.get_xlim()[0] <= tick <= ax.get_xlim()[1]
    ]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    ax.set_xlabel("time now / time before (bar: both half-widths; blue faster, red slower)")
    picture.tight_layout()
    return picture
