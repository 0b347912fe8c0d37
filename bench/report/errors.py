"""Error against float64, over sequence length and decay."""

from report import load, style
from report.figure import NOT_MEASURED, Figure
from report.style import plt

PROMISED = 8  # docs/model.md's bound on V, in the same units
UNIT = "2^-24 sum beta^n |x|"


def rows_of(record, backend):
    rows = load.select(record, measured=False, series="error", backend=backend)
    return [row for row in rows if row.get("error_units") is not None]


def figure(record, backend):
    rows = rows_of(record, backend)
    data = [
        {
            "who": load.slug(row), "recurrence": row["recurrence"], "decay": row.get("decay"), "T": row["T"],
            "error_units": row["error_units"],
        }
        for row in rows
    ]  # fmt: skip
    text = (
        f"Largest error of V against a sequential reference in float64 or wider, in units of {UNIT}; up to {PROMISED} "
        "is promised (docs/model.md). One line for each decay."
    )
    return Figure(
        f"error_{backend}",
        f"Error against float64 ({backend})",
        text,
        data,
        (lambda: draw(rows)) if data else None,
        [],
        [] if data else [f"error against float64 over T and decay: {NOT_MEASURED}"],
    )


def draw(rows):
    kinds = list(dict.fromkeys((load.slug(row), row["recurrence"]) for row in rows))
    picture, axes = plt.subplots(1, len(kinds), figsize=(3.6 * len(kinds) + 1.6, 3.8), sharey=True, squeeze=False)
    decays = sorted({row.get("decay") for row in rows if row.get("decay") is not None})
    shades = plt.get_cmap("viridis")
    markers = "osD^vPX"
    for ax, (slug, kind) in zip(axes[0], kinds):
        for i, decay in enumerate(decays):
            points = sorted(
                (row["T"], row["error_units"])
                for row in rows
                if (load.slug(row), row["recurrence"]) == (slug, kind) and row.get("decay") == decay
            )
            if points:
                colour = shades(0.9 * i / max(len(decays) - 1, 1))
                ax.plot(*zip(*points), color=colour, marker=markers[i % len(markers)], label=f"beta = {decay:g}")
        ax.axhline(PROMISED, color=style.GREY, linestyle="--", linewidth=1)
        ax.set(
            xscale="log",
            xlabel="sequence length T (steps)",
            title=kind if slug == load.OURS_IN_C else f"{slug}, {kind}",
        )
    axes[0][0].text(
        0.02, PROMISED, "promised", va="bottom", color=style.GREY, transform=axes[0][0].get_yaxis_transform()
    )
    axes[0][0].set_ylabel("largest error of V\n(units of 2^-24 Σ βⁿ|x|)")
    axes[0][0].set_ylim(bottom=0)
    axes[0][-1].legend(loc="upper left", bbox_to_anchor=(1.02, 1.0))
    picture.tight_layout()
    return picture
