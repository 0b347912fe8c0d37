"""One problem for every framework, and what the CPU backend makes of it: the GPU's bits are to be the same."""

from types import SimpleNamespace

import numpy as np

import spikescan as sk
from spikescan import Neuron

RECURRENCES = ("lif", "spsn", "cuba_lif", "psu_lif")
# Few rows of three chunks, whose carries go from block to block; and more rows than fill a GPU, a thread each.
SHAPES = ((2, 2100, 5), (128, 70, 410))
SEED, STREAM, ORIGIN = 5, 2, (1, 32, 3)


def make(recurrence, shape=SHAPES[0]):
    """x, decays, initial states and the gradients of all outputs, as NumPy arrays."""
    rng = np.random.default_rng(20)
    batch, _, channels = shape
    neuron = Neuron(recurrence, "sigmoid_bernoulli", 0.7, 3.0)

    def normal(*size):
        return rng.normal(size=size).astype(np.float32)

    scale = np.float32(4 if recurrence == "psu_lif" else 0.5)
    beta = np.linspace(0.2, 0.95, channels, dtype=np.float32)
    return SimpleNamespace(
        neuron=neuron,
        x=normal(*shape) * scale + np.float32(0.3),
        beta=beta,
        alpha=beta[::-1].copy() if neuron.has_alpha else None,
        initial=tuple(normal(batch, channels) for _ in neuron.states),
        grad_spikes=normal(*shape),
        grad_membrane=normal(*shape),
        grad_final=tuple(normal(batch, channels) for _ in neuron.states),
    )


def of_cpu(p):
    """([spikes, V, final states], [gradients of x, beta, alpha, initial states]), absent ones left out."""
    decays = [d for d in (p.beta, p.alpha) if d is not None]
    forward = sk.scan(
        p.x, *decays, neuron=p.neuron, seed=SEED, stream=STREAM, origin=ORIGIN, initial_state=p.initial, membrane=True,
        final_state=True, save=True,
    )  # fmt: skip
    back = sk.scan_backward(
        p.x, *decays, neuron=p.neuron, saved=forward.saved, grad_spikes=p.grad_spikes, grad_membrane=p.grad_membrane,
        grad_final_state=p.grad_final, initial_state=p.initial,
    )  # fmt: skip
    gradients = [g for g in back[:3] if g is not None] + list(back.initial_state)
    return [forward.spikes, forward.membrane, *forward.final_state], gradients


def same_bits(ours, expected):
    assert len(ours) == len(expected)
    for a, b in zip(ours, expected):
        np.testing.assert_array_equal(np.asarray(a), b)
        assert np.asarray(a).dtype == b.dtype
