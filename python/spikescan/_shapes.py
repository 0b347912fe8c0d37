"""The axes of x and the shapes of what a call puts out, for all faces alike. Sizes may be a compiler's symbols."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

PACKED_STEPS = 32  # in a word of "bits32"


class OutputShapes(NamedTuple):
    """spikes: S as asked for; membrane: V; state: each state after the last step, and each initial one."""

    spikes: tuple[Any, ...]
    membrane: tuple[Any, ...]
    state: tuple[Any, ...]


def batch_and_time(x_shape: Sequence[Any], time_first: bool) -> tuple[Any, Any]:
    first, second = x_shape[0], x_shape[1]
    return (second, first) if time_first else (first, second)


def packed_words(time: Any) -> Any:
    """Words along the time axis of "bits32" spikes, the last one filled up with zeros."""
    return (time + PACKED_STEPS - 1) // PACKED_STEPS


def output_shapes(x_shape: Sequence[Any], time_first: bool, spikes: str | None) -> OutputShapes:
    """Of x [B, T, channels...] ([T, B, channels...] with `time_first`); `spikes` is the name of their dtype, if any."""
    shape = packed = tuple(x_shape)
    batch, time = batch_and_time(shape, time_first)
    if spikes == "bits32":
        words = packed_words(time)
        packed = ((words, batch) if time_first else (batch, words)) + shape[2:]
    return OutputShapes(packed, shape, (batch, *shape[2:]))
