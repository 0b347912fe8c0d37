"""The key of the random numbers as an int64[5] tensor, spikescan_device_key in words: (seed, stream, batch, time and
channel origin). It is data: a new seed, step or origin compiles nothing anew; a CUDA graph reads it at every replay.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from spikescan._arguments import check_key, check_place, check_seed
from spikescan._checks import integer_or_self, shown
from spikescan.torch._check import KEY_WORDS, check_tensor, name_of
from spikescan.torch._device import as_device


_SEEDS = 2**63 - 1


def _integer(value: Any) -> Any:
    """The int of every integer but a tensor, which may lie on a device; anything else comes back as it is."""
    return value if value is None or isinstance(value, (Tensor, torch.Generator)) else integer_or_self(value)


def _kind(value: Any) -> str:
    """What an error says of a tensor, dtype and shape, and of anything else, its value."""
    return f"{name_of(value.dtype)}{list(value.shape)}" if isinstance(value, Tensor) else shown(value)


def _signed(word: int) -> int:
    return word - (1 << 64) if word >= 1 << 63 else word


def _fill(words: tuple[int, ...], device: Any) -> Tensor:
    """The words by kernels of the device: a copy from the host would wait, and no CUDA graph could capture it."""
    return torch.cat([torch.full((1,), word, dtype=torch.int64, device=device) for word in words])


def _constant(words: tuple[int, ...], device: torch.device | None) -> Tensor:
    if device is None or device.type == "cpu":
        return torch.tensor(words, dtype=torch.int64, device=device)
    return _fill(words, device)


def _draw(generator: torch.Generator | None, device: Any) -> Tensor:
    return torch.randint(_SEEDS, (1,), generator=generator, device=device, dtype=torch.int64)


def draw_seed(generator: torch.Generator | None) -> int:
    """The seed that `make_key` would draw, as an integer: for plain calls on the CPU, where a tensor would only cost."""
    return int(_draw(generator, "cpu"))


def draw_key(generator: torch.Generator | None, device: torch.device) -> Tensor:
    """The key that `make_key` would draw there, with two kernels in the place of seven: for plain calls on a GPU."""
    key = torch.zeros(KEY_WORDS, dtype=torch.int64, device=device)
    key[:1].random_(0, _SEEDS, generator=generator)
    return key


def make_key(
    seed: int | Tensor | torch.Generator | None = None,
    stream: int = 0,
    origin: tuple[int, int, int] = (0, 0, 0),
    *,
    device: Any = None,
) -> Tensor:
    """The key that `scan` takes, int64[5].

    Args:
      seed: an integer up to 2^64 - 1; a one-element int64 tensor; a ``torch.Generator``, or None for the device's own
        one (``torch.manual_seed`` seeds it). From a generator the seed is one draw of
        ``torch.randint(2**63 - 1, (1,), generator=...)`` on the generator's device.
      stream: tells layers and steps apart; up to 2^32 - 1.
      origin: (batch, time, channel) index of x's first element in the whole.
      device: where the call runs; by default the generator's or the seed tensor's device, else PyTorch's default
        device, on which x is made as well.
    """
    device = as_device(device)
    seed = _integer(seed)
    if isinstance(seed, int):
        seed, stream, origin = check_key(seed, stream, origin)
        return _constant((_signed(seed), stream, *origin), device)
    if isinstance(seed, Tensor):
        check_tensor("seed", seed)
    _, stream, origin = check_key(0, stream, origin)
    if isinstance(seed, Tensor) and seed.dtype == torch.int64 and seed.numel() == 1:
        word = seed.reshape(1)
    elif seed is None or isinstance(seed, torch.Generator):
        word = _draw(seed, device if seed is None else seed.device)
    else:
        raise TypeError(f"seed is {_kind(seed)}; it must be an integer, a one-element int64 tensor or a generator")
    if device is not None and word.device != device:
        word = word.to(device, non_blocking=True)
    return torch.cat([word, _constant((stream, *origin), word.device)])


def as_key(key: Any, device: torch.device | None) -> Tensor:
    """What `scan` was given as its key: a key of `make_key`, or a seed as an integer or a one-element int64 tensor, of
    which a key is made on the device (None: as `make_key` does by default)."""
    key = _integer(key)
    if isinstance(key, int):
        return make_key(check_seed("key", key), device=device)
    if isinstance(key, Tensor):
        check_tensor("key", key)
    if not isinstance(key, Tensor) or key.dtype != torch.int64:
        allowed = f"an integer, a one-element int64 tensor or a key of make_key, which is int64[{KEY_WORDS}]"
        raise TypeError(f"key is {_kind(key)}; it must be {allowed}")
    if key.numel() == 1:
        return make_key(key, device=device)
    if tuple(key.shape) != (KEY_WORDS,):
        raise ValueError(
            f"key has shape {tuple(key.shape)}; it must be ({KEY_WORDS},), as make_key gives it, or one int64 as a seed"
        )
    return key


def shift_key(key: int | Tensor, *, batch: Any = 0, time: Any = 0, channel: Any = 0) -> Tensor:
    """The key whose origin lies that much further on: integers, or one-element integer tensors. Of a seed a key is made
    where `make_key` makes it."""
    key = as_key(key, None)
    steps = {"batch": _integer(batch), "time": _integer(time), "channel": _integer(channel)}
    for axis, count in steps.items():
        if isinstance(count, Tensor):
            check_tensor(axis, count)
        if isinstance(count, int):
            check_place(axis, axis, count)
        elif not isinstance(count, Tensor) or count.numel() != 1 or count.is_floating_point() or count.is_complex():
            raise TypeError(f"{axis} is {_kind(count)}; it must be an integer or a one-element integer tensor")
    if all(isinstance(count, int) for count in steps.values()):
        return key + _constant((0, 0, *steps.values()), key.device)
    for at, count in enumerate(steps.values(), 2):
        if not isinstance(count, int):
            word = count.to(key.device, torch.int64).reshape(1)
        elif count:
            word = torch.full((1,), count, dtype=torch.int64, device=key.device)  # as in `_fill`
        else:
            continue
        key = key + torch.nn.functional.pad(word, (at, KEY_WORDS - 1 - at))
    return key
