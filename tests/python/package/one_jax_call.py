"""Runs a training step under jit in whatever JAX this is, against the NumPy face; prints the versions."""

import jax
import numpy as np

import spikescan as sk
import spikescan.jax as sj

x = np.random.default_rng(0).normal(size=(2, 2100, 5)).astype(np.float32)
weights = np.cos(x)
beta = np.linspace(0.2, 0.9, 5).astype(np.float32)


def training_step(**options):
    def loss(x, beta, key):
        spikes = sj.scan(x, beta, key=key, **options).spikes
        return (spikes * weights).sum(), spikes

    return jax.jit(jax.grad(loss, (0, 1), has_aux=True))(x, beta, sj.make_key(7))


gradients, spikes = training_step()
whole = sk.scan(x, beta, seed=7, save=True)
back = sk.scan_backward(x, beta, saved=whole.saved, grad_spikes=weights)
assert np.array_equal(spikes, whole.spikes)
assert np.array_equal(gradients[0], back.x) and np.array_equal(gradients[1], back.beta)
in_place, _ = training_step(gradient_in_place=True)
assert np.array_equal(in_place[0], back.x) and np.array_equal(in_place[1], back.beta)
mapped = jax.vmap(lambda k: sj.scan(x, beta, key=k).spikes)(jax.random.split(jax.random.key(0), 2))
assert mapped.shape == (2, *x.shape)
print("ran on jax", jax.__version__)
