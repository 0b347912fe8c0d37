"""One look for all pictures. Colours are Okabe and Ito's, which stay apart for colour-blind readers; markers and dashes
tell apart what shares a colour, so that a picture also reads in grey."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, RED, PURPLE, GREY = "#CDB800", "#0072B2", "#D55E00", "#CC79A7", "#7F7F7F"

# slug -> (label, colour, marker, dashes). Ours are black; JAX blue, PyTorch warm.
PEERS = {
    "spikescan.c++": ("spikescan, C++", BLACK, "D", ":"),
    "spikescan": ("spikescan", BLACK, "o", "-"),
    "spikescan.jax": ("spikescan in JAX", BLACK, "s", "--"),
    "spikescan.torch": ("spikescan in PyTorch", BLACK, "^", "-."),
    "jax-associative-scan": ("Spyx's formulation, associative_scan", BLUE, "o", "-"),
    "jax-fft": ("Spyx's formulation of SPSN, FFT", SKY, "s", "-"),
    "jax-loop": ("jax.lax.scan over steps", GREEN, "v", "-"),
    "jax-linear": ("Linear in JAX", GREY, "s", "--"),
    "spyx-1.0": ("Spyx 1.0", BLUE, "^", "--"),
    "spyx-0.1": ("Spyx 0.1", SKY, "D", ":"),
    "torch-loop": ("PyTorch loop", RED, "o", "-"),
    "torch-compile": ("PyTorch loop, torch.compile", RED, "s", "--"),
    "torch-linear": ("Linear in PyTorch", GREY, "o", "-"),
    "snntorch": ("snnTorch StateLeaky", ORANGE, "^", "-"),
    "spikingjelly": ("SpikingJelly LIFNode", YELLOW, "v", "--"),
    "norse": ("Norse LIF", PURPLE, "D", "-"),
    "accelerated-scan": ("accelerated-scan (V alone)", GREEN, "P", "-."),
    "fla-hgrn": ("fla HGRN (V alone)", PURPLE, "P", ":"),
    "mamba-ssm": ("mamba selective scan (V alone)", PURPLE, "X", "--"),
}
RECURRENCES = {"lif": BLUE, "spsn": RED, "cuba_lif": GREEN, "psu_lif": PURPLE}
PASSES = {
    "forward": "forward",
    "backward": "backward",
    "forward_backward": "forward + backward",
    "train_step": "training step",
}

plt.rcParams.update(
    {
        "font.size": 9,
        "axes.titlesize": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": "#E3E3E3",
        "grid.linewidth": 0.6,
        "axes.axisbelow": True,
        "legend.frameon": False,
        "legend.fontsize": 8,
        "figure.dpi": 130,
        "savefig.bbox": "tight",
        "svg.fonttype": "none",
        # The same record gives the same file.
        "svg.hashsalt": "spikescan",
        "lines.linewidth": 1.6,
        "lines.markersize": 4.5,
    }
)


def label(slug):
    return PEERS[slug][0] if slug in PEERS else slug


def line(slug):
    """Keyword arguments of plot() for a peer."""
    _, colour, marker, dashes = PEERS.get(slug, (slug, GREY, "x", ":"))
    return {"color": colour, "marker": marker, "linestyle": dashes}


def order(slugs):
    """In the table's order, strangers last."""
    known = list(PEERS)
    return sorted(set(slugs), key=lambda slug: (known.index(slug) if slug in known else len(known), slug))


def seconds(value, _=None):
    """A duration in the unit that reads best."""
    for scale, unit in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"


def sized(value, _=None):
    for scale, unit in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value:.0f} B"


def time_axis(axis, narrow=False):
    """`narrow`: less than about a decade and a half is shown, so that 1, 2 and 5 are labelled."""
    if narrow:
        axis.set_major_locator(matplotlib.ticker.LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(matplotlib.ticker.FuncFormatter(seconds))
    axis.set_minor_formatter(matplotlib.ticker.NullFormatter())


def size_axis(axis):
    """Ticks at powers of 16, with their units."""
    axis.set_major_locator(matplotlib.ticker.LogLocator(base=16))
    axis.set_major_formatter(matplotlib.ticker.FuncFormatter(sized))
    axis.set_minor_formatter(matplotlib.ticker.NullFormatter())


def bands(ax, xs, rows, slug, field="median_seconds", name=None):
    """A line with its 20/80% band."""
    look = line(slug)
    ax.plot(xs, [row[field] for row in rows], label=name or label(slug), **look)
    low, high = ([row.get(f"{end}_seconds") or row[field] for row in rows] for end in ("p20", "p80"))
    ax.fill_between(xs, low, high, color=look["color"], alpha=0.18, linewidth=0)
