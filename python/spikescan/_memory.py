"""Anything with memory -> pointer, dtype, shape, strides and device, without a copy; and buffers of our own."""

from __future__ import annotations

import ctypes
import functools
import math
import sys
import threading
from typing import Any, Callable, NamedTuple

import numpy as np

from spikescan import _abi, _dlpack
from spikescan._checks import refuse_masked
from spikescan._shapes import leading_strides

WORKSPACE_ALIGNMENT = 256
# Rows of an output that begin on a cache line can be stored past the caches, which the library does from so many bytes
# on (kStreamingBytes in kernels/cpu/streaming_bytes.h).
LINE = 64
LARGE = 4 << 20
_NO_ELEMENTS = (ctypes.c_uint64 * 8)()
# Stands for the null pointer of an array without elements, as PyTorch has it; to the library null means absent.
ELSEWHERE = ctypes.addressof(_NO_ELEMENTS)
FLOATING = ("float32", "float16", "bfloat16")


class View(NamedTuple):
    """Memory that somebody else owns. Strides count elements."""

    pointer: int
    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    device: tuple[str, int]
    writable: bool
    owner: Any


class DeviceArray:
    """Contiguous CUDA memory that the library allocated, for outputs nobody brought memory for.

    Take it over without a copy with ``torch.from_dlpack``, ``cupy.from_dlpack`` or ``jax.dlpack.from_dlpack``.
    """

    def __init__(self, shape: tuple[int, ...], dtype: str, device: tuple[str, int]) -> None:
        self.shape, self.dtype, self.device = shape, dtype, device
        self.nbytes = math.prod(shape) * _abi.ITEM_BYTES[dtype]
        self._memory = ctypes.c_void_p()
        _abi.check(_abi.lib.spikescan_allocate(_abi.BACKENDS["cuda"], self.nbytes, self._memory))

    @property
    def pointer(self) -> int:
        return self._memory.value or 0

    def __dlpack__(self, *, stream: Any = None, **_: Any) -> Any:
        """The work that fills the array was enqueued on the `cuda_stream` of the call: consume it on that stream."""
        return _dlpack.write_capsule(self, self.pointer, self.dtype, self.shape, self.__dlpack_device__())

    def __dlpack_device__(self) -> tuple[int, int]:
        return _dlpack.CUDA, self.device[1]

    def __repr__(self) -> str:
        return f"spikescan.DeviceArray(shape={self.shape}, dtype={self.dtype}, device=cuda:{self.device[1]})"

    def __del__(self) -> None:
        memory = getattr(self, "_memory", None)
        if memory is not None and memory.value:
            _abi.lib.spikescan_free(_abi.BACKENDS["cuda"], memory)


Array = Any  # np.ndarray, DeviceArray, or anything with __dlpack__ and __dlpack_device__


def view(name: str, array: Array, cuda_stream: int = 0) -> View:
    """Looks into an array; `name` is for the error messages."""
    if isinstance(array, np.ndarray):
        if type(array) is not np.ndarray:
            refuse_masked(name, array)
        return _numpy_view(name, array)
    if isinstance(array, DeviceArray):
        strides = _dlpack.contiguous_strides(array.shape)
        return View(array.pointer, array.dtype, array.shape, strides, array.device, True, array)
    if not hasattr(array, "__dlpack__") or not hasattr(array, "__dlpack_device__"):
        raise TypeError(
            f"{name} is a {type(array).__name__}; it must be a NumPy array or have __dlpack__ (CuPy, PyTorch, JAX)"
        )
    if _ask(name, getattr(array, "is_neg", bool)):  # of a PyTorch tensor, which DLPack says nothing of
        raise ValueError(f"{name} keeps its numbers' sign apart (is_neg); it must be its resolve_neg()")
    kind, number = _ask(name, array.__dlpack_device__)
    if int(kind) not in _dlpack.DEVICE_KINDS:
        raise ValueError(f"{name} is on a device of DLPack type {int(kind)}; it must be on the CPU or a CUDA device")
    device = (_dlpack.DEVICE_KINDS[int(kind)], int(number) if int(kind) != _dlpack.CUDA_HOST else 0)
    # DLPack calls CUDA's legacy default stream 1: 0 is ambiguous there.
    options = {"stream": cuda_stream or 1} if device[0] == "cuda" else {}
    capsule = _ask(name, lambda: _dlpack.ask_capsule(array, **options))
    pointer, dtype, shape, strides, writable = _dlpack.read_capsule(capsule)
    if not pointer and 0 in shape:
        pointer = ELSEWHERE
    return View(pointer, dtype, shape, strides, device, writable and not _is_of_jax(array), capsule)


