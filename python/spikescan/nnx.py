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

from spikescan import decays
from spikescan._arguments import broadcasts, check_layer_channels
from spikescan._checks import as_count, as_flag, as_number, as_shape, shown
from spikescan._neuron import Neuron
from spikescan.jax._scan import scan
from spikescan.jax._spyx import (
    Bernoulli,
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
    "AssociativeLIF",
    "PSU_LIF",
    "SPSN",
    "StochasticAssociativeCuBaLIF",
    "StochasticAssociativeLIF",
    "Surrogate",
    "refractory_sigmoid_bernoulli",
    "sigmoid_bernoulli",
]


def _decay(rngs: nnx.Rngs, shape: tuple[int, ...]) -> nnx.Param:
    if not isinstance(rngs, nnx.Rngs):
        raise TypeError(f"rngs is {shown(rngs)}; it must be a flax.nnx.Rngs")
    return nnx.Param(nnx.initializers.truncated_normal(stddev=0.25)(rngs.params(), shape) + 0.5)


class PSU_LIF(DeterministicLayer, nnx.Module):
    """Reset-free leaky integrate-and-fire neuron: one step by call, a whole time-first sequence by `parallel`.

    Attributes:
      threshold, spike: S = spike(V - threshold). A `Surrogate` runs inside the scan, any other function behind it.
    """

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
        self.threshold = threshold
        if activation is not None and (not callable(activation) or isinstance(activation, Bernoulli)):
            raise TypeError(f"activation is {shown(activation)}; it must be a Surrogate or a function of V - threshold")
        self.spike = activation if activation is not None else Surrogate()
        shared = None if beta is None else jnp.full((), as_number("beta", beta))
        self.beta = _decay(rngs, self.hidden_shape) if shared is None else nnx.Param(shared)

    def __call__(self, x: Any, V: Any) -> tuple[jax.Array, jax.Array]:
        """One step: (x [B, channels...], V [B, channels...]) -> (S, V), V in its own dtype; or both without a batch. A V of
        fewer axes is broadcast to x."""
        x, V = as_floating("x", x), as_floating("V", V)
        if not broadcasts(V.shape, x.shape):
            raise ValueError(f"V has shape {V.shape}; it must be x's, {x.shape}")
        V = jnp.broadcast_to(V, x.shape)
        lead = self._lead("x", x.shape, 0)
        spikes, final = self._scan(x.reshape(1, *lead, *x.shape), V.reshape(*lead, *V.shape))
        return spikes.reshape(x.shape), final.reshape(V.shape).astype(V.dtype)

    def parallel(self, x: Any) -> jax.Array:
        """x [T, B, channels...] -> S [T, B, channels...], from a zero state; or both without a batch."""
        x = as_floating("x", x)
        if x.ndim == 0:
            raise ValueError("x has shape (); it must be [time, batch, channels...] or [time, channels...]")
        lead = self._lead("x", x.shape, 1)
        return self._scan(x.reshape(x.shape[0], *lead, *x.shape[1:]), None)[0].reshape(x.shape)

    def initial_state(self, batch_size: int) -> jax.Array:
        batch_size = as_count("batch_size", batch_size, (1 << 63) - 1, "2^63 - 1")
        return jnp.zeros((batch_size, *self.hidden_shape))

    def _lead(self, name: str, shape: tuple[int, ...], before: int) -> tuple[int, ...]:
        """A batch of one for inputs that have the channels alone behind the `before` axes, as under ``jax.vmap``."""
        decays = self.beta[...].shape
        lead = (1,) if len(shape) - before <= len(decays) else ()
        check_layer_channels(name, shape, decays, before + 1 - len(lead))
        return lead

    def _scan(self, x: jax.Array, initial: Any) -> tuple[jax.Array, Any]:
        beta = self.beta[...]
        dtype = floating_dtype(x, beta, *(() if initial is None else (initial,)))
        own = self.spike if isinstance(self.spike, Surrogate) else None
        result = scan(
            x,
            beta,
            # The rule `none` at threshold 0 hands the membrane over in the place of the spikes.
            neuron=own.at(self.threshold) if own else Neuron("lif", "none", 0.0),
            initial_state=initial,
            spikes=dtype if own else "float32",
            final_state=initial is not None,
            time_first=True,
        )
        spikes = result.spikes if own else self.spike((result.spikes - self.threshold).astype(dtype))
        return spikes, result.final_state[0] if result.final_state else None


