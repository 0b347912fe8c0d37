"""Drop-in for ``spyx.experimental`` of Spyx 0.1 (Haiku): the same six names, signatures, defaults and parameters.

    from spikescan.experimental import SPSN  # was: from spyx.experimental import SPSN

Differences from Spyx: random numbers come from the key's words by Philox (docs/model.md), so the spikes are other draws
of the same probabilities; ``uniforms=`` takes draws from outside. `SPSN` follows the mathematics, where Spyx 0.1's
passes (key, V) the wrong way round and takes one decay only. `Surrogate` is an addition: a ``spike`` for `PSU_LIF`.
"""

from __future__ import annotations

from typing import Any

import haiku as hk
import jax
import jax.numpy as jnp

from spikescan._arguments import check_layer_channels
from spikescan._checks import as_flag, as_shape
from spikescan._neuron import Neuron
from spikescan.jax._scan import scan
from spikescan.jax._spyx import (
    DeterministicLayer,
    StochasticLayer,
    Surrogate,
    as_floating,
    floating_dtype,
    itself,
    refractory_sigmoid_bernoulli,
    sigmoid_bernoulli,
    stochastic,
)

__all__ = [
    "PSU_LIF",
    "SPSN",
    "StochasticAssociativeCuBaLIF",
    "StochasticAssociativeLIF",
    "Surrogate",
    "refractory_sigmoid_bernoulli",
    "sigmoid_bernoulli",
]


class _Layer(hk.Module):
    """Holds the decays: truncated normal, mean 0.5, standard deviation 0.25; the scan clips them to [0, 1]."""

    def __init__(self, hidden_shape: tuple[int, ...], threshold: float, name: str) -> None:
        super().__init__(name=name)
        self.hidden_shape = as_shape("hidden_shape", hidden_shape)
        self.threshold = threshold

    def _decay(self, name: str) -> jax.Array:
        initial = hk.initializers.TruncatedNormal(0.25, 0.5)
        return hk.get_parameter(name, self.hidden_shape, jnp.float32, init=initial)


class PSU_LIF(DeterministicLayer, _Layer):
    """Parallel spiking unit with a refractory trace R; deterministic. x [B, T, channels...] -> (S, V).

    Attributes:
      threshold, spike: S = spike(V - R - threshold). A `Surrogate` runs inside the scan, any other function behind it.
    """

    def __init__(
        self,
        hidden_shape: tuple[int, ...],
        threshold: float = 1,
        k: float = 2,
        spike: bool = True,
        name: str = "PSULIF",
    ) -> None:
        super().__init__(hidden_shape, threshold, name)
        own = Surrogate("arctan", k)
        self.spike = own if as_flag("spike", spike) else itself

    def __call__(self, x: Any) -> tuple[jax.Array, jax.Array]:
        x, beta = as_floating("x", x), self._decay("beta")
        check_layer_channels("x", x.shape, beta.shape)
        own = self.spike if isinstance(self.spike, Surrogate) else None
        neuron = own.at(self.threshold, "psu_lif") if own else Neuron("psu_lif", "none", self.threshold)
        dtype = floating_dtype(x, beta)
        result = scan(x, beta, neuron=neuron, spikes=dtype, membrane=dtype)
        return result.spikes if own else self.spike(result.spikes), result.membrane


class StochasticAssociativeLIF(StochasticLayer, _Layer):
    """Leaky integrator with Bernoulli spikes. (key, x [B, T, channels...]) -> (S, V).

    Attributes:
      spike: S = spike(V, key). One of this module runs inside the scan, any other function behind it.
    """

    def __init__(
        self,
        hidden_shape: tuple[int, ...],
        threshold: float = 1,
        k: float = 100,
        spike: bool = True,
        name: str = "SALIF",
    ) -> None:
        super().__init__(hidden_shape, threshold, name)
        own = sigmoid_bernoulli(k, threshold)
        self.spike = own if as_flag("spike", spike) else itself

    def __call__(self, key: Any, x: Any, *, uniforms: Any = None) -> tuple[jax.Array, jax.Array]:
        return stochastic("lif", self.spike, x, self._decay("beta"), key=key, uniforms=uniforms)


class StochasticAssociativeCuBaLIF(StochasticLayer, _Layer):
    """Current-based leaky integrator with refractory Bernoulli spikes. (key, u [B, T, channels...]) -> S.

    Attributes:
      spike: as of `StochasticAssociativeLIF`.
    """

    def __init__(
        self, hidden_shape: tuple[int, ...], threshold: float = 1, k: float = 100, name: str = "SACuBaLIF"
    ) -> None:
        super().__init__(hidden_shape, threshold, name)
        self.spike = refractory_sigmoid_bernoulli(k, threshold)

    def __call__(self, key: Any, u: Any, *, uniforms: Any = None) -> jax.Array:
        alpha, beta = self._decay("alpha"), self._decay("beta")
        return stochastic("cuba_lif", self.spike, u, beta, alpha, key=key, uniforms=uniforms, name="u")[0]


class SPSN(StochasticLayer, _Layer):
    """Stochastic parallelizable spiking neuron (arXiv:2306.12666). (key, x [B, T, channels...]) -> (S, V).

    Attributes:
      spike: one of this module runs inside the scan; any other function is called as Spyx 0.1 does, with (key, V).
    """

    def __init__(self, hidden_shape: tuple[int, ...], threshold: float = 1, k: float = 10, name: str = "SPSN") -> None:
        super().__init__(hidden_shape, threshold, name)
        self.spike = sigmoid_bernoulli(k, threshold)

    def __call__(self, key: Any, x: Any, *, uniforms: Any = None) -> tuple[jax.Array, jax.Array]:
        return stochastic("spsn", self.spike, x, self._decay("beta"), key=key, uniforms=uniforms, key_first=True)