def _ask(name: str, question: Callable[[], Any]) -> Any:
    """What an array answers about its memory; where it hands none out, its library says why."""
    try:
        return question()
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"{name} hands out no memory through DLPack: {error}") from error


def _is_of_jax(array: Array) -> bool:
    """JAX's arrays are immutable, and its capsules (up to JAX 0.10 at least) do not say so."""
    jax = sys.modules.get("jax")  # where nobody has imported it, there is no such array
    return jax is not None and isinstance(array, jax.Array)


@functools.lru_cache(maxsize=64)
def _facts(dtype: np.dtype) -> tuple[int, bool, str]:
    """(bytes, in this machine's order, name); NumPy makes a name anew each time it is asked."""
    return dtype.itemsize or 1, dtype.isnative, dtype.name  # types without a byte are refused by their name later


def _numpy_view(name: str, array: np.ndarray) -> View:
    item, is_native, dtype = _facts(array.dtype)
    strides = tuple([step // item for step in array.strides])
    if tuple([stride * item for stride in strides]) != array.strides:
        raise ValueError(f"{name} has byte strides {array.strides}; they must be multiples of its item size {item}")
    if not is_native:
        raise ValueError(f"{name} has dtype {array.dtype}; it must be in this machine's byte order")
    return View(array.ctypes.data, dtype, array.shape, strides, ("cpu", 0), array.flags.writeable, array)


def numpy_dtype(dtype: str) -> np.dtype:
    """The NumPy dtype of a name; bfloat16 needs the package ml_dtypes."""
    if dtype != "bfloat16":
        return np.dtype("uint32" if dtype == "bits32" else dtype)
    try:
        import ml_dtypes
    except ImportError:
        raise ImportError("bfloat16 arrays in NumPy need the package ml_dtypes: pip install ml_dtypes") from None
    return np.dtype(ml_dtypes.bfloat16)


def empty(shape: tuple[int, ...], dtype: str, device: tuple[str, int]) -> Array:
    """Memory for an output: a NumPy array or a `DeviceArray`."""
    if device[0] == "cpu":
        return _empty_on_lines(shape, numpy_dtype(dtype))
    return DeviceArray(shape, "uint32" if dtype == "bits32" else dtype, device)


def _empty_on_lines(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """`np.empty`, whose large arrays begin 16 bytes into a page, from the next cache line on."""
    size = math.prod(shape) * dtype.itemsize
    if size < LARGE:
        return np.empty(shape, dtype)
    memory = np.empty(size + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + size].view(dtype).reshape(shape)


def is_one_value(v: View) -> bool:
    """Whether all elements are the same memory, as of an array that was broadcast from one."""
    return math.prod(v.shape) > 1 and all(n == 1 or s == 0 for n, s in zip(v.shape, v.strides))


def is_read_in_place(v: View, leading: int) -> bool:
    """Whether the library takes it as it lies: no channels apart, and no axis before them backwards."""
    strides = leading_strides(v.shape, v.strides, leading)
    return strides is not None and min(strides, default=0) >= 0


def collapse(name: str, v: View, leading: int) -> tuple[int, ...]:
    """Strides of the first `leading` axes of a view whose other axes are one contiguous run of channels."""
    strides = leading_strides(v.shape, v.strides, leading)
    if strides is None:
        fault = f"the channels (its axes from {leading} on) must be contiguous"
    elif min(strides, default=0) < 0:
        fault = "its strides must be at least 0"
    else:
        return strides
    raise ValueError(f"{name} has shape {v.shape} and strides {v.strides}; {fault}. Pass a contiguous copy of {name}")


def aligned(address: int) -> int:
    """Where in memory from there on a workspace may begin."""
    return -(-address // WORKSPACE_ALIGNMENT) * WORKSPACE_ALIGNMENT


class Workspace:
    """Aligned scratch of one call; on CUDA kept for each stream and use, since its work is still running when a call
    returns."""

    _kept = threading.local()

    def __init__(self, size: int, device: tuple[str, int], cuda_stream: int, use: str = "workspace") -> None:
        self.size = size
        if size == 0:
            self.pointer: int | None = None
        elif device[0] == "cpu":
            self._memory: Any = np.empty(size + WORKSPACE_ALIGNMENT, np.uint8)
            self.pointer = aligned(self._memory.ctypes.data)
        else:
            self.pointer = self._device_memory(size, device, cuda_stream, use).pointer

    @classmethod
    def _device_memory(cls, size: int, device: tuple[str, int], cuda_stream: int, use: str) -> DeviceArray:
        kept: dict[Any, DeviceArray] = cls._kept.__dict__.setdefault("arrays", {})
        memory = kept.get((device, cuda_stream, use))
        if memory is None or memory.nbytes < size:
            memory = kept[device, cuda_stream, use] = DeviceArray((size,), "uint8", device)
        return memory
