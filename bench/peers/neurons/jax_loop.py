"""A step at a time in JAX, by jax.lax.scan. In the headline's network a LIF neuron that is reset when it fires."""

import jax
import jax.numpy as jnp

from peers import host_jax, inputs
from peers.neurons.jax_associative_scan import fire


@jax.custom_gradient
def step_function(U):
    return (U > 0).astype(U.dtype), lambda g: g / (jnp.pi * (1 + (2 * jnp.pi * U) ** 2))


def stochastic(beta, x, key):
    beta = jnp.clip(beta, 0, 1)

    def step(V, now):
        x_t, key_t = now
        V = beta * V + x_t
        return V, fire(V, key_t)

    start = jnp.zeros((x.shape[0], x.shape[2]), x.dtype)
    S = jax.lax.scan(step, start, (jnp.swapaxes(x, 0, 1), jax.random.split(key, x.shape[1])))[1]
    return jnp.swapaxes(S, 0, 1)


def with_reset(beta, x, _key):
    def step(V, x_t):
        V = beta * V + x_t
        S = step_function(V - inputs.THRESHOLD)
        return V - S * inputs.THRESHOLD, S

    start = jnp.zeros((x.shape[0], x.shape[2]), x.dtype)
    return jnp.swapaxes(jax.lax.scan(step, start, jnp.swapaxes(x, 0, 1))[1], 0, 1)


def version():
    return host_jax.version()


def build(case, _device):
    beta = jnp.asarray(inputs.decays(case)[0])
    if case.series == "headline":
        work = "LIF with reset by subtraction, step function with an arctan surrogate, jax.lax.scan over steps; jit"
        return host_jax.build(case, (beta, with_reset), work)
    return host_jax.build(case, (beta, stochastic), "the same neuron a step at a time, by jax.lax.scan over steps; jit")
