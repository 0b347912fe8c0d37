"""Stochastic parallelizable spiking neurons as fused associative scans.

Module layout (each knows only the ones above it; frameworks are imported by their own modules alone):

- ``_checks``     single values (names, numbers, flags, shapes), refused by one sentence
- ``_sentences``  the C library's refusals in Python's words
- ``_abi``        the C library through ctypes: structs, enums, loading, statuses -> exceptions
- ``_neuron``     `Neuron`: recurrence, firing rule and their numbers, checked; presets
- ``_problem``    `problem(...)`: a cached description of one call (neuron, shape, dtype, device) and its buffer sizes
- ``_shapes``     the axes of x, the shapes of what a call puts out, and how an array's leading axes lie
- ``_dlpack``     DLPack's capsules, read and written
- ``_memory``     anything with memory (NumPy, ``__dlpack__``) -> pointer, dtype, shape, strides, device; our own buffers
- ``_apart``      that outputs share memory with nothing else, where the library does not see it
- ``_arguments``  the rules of a call's arguments that all faces share
- ``_spread``     one decay for all beside one a channel, and its gradient
- ``_frame``      what both passes share on such arrays
- ``arrays``      `scan`, `scan_backward` on them, `describe_plan`;  ``streaming``  `SequenceStream`
- ``decays``      decay conventions of other libraries -> beta;  ``nir``  NIR graphs;  ``plot``  Matplotlib
- ``torch``       `spikescan.torch` (needs PyTorch)
- ``jax``         `spikescan.jax` (needs JAX);  ``experimental`` (Haiku), ``nnx`` (Flax): Spyx's names
- ``doctor``      ``python -m spikescan doctor``
"""

from __future__ import annotations

import importlib
from typing import Any

from spikescan import decays
from spikescan._abi import (
    BackendUnavailableError,
    CudaError,
    OutOfMemoryError,
    SpikescanError,
    UnsupportedError,
    device_count,
    time_units,
    version,
)
from spikescan._neuron import PSU_LIF, SPSN, Neuron, StochasticAssociativeCuBaLIF, StochasticAssociativeLIF
from spikescan.arrays import Gradients, ScanResult, describe_plan, scan, scan_backward
from spikescan.streaming import SequenceStream

__version__ = "0.1.0"  # the library's, and pyproject.toml's

__all__ = [
    "BackendUnavailableError",
    "CudaError",
    "Gradients",
    "Neuron",
    "OutOfMemoryError",
    "PSU_LIF",
    "SPSN",
    "ScanResult",
    "SequenceStream",
    "SpikescanError",
    "StochasticAssociativeCuBaLIF",
    "StochasticAssociativeLIF",
    "UnsupportedError",
    "decays",
    "describe_plan",
    "device_count",
    "scan",
    "scan_backward",
    "time_units",
    "version",
]

# Imported when they are first asked for: each imports its framework.
_MODULES = ("experimental", "jax", "nir", "nnx", "plot", "torch")


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"spikescan.{name}")
    raise AttributeError(f"module 'spikescan' has no attribute {name!r}")
