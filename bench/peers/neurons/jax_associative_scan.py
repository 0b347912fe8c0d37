"""Spyx's formulation in JAX: V by jax.lax.associative_scan, then sigmoid and bernoulli over all of it."""

import jax
import jax.numpy as jnp

from peers import host_jax, inputs


@jax.custom_gradient
def fire(V, key):
    """Spyx's sigmoid_bernoulli: the gradient of a spike is p itself."""
    p = inputs.MAX_PROB * jax.nn.sigmoid(inputs.K * (V - inputs.THRESHOLD))
    return jax.random.bernoulli(key, p).astype(V.dtype), lambda g: (g * p, None)


def combine(earlier, later):
    return later[0] * earlier[0], later[0] * earlier[1] + later[1]


def accumulate(decay, x):
    spread = jnp.broadcast_to(jnp.clip(decay, 0, 1), x.shape)
    return jax.lax.associative_scan(combine, (spread, x), axis=1)[1]


def version():
    return host_jax.version()


def build(case, _device):
    beta, alpha = (jnp.asarray(a) for a in inputs.decays(case))
    if case.recurrence == "cuba_lif":
        neuron = (beta, alpha), lambda p, x, key: fire(accumulate(p[0], accumulate(p[1], x)), key)
        return host_jax.build(case, neuron, "two associative_scans, sigmoid, jax.random.bernoulli; jit")
    neuron = beta, lambda p, x, key: fire(accumulate(p, x), key)
    return host_jax.build(case, neuron, "associative_scan, sigmoid, jax.random.bernoulli; jit")
