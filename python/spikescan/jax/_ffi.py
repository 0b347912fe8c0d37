"""The custom calls: registration of the handlers in libspikescan_xla.so, and one call of them."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

from spikescan import _abi
from spikescan._memory import WORKSPACE_ALIGNMENT
from spikescan.jax._call import Call
from spikescan.jax._varying import result_types

LIBRARY = _abi.XLA_LIBRARY
_PLATFORMS = {"cpu": "cpu", "cuda": "CUDA"}  # the library's name of a backend -> XLA's


@functools.lru_cache(maxsize=None)
def register() -> None:
    """Once a process; needs JAX 0.5 (typed FFI under jax.ffi)."""
    if not hasattr(jax, "ffi"):
        raise ImportError(f"spikescan.jax needs JAX 0.5 or newer; this is {jax.__version__}")
    _abi.version()  # loads what the handlers need: in a wheel the loader would not find it under its versioned name
    library = _abi.open_library("spikescan.jax's library", LIBRARY)
    for backend, platform in _PLATFORMS.items():
        for direction in ("forward", "backward"):
            handler = getattr(library, f"spikescan_xla_{direction}_{backend}")
            jax.ffi.register_ffi_target(f"spikescan_{direction}", jax.ffi.pycapsule(handler), platform=platform)


@functools.lru_cache(maxsize=None)
def _devices() -> tuple[tuple[str, int], ...]:
    """Where a traced call may run; scratch is sized for the hungriest. Tracing does not know which GPU it will be: the sizes
    are those of this thread's current one, by default the first, and the others are taken to be like it."""
    on_gpu = _has_gpu() and _abi.device_count("cuda")
    return (("cpu", 0), ("cuda", 0)) if on_gpu else (("cpu", 0),)


def _has_gpu() -> bool:
    """By default or not: arrays may lie there where the CPU is JAX's first platform."""
    try:
        return bool(jax.devices("cuda"))
    except RuntimeError:  # JAX has no such platform here
        return False


def _workspace_bytes(call: Call, sizes: dict[str, int], x_dtype: Any) -> int:
    problems = [call.problem(sizes, x_dtype, *device) for device in _devices()]
    needed = max(getattr(p, f"{call.direction}_workspace") for p in problems)
    return needed + WORKSPACE_ALIGNMENT if needed else 0


def ffi(call: Call, *operands: jax.Array) -> tuple[jax.Array, ...]:
    """The results of `call`, instances leading; the scratch, an extra result of the custom call, is dropped."""
    register()
    sizes = call.sizes(tuple(o.shape for o in operands))
    x_dtype = operands[0].dtype
    scratch = jax.ShapeDtypeStruct((_workspace_bytes(call, sizes, x_dtype),), jnp.uint8)
    types = result_types([*call.result_types(sizes, x_dtype), scratch], operands)
    function = jax.ffi.ffi_call(
        f"spikescan_{call.direction}", types, input_output_aliases=call.shared_memory(operands, types)
    )
    results = function(*operands, **call.attributes())
    return tuple(results[:-1])
