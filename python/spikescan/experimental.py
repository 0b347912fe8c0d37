"""Drop-in for ``spyx.experimental`` of Spyx 0.1 (Haiku): the same six names, signatures, defaults and parameters.

    from spikescan.experimental import SPSN  # was: from spyx.experimental import SPSN

Differences from Spyx: random numbers come from the key's words by Philox (docs/model.md), so the spikes are other draws
of the same probabilities; ``uniforms=`` takes draws from outside. `SPSN` follows the mathematics, where Spyx 0.1's
passes (key, V) the wrong way round and takes one decay only.
"""

from __future__ import annotations

from typing import Any

import haiku as hk
import jax
import jax.numpy as jnp

from spikescan import _neuron
from spikescan._checks import as_flag, as_shape
from spikescan.jax._spyx import refractory_sigmoid_bernoulli, sigmoid_bernoulli, spikes_and_membrane

__all__ = [
    "PSU_LIF",
    "SPSN",
    "StochasticAssociativeCuBaLIF",
    "StochasticAssociativeLIF",
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


class PSU_LIF(_Layer):
    """Parallel spiking unit with a refractory trace R; deterministic. x [B, T, channels...] -> (S, V)."""

    def __init__(
        self,
        hidden_shape: tuple[int, ...],
        threshold: float = 1,
        k: float = 2,
        spike: bool = True,
        name: str = "PSULIF",
    ) -> None:
        super().__init__(hidden_shape, threshold, name)
        self._neuron, self._spike = _neuron.PSU_LIF(threshold, k), as_flag("spike", spike)

    def __call__(self, x: Any) -> tuple[jax.Array, jax.Array]:
        return spikes_and_membrane(self._neuron, self._spike, x, self._decay("beta"))


class StochasticAssociativeLIF(_Layer):
    """Leaky integrator with Bernoulli spikes. (key, x [B, T, channels...]) -> (S, V)."""

    def __init__(
        self,
        hidden_shape: tuple[int, ...],
        threshold: float = 1,
        k: float = 100,
        spike: bool = True,
        name: str = "SALIF",
    ) -> None:
        super().__init__(hidden_shape, threshold, name)
        self._neuron, self._spike = _neuron.StochasticAssociativeLIF(threshold, k), as_flag("spike", spike)

    def __call__(self, key: Any, x: Any, *, uniforms: Any = None) -> tuple[jax.Array, jax.Array]:
        return spikes_and_membrane(self._neuron, self._spike, x, self._decay("beta"), key=key, uniforms=uniforms)


class StochasticAssociativeCuBaLIF(_Layer):
    """Current-based leaky integrator with refractory Bernoulli spikes. (key, u [B, T, channels...]) -> S."""

    def __init__(
        self, hidden_shape: tuple[int, ...], threshold: float = 1, k: float = 100, name: str = "SACuBaLIF"
    ) -> None:
        super().__init__(hidden_shape, threshold, name)
        self._neuron = _neuron.StochasticAssociativeCuBaLIF(threshold, k)

    def __call__(self, key: Any, u: Any, *, uniforms: Any = None) -> jax.Array:
        alpha, beta = self._decay("alpha"), self._decay("beta")
        return spikes_and_membrane(self._neuron, True, u, beta, alpha, key=key, uniforms=uniforms, name="u")[0]


class SPSN(_Layer):
    """Stochastic parallelizable spiking neuron (arXiv:2306.12666). (key, x [B, T, channels...]) -> (S, V)."""

    def __init__(self, hidden_shape: tuple[int, ...], threshold: float = 1, k: float = 10, name: str = "SPSN") -> None:
        super().__init__(hidden_shape, threshold, name)
        self._neuron = _neuron.SPSN(threshold, k)

    def __call__(self, key: Any, x: Any, *, uniforms: Any = None) -> tuple[jax.Array, jax.Array]:
        return spikes_and_membrane(self._neuron, True, x, self._decay("beta"), key=key, uniforms=uniforms)
