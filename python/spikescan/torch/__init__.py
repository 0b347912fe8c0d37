"""spikescan inside PyTorch: operators with gradients, under torch.compile, vmap, autocast, DDP and DTensor.

- `scan`              the neuron over x [B, T, channels...]
- `make_key`          seed, stream and origins as the small tensor that the kernels read
- `shift_key`         the key of a piece: on another rank, or further along a sequence
- `scan_time_sharded` a sequence cut in time over the ranks of a process group
- `PSU_LIF`, `StochasticAssociativeLIF`, `StochasticAssociativeCuBaLIF`, `SPSN`: layers; `sigmoid_bernoulli`,
  `refractory_sigmoid_bernoulli`: their firing functions alone

Modules, each of which knows only those before it: ``_call`` (what it computes, static), ``_check``, ``_device``,
``_keys``, ``_plans`` (what is made once for each form of the tensors), ``_execute`` (the C ABI), ``_operators``,
``_in_place``, ``_autograd``, ``_dtensor``, ``_scan``, ``_time``, ``_layers``.
"""

from __future__ import annotations

from spikescan.torch._keys import make_key, shift_key
from spikescan.torch._layers import (
    PSU_LIF,
    SPSN,
    StochasticAssociativeCuBaLIF,
    StochasticAssociativeLIF,
    refractory_sigmoid_bernoulli,
    sigmoid_bernoulli,
)
from spikescan.torch._scan import ScanResult, scan
from spikescan.torch._time import scan_time_sharded

__all__ = [
    "PSU_LIF",
    "SPSN",
    "ScanResult",
    "StochasticAssociativeCuBaLIF",
    "StochasticAssociativeLIF",
    "make_key",
    "refractory_sigmoid_bernoulli",
    "scan",
    "scan_time_sharded",
    "shift_key",
    "sigmoid_bernoulli",
]
