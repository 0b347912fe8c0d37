"""How many elements a second a pass makes, beside what memory and the random generator allow."""

import statistics

from report import load, style
from report.copies import SUITE, form
from report.figure import NOT_MEASURED, Figure
from report.style import plt

MARKERS = {"forward": "o", "backward": "s"}


def generator_limit(record, backend):
    """Elements a second of the generator alone, or None."""
    rows = [
        row["elements_per_second"]
        for row in load.select(record, pass_name="generator", backend=backend)
        if row.get("elements_per_second")
    ]
    return max(rows, default=None)


def points_of(record, backend):
    chosen = []
    for row in load.select(record, series="suite", backend=backend, slug=load.OURS_IN_C, rule="sigmoid_bernoulli"):
        # float16 moves what bfloat16 does.
        if (
            row["dtype"] != "float16"
            and (row["B"], row["T"], row["C"]) == SUITE
            and row["bytes"]
            and row.get("elements_per_second")
        ):
            chosen.append(row)
    return chosen


def figure(record, backend):
    rows = points_of(record, backend)
    speeds = [row["copy_bytes_per_second"] for row in rows if row.get("copy_bytes_per_second")]
    copy = statistics.median(speeds) if speeds else None
    limit = generator_limit(record, backend)
    data = [
        {
            "pass": row["pass"], "recurrence": row["recurrence"], "form": form(row),
            "bytes_per_element": row["bytes"] / (row["B"] * row["T"] * row["C"]),
            "elements_per_second": row["elements_per_second"], "copy_bytes_per_second": row["copy_bytes_per_second"],
            "generator_elements_per_second": limit,
        }
        for row in rows
    ]  # fmt: skip
    text = (
        "Each point is a pass at 64 x 1024 x 512. The slanted roof is the measured copy: no pass that moves this many "
        "bytes an element can be faster. The flat roof is the random generator alone, one draw an element; it bounds "
        "the forward passes, which draw, and not the backward ones, which do not."
    )
    missing = [] if rows else [f"roofline: {NOT_MEASURED}"]
    if rows and limit is None:
        missing.append(f"the generator's limit: {NOT_MEASURED}")
    drawable = rows and copy
    return Figure(
        f"roofline_{backend}", f"Roofline ({backend})", text, data,
        (lambda: draw(rows, copy, limit)) if drawable else None, [], missing,
    )  # fmt: skip


def draw(rows, copy, limit):
    picture, ax = plt.subplots(figsize=(7.6, 4.6))
    moved = [row["bytes"] / (row["B"] * row["T"] * row["C"]) for row in rows]
    xs = [min(moved) / 1.6, max(moved) * 1.6]
    ax.plot(xs, [copy / x for x in xs], color=style.BLACK, linewidth=1.4)
    ax.text(xs[1], copy / xs[1], f" copy, {copy / 1e9:.1f} GB/s", va="center", fontsize=8)
    if limit:
        ax.axhline(limit, color=style.GREY, linestyle="--", linewidth=1.4)
        ax.text(
            xs[1], limit, f" generator alone,\n {limit / 1e9:.2f} G draws/s", va="center", fontsize=8, color=style.GREY
        )
    kinds = list(style.RECURRENCES)
    for row, exact in zip(rows, moved):
        x = exact * (
            1 + 0.025 * (kinds.index(row["recurrence"]) - 1.5)
        )  # side by side where they would cover each other
        filled = row["pass"] == "forward"
        colour = style.RECURRENCES[row["recurrence"]]
        ax.plot(
            x, row["elements_per_second"], MARKERS[row["pass"]], color=colour, markersize=7,
            markerfacecolor=colour if filled else "white",
        )  # fmt: skip
    for kind, colour in style.RECURRENCES.items():
        ax.plot([], [], "o", color=colour, label=kind)
    ax.plot([], [], "o", color=style.GREY, label="forward (filled)")
    ax.plot([], [], "s", color=style.GREY, markerfacecolor="white", label="backward (hollow)")
    ax.set(xscale="log", yscale="log", xlim=xs, xlabel="bytes moved an element", ylabel="elements a second")
    ticks = []
    for x in sorted({round(x, 3) for x in moved}):
        if not ticks or x > 1.1 * ticks[-1]:  # else one label would cover the other
            ticks.append(x)
    ax.set_xticks(ticks, [f"{x:g}" for x in ticks], rotation=30)
    ax.minorticks_off()
    ax.legend(loc="upper left", bbox_to_anchor=(1.2, 1.0))
    picture.tight_layout()
    return picture
