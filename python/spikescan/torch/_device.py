"""Where a call runs: the library's backend, PyTorch's current stream and device, and scratch memory."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import torch

from spikescan._checks import shown
from spikescan._memory import WORKSPACE_ALIGNMENT, aligned

NOTHING = contextlib.nullcontext()


def as_device(device: Any) -> torch.device | None:
    if device is None or isinstance(device, torch.device):
        return device
    try:
        return torch.device(device)
    except (RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"device is {shown(device)}; it must be a device of PyTorch: {error}") from error


def backend_of(device: torch.device) -> str:
    return device.type


def stream_of(device: torch.device) -> int | None:
    """PyTorch's current stream there; the CPU has none."""
    if device.type == "cpu":
        return None
    return torch._C._cuda_getCurrentRawStream(device.index)


def on(device: torch.device) -> Any:
    """Makes the device current, where it is not, for the time of a ``with``."""
    # The tensor is there, so CUDA is: torch.cuda.current_device() would ask.
    if device.type == "cpu" or torch._C._cuda_getDevice() == device.index:
        return NOTHING
    return torch.cuda.device(device)


class CpuScratch(threading.local):
    """A small workspace that each thread keeps: a call on the CPU is done with it when it returns."""

    largest = 1 << 20

    def __init__(self) -> None:
        self._memory = torch.empty(0, dtype=torch.uint8, device="cpu")
        self._size = self._pointer = 0

    def pointer(self, size: int) -> int:
        if size > self._size:
            self._memory = torch.empty(size + WORKSPACE_ALIGNMENT, dtype=torch.uint8, device="cpu")
            self._size, self._pointer = size, aligned(self._memory.data_ptr())
        return self._pointer
