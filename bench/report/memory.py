"""Peak memory of forward + backward against sequence length, and at the suite's shape."""

from report import lengths, load, style
from report.copies import SUITE
from report.figure import NOT_MEASURED, Figure, count, markdown_table
from report.style import plt

PASS = "forward_backward"


def lines_of(record, backend):
    """slug -> rows by T, with a peak."""
    lines = {}
    rows = load.select(record, series=("memory_vs_length", "time_vs_length"), pass_name=PASS, backend=backend)
    for row in rows:
        fits = row.get("layer") in ("neuron", None) and row.get("layout") != "own_with_transpose"
        if row.get("peak_bytes") and fits and row["dtype"] == "float32":
            kinds = lines.setdefault(load.slug(row), {}).setdefault(row["recurrence"], {})
            # A series of its own says more than what came along with the times.
            if row["T"] not in kinds or load.series(row) == "memory_vs_length":
                kinds[row["T"]] = row
    chosen = {slug: kinds.get(lengths.MAIN) or next(iter(kinds.values())) for slug, kinds in lines.items()}
    return {slug: [chosen[slug][T] for T in sorted(chosen[slug])] for slug in style.order(chosen)}


def at_suite(record, backend):
    """Rows at the suite's shape with a peak: slug, recurrence -> row."""
    rows = load.select(record, series="suite", pass_name=PASS, backend=backend, layer=("neuron", None))
    fits = [row for row in rows if row.get("peak_bytes") and row.get("layout") != "own_with_transpose"]
    return {(load.slug(row), row["recurrence"]): row for row in fits if (row["B"], row["T"], row["C"]) == SUITE}


def figure(record, backend):
    lines, suite = lines_of(record, backend), at_suite(record, backend)
    data = [
        {
            "who": load.slug(row), "series": load.series(row), "recurrence": row["recurrence"], "B": row["B"],
            "T": row["T"], "C": row["C"], "peak_bytes": row["peak_bytes"],
            "x_bytes": 4 * row["B"] * row["T"] * row["C"],
        }
        for row in [*(row for rows in lines.values() for row in rows), *suite.values()]
    ]  # fmt: skip
    text = (
        "Forward + backward, float32: the most memory that the process held during a pass beyond what it held before, "
        "with inputs (x and the gradient of the spikes), outputs, gradients and everything kept in between; on the CPU "
        "the process's own high-water mark, on a GPU the framework's account. The grey line is x alone."
    )
    return Figure(
        f"peak_memory_{backend}",
        f"Peak memory against sequence length ({backend})",
        text,
        data,
        (lambda: draw(lines)) if lines else None,
        table(suite),
        [] if lines else [f"peak memory against T: {NOT_MEASURED}"],
    )


def draw(lines):
    picture, ax = plt.subplots(figsize=(8.2, 4.6))
    for slug, rows in lines.items():
        ax.plot(
            [row["T"] for row in rows], [row["peak_bytes"] for row in rows],
            label=lengths.name_of(slug, rows), **style.line(slug),
        )  # fmt: skip
    longest = max(lines.values(), key=len)
    ax.plot(
        [r["T"] for r in longest],
        [4 * r["B"] * r["T"] * r["C"] for r in longest],
        color=style.GREY,
        lw=1,
        label="x alone",
    )
    ax.set(xscale="log", yscale="log", xlabel="sequence length T (steps)", ylabel="peak memory of forward + backward")
    style.size_axis(ax.yaxis)
    ax.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0))
    picture.tight_layout()
    return picture


def table(suite):
    """Peaks at the suite's shape, in bytes and in units of ours of the same neuron."""
    if not suite:
        return []
    body = []
    for slug, kind in sorted(suite, key=lambda key: (key[1], style.order(list({s for s, _ in suite})).index(key[0]))):
        ours = suite.get(("spikescan.jax" if "jax" in slug or "spyx" in slug else "spikescan", kind))
        peak = suite[slug, kind]["peak_bytes"]
        ratio = f"{peak / ours['peak_bytes']:.2f}" if ours else NOT_MEASURED
        body.append([f"{style.label(slug)} ({kind})", style.sized(peak), ratio])
    head = ["", "peak", "in units of ours"]
    note = "Ours: spikescan in JAX beside what runs in JAX, else spikescan's own call."
    return [f"At {' x '.join(map(count, SUITE))} (B x T x C). {note}", "", *markdown_table(head, body)]
