"""A sequence through `lax.scan`, a piece of time after the other, for the tests on the CPU and on a GPU."""

import jax
import jax.numpy as jnp
import numpy as np
import spikescan as sk
import spikescan.jax as sj


def whole_and_in_pieces(run=lambda f: f):
    """Spikes of two pieces of time by one call, and by one call a piece; `run` may be jax.jit."""
    split = sk.time_units()[0]
    x = np.random.default_rng(0).normal(size=(1, 2 * split, 2)).astype(np.float32)
    whole = sk.scan(x, 0.999, seed=1)

    def step(carry, piece):
        state, key = carry
        r = sj.scan(piece, 0.999, key=key, initial_state=state, final_state=True)
        return (r.final_state, sj.shift_key(key, time=split)), r.spikes

    start = ((jnp.zeros((1, 2)),), sj.make_key(1))
    _, spikes = run(lambda x: jax.lax.scan(step, start, x))(x.reshape(1, 2, split, 2).swapaxes(0, 1))
    return whole.spikes, spikes.swapaxes(0, 1).reshape(x.shape)
