"""Time against sequence length, for us and every peer."""

from report import load, style
from report.figure import NOT_MEASURED, Figure, count, markdown_table
from report.style import plt

PASSES = ("forward", "forward_backward")
# The neuron that a peer has is named where it is not this one.
MAIN = "lif"


def lines_of(record, pass_name, backend):
    """slug -> rows by T. Of ours the main neuron alone; of a peer the neuron it has; in its own layout."""
    found = {}
    chosen = load.select(record, series="time_vs_length", pass_name=pass_name, backend=backend, layer=("neuron", None))
    for row in chosen:
        if row["dtype"] == "float32" and row.get("layout") != "own_with_transpose":
            found.setdefault(load.slug(row), {}).setdefault(row["recurrence"], {})[row["T"]] = row
    lines = {}
    for slug, kinds in found.items():
        kind = MAIN if MAIN in kinds else next(iter(kinds))
        lines[slug] = [kinds[kind][T] for T in sorted(kinds[kind])]
    return {slug: lines[slug] for slug in style.order(lines)}


def name_of(slug, rows):
    kind = rows[0]["recurrence"]
    return style.label(slug) + ("" if kind == MAIN or "SPSN" in style.label(slug) else f" ({kind})")


def figure(record, backend):
    panels = {pass_name: lines_of(record, pass_name, backend) for pass_name in PASSES}
    data = [
        {
            "pass": row["pass"], "who": load.slug(row), "recurrence": row["recurrence"], "rows": row["B"] * row["C"],
            "T": row["T"], "median_seconds": row["median_seconds"], "p20_seconds": row.get("p20_seconds"),
            "p80_seconds": row.get("p80_seconds"), "samples": row.get("samples"), "work": row.get("work"),
        }
        for lines in panels.values() for rows in lines.values() for row in rows
    ]  # fmt: skip
    widths = sorted({point["rows"] for point in data})
    text = (
        f"One pass over T steps of {' or '.join(map(count, widths)) or 'few'} rows (batch times channels), float32, "
        "each in the layout it likes best. Lines are medians, bands reach from the 20th to the 80th percentile of the "
        "samples. A line ends where one run would take longer than its limit, or where memory or time ran out; the "
        "reasons stand at the end of this report."
    )
    return Figure(
        f"time_vs_length_{backend}",
        f"Time against sequence length ({backend})",
        text,
        data,
        (lambda: draw(panels)) if data else None,
        tables(panels),
    )


def draw(panels):
    picture, axes = plt.subplots(1, 2, figsize=(11, 4.8), sharex=True, sharey=True)
    handles = {}
    for ax, (pass_name, lines) in zip(axes, panels.items()):
        for slug, rows in lines.items():
            style.bands(ax, [row["T"] for row in rows], rows, slug, name=name_of(slug, rows))
        ax.set(xscale="log", yscale="log", xlabel="sequence length T (steps)", title=style.PASSES[pass_name])
        style.time_axis(ax.yaxis)
        for handle, name in zip(*ax.get_legend_handles_labels()):
            handles.setdefault(name, handle)
    axes[0].set_ylabel("time of one pass")
    axes[1].legend(handles.values(), handles, loc="upper left", bbox_to_anchor=(1.02, 1.0))
    picture.tight_layout()
    return picture


def tables(panels):
    lines = []
    for pass_name, found in panels.items():
        lengths = sorted({row["T"] for rows in found.values() for row in rows})
        if not lengths:
            continue
        body = []
        for slug, rows in found.items():
            by_length = {row["T"]: style.seconds(row["median_seconds"]) for row in rows}
            body.append([name_of(slug, rows), *(by_length.get(T, NOT_MEASURED) for T in lengths)])
        lines += ["", f"{style.PASSES[pass_name].capitalize()}:", ""]
        lines += markdown_table(["", *(f"T = {count(T)}" for T in lengths)], body)
    return lines
