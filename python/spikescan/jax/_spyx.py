"""What the two Spyx drop-ins share: activations on a membrane, layers that take any, and outputs in Spyx's form.

As in Spyx a layer's `spike` is an attribute that its call reads. `Bernoulli` and `Surrogate` run inside the scan; any
other function runs on V behind it. Both are values: equal ones compare and hash equal, so that equal layers are equal
to jit.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp

from spikescan import _abi
from spikescan._arguments import check_layer_channels, check_x
from spikescan._checks import choose, shown
from spikescan._memory import FLOATING
from spikescan._neuron import Neuron
from spikescan._shapes import single_steps
from spikescan.jax._arrays import as_array, as_uniforms
from spikescan.jax._scan import scan


def as_floating(name: str, x: Any) -> jax.Array:
    """Spyx lets integer and boolean inputs promote; 16-bit ones stay, since all arithmetic is float32 anyway."""
    x = as_array(name, x)
    return x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jnp.float32)


def fire(neuron: Neuron, name: str, V: Any, key: Any = None, uniforms: Any = None) -> jax.Array:
    """The firing rule on given membranes of any shape, element by element; `name` is what the caller calls V."""
    V = as_floating(name, V)
    steps = single_steps(V.shape)
    if uniforms is not None:
        uniforms = as_uniforms(uniforms, V, name).reshape(steps)
    return scan(V.reshape(steps), 0.0, neuron=neuron, key=key, uniforms=uniforms).spikes.reshape(V.shape)


# ---- Activations ---------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Bernoulli:
    """Activation (V, key) -> spikes of a Bernoulli rule; `neuron` holds the rule and its numbers."""

    neuron: Neuron

    def __call__(self, x: Any, key: Any = None, *, uniforms: Any = None) -> jax.Array:
        return fire(self.neuron, "x", x, key, uniforms)


def sigmoid_bernoulli(k: float = 10, threshold: float = 1.0, max_prob: float = 0.8) -> Bernoulli:
    """Activation (V, key) -> spikes: Bernoulli(max_prob sigmoid(k (V - threshold))), gradient g * p.

    Of V [..., C] the element at row r of the leading axes and at c draws the number of (batch r, time 0, channel c).
    """
    return Bernoulli(Neuron("lif", "sigmoid_bernoulli", threshold, k, max_prob))


def refractory_sigmoid_bernoulli(k: float = 50, threshold: float = 1) -> Bernoulli:
    """Activation (V, key) -> spikes: Bernoulli(max(cos(2 pi threshold U) sigmoid(k U), 0)), U = V - threshold.

    Places as in `sigmoid_bernoulli`.
    """
    return Bernoulli(Neuron("lif", "refractory_sigmoid_bernoulli", threshold, k))


@dataclasses.dataclass(frozen=True)
class Surrogate:
    """Heaviside step with a named surrogate gradient; as the `spike` of a `PSU_LIF` it runs inside the scan.

    name: "superspike", "arctan", "triangular", "boxcar" or "tanh"; k: slope.
    """

    name: str = "superspike"
    k: float = 25

    def __post_init__(self) -> None:
        choose("name", self.name, _abi.SURROGATES)
        object.__setattr__(self, "k", self.at(0.0).k)  # checked, and one float for 25 and 25.0

    def __call__(self, x: Any) -> jax.Array:
        return fire(self.at(0.0), "x", x)

    def at(self, threshold: float, recurrence: str = "lif") -> Neuron:
        return Neuron(recurrence, "heaviside", threshold, self.k, surrogate=self.name)


def itself(membrane: Any, key: Any = None) -> Any:
    """Spyx's activation of a layer without spikes: the membrane (of `PSU_LIF` less R and the threshold) as it is."""
    return membrane


# ---- Layers --------------------------------------------------------------------------------------------------------


class DeterministicLayer:
    """What `PSU_LIF` takes as its `spike`: a `Surrogate`, or any function of what the rule sees less the threshold."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "spike" and (not callable(value) or isinstance(value, Bernoulli)):
            raise TypeError(f"spike is {shown(value)}; it must be a Surrogate or a function of one array")
        if name == "threshold":
            value = Neuron(threshold=value).threshold  # checked
        super().__setattr__(name, value)


class StochasticLayer:
    """What the stochastic layers take as their `spike`: an activation above, or any function (V, key)."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "spike" and (not callable(value) or isinstance(value, Surrogate)):
            raise TypeError(
                f"spike is {shown(value)}; it must be a sigmoid_bernoulli, a refractory_sigmoid_bernoulli or a function "
                "of V and key"
            )
        # As in Spyx the call reads the threshold of `spike` alone. Flax may set the number that is already there.
        same = isinstance(value, (int, float)) and value == getattr(self, "threshold", None)
        if name == "threshold" and hasattr(self, "spike") and not same:
            raise ValueError(
                f"threshold is {shown(value)}; it must be given with the layer's spike, which alone is read: "
                "spike = sigmoid_bernoulli(k, threshold)"
            )
        super().__setattr__(name, value)


@functools.lru_cache(maxsize=1024)
def _of(recurrence: str, rule: Neuron) -> Neuron:
    return dataclasses.replace(rule, recurrence=recurrence)


def floating_dtype(*arrays: Any) -> str:
    """The dtype of what Spyx computes of these arrays, where that is of 16 or 32 bits; float32 where it is not."""
    if any(jnp.result_type(array).name not in (*FLOATING, "float64") for array in arrays):
        return "float32"  # `scan` says what is wrong with it
    name = jnp.result_type(*arrays).name
    return name if name in FLOATING else "float32"


def stochastic(
    recurrence: str,
    spike: Any,
    x: Any,
    beta: Any,
    alpha: Any = None,
    *,
    key: Any = None,
    uniforms: Any = None,
    name: str = "x",
    key_first: bool = False,
) -> tuple[jax.Array, jax.Array]:
    """(S, V) in Spyx's dtype; `name` is what the layer calls its x.

    `key_first`: a function that is not ours is called with (key, V).
    """
    x = as_floating(name, x)
    check_x(x.shape, x.dtype.name, False, name)
    check_layer_channels(name, x.shape, beta.shape)
    dtype = floating_dtype(x, *(a for a in (beta, alpha) if a is not None))
    inside = isinstance(spike, Bernoulli)
    if uniforms is not None and not inside and spike is not itself:
        raise ValueError(
            f"uniforms is given; it must be None for spike = {shown(spike)}, which is called with V and key only"
        )
    if uniforms is not None:
        uniforms = as_uniforms(uniforms, x, name)
    result = scan(
        x,
        beta,
        alpha,
        neuron=_of(recurrence, spike.neuron) if inside else Neuron(recurrence, "none", 0.0),
        key=key if inside or spike is itself else None,
        uniforms=uniforms,
        spikes=dtype if inside else False,
        membrane=dtype,
    )
    V = result.membrane
    if inside:
        return result.spikes, V
    return (spike(key, V) if key_first and spike is not itself else spike(V, key)), V