class AssociativeLIF(PSU_LIF):
    """`PSU_LIF` under the name that snnTorch's users look for; equals its ``StateLeaky`` after `beta_from_snntorch`."""

    @staticmethod
    def beta_from_snntorch(beta_snn: Any) -> jax.Array:
        return decays.from_snntorch_stateleaky(jnp.asarray(beta_snn))

    @staticmethod
    def snntorch_beta_from_beta(beta: Any) -> jax.Array:
        return 1.0 + jnp.log(jnp.asarray(beta))


class StochasticAssociativeLIF(StochasticLayer, nnx.Module):
    """Leaky integrator with Bernoulli spikes. (key, x [B, T, channels...]) -> (S, V).

    Attributes:
      spike: S = spike(V, key). One of this module runs inside the scan, any other function behind it.
    """

    def __init__(
        self, hidden_shape: tuple[int, ...], threshold: float = 1, k: float = 100, spike: bool = True, *, rngs: nnx.Rngs
    ) -> None:
        self.hidden_shape = as_shape("hidden_shape", hidden_shape)
        own = sigmoid_bernoulli(k, threshold)
        self.threshold = own.neuron.threshold
        self.spike = own if as_flag("spike", spike) else itself
        self.beta = _decay(rngs, self.hidden_shape)

    def __call__(self, key: Any, x: Any, *, uniforms: Any = None) -> tuple[jax.Array, jax.Array]:
        return stochastic("lif", self.spike, x, self.beta[...], key=key, uniforms=uniforms)


class StochasticAssociativeCuBaLIF(StochasticLayer, nnx.Module):
    """Current-based leaky integrator with refractory Bernoulli spikes. (key, u [B, T, channels...]) -> S.

    Attributes:
      spike: as of `StochasticAssociativeLIF`.
    """

    def __init__(self, hidden_shape: tuple[int, ...], threshold: float = 1, k: float = 100, *, rngs: nnx.Rngs) -> None:
        self.hidden_shape = as_shape("hidden_shape", hidden_shape)
        self.spike = refractory_sigmoid_bernoulli(k, threshold)
        self.alpha = _decay(rngs, self.hidden_shape)
        self.beta = _decay(rngs, self.hidden_shape)

    def __call__(self, key: Any, u: Any, *, uniforms: Any = None) -> jax.Array:
        alpha, beta = self.alpha[...], self.beta[...]
        return stochastic("cuba_lif", self.spike, u, beta, alpha, key=key, uniforms=uniforms, name="u")[0]


class SPSN(StochasticLayer, nnx.Module):
    """Stochastic parallelizable spiking neuron (arXiv:2306.12666). (key, x [B, T, channels...]) -> (S, V).

    Attributes:
      spike: as of `StochasticAssociativeLIF`.
    """

    def __init__(self, hidden_shape: tuple[int, ...], threshold: float = 1, k: float = 10, *, rngs: nnx.Rngs) -> None:
        self.hidden_shape = as_shape("hidden_shape", hidden_shape)
        own = sigmoid_bernoulli(k, threshold)
        self.threshold, self.spike = own.neuron.threshold, own
        self.beta = _decay(rngs, self.hidden_shape)

    def __call__(self, key: Any, x: Any, *, uniforms: Any = None) -> tuple[jax.Array, jax.Array]:
        return stochastic("spsn", self.spike, x, self.beta[...], key=key, uniforms=uniforms)
