"""The key of the random numbers as a uint32[10] array: spikescan_device_key in words.

It is data, not an attribute: a new seed, step or origin compiles nothing anew.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from spikescan._arguments import check_key, check_place, check_seed
from spikescan._checks import integer_or_self, shown

WORDS = 10  # seed (2), stream, reserved, batch, time and channel origin (2 each); low word first
_AXES = {"batch": 4, "time": 6, "channel": 8}


def _words(value: int) -> tuple[int, int]:
    return value & 0xFFFFFFFF, value >> 32


def _integer(value: Any) -> Any:
    """The int of every integer but JAX's own, whose value may not be known yet; anything else comes back as it is."""
    return value if isinstance(value, jax.Array) or _is_typed_key(value) else integer_or_self(value)


def _array(name: str, value: Any) -> Any:
    """With the dtype that was given: jnp.asarray would cut NumPy's 64 bits to 32."""
    if isinstance(value, (jax.Array, np.ndarray)):
        return value
    try:
        return np.asarray(value)
    except (TypeError, ValueError):  # lists of unequal lengths
        raise TypeError(f"{name} is {shown(value)}; it must be an integer or an array of integers") from None


def _kind(array: Any, value: Any) -> str:
    """What an error says of an array: dtype and shape, or the value where that is no array."""
    return f"{array.dtype}{list(array.shape)}" if array is value else shown(value)


def _is_integer_scalar(array: Any) -> bool:
    return jnp.issubdtype(array.dtype, jnp.integer) and array.ndim == 0


def _split(name: str, value: Any) -> tuple[Any, Any]:
    """Low and high word of an integer, or of an integer scalar array: its bits, since traced ones have no value yet."""
    if isinstance(value, int):
        return _words(value)
    array = _array(name, value)
    if not _is_integer_scalar(array):
        raise TypeError(f"{name} is {_kind(array, value)}; it must be an integer or an integer scalar array")
    if array.dtype.itemsize < 8:
        return array.astype(jnp.uint32), jnp.zeros((), jnp.uint32)
    low, high = jax.lax.bitcast_convert_type(array, jnp.uint32)  # JAX has 64 bits in its x64 mode
    return low, high


def _is_typed_key(value: Any) -> bool:
    try:
        return jnp.issubdtype(getattr(value, "dtype", jnp.float32), jax.dtypes.prng_key)
    except TypeError:  # a dtype of another library
        return False


def _seed_words(name: str, seed: Any) -> jax.Array:
    """uint32[2] of an integer, a typed PRNG key or a raw one."""
    seed = _integer(seed)
    if isinstance(seed, int):
        return jnp.array(_words(check_seed(name, seed)), jnp.uint32)
    data = jax.random.key_data(jnp.asarray(seed)) if _is_typed_key(seed) else _array(name, seed)
    if _is_integer_scalar(data):
        return jnp.stack(_split(name, data))
    if data.dtype != jnp.uint32 or data.ndim != 1 or data.shape[0] not in (2, 4):
        raise TypeError(
            f"{name} is {_kind(data, seed)}; it must be an integer, or one key of jax.random (vmap maps over many keys)"
        )
    # Four words are a key of `rbg`, which is the same two words twice, or of `unsafe_rbg`, which is random.
    return jnp.asarray(data)[:2]


def _stream_word(stream: Any) -> jax.Array:
    stream = _integer(stream)
    if isinstance(stream, int):
        check_key(0, stream, (0, 0, 0))
    return jnp.asarray(_split("stream", stream)[0], jnp.uint32)


def make_key(seed: Any, stream: Any = 0, origin: tuple[Any, Any, Any] = (0, 0, 0)) -> jax.Array:
    """The key that `scan` takes, uint32[10].

    Args:
      seed: an integer up to 2^64 - 1 (NumPy's, too), an integer scalar array of JAX (its bits are taken, 64 if it
        has them), or a key of ``jax.random`` (its words become the seed).
      stream: tells layers and steps apart; an integer up to 2^32 - 1, or an integer scalar array of JAX, whose low 32
        bits are taken.
      origin: (batch, time, channel) index of x's first element in the whole; traced ones as `shift_key` takes them.
    """
    return _make("seed", seed, stream, origin)


def _make(name: str, seed: Any, stream: Any, origin: Any) -> jax.Array:
    traced: dict[str, Any] = {}
    if isinstance(origin, (tuple, list)):
        traced = {axis: index for axis, index in zip(_AXES, origin) if isinstance(index, jax.core.Tracer)}
        origin = [0 if isinstance(index, jax.core.Tracer) else index for index in origin]
    _, _, origin = check_key(0, 0, origin)
    head = jnp.stack([_stream_word(stream), jnp.zeros((), jnp.uint32)])
    places = jnp.array([word for index in origin for word in _words(index)], jnp.uint32)
    key = jnp.concatenate([_seed_words(name, seed), head, places])
    return shift_key(key, **traced) if traced else key


def as_key(key: Any) -> jax.Array:
    """What `scan` was given as its key: a key of `make_key`, or what `make_key` takes as a seed."""
    if not _is_typed_key(key):
        array = _array("key", key)
        if array.shape == (WORDS,):
            if array.dtype != jnp.uint32:
                raise TypeError(f"key has dtype {array.dtype}; it must be uint32, as make_key gives it")
            return jnp.asarray(array)
    return _make("key", key, 0, (0, 0, 0))


def shift_key(key: jax.Array, *, batch: Any = 0, time: Any = 0, channel: Any = 0) -> jax.Array:
    """The key whose origin lies that much further on: integers, or integer arrays of JAX (such as a multiple of
    ``jax.lax.axis_index``), of 32 bits or, in JAX's x64 mode, 64."""
    key = as_key(key)
    for axis, steps in (("batch", batch), ("time", time), ("channel", channel)):
        steps = _integer(steps)
        if isinstance(steps, int) and check_place(axis, axis, steps) == 0:
            continue
        low_step, high_step = _split(axis, steps)
        at = _AXES[axis]
        low = key[at] + jnp.uint32(low_step)
        carry = (low < key[at]).astype(jnp.uint32)
        key = key.at[at].set(low).at[at + 1].add(carry + jnp.uint32(high_step))
    return key
