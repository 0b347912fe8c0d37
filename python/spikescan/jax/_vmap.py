"""vmap: mapped axes become the instance axis that every operand carries, and the handler runs the instances in turn.

Each instance keeps its own key and counts its batch from its own origin, so mapping draws what single calls would.
"""

from __future__ import annotations

import functools
from typing import Any, Callable

import jax
import jax.numpy as jnp

from spikescan.jax import _ffi, _sharding
from spikescan.jax._call import Call
from spikescan.jax._varying import varying_axes


def _fold(operand: Any, mapped: bool, axis_size: int, instances: int) -> Any:
    """[M, n, ...] or [n, ...] -> [M * instances, ...], or [1, ...] where all instances share it."""
    if not mapped:
        if operand.shape[0] == 1:
            return operand
        return jnp.tile(operand, (axis_size,) + (1,) * (operand.ndim - 1))
    if operand.shape[1] != instances:
        operand = jnp.broadcast_to(operand, (axis_size, instances, *operand.shape[2:]))
    return operand.reshape(axis_size * instances, *operand.shape[2:])


@functools.lru_cache(maxsize=None)
def run(call: Call) -> Callable[..., tuple[jax.Array, ...]]:
    """The function of `call` on operands with leading instances, to be traced, mapped and sharded."""

    @jax.custom_batching.custom_vmap
    def op(*operands: jax.Array) -> tuple[jax.Array, ...]:
        if varying_axes(*operands):  # inside shard_map: these are one device's pieces, XLA has nothing to split
            return _ffi.ffi(call, *operands)
        return _sharding.partitioned(call, tuple(o.shape[0] for o in operands))(*operands)

    @op.def_vmap
    def rule(axis_size: int, in_batched: Any, *operands: jax.Array) -> Any:
        if axis_size == 0:
            one = [jax.ShapeDtypeStruct(o.shape[1:] if m else o.shape, o.dtype) for o, m in zip(operands, in_batched)]
            none = tuple(jnp.zeros((0, *r.shape), r.dtype) for r in jax.eval_shape(op, *one))
            return none, tuple(True for _ in none)
        instances = max(o.shape[1 if mapped else 0] for o, mapped in zip(operands, in_batched))
        folded = [_fold(o, mapped, axis_size, instances) for o, mapped in zip(operands, in_batched)]
        results = op(*folded)
        split = tuple(r.reshape(axis_size, instances, *r.shape[1:]) for r in results)
        return split, tuple(True for _ in split)

    return op
