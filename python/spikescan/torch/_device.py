"""Where a call runs: the library's backend, PyTorch's current stream and device, and scratch memory."""

from __future__ import annotations

import contextlib
import threading
from ctypes import addressof, sizeof
from typing import Any

import torch

from spikescan import _abi
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


def stream_of(device: torch.device) -> int:
    """PyTorch's current stream on a GPU."""
    return torch._C._cuda_getCurrentRawStream(device.index)


_executors: dict[int, _abi.Executor] = {}


def threads() -> int:
    """What a call on the CPU gets in the place of a stream: a pointer, which stays, to as many of OpenMP's threads as
    PyTorch takes itself. The library's OpenMP may be another than the one that PyTorch's wheel brings, and
    torch.set_num_threads reaches that one alone."""
    count = torch.get_num_threads()
    executor = _executors.get(count)
    if executor is None:
        # Of several threads that come here first, all take the same one, or one's would be gone while it is read.
        executor = _executors.setdefault(count, _abi.Executor(sizeof(_abi.Executor), None, count, None))
    return addressof(executor)


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
