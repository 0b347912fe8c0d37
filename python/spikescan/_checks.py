"""Single values of a call: whatever is none of the kind that an argument takes is refused by one sentence."""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Collection
from typing import Any

import numpy as np


def shown(value: object) -> str:
    """A value as a sentence shows it: on one line, and short however long it is."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # past 4300 digits Python does not write an integer; other classes are not ours
        text = f"of type {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."


def choose(name: str, value: object, allowed: Collection[str], otherwise: str = "") -> None:
    """Refuses a value that is none of the allowed names, and lists them."""
    if not isinstance(value, str) or value not in allowed:
        names = ", ".join(repr(a) for a in allowed)
        kind = ValueError if isinstance(value, str) else TypeError
        raise kind(f"{name} is {shown(value)}; it must be one of {names}{otherwise}")


def as_flag(name: str, value: object) -> bool:
    """True or False; what Python would merely take for one of them is more likely another argument's."""
    if value is True or value is False:
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    raise TypeError(f"{name} is {shown(value)}; it must be True or False")


def as_number(name: str, value: Any, wanted: str = "a number") -> float:
    """The float of a number, or of an array of one element; not of a text, which Python would read."""
    try:
        if not isinstance(value, (str, bytes, bytearray)):
            return float(value)
    except OverflowError:
        raise ValueError(f"{name} is {shown(value)}; it must be finite") from None
    except (TypeError, ValueError):
        pass
    raise TypeError(f"{name} is {shown(value)}; it must be {wanted}")


def as_positive(name: str, value: Any) -> float:
    number = as_number(name, value)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{name} is {number}; it must be finite and more than 0")
    return number


def integer_or_self(value: Any) -> Any:
    """The int of whatever Python counts with, NumPy's integers among it; anything else comes back as it is."""
    if isinstance(value, int):
        return value
    try:
        return operator.index(value)
    except TypeError:
        return value


def as_integer(name: str, value: Any) -> int:
    number = integer_or_self(value)
    if not isinstance(number, int):
        raise TypeError(f"{name} is {shown(value)}; it must be an integer")
    return int(number)  # of True, which counts as 1


def as_count(name: str, value: Any, most: int, most_name: str, least: int = 0) -> int:
    """An integer from `least` to `most`, which the sentence calls `most_name`."""
    if type(value) is int and least <= value <= most:  # what nearly every call has
        return value
    number = as_integer(name, value)
    if not least <= number <= most:
        raise ValueError(f"{name} is {shown(number)}; it must be from {least} to {most_name}")
    return number


def as_shape(name: str, value: Any) -> tuple[int, ...]:
    """The sizes of axes; one integer stands for one axis."""
    given = value if isinstance(value, (tuple, list)) else (value,)
    sizes = tuple(map(integer_or_self, given))
    if not all(isinstance(size, int) for size in sizes):
        raise TypeError(f"{name} is {shown(value)}; it must be an integer or a tuple of integers")
    if not all(0 <= size < 1 << 63 for size in sizes):
        raise ValueError(f"{name} is {shown(value)}; its sizes must be from 0 to 2^63 - 1")
    return tuple(map(int, sizes))


def refuse_masked(name: str, value: Any) -> None:
    """Of a masked array the memory alone is read, in which the masked numbers still are."""
    ma = sys.modules.get("numpy.ma")  # where nobody has imported it, there is no such array
    if ma is not None and isinstance(value, ma.MaskedArray):
        raise TypeError(
            f"{name} is a MaskedArray, whose mask is not read; it must be a plain array, such as its filled(0)"
        )


def is_real(dtype: np.dtype) -> bool:
    """Whether it holds real numbers. Of ml_dtypes' types bfloat16 and others have the kind of structures and of bytes
    without a type, which hold none."""
    return dtype.kind in "biuf" or (dtype.kind == "V" and not issubclass(dtype.type, np.void))


def readable(tensor: Any) -> Any:
    """A PyTorch tensor on the CPU as NumPy reads it: no sign kept apart, and of narrow numbers it has float16 alone."""
    tensor = tensor.resolve_neg()
    return tensor.float() if tensor.is_floating_point() and tensor.element_size() < 4 else tensor


def as_real_array(name: str, value: Any) -> np.ndarray:
    """A NumPy array of a number, or of lists or an array of them; of a PyTorch tensor its numbers alone."""
    refuse_masked(name, value)
    torch = sys.modules.get("torch")  # where nobody has imported it, there is no such tensor
    try:
        if torch is not None and isinstance(value, torch.Tensor):
            array = readable(value.detach().cpu()).numpy()
        else:
            array = np.asarray(value)
        if is_real(array.dtype):
            return array.astype(np.float32) if array.dtype.kind == "V" else array
    except (TypeError, ValueError, RuntimeError):  # lists of unequal lengths, what PyTorch does not convert
        pass
    raise TypeError(f"{name} is {shown(value)}; it must be a number or an array of numbers")
