"""The axes of x, the shapes of what a call puts out, how an array's leading axes lie: for all faces alike.

Sizes may be a compiler's symbols.
"""

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


def product(sizes: Sequence[Any]) -> Any:
    """As `math.prod`, of a compiler's symbols, too."""
    result = 1
    for size in sizes:
        result = result * size
    return result


def single_steps(shape: Sequence[Any]) -> tuple[Any, ...]:
    """The shape in which a firing rule alone runs over membranes of any shape, element by element.

    A scan of single steps, whose membrane is its input: over more steps even a decay of 0 would carry infinity on, as
    0 times infinity. So the last axis counts as channels, all others in row-major order as batch, and time is 0.
    """
    return (product(shape[:-1]), 1, *shape[-1:])


def leading_strides(shape: Sequence[int], strides: Sequence[int], leading: int) -> tuple[int, ...] | None:
    """Strides of the first `leading` axes; None where the others are not one contiguous run of channels."""
    if 0 in shape:
        return (0,) * leading
    step = 1
    for size, stride in zip(reversed(shape[leading:]), reversed(strides[leading:])):
        if size != 1 and stride != step:
            return None
        step *= size
    # An axis of one element may have any stride: the library wants one that is not negative.
    return tuple([0 if size == 1 else stride for size, stride in zip(shape[:leading], strides[:leading])])


def packed_words(time: Any) -> Any:
    """Words along the time axis of "bits32" spikes, the last one filled up with zeros."""
    return (time + PACKED_STEPS - 1) // PACKED_STEPS


def check_packed_pieces(time: int, pieces: int, spikes: str | None) -> None:
    """Refuses pieces of `time` steps that do not begin at whole words: each of the processes or devices that have a
    piece can tell before anything is exchanged, and none waits for another that has refused."""
    if spikes == "bits32" and pieces > 1 and time % PACKED_STEPS:
        raise ValueError(
            f"x's time axis has {time} steps; with spikes 'bits32' it must have a multiple of {PACKED_STEPS} where the "
            f"sequence is cut into more than one piece, and here it is cut into {pieces}"
        )


def output_shapes(x_shape: Sequence[Any], time_first: bool, spikes: str | None) -> OutputShapes:
    """Of x [B, T, channels...] ([T, B, channels...] with `time_first`); `spikes` is the name of their dtype, if any."""
    shape = packed = tuple(x_shape)
    batch, time = batch_and_time(shape, time_first)
    if spikes == "bits32":
        words = packed_words(time)
        packed = ((words, batch) if time_first else (batch, words)) + shape[2:]
    return OutputShapes(packed, shape, (batch, *shape[2:]))
