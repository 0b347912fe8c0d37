"""Spyx's formulation of SPSN in JAX: a convolution with beta^n (1 - beta) by FFT, then sigmoid and bernoulli."""

import jax.numpy as jnp

from peers import host_jax, inputs
from peers.neurons.jax_associative_scan import fire


def convolve(beta, x):
    beta, T = jnp.clip(beta, 0, 1), x.shape[1]
    kernel = beta[None, :] ** jnp.arange(T, dtype=x.dtype)[:, None] * (1 - beta)
    spectrum = jnp.fft.rfft(x, n=2 * T, axis=1) * jnp.fft.rfft(kernel, n=2 * T, axis=0)
    return jnp.fft.irfft(spectrum, n=2 * T, axis=1)[:, :T]


def version():
    return host_jax.version()


def build(case, _device):
    beta = jnp.asarray(inputs.decays(case)[0])
    neuron = beta, lambda beta, x, key: fire(convolve(beta, x), key)
    return host_jax.build(case, neuron, "FFT convolution of length 2 T, sigmoid, jax.random.bernoulli; jit")
