"""Drop-in for the parallel neurons of Spyx 1.0 (Flax NNX): the same names, signatures, defaults and parameters.

    from spikescan.nnx import PSU_LIF, SPSN  # was: from spyx.experimental import PSU_LIF, SPSN

Random numbers come from the key's words by Philox (docs/model.md), so the spikes are other draws of the same
probabilities; ``uniforms=`` takes draws from outside.
"""

from __future__ import annotations

from typing import Any, Callable

import jax
import jax.numpy as jnp
from flax import nnx

from spikescan import _neuron, decays
from spikescan._abi import SURROGATES
from spikescan._checks import as_count, as_flag, as_number, as_shape, choose, shown
from spikescan._neuron import Neuron
from spikescan.jax._arrays import as_array
from spikescan.jax._scan import scan
from spikescan.jax._spyx import (
    as_floating,
    fire,
    refractory_sigmoid_bernoulli,
    sigmoid_bernoulli,
    spikes_and_membrane,
)

__all__ = [
    "AssociativeLIF",
    "PSU_LIF",
    "SPSN",
    "StochasticAssociativeCuBaLIF",
    "StochasticAssociativeLIF",
    "Surrogate",
    "refractory_sigmoid_bernoulli",
    "sigmoid_bernoulli",
]


class Surrogate:
    """Heaviside step with a named surrogate gradient; given to `PSU_LIF` as its activation, it runs inside the scan.

    name: "superspike", "arctan", "triangular", "boxcar" or "tanh"; k: slope.
    """

    def __init__(self, name: str = "superspike", k: float = 25) -> None:
        choose("name", name, SURROGATES)
        self.neuron = Neuron("lif", "heaviside", 0.0, k, surrogate=name)

    def __call__(self, x: Any) -> jax.Array:
        return fire(self.neuron, "x", x)

    def at(self, threshold: float) -> Neuron:
        return Neuron("lif", "heaviside", threshold, self.neuron.k, surrogate=self.neuron.surrogate)


def _decay(rngs: nnx.Rngs, shape: tuple[int, ...]) -> nnx.Param:
    if not isinstance(rngs, nnx.Rngs):
        raise TypeError(f"rngs is {shown(rngs)}; it must be a flax.nnx.Rngs")
    return nnx.Param(nnx.initializers.truncated_normal(stddev=0.25)(rngs.params(), shape) + 0.5)


class PSU_LIF(nnx.Module):
    """Reset-free leaky integrate-and-fire neuron: one step by call, a whole time-first sequence by `parallel`."""

    def __init__(
        self,
        hidden_shape: tuple[int, ...],
        beta: float | None = None,
        threshold: float = 1.0,
        activation: Callable[[Any], Any] | None = None,
        *,
        rngs: nnx.Rngs,
    ) -> None:
        """
        Args:
          hidden_shape: the channels of the layer.
          beta: one fixed start for a decay shared by all channels; None draws one a channel.
          activation: a `Surrogate`, or any function of V - threshold, which then runs on the membrane outside the scan.
        """
        self.hidden_shape = as_shape("hidden_shape", hidden_shape)
        self.threshold = Neuron("lif", "none", threshold).threshold  # checked
        if activation is not None and not callable(activation):
            raise TypeError(f"activation is {shown(activation)}; it must be a Surrogate or a function of V - threshold")
        self.spike = activation if activation is not None else Surrogate()
        shared = None if beta is None else jnp.full((), as_number("beta", beta))
        self.beta = _decay(rngs, self.hidden_shape) if shared is None else nnx.Param(shared)

    def __call__(self, x: Any, V: Any) -> tuple[jax.Array, jax.Array]:
        """One step: (x [B, channels...], V [B, channels...]) -> (S, V)."""
        x, V = as_array("x", x), as_array("V", V)
        if V.shape != x.shape:
            raise ValueError(f"V has shape {V.shape}; it must be x's, {x.shape}")
        spikes, final = self._scan(x[None], (V,))
        return spikes[0], final

    def parallel(self, x: Any) -> jax.Array:
        """x [T, B, channels...] -> S [T, B, channels...], from a zero state."""
        return self._scan(x, None)[0]

    def initial_state(self, batch_size: int) -> jax.Array:
        batch_size = as_count("batch_size", batch_size, (1 << 63) - 1, "2^63 - 1")
        return jnp.zeros((batch_size, *self.hidden_shape))

    def _scan(self, x: Any, initial: Any) -> tuple[jax.Array, Any]:
        inside = self.spike if isinstance(self.spike, Surrogate) else None
        neuron = inside.at(self.threshold) if inside else Neuron("lif", "none", 0.0)
        result = scan(
            as_floating("x", x),
            self.beta[...],
            neuron=neuron,
            initial_state=initial,
            spikes="float32",
            final_state=initial is not None,
            time_first=True,
        )
        # The rule `none` at threshold 0 hands the membrane over in the place of the spikes.
        spikes = result.spikes if inside else self.spike(result.spikes - self.threshold)
        return spikes, result.final_state[0] if result.final_state else None


