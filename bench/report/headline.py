"""The paper's headline: a small network trained with SPSN and with a step-by-step LIF, time a step against T."""

from report import load, style
from report.figure import NOT_MEASURED, Figure, count, markdown_table
from report.style import plt

PARALLEL, STEPWISE = "spsn", "lif"
OURS = ("spikescan.torch", "spikescan.jax")
PAPER = "The paper reports 10 times at the lengths of spoken digits and 4000 times at T = 10,000, on a GPU"


def lines_of(record, backend):
    """slug -> rows by T."""
    lines = {}
    for row in load.select(record, series="headline", pass_name="train_step", backend=backend):
        lines.setdefault(load.slug(row), {})[row["T"]] = row
    return {slug: [lines[slug][T] for T in sorted(lines[slug])] for slug in style.order(lines)}


def name_of(slug, rows):
    kind = "SPSN" if rows[0]["recurrence"] == PARALLEL else "LIF"
    return f"{kind}: {style.label(slug)}"


def base_of(slug, lines):
    """Ours of the same framework, else of the other; None without either."""
    order = OURS if slug.startswith("torch") else OURS[::-1]
    return next((ours for ours in order if ours in lines), None)


def ratios(lines):
    """[(slug, slug of ours, [(T, times as long)])]."""
    found = []
    for slug, rows in lines.items():
        ours = base_of(slug, lines)
        if slug not in OURS and ours:
            base = {row["T"]: row["median_seconds"] for row in lines[ours]}
            found.append((slug, ours, [(r["T"], r["median_seconds"] / base[r["T"]]) for r in rows if r["T"] in base]))
    return found


def figure(record, backend):
    lines = lines_of(record, backend)
    data = [
        {
            "who": slug, "recurrence": row["recurrence"], "B": row["B"], "T": row["T"], "C": row["C"],
            "median_seconds": row["median_seconds"], "p20_seconds": row.get("p20_seconds"),
            "p80_seconds": row.get("p80_seconds"), "work": row.get("work"),
        }
        for slug, rows in lines.items() for row in rows
    ]  # fmt: skip
    text = (
        "The same network (two Linear layers with 128 neurons between them, batch 16) trained by gradient descent, "
        f"once with SPSN and once with a LIF neuron that resets, a step at a time. {PAPER}; the ratio depends on how "
        "much a step's launch costs beside its arithmetic, so it is smaller on a CPU."
    )
    return Figure(
        f"headline_{backend}", f"Training time against sequence length ({backend})", text, data,
        (lambda: draw(lines)) if data else None, table(lines),
        [] if data else [f"training time against T: {NOT_MEASURED}"],
    )  # fmt: skip


def draw(lines):
    picture, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2))
    for slug, rows in lines.items():
        style.bands(left, [row["T"] for row in rows], rows, slug, name=name_of(slug, rows))
    left.set(xscale="log", yscale="log", xlabel="sequence length T (steps)", ylabel="time of a training step")
    style.time_axis(left.yaxis)
    for slug, _, points in ratios(lines):
        right.plot(*zip(*points), **style.line(slug))
    right.axhline(1, color=style.BLACK, linewidth=1.2)
    right.set(xscale="log", yscale="log", xlabel="sequence length T (steps)")
    right.set_ylabel("times as long as with SPSN by spikescan\nin the same framework")
    right.yaxis.set_major_formatter(plt.FuncFormatter(lambda value, _: f"{value:g}"))
    right.yaxis.set_minor_formatter(plt.FuncFormatter(lambda value, _: f"{value:g}"))
    right.tick_params(axis="y", which="minor", labelsize=7)
    handles, names = left.get_legend_handles_labels()
    right.legend(handles, names, loc="upper left", bbox_to_anchor=(1.02, 1.0))
    picture.tight_layout()
    return picture


def table(lines):
    lengths = sorted({row["T"] for rows in lines.values() for row in rows})
    by_slug = {slug: dict(points) for slug, _, points in ratios(lines)}
    body = []
    for slug, rows in lines.items():
        times = {row["T"]: style.seconds(row["median_seconds"]) for row in rows}
        shown = []
        for T in lengths:
            ratio = by_slug.get(slug, {}).get(T)
            shown.append(times.get(T, NOT_MEASURED) + (f" ({ratio:.1f}x)" if ratio else ""))
        body.append([name_of(slug, rows), *shown])
    if not body:
        return []
    note = "Time of a training step; in brackets, in units of SPSN by spikescan in the same framework:"
    return [note, "", *markdown_table(["", *(f"T = {count(T)}" for T in lengths)], body)]
