"""What the two Spyx drop-ins share: activations on a membrane, and the presets' outputs in Spyx's form."""

from __future__ import annotations

import math
from typing import Any, Callable

import jax
import jax.numpy as jnp

from spikescan._neuron import Neuron
from spikescan.jax._arrays import as_array, as_uniforms
from spikescan.jax._scan import scan


def as_floating(name: str, x: Any) -> jax.Array:
    """Spyx lets integer and boolean inputs promote; 16-bit ones stay, since all arithmetic is float32 anyway."""
    x = as_array(name, x)
    return x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jnp.float32)


def fire(neuron: Neuron, name: str, V: Any, key: Any = None, uniforms: Any = None) -> jax.Array:
    """The firing rule on given membranes of any shape, element by element; `name` is what the caller calls V.

    A scan of single steps, whose membrane is its input: over more steps even a decay of 0 would carry infinity on, as
    0 times infinity. So the last axis counts as channels, all others in row-major order as batch, and time is 0.
    """
    V = as_floating(name, V)
    steps = (math.prod(V.shape[:-1]), 1, *V.shape[-1:])
    if uniforms is not None:
        uniforms = as_uniforms(uniforms, V, name).reshape(steps)
    return scan(V.reshape(steps), 0.0, neuron=neuron, key=key, uniforms=uniforms).spikes.reshape(V.shape)


def _bernoulli(neuron: Neuron) -> Callable[..., jax.Array]:
    def activation(x: Any, key: Any = None, *, uniforms: Any = None) -> jax.Array:
        return fire(neuron, "x", x, key, uniforms)

    return activation


def sigmoid_bernoulli(k: float = 10, threshold: float = 1.0, max_prob: float = 0.8) -> Callable[..., jax.Array]:
    """Activation (V, key) -> spikes: Bernoulli(max_prob sigmoid(k (V - threshold))), gradient g * p.

    Of V [..., C] the element at row r of the leading axes and at c draws the number of (batch r, time 0, channel c).
    """
    return _bernoulli(Neuron("lif", "sigmoid_bernoulli", threshold, k, max_prob))


def refractory_sigmoid_bernoulli(k: float = 50, threshold: float = 1) -> Callable[..., jax.Array]:
    """Activation (V, key) -> spikes: Bernoulli(max(cos(2 pi threshold U) sigmoid(k U), 0)), U = V - threshold.

    Places as in `sigmoid_bernoulli`.
    """
    return _bernoulli(Neuron("lif", "refractory_sigmoid_bernoulli", threshold, k))


def spikes_and_membrane(
    neuron: Neuron,
    spike: bool,
    x: Any,
    beta: Any,
    alpha: Any = None,
    *,
    key: Any = None,
    uniforms: Any = None,
    name: str = "x",
) -> tuple[jax.Array, jax.Array]:
    """(S, V) in float32; without `spike`, M - threshold in the place of S for psu_lif, else V itself.

    `name` is what the layer calls its x.
    """
    chosen = neuron if spike else Neuron(neuron.recurrence, "none", neuron.threshold)
    wants_spikes = spike or neuron.recurrence == "psu_lif"
    result = scan(
        as_floating(name, x),
        beta,
        alpha,
        neuron=chosen,
        key=key,
        uniforms=uniforms,
        spikes="float32" if wants_spikes else False,
        membrane=True,
    )
    return (result.spikes if wants_spikes else result.membrane), result.membrane
