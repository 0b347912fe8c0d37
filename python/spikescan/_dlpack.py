"""DLPack through ctypes: reading a producer's capsule, and writing one for device memory of our own."""

from __future__ import annotations

import ctypes
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char_p,
    c_int,
    c_int32,
    c_int64,
    c_uint8,
    c_uint16,
    c_uint32,
    c_uint64,
    c_void_p,
)
from typing import Any

CPU, CUDA, CUDA_HOST, CUDA_MANAGED = 1, 2, 3, 13
DEVICE_KINDS = {CPU: "cpu", CUDA: "cuda", CUDA_HOST: "cpu", CUDA_MANAGED: "cuda"}
_INTEGER, _UNSIGNED, _FLOAT, _BFLOAT, _COMPLEX = 0, 1, 2, 4, 5
_CODES = {
    "float32": (_FLOAT, 32),
    "float16": (_FLOAT, 16),
    "bfloat16": (_BFLOAT, 16),
    "uint8": (_UNSIGNED, 8),
    "uint32": (_UNSIGNED, 32),
}
_NAMES = {code: name for name, code in _CODES.items()} | {(6, 8): "bool"}
_SMALL_FLOATS = (  # the codes from 7 on
    "float8_e3m4", "float8_e4m3", "float8_e4m3b11fnuz", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2",
    "float8_e5m2fnuz", "float8_e8m0fnu", "float6_e2m3fn", "float6_e3m2fn", "float4_e2m1fn",
)  # fmt: skip


class DLTensor(Structure):
    _fields_ = [
        ("data", c_void_p),
        ("device_type", c_int32),
        ("device_id", c_int32),
        ("ndim", c_int32),
        ("code", c_uint8),
        ("bits", c_uint8),
        ("lanes", c_uint16),
        ("shape", POINTER(c_int64)),
        ("strides", POINTER(c_int64)),
        ("byte_offset", c_uint64),
    ]


class DLManagedTensor(Structure):
    _fields_ = [("tensor", DLTensor), ("context", c_void_p), ("deleter", c_void_p)]


class DLManagedTensorVersioned(Structure):
    """Of DLPack 1, which can say that memory must not be written."""

    _fields_ = [
        ("major", c_uint32),
        ("minor", c_uint32),
        ("context", c_void_p),
        ("deleter", c_void_p),
        ("flags", c_uint64),
        ("tensor", DLTensor),
    ]


_api = ctypes.pythonapi
_get_pointer = ctypes.PYFUNCTYPE(c_void_p, ctypes.py_object, c_char_p)(("PyCapsule_GetPointer", _api))
_pointer_of_dying = ctypes.PYFUNCTYPE(c_void_p, c_void_p, c_char_p)(("PyCapsule_GetPointer", _api))
_is_valid_dying = ctypes.PYFUNCTYPE(c_int, c_void_p, c_char_p)(("PyCapsule_IsValid", _api))
_new_capsule = ctypes.PYFUNCTYPE(ctypes.py_object, c_void_p, c_char_p, c_void_p)(("PyCapsule_New", _api))
_is_valid = ctypes.PYFUNCTYPE(c_int, ctypes.py_object, c_char_p)(("PyCapsule_IsValid", _api))
_NAME, _VERSIONED = b"dltensor", b"dltensor_versioned"
_READ_ONLY = 1  # of a versioned tensor's flags


def contiguous_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


def dtype_name(code: int, bits: int, lanes: int) -> str:
    if lanes == 1 and (code, bits) in _NAMES:
        return _NAMES[code, bits]
    if lanes == 1 and 7 <= code < 7 + len(_SMALL_FLOATS):
        return _SMALL_FLOATS[code - 7]
    kinds = {_INTEGER: "int", _UNSIGNED: "uint", _FLOAT: "float", _BFLOAT: "bfloat", _COMPLEX: "complex"}
    kind = kinds.get(code, f"type code {code} of ")
    return f"{kind}{bits}" + (f" x {lanes}" if lanes != 1 else "")


def ask_capsule(array: Any, **options: Any) -> Any:
    """The array's capsule, of DLPack 1 where its producer knows that; older ones do not take the question."""
    try:
        return array.__dlpack__(max_version=(1, 0), **options)
    except TypeError:
        return array.__dlpack__(**options)


def read_capsule(capsule: Any) -> tuple[int, str, tuple[int, ...], tuple[int, ...], bool]:
    """(address, dtype name, shape, strides in elements, writable). The memory lives as long as the capsule."""
    writable = True  # without a version the producer cannot say otherwise
    if _is_valid(capsule, _VERSIONED):
        managed = ctypes.cast(_get_pointer(capsule, _VERSIONED), POINTER(DLManagedTensorVersioned)).contents
        if managed.major != 1:
            raise ValueError(f"a capsule has DLPack version {managed.major}.{managed.minor}; it must be 1, as asked for")
        writable = not managed.flags & _READ_ONLY
        tensor = managed.tensor
    else:
        tensor = ctypes.cast(_get_pointer(capsule, _NAME), POINTER(DLManagedTensor)).contents.tensor
    shape = tuple(tensor.shape[i] for i in range(tensor.ndim))
    strides = tuple(tensor.strides[i] for i in range(tensor.ndim)) if tensor.strides else contiguous_strides(shape)
    name = dtype_name(tensor.code, tensor.bits, tensor.lanes)
    return (tensor.data or 0) + tensor.byte_offset, name, shape, strides, writable


# ---- Export: what a capsule points to stays in _exports until its consumer calls the deleter ------------------------

_exports: dict[int, tuple[Any, ...]] = {}


@CFUNCTYPE(None, c_void_p)
def _deleter(managed: int) -> None:
    _exports.pop(managed, None)


@ctypes.PYFUNCTYPE(None, c_void_p)
def _capsule_destructor(capsule: int) -> None:
    if _is_valid_dying(capsule, _NAME):  # nobody consumed it
        _exports.pop(_pointer_of_dying(capsule, _NAME), None)


def write_capsule(owner: Any, address: int, dtype: str, shape: tuple[int, ...], device: tuple[int, int]) -> Any:
    """A capsule of contiguous memory that keeps `owner` alive."""
    sizes = (c_int64 * len(shape))(*shape)
    steps = (c_int64 * len(shape))(*contiguous_strides(shape))
    code, bits = _CODES[dtype]
    tensor = DLTensor(address, device[0], device[1], len(shape), code, bits, 1, sizes, steps, 0)
    managed = DLManagedTensor(tensor, None, ctypes.cast(_deleter, c_void_p))
    place = ctypes.addressof(managed)
    _exports[place] = (managed, sizes, steps, owner)
    return _new_capsule(place, _NAME, ctypes.cast(_capsule_destructor, c_void_p))
