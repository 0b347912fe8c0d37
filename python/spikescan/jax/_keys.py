"""The key of the random numbers as a uint32[10] array: spikescan_device_key in words.

It is data, not an attribute: a new seed, step or origin compiles nothing anew.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from spikescan._arguments import check_key

WORDS = 10  # seed (2), stream, reserved, batch, time and channel origin (2 each); low word first
_AXES = {"batch": 4, "time": 6, "channel": 8}


def _words(value: int) -> tuple[int, int]:
    return value & 0xFFFFFFFF, value >> 32


def _is_typed_key(value: Any) -> bool:
    return jnp.issubdtype(getattr(value, "dtype", jnp.float32), jax.dtypes.prng_key)


def _seed_words(seed: Any) -> jax.Array:
    """uint32[2] of an integer, a typed PRNG key or a raw one."""
    if isinstance(seed, int):
        check_key(seed, 0, (0, 0, 0))
        return jnp.array(_words(seed), jnp.uint32)
    data = jax.random.key_data(seed) if _is_typed_key(seed) else jnp.asarray(seed)
    if jnp.issubdtype(data.dtype, jnp.integer) and data.ndim == 0:
        return jnp.stack([data.astype(jnp.uint32), jnp.zeros((), jnp.uint32)])
    if data.dtype != jnp.uint32 or data.ndim != 1 or data.shape[0] not in (2, 4):
        raise TypeError(
            f"the seed is {data.dtype}{list(data.shape)}; it must be an integer, or one key of jax.random (vmap maps over "
            "many keys)"
        )
    return data if data.shape[0] == 2 else data[:2] ^ data[2:]


def make_key(seed: Any, stream: Any = 0, origin: tuple[int, int, int] = (0, 0, 0)) -> jax.Array:
    """The key that `scan` takes, uint32[10].

    Args:
      seed: an integer up to 2^64 - 1, an integer scalar array, or a key of ``jax.random`` (its words become the seed).
      stream: tells layers and steps apart; an integer up to 2^32 - 1 or an integer scalar array.
      origin: (batch, time, channel) index of x's first element in the whole.
    """
    check_key(0, stream if isinstance(stream, int) else 0, origin)
    head = jnp.stack([jnp.asarray(stream, jnp.uint32), jnp.zeros((), jnp.uint32)])
    places = jnp.array([word for index in origin for word in _words(index)], jnp.uint32)
    return jnp.concatenate([_seed_words(seed), head, places])


def as_key(key: Any) -> jax.Array:
    """What `scan` was given as its key: a key of `make_key`, or what `make_key` takes as a seed."""
    if not isinstance(key, int) and not _is_typed_key(key):
        array = jnp.asarray(key)
        if array.shape == (WORDS,):
            if array.dtype != jnp.uint32:
                raise TypeError(f"key has dtype {array.dtype}; make_key gives uint32")
            return array
    return make_key(key)


def shift_key(key: jax.Array, *, batch: Any = 0, time: Any = 0, channel: Any = 0) -> jax.Array:
    """The key whose origin lies that much further on: integers, or integer arrays below 2^32 (such as a multiple of
    ``jax.lax.axis_index``)."""
    key = as_key(key)
    for axis, steps in (("batch", batch), ("time", time), ("channel", channel)):
        if isinstance(steps, int) and steps == 0:
            continue
        low_step, high_step = _words(steps) if isinstance(steps, int) else (jnp.asarray(steps).astype(jnp.uint32), 0)
        at = _AXES[axis]
        low = key[at] + jnp.uint32(low_step)
        carry = (low < key[at]).astype(jnp.uint32)
        key = key.at[at].set(low).at[at + 1].add(carry + jnp.uint32(high_step))
    return key
