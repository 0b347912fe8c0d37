"""The layer ablation on the GPU, as Spyx publishes it: a Linear alone, the neuron alone, both; forward, backward and the two
in one; the neuron by JAX's associative_scan and by this library in JAX and in PyTorch."""

import check_frameworks

SECONDS = 60
# The slow compiler last: each has its share of what is left. Spyx's own packages come for the reason why they are absent.
PEERS = ("torch-linear", "spikescan.torch", "jax-linear", "spikescan.jax", "spyx-1.0", "spyx-0.1", "jax-associative-scan")
SERIES = ("layer_ablation",)


def command(settings):
    return check_frameworks.command(settings, settings.build_dir / "layers.json", PEERS, SECONDS, SERIES)


def layers(session):
    rows, sentence = check_frameworks.measure(session, "layers", PEERS, SECONDS, SERIES)
    return {"rows": rows, "peers": sentence}
