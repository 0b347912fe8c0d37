"""Share of the machine's copy speed, against sequence length, number of rows, and dtype."""

from report import load, style
from report.figure import NOT_MEASURED, Figure, count, markdown_table
from report.style import plt

SUITE = (64, 1024, 512)
PASSES = ("forward", "backward")
DASHES = {"forward": "-", "backward": "--"}


def measured(record, backend, **wanted):
    rows = load.select(record, backend=backend, slug=load.OURS_IN_C, **wanted)
    return [row for row in rows if row["share_of_copy"] is not None]


def against(record, backend, series, size):
    """(recurrence, pass) -> [(size, row)], the Bernoulli rule in float32, spikes in the dtype of x."""
    lines = {}
    for row in measured(record, backend, series=series, dtype="float32", rule="sigmoid_bernoulli", pass_name=PASSES):
        if row["spikes"] in ("float32", None):
            lines.setdefault((row["recurrence"], row["pass"]), []).append((size(row), row))
    return {key: sorted(points, key=lambda point: point[0]) for key, points in sorted(lines.items())}


def by_dtype(record, backend):
    """Rows at the suite's largest shape, any dtype and form of spikes."""
    rows = measured(record, backend, series="suite", rule="sigmoid_bernoulli", pass_name=PASSES)
    found = [row for row in rows if (row["B"], row["T"], row["C"]) == SUITE]
    return sorted(found, key=lambda row: PASSES.index(row["pass"]))  # the order of the record within a pass


def form(row):
    """'bfloat16 to bits32', or the dtype alone for a backward pass."""
    return row["dtype"] + (f" to {row['spikes']}" if row["spikes"] else "")


def figure(record, backend):
    lengths = against(record, backend, "time_vs_length", lambda row: row["T"])
    widths = against(record, backend, "share_vs_rows", lambda row: row["B"] * row["C"])
    equal = against(record, backend, "constant_elements", lambda row: row["T"])
    bars = by_dtype(record, backend)
    channels = against(record, backend, "share_vs_channels", lambda row: row["C"])
    steps = against(record, backend, "share_vs_steps", lambda row: row["T"])
    time_first = against(record, backend, "steps_time_first", lambda row: row["T"])
    few_rows = against(record, backend, "few_rows", lambda row: row["C"])
    with_membrane = measured(record, backend, series="with_membrane", pass_name="forward")
    subnormal = measured(record, backend, series=("steep", "silent"), pass_name=PASSES)
    lines = (lengths, widths, equal, channels, steps, time_first, few_rows)
    used = [row for line in lines for points in line.values() for _, row in points] + bars + with_membrane + subnormal
    data = [
        {
            "pass": row["pass"], "recurrence": row["recurrence"], "dtype": row["dtype"], "spikes": row["spikes"],
            "B": row["B"], "T": row["T"], "C": row["C"], "share_of_copy": row["share_of_copy"], "bytes": row["bytes"],
            "median_seconds": row["median_seconds"], "copy_bytes_per_second": row.get("copy_bytes_per_second"),
        }
        for row in used
    ]  # fmt: skip
    same = {row["B"] * row["T"] * row["C"] for points in equal.values() for _, row in points}
    elements = " or ".join(map(count, sorted(same))) or "always the same"
    panels = [
        (lengths, "at 64 rows", "sequence length T (steps)"),
        (widths, "at T = 1,024", "rows (batch x channels)"),
        (equal, f"T x rows = {elements}", "sequence length T (steps)"),
    ]
    looked_for = {"T": lengths, "rows": widths, "T at equal elements": equal, "dtype": bars}
    missing = [f"share of copy against {what}: {NOT_MEASURED}" for what, found in looked_for.items() if not found]
    text = (
        "How near a pass comes to copying the memory that it has to read and write, measured in the same run: 100% is "
        "the copy itself. Rows are batch times channels. Rule: sigmoid_bernoulli."
    )
    return Figure(
        f"share_of_copy_{backend}",
        f"Share of the copy's speed ({backend})",
        text,
        data,
        (lambda: draw(panels, bars)) if data else None,
        [
            *table(bars, with_membrane),
            *channel_table(channels),
            *step_table(steps, "batch first"),
            *step_table(time_first, "time first"),
            *few_rows_table(few_rows),
            *subnormal_table(bars, subnormal),
        ],
        missing,
    )


def draw(panels, bars):
    picture, axes = plt.subplots(2, 2, figsize=(10.5, 7.6))
    for ax, (lines, title, what) in zip(axes.flat, panels):
        for (recurrence, pass_name), points in lines.items():
            xs, ys = [size for size, _ in points], [100 * row["share_of_copy"] for _, row in points]
            look = {"color": style.RECURRENCES[recurrence], "linestyle": DASHES[pass_name]}
            ax.plot(xs, ys, marker="o" if pass_name == "forward" else "s", **look)
        if lines:
            ax.set_xscale("log")
            ax.set_ylim(bottom=0)
        else:
            ax.text(0.5, 0.5, NOT_MEASURED, ha="center", transform=ax.transAxes, color=style.GREY)
            ax.set(xticks=[], yticks=[])
        ax.set(xlabel=what, ylabel="share of the copy's speed (%)", title=title)
    draw_bars(axes[1][1], bars)
    handles = [plt.Line2D([], [], color=colour, lw=3) for colour in style.RECURRENCES.values()]
    handles += [
        plt.Line2D([], [], color=style.GREY, ls=dashes, marker="os"[i]) for i, dashes in enumerate(DASHES.values())
    ]
    picture.legend(handles, [*style.RECURRENCES, *DASHES], loc="upper center", ncols=6, bbox_to_anchor=(0.5, 1.04))
    picture.tight_layout()
    return picture


