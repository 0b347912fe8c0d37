"""Memory of a training step at 64 x 1024 x 512, by XLA's own account of the compiled programs."""

import pytest

jax = pytest.importorskip("jax", reason="JAX is not installed")
import cheap_xla  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from peers.neurons.jax_associative_scan import accumulate, fire  # noqa: E402

import spikescan.jax as sj  # noqa: E402

SHAPE = (64, 1024, 512)


def ours(key, x, beta):
    return sj.scan(x, beta, key=key, k=10.0).spikes


def by_associative_scan(key, x, beta):
    return fire(accumulate(beta, x), key)


def temporary_bytes(scan):
    """Scratch and residuals of forward + backward: all memory but the arguments and the gradients that come out."""

    def loss(x, beta, key):
        return (scan(key, x, beta) ** 2).mean()

    kinds = (jax.ShapeDtypeStruct(SHAPE, jnp.float32), jax.ShapeDtypeStruct(SHAPE[2:], jnp.float32))
    key = jax.eval_shape(lambda: jax.random.key(0))
    # Which buffers there are is settled before LLVM makes machine code, which runs nowhere here.
    compiled = jax.jit(jax.grad(loss, (0, 1))).lower(*kinds, key).compile(cheap_xla.OPTIONS)
    return compiled.memory_analysis().temp_size_in_bytes


def test_at_most_a_third_of_spyxs_formulation():
    x_bytes = 4 * SHAPE[0] * SHAPE[1] * SHAPE[2]
    mine, theirs = temporary_bytes(ours), temporary_bytes(by_associative_scan)
    print(
        f"\nforward + backward beside x and its gradient: {mine / x_bytes:.2f} x, associative scan {theirs / x_bytes:.2f} x"
    )
    # Whole peaks: x and its gradient are there in either.
    assert 3 * (mine + 2 * x_bytes) <= theirs + 2 * x_bytes
