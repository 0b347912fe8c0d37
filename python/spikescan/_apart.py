"""That outputs share memory with nothing else, for arguments that the library never sees: numbers that are copied, once
a channel or as float32, and the gradient of a copied decay, which is added up from the copy's. All others the library
compares itself, by the same rule.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

from spikescan import _abi
from spikescan._memory import View

_MOST_WORK = 100_000  # strides too entangled for that are taken to share memory


class Argument(NamedTuple):
    name: str
    view: View
    output: bool
    aside: bool = False  # the library sees another array in its place


def check_apart(arguments: list[Argument]) -> None:
    """Raises where an output and another argument, one of them aside, have an element in common."""
    if not any(argument.aside for argument in arguments):
        return
    for one, other in itertools.combinations(arguments, 2):
        if (one.aside or other.aside) and (one.output or other.output) and _share(one.view, other.view):
            output, rest = (one, other) if one.output else (other, one)
            raise ValueError(
                f"{_place(output)} and {_place(rest)} share memory; an output must lie apart from every other argument"
            )


def _share(one: View, other: View) -> bool:
    if one.device != other.device or 0 in one.shape or 0 in other.shape:
        return False
    try:
        # NumPy's stubs know the two numbers that have names, -1 and 0; it documents any count of candidates.
        return np.shares_memory(_addresses(one), _addresses(other), max_work=_MOST_WORK)  # type: ignore[arg-type]
    except RuntimeError:  # NumPy's TooHardError, which has had two places
        return True


class _Interface:
    def __init__(self, v: View) -> None:
        item = _item_bytes(v)
        self.__array_interface__ = {
            "data": (v.pointer, True), "shape": v.shape, "strides": tuple(stride * item for stride in v.strides),
            "typestr": f"|V{item}", "version": 3,
        }  # fmt: skip


def _addresses(v: View) -> np.ndarray:
    """Its elements' addresses, on whatever device: nothing is read."""
    return np.asarray(_Interface(v))


def _item_bytes(v: View) -> int:
    try:
        return _abi.ITEM_BYTES.get(v.dtype) or np.dtype(v.dtype).itemsize
    except TypeError:  # of eight bits or fewer: NumPy has names for all wider ones that hold real numbers
        return 1


def _place(argument: Argument) -> str:
    v = argument.view
    last = sum((size - 1) * abs(stride) for size, stride in zip(v.shape, v.strides))
    return f"{argument.name} (from {v.pointer:#x}, {(last + 1) * _item_bytes(v)} bytes)"
