"""Who is measured: one entry a peer. Names in records and pictures are the slugs."""

import dataclasses

ALL_SERIES = ("time_vs_length", "suite", "layer_ablation")
# For Spyx itself, whose layers are those of its formulation, and for recurrences that do not fire.
NO_ABLATION = ("time_vs_length", "suite")
BOTH_LAYERS = ("neuron", "linear_neuron")


@dataclasses.dataclass(frozen=True)
class Peer:
    """recurrences: the first one is compared over lengths and layers, all of them at the suite's shape.

    environment: a list in requirements/, or None for the Python that runs the benchmarks.
    needs_gpu: why it cannot run on a CPU, as found by trying; empty where it can.
    """

    slug: str
    title: str
    module: str
    recurrences: tuple = ("lif",)
    environment: str | None = None
    layout: str = "ours"
    layers: tuple = BOTH_LAYERS
    series: tuple = ALL_SERIES
    headline: str | None = None
    ours: bool = False
    needs_gpu: str = ""


OURS = Peer(
    "spikescan", "spikescan", "ours_arrays", ("lif", "cuba_lif", "spsn", "psu_lif"), layers=("neuron",), ours=True
)

PEERS = (
    Peer("spikescan.jax", "spikescan in JAX", "ours_jax", ("lif", "cuba_lif", "spsn"), ours=True, headline="spsn"),
    Peer(
        "spikescan.torch", "spikescan in PyTorch", "ours_torch", ("lif", "cuba_lif", "spsn"), "torch", ours=True,
        headline="spsn",
    ),
    Peer("jax-associative-scan", "Spyx's formulation, associative_scan", "jax_associative_scan", ("lif", "cuba_lif")),
    Peer("jax-fft", "Spyx's formulation of SPSN, FFT", "jax_fft", ("spsn",), headline="spsn"),
    Peer("spyx-1.0", "Spyx 1.0", "spyx_flax", ("lif", "cuba_lif", "spsn"), "spyx-1.0", series=NO_ABLATION),
    Peer("spyx-0.1", "Spyx 0.1", "spyx_haiku", ("lif", "cuba_lif"), "spyx-0.1", series=NO_ABLATION),
    Peer("jax-loop", "jax.lax.scan over steps", "jax_loop", headline="lif"),
    Peer("torch-loop", "PyTorch eager loop", "torch_loop", environment="torch", layout="own", headline="lif"),
    Peer("snntorch", "snnTorch StateLeaky", "snntorch_stateleaky", environment="snntorch", layout="own"),
    Peer("spikingjelly", "SpikingJelly LIFNode", "spikingjelly_lif", environment="spikingjelly", layout="own"),
    Peer("norse", "Norse LIF", "norse_lif", ("cuba_lif",), "norse", layout="own"),
    Peer(
        "accelerated-scan", "accelerated-scan", "accelerated_scan_ref", environment="accelerated-scan", layout="own",
        layers=("neuron",), series=NO_ABLATION,
    ),
    Peer("jax-linear", "Linear in JAX", "linear_jax", (), layers=("linear",), series=("layer_ablation",)),
    Peer(
        "torch-linear", "Linear in PyTorch", "linear_torch", (), "torch", layers=("linear",), series=("layer_ablation",)
    ),
    Peer(
        "fla-hgrn", "fla HGRN", "fla_hgrn", environment="fla", layers=("neuron",),
        series=NO_ABLATION,
        needs_gpu="flash-linear-attention 0.6.0 with Triton 3.7.0: fused_recurrent_hgrn ends on a CPU with Triton's "
        "'0 active drivers ([]). There should only be one.'",
    ),
    Peer(
        "mamba-ssm", "mamba selective scan", "mamba_selective_scan", environment="mamba-ssm", layout="own",
        layers=("neuron",), series=NO_ABLATION,
        needs_gpu="mamba-ssm 2.3.2.post1 has no wheel on PyPI, its selective scan is a CUDA extension, and beside a "
        "PyTorch without CUDA its source does not build, extension or not ('Invalid version: None')",
    ),
    # Compiles for longest: last, since each peer's time is its share of what is left.
    Peer(
        "torch-compile", "PyTorch loop, torch.compile", "torch_compile", environment="torch", layout="own",
        layers=("neuron",),
    ),
)  # fmt: skip


def find(slug):
    for peer in PEERS:
        if peer.slug == slug:
            return peer
    raise KeyError(f"no peer is called {slug}; there are {', '.join(peer.slug for peer in PEERS)}")
