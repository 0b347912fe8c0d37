"""spikescan inside JAX: one XLA custom call a pass, with gradients, vmap, sharding and keys that never recompile.

- `scan`              the neuron over x [B, T, channels...]
- `make_key`          seed, stream and origins as the small array that the kernels read
- `shift_key`         the key of a piece: under ``shard_map``, or further along a sequence
- `scan_time_sharded` a sequence cut in time over the devices of a mesh axis

Modules, each of which knows only those before it: ``_arrays``, ``_keys``, ``_call`` (what a call holds, static),
``_varying`` (mesh axes inside ``shard_map``), ``_explicit`` (Explicit mesh axes), ``_ffi`` (custom calls), ``_sharding``,
``_vmap``, ``_scan``, ``_time``, ``_spyx`` (what `spikescan.experimental` and `spikescan.nnx` share).
"""

from __future__ import annotations

from spikescan.jax._keys import make_key, shift_key
from spikescan.jax._scan import ScanResult, scan
from spikescan.jax._time import scan_time_sharded

__all__ = ["ScanResult", "make_key", "scan", "scan_time_sharded", "shift_key"]