def draw_bars(ax, bars):
    """One group for each dtype and form of spikes, one bar for each recurrence."""
    groups = list(dict.fromkeys((row["pass"], form(row)) for row in bars))
    kinds = [kind for kind in style.RECURRENCES if any(row["recurrence"] == kind for row in bars)]
    height = 0.8 / max(len(kinds), 1)
    for i, kind in enumerate(kinds):
        by_group = {(row["pass"], form(row)): 100 * row["share_of_copy"] for row in bars if row["recurrence"] == kind}
        places = [place + i * height - 0.4 + height / 2 for place, group in enumerate(groups) if group in by_group]
        values = [by_group[group] for group in groups if group in by_group]
        ax.barh(places, values, height * 0.92, color=style.RECURRENCES[kind], label=kind)
    ax.set_yticks(range(len(groups)), [f"{pass_name}\n{what}" for pass_name, what in groups], fontsize=8)
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    ax.set(xlabel="share of the copy's speed (%)", title=f"at {'x'.join(map(str, SUITE))} (B x T x C)")
    if not kinds:
        ax.text(0.5, 0.5, NOT_MEASURED, ha="center", transform=ax.transAxes, color=style.GREY)


def time_and_share(row):
    return f"{style.seconds(row['median_seconds'])}, {row['share_of_copy']:.1%}" if row else NOT_MEASURED


def table(bars, with_membrane):
    groups = list(dict.fromkeys((row["pass"], form(row)) for row in bars))
    kinds = [kind for kind in style.RECURRENCES if any(row["recurrence"] == kind for row in bars)]
    if not bars:
        return []
    cells = {(row["pass"], form(row), row["recurrence"]): row for row in bars}
    cells |= {("forward", "float32 to float32 and V", row["recurrence"]): row for row in with_membrane}
    if with_membrane:
        groups.insert(sum(pass_name == "forward" for pass_name, _ in groups), ("forward", "float32 to float32 and V"))
    body = []
    for pass_name, what in groups:
        rows = [cells.get((pass_name, what, kind)) for kind in kinds]
        body.append([f"{pass_name}, {what}", *map(time_and_share, rows)])
    return [
        f"At {' x '.join(map(count, SUITE))} (B x T x C), time of a pass and share of the copy:",
        "",
        *markdown_table(["", *kinds], body),
    ]


CONDITIONS = {"suite": "k = 10", "steep": "k = 100", "silent": "k = 10, no input but in 4 of 256 steps"}


def subnormal_table(bars, subnormal):
    """What it costs that slopes, states and gradients become subnormal numbers."""
    if not subnormal:
        return []
    plain = [row for row in bars if row["dtype"] == "float32" and row["spikes"] in ("float32", None)]
    cells = {(row["pass"], row["series"], row["recurrence"]): row for row in plain + subnormal}
    kinds = [kind for kind in style.RECURRENCES if any(row["recurrence"] == kind for row in subnormal)]
    body = [
        [f"{name}, {what}", *(time_and_share(cells.get((name, series, kind))) for kind in kinds)]
        for name in PASSES
        for series, what in CONDITIONS.items()
    ]
    title = f"At {' x '.join(map(count, SUITE))} in float32, where numbers become subnormal:"
    return ["", title, "", *markdown_table(["", *kinds], body)]


def by_size(lines, title, size="C"):
    """lif, a line a size; title(rows) says of what."""
    found = {}
    for (_, pass_name), points in lines.items():
        for value, row in points:
            found.setdefault(value, {})[pass_name] = row
    if not found:
        return []
    body = [[count(value), *(time_and_share(rows.get(name)) for name in PASSES)] for value, rows in found.items()]
    used = [row for rows in found.values() for row in rows.values()]
    return ["", title(used), "", *markdown_table([size, *PASSES], body)]


def few_rows_table(few_rows):
    return by_size(few_rows, lambda rows: f"`lif` in float32, few rows of T = {count(rows[0]['T'])} (batch 1):")


def channel_table(channels):
    def title(rows):
        return (
            f"`lif` in float32 at T = {count(rows[0]['T'])} and about {millions(rows)} million elements, "
            "by the number of channels (batch first):"
        )

    return by_size(channels, title)


def step_table(steps, layout):
    def title(rows):
        return (
            f"`lif` in float32 at C = {count(rows[0]['C'])} and about {millions(rows)} million elements, "
            f"by the number of steps ({layout}):"
        )

    return by_size(steps, title, "T")


def millions(rows):
    return f"{max(row['B'] * row['T'] * row['C'] for row in rows) / 1e6:.1f}"
