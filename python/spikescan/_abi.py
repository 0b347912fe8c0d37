"""The C ABI (include/spikescan/spikescan.h) through ctypes: structs, enums, loading, statuses as exceptions.

Names and order follow the header; tests/python/package/test_abi.py compares both with a compiled C program.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Structure, c_char, c_char_p, c_float, c_int, c_int32, c_int64, c_size_t, c_uint32, c_uint64
from ctypes import c_void_p
from pathlib import Path
from typing import Any

from spikescan._checks import choose
from spikescan._sentences import in_python

# ---- Enums: Python names are the header's without SPIKESCAN_, in lower case ----------------------------------------

STATUSES = (
    "ok",
    "invalid_argument",
    "unsupported",
    "backend_unavailable",
    "workspace_too_small",
    "out_of_memory",
    "cuda_error",
    "internal_error",
)
BACKENDS = {"auto": 0, "cpu": 1, "cuda": 2}
DTYPES = {"float32": 0, "float16": 1, "bfloat16": 2, "uint8": 3, "bits32": 4}
RECURRENCES = {"lif": 0, "spsn": 1, "cuba_lif": 2, "psu_lif": 3}
RULES = {"sigmoid_bernoulli": 0, "refractory_sigmoid_bernoulli": 1, "heaviside": 2, "none": 3}
SURROGATES = {"arctan": 0, "superspike": 1, "triangular": 2, "boxcar": 3, "tanh": 4}
GRADIENTS = {"probability": 0, "derivative": 1}

# Of arrays, in which "bits32" is uint32.
ITEM_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2, "uint8": 1, "uint32": 4}


# ---- Exceptions: one a status, so that callers can tell a mistake from a missing GPU -------------------------------


class SpikescanError(RuntimeError):
    """The library refused or failed; the message is its own sentence."""


class UnsupportedError(SpikescanError, NotImplementedError):
    """Legal in the model, not built or reserved for later."""


class BackendUnavailableError(SpikescanError):
    """The backend asked for is not built in, or has no usable device."""


class OutOfMemoryError(SpikescanError, MemoryError):
    """An allocation of host or device memory failed."""


class CudaError(SpikescanError):
    """The CUDA runtime refused a call."""


_EXCEPTIONS: dict[int, type[Exception]] = {
    1: ValueError,
    2: UnsupportedError,
    3: BackendUnavailableError,
    4: SpikescanError,
    5: OutOfMemoryError,
    6: CudaError,
    7: SpikescanError,
}


# ---- Structs -------------------------------------------------------------------------------------------------------


class Description(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("backend", c_int),
        ("recurrence", c_int),
        ("rule", c_int),
        ("surrogate", c_int),
        ("gradient", c_int),
        ("shared_decay", c_int32),
        ("threshold", c_float),
        ("k", c_float),
        ("max_prob", c_float),
        ("batch", c_int64),
        ("time", c_int64),
        ("channels", c_int64),
        ("batch_origin", c_int64),
        ("time_origin", c_int64),
        ("channel_origin", c_int64),
        ("dtype", c_int),
        ("threshold_per_channel", c_void_p),
        ("k_per_channel", c_void_p),
        ("cumulative_lengths", c_void_p),
        ("decay_per_step", c_void_p),
    ]


class Tensor(Structure):
    _fields_ = [("data", c_void_p), ("dtype", c_int), ("stride_batch", c_int64), ("stride_time", c_int64)]


class State(Structure):
    _fields_ = [("data", c_void_p), ("stride_batch", c_int64)]


class DeviceKey(Structure):
    _fields_ = [
        ("seed", c_uint64),
        ("stream", c_uint32),
        ("reserved", c_uint32),
        ("batch_origin", c_int64),
        ("time_origin", c_int64),
        ("channel_origin", c_int64),
    ]


class ForwardArgs(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("x", Tensor),
        ("beta", c_void_p),
        ("alpha", c_void_p),
        ("initial_state", State * 2),
        ("seed", c_uint64),
        ("stream", c_uint32),
        ("device_key", c_void_p),
        ("uniforms", Tensor),
        ("spikes", Tensor),
        ("membrane", Tensor),
        ("final_state", State * 2),
        ("saved", c_void_p),
        ("saved_bytes", c_size_t),
        ("workspace", c_void_p),
        ("workspace_bytes", c_size_t),
        ("spike_counts", c_void_p),
    ]


class BackwardArgs(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("x", Tensor),
        ("beta", c_void_p),
        ("alpha", c_void_p),
        ("initial_state", State * 2),
        ("saved", c_void_p),
        ("saved_bytes", c_size_t),
        ("grad_spikes", Tensor),
        ("grad_membrane", Tensor),
        ("grad_final_state", State * 2),
        ("grad_x", Tensor),
        ("grad_beta", c_void_p),
        ("grad_alpha", c_void_p),
        ("grad_initial_state", State * 2),
        ("workspace", c_void_p),
        ("workspace_bytes", c_size_t),
    ]


class Sizes(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("forward_workspace", c_size_t),
        ("backward_workspace", c_size_t),
        ("saved", c_size_t),
    ]


class DeviceInfo(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("name", c_char * 256),
        ("processors", c_int32),
        ("compute_major", c_int32),
        ("compute_minor", c_int32),
        ("memory_bytes", c_int64),
        ("l2_bytes", c_int64),
        ("runtime_version", c_int32),
        ("driver_version", c_int32),
        ("instruction_set", c_char * 32),
    ]


class Executor(Structure):
    _fields_ = [("struct_size", c_size_t), ("context", c_void_p), ("threads", c_int32), ("run", c_void_p)]


STRUCTS = {
    "spikescan_description": Description,
    "spikescan_tensor": Tensor,
    "spikescan_state": State,
    "spikescan_device_key": DeviceKey,
    "spikescan_forward_args": ForwardArgs,
    "spikescan_backward_args": BackwardArgs,
    "spikescan_sizes": Sizes,
    "spikescan_device_info": DeviceInfo,
    "spikescan_executor": Executor,
}

# ---- Loading -------------------------------------------------------------------------------------------------------

FOLDER = Path(__file__).parent
LIBRARY = FOLDER / "libspikescan.so"
XLA_LIBRARY = FOLDER / "libspikescan_xla.so"

_SIGNATURES = {
    "spikescan_query_sizes": (c_int, [POINTER(Description), POINTER(Sizes)]),
    "spikescan_forward": (c_int, [POINTER(Description), POINTER(ForwardArgs), c_void_p]),
    "spikescan_backward": (c_int, [POINTER(Description), POINTER(BackwardArgs), c_void_p]),
    "spikescan_time_units": (None, [POINTER(c_int64), POINTER(c_int64)]),
    "spikescan_describe_plan": (c_int, [POINTER(Description), c_char_p, c_size_t]),
    "spikescan_last_error": (c_char_p, []),
    "spikescan_version": (c_char_p, []),
    "spikescan_version_number": (c_int32, []),
    "spikescan_backend_built": (c_int32, [c_int]),
    "spikescan_device_count": (c_int, [c_int, POINTER(c_int32)]),
    "spikescan_query_device": (c_int, [c_int, c_int32, POINTER(DeviceInfo)]),
    "spikescan_allocate": (c_int, [c_int, c_size_t, POINTER(c_void_p)]),
    "spikescan_free": (c_int, [c_int, c_void_p]),
    "spikescan_copy": (c_int, [c_int, c_void_p, c_void_p, c_size_t, c_void_p]),
    "spikescan_fill": (c_int, [c_int, c_void_p, c_int32, c_size_t, c_void_p]),
    "spikescan_stream_synchronize": (c_int, [c_int, c_void_p]),
}


class _Library:
    """The loaded library; loads at the first use, so that `python -m spikescan doctor` can say why it does not."""

    def __getattr__(self, name: str) -> Any:
        if name not in _SIGNATURES:
            raise AttributeError(name)
        library = _load()
        for function in _SIGNATURES:
            setattr(self, function, getattr(library, function))
        return getattr(library, name)


def open_library(name: str, path: Path) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise ImportError(
            f"{name} does not load from {path}: {error}. Install the package again with `pip install .`"
        ) from error


def _load() -> ctypes.CDLL:
    library = open_library("spikescan's library", LIBRARY)
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library


lib = _Library()


def check(status: int) -> None:
    """Raises the exception of a status that is not SPIKESCAN_OK, with the library's sentence in Python's words."""
    if status == 0:
        return
    sentence = in_python(lib.spikescan_last_error().decode())
    raise _EXCEPTIONS.get(status, SpikescanError)(sentence or f"spikescan: {STATUSES[status]}")


# ---- Small questions -----------------------------------------------------------------------------------------------


def version() -> str:
    """The library's version, "0.1.0"."""
    return lib.spikescan_version().decode()


def time_units() -> tuple[int, int]:
    """(split_steps, saved_steps): a sequence cut at multiples of split_steps keeps its bits; a state is saved every
    saved_steps."""
    split, saved = c_int64(), c_int64()
    lib.spikescan_time_units(split, saved)
    return split.value, saved.value


def backend_built(backend: str) -> bool:
    """Whether "cpu" or "cuda" is compiled into this library."""
    return bool(lib.spikescan_backend_built(BACKENDS[backend]))


def device_count(backend: str = "cuda") -> int:
    """Usable devices of a backend; 0 for "cuda" where there is no driver or no device."""
    choose("backend", backend, ("cpu", "cuda"))
    if not backend_built(backend):
        return 0
    count = c_int32()
    check(lib.spikescan_device_count(BACKENDS[backend], count))
    return count.value


def query_device(backend: str, device: int = 0) -> DeviceInfo:
    info = DeviceInfo(struct_size=ctypes.sizeof(DeviceInfo))
    check(lib.spikescan_query_device(BACKENDS[backend], device, info))
    return info
