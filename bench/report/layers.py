"""The layer ablation: Linear alone, neuron alone, both; by each framework's own means and by us."""

from report import load, style
from report.figure import NOT_MEASURED, Figure, count, markdown_table
from report.style import plt

LAYERS = ("linear", "neuron", "linear_neuron")
NAMES = {"linear": "Linear alone", "neuron": "neuron alone", "linear_neuron": "Linear + neuron"}
COLOURS = {"linear": style.GREY, "neuron": style.ORANGE, "linear_neuron": style.BLUE}
MARKERS = {"linear": "s", "neuron": "o", "linear_neuron": "D"}
PASSES = ("forward", "backward", "forward_backward")
PYTORCH = ("torch", "snntorch", "spikingjelly", "norse", "spikescan.torch")


def linear_of(slug):
    """The Linear alone in the framework of a neuron; None for our own call, which has none."""
    if slug == "spikescan":
        return None
    return "torch-linear" if slug.startswith(PYTORCH) else "jax-linear"


def rows_of(record, backend):
    """(slug, recurrence, C, pass, layer) -> row."""
    rows = load.select(record, series="layer_ablation", backend=backend)
    return {(load.slug(row), row["recurrence"], row["C"], row["pass"], row["layer"]): row for row in rows}


def neurons(rows):
    """(slug, recurrence) in the order of pictures."""
    found = {(slug, kind) for slug, kind, _, _, layer in rows if layer != "linear"}
    order = style.order({slug for slug, _ in found})
    return sorted(found, key=lambda key: (order.index(key[0]), key[1]))


def name_of(slug, kind):
    """With the neuron where it is not the one that most have."""
    return style.label(slug) + ("" if kind == "lif" or "SPSN" in style.label(slug) else f" ({kind})")


def figure(record, backend):
    rows = rows_of(record, backend)
    data = [
        {
            "who": slug, "recurrence": kind, "C": C, "pass": pass_name, "layer": layer,
            "median_seconds": row["median_seconds"], "p20_seconds": row.get("p20_seconds"),
            "p80_seconds": row.get("p80_seconds"), "peak_bytes": row.get("peak_bytes"),
            "compile_seconds": row.get("compile_seconds"), "work": row.get("work"),
        }
        for (slug, kind, C, pass_name, layer), row in rows.items()
    ]  # fmt: skip
    drawable = any(pass_name == "forward_backward" and kind for _, kind, _, pass_name, _ in rows)
    text = (
        "Batch 16, 500 steps, C inputs and C neurons, float32: the shape of the published comparisons of spiking "
        "frameworks. 'Linear' is x @ W, C to C, in the neuron's own framework. A neuron costs little if 'Linear + "
        "neuron' is hardly more than 'Linear alone'."
    )
    return Figure(
        f"layer_ablation_{backend}", f"Layer ablation ({backend})", text, data,
        (lambda: draw(rows)) if drawable else None, table(rows),
        [] if data else [f"layer ablation: {NOT_MEASURED}"],
    )  # fmt: skip


def widths(rows):
    return sorted({C for _, _, C, _, _ in rows})


def cell(rows, slug, kind, C, pass_name, layer):
    if layer == "linear":
        return rows.get((linear_of(slug), None, C, pass_name, "linear"))
    return rows.get((slug, kind, C, pass_name, layer))


def draw(rows):
    """One panel for each number of neurons: bars of forward + backward."""
    channels = [C for C in widths(rows) if any((c, p) == (C, "forward_backward") for _, kind, c, p, _ in rows if kind)]
    names = [
        key for key in neurons(rows) if any((*key, C, "forward_backward", n) in rows for C in channels for n in LAYERS)
    ]
    picture, axes = plt.subplots(
        1, len(channels), figsize=(4.1 * len(channels) + 2, 0.42 * len(names) + 1.4), squeeze=False
    )
    for ax, C in zip(axes[0], channels):
        for place, (slug, kind) in enumerate(names):
            draw_group(ax, rows, slug, kind, C, place)
        ax.set_xscale("log")
        ax.margins(x=0.08)
        low, high = ax.dataLim.intervalx
        style.time_axis(ax.xaxis, narrow=high < 60 * low)
        ax.set(title=f"C = {count(C)}", xlabel="time of forward + backward")
        ax.grid(axis="y", visible=False)
        ax.set_yticks(range(len(names)), [])
        ax.set_ylim(len(names) - 0.5, -0.5)
    labels = [name_of(slug, kind) for slug, kind in names]
    axes[0][0].set_yticks(range(len(names)), labels)
    handles = [plt.Line2D([], [], ls="", marker=MARKERS[layer], color=COLOURS[layer], ms=7) for layer in LAYERS]
    picture.legend(handles, [NAMES[layer] for layer in LAYERS], loc="upper center", ncols=3, bbox_to_anchor=(0.5, 1.04))
    picture.tight_layout()
    return picture


def draw_group(ax, rows, slug, kind, C, place):
    """Three dots on a line of their own: bars have no honest start on a logarithmic axis."""
    shown = {layer: cell(rows, slug, kind, C, "forward_backward", layer) for layer in LAYERS}
    known = [row["median_seconds"] for row in shown.values() if row]
    if not any(shown[layer] for layer in ("neuron", "linear_neuron")):
        ax.text(
            0.03, place, NOT_MEASURED, va="center", fontsize=7, color=style.GREY, transform=ax.get_yaxis_transform()
        )
        return
    ax.plot([min(known), max(known)], [place, place], color="#CCCCCC", linewidth=2, zorder=1)
    for layer in LAYERS:
        if shown[layer]:
            ax.plot(shown[layer]["median_seconds"], place, MARKERS[layer], color=COLOURS[layer], markersize=7, zorder=2)


def table(rows):
    lines = []
    for C in widths(rows):
        body = []
        for slug, kind in neurons(rows):
            if not any(cell(rows, slug, kind, C, "forward", layer) for layer in ("neuron", "linear_neuron")):
                continue
            for layer in LAYERS:
                found = [cell(rows, slug, kind, C, pass_name, layer) for pass_name in PASSES]
                if layer != "linear" and any(found):
                    times = [style.seconds(row["median_seconds"]) if row else NOT_MEASURED for row in found]
                    body.append([f"{name_of(slug, kind)}: {NAMES[layer]}", *times, *extras(found[-1])])
        for slug in ("jax-linear", "torch-linear"):
            found = [rows.get((slug, None, C, pass_name, "linear")) for pass_name in PASSES]
            if any(found):
                times = [style.seconds(row["median_seconds"]) if row else NOT_MEASURED for row in found]
                body.append([f"{style.label(slug)} alone", *times, *extras(found[-1])])
        if body:
            head = ["", *(style.PASSES[name] for name in PASSES), "compile", "peak memory"]
            lines += [
                "",
                f"C = {count(C)} (compile and peak memory: of forward + backward; '-': nothing is compiled):",
                "",
            ]
            lines += markdown_table(head, body)
    return lines


def extras(row):
    if row is None:
        return [NOT_MEASURED, NOT_MEASURED]
    compiled = row.get("compile_seconds")
    peak = row.get("peak_bytes")
    return [style.seconds(compiled) if compiled else "-", style.sized(peak) if peak else NOT_MEASURED]