class AssociativeLIF(PSU_LIF):
    """`PSU_LIF` under the name that snnTorch's users look for; equals its ``StateLeaky`` after `beta_from_snntorch`."""

    @staticmethod
    def beta_from_snntorch(beta_snn: Any) -> jax.Array:
        return decays.from_snntorch_stateleaky(jnp.asarray(beta_snn))

    @staticmethod
    def snntorch_beta_from_beta(beta: Any) -> jax.Array:
        return 1.0 + jnp.log(jnp.asarray(beta))


class StochasticAssociativeLIF(nnx.Module):
    """Leaky integrator with Bernoulli spikes. (key, x [B, T, channels...]) -> (S, V)."""

    def __init__(
        self, hidden_shape: tuple[int, ...], threshold: float = 1, k: float = 100, spike: bool = True, *, rngs: nnx.Rngs
    ) -> None:
        self.hidden_shape = as_shape("hidden_shape", hidden_shape)
        self.threshold = threshold
        self._neuron, self._spike = _neuron.StochasticAssociativeLIF(threshold, k), as_flag("spike", spike)
        self.beta = _decay(rngs, self.hidden_shape)

    def __call__(self, key: Any, x: Any, *, uniforms: Any = None) -> tuple[jax.Array, jax.Array]:
        return spikes_and_membrane(self._neuron, self._spike, x, self.beta[...], key=key, uniforms=uniforms)


class StochasticAssociativeCuBaLIF(nnx.Module):
    """Current-based leaky integrator with refractory Bernoulli spikes. (key, u [B, T, channels...]) -> S."""

    def __init__(self, hidden_shape: tuple[int, ...], threshold: float = 1, k: float = 100, *, rngs: nnx.Rngs) -> None:
        self.hidden_shape = as_shape("hidden_shape", hidden_shape)
        self._neuron = _neuron.StochasticAssociativeCuBaLIF(threshold, k)
        self.alpha = _decay(rngs, self.hidden_shape)
        self.beta = _decay(rngs, self.hidden_shape)

    def __call__(self, key: Any, u: Any, *, uniforms: Any = None) -> jax.Array:
        alpha, beta = self.alpha[...], self.beta[...]
        return spikes_and_membrane(self._neuron, True, u, beta, alpha, key=key, uniforms=uniforms, name="u")[0]


class SPSN(nnx.Module):
    """Stochastic parallelizable spiking neuron (arXiv:2306.12666). (key, x [B, T, channels...]) -> (S, V)."""

    def __init__(self, hidden_shape: tuple[int, ...], threshold: float = 1, k: float = 10, *, rngs: nnx.Rngs) -> None:
        self.hidden_shape = as_shape("hidden_shape", hidden_shape)
        self.threshold = threshold
        self._neuron = _neuron.SPSN(threshold, k)
        self.beta = _decay(rngs, self.hidden_shape)

    def __call__(self, key: Any, x: Any, *, uniforms: Any = None) -> tuple[jax.Array, jax.Array]:
        return spikes_and_membrane(self._neuron, True, x, self.beta[...], key=key, uniforms=uniforms)
