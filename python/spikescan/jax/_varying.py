"""Which mesh axes of an enclosing ``shard_map`` an array varies over: JAX 0.6 began to keep track of it in its types, and
0.10 renamed how."""

from __future__ import annotations

from typing import Any

import jax


def varying_axes(*arrays: Any) -> frozenset[str]:
    """The union over the arrays; empty outside ``shard_map`` and where JAX does not keep track."""
    typeof = getattr(jax, "typeof", None)
    if typeof is None:
        return frozenset()
    axes: frozenset[str] = frozenset()
    for kind in map(typeof, arrays):
        manual = getattr(kind, "manual_axis_type", None)
        axes |= frozenset(manual.varying if manual is not None else getattr(kind, "vma", None) or ())
    return axes


def vary(array: Any, axes: frozenset[str]) -> Any:
    """The same values, marked as varying over `axes` too; the transpose of the mark sums the gradient over them."""
    missing = tuple(sorted(axes - varying_axes(array)))
    if not missing:
        return array
    if hasattr(jax.lax, "pcast"):
        return jax.lax.pcast(array, missing, to="varying")
    return jax.lax.pvary(array, missing)  # type: ignore[attr-defined]


def result_types(kinds: list[jax.ShapeDtypeStruct], operands: tuple[Any, ...]) -> list[jax.ShapeDtypeStruct]:
    """The types of a call's results, which vary over whatever one of its operands varies over."""
    axes = varying_axes(*operands)
    if not axes:
        return kinds
    mesh = next(jax.typeof(o).sharding.mesh for o in operands if varying_axes(o))
    place = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())
    manual: dict[str, Any] = {"vma": axes}
    if hasattr(jax.sharding, "ManualAxisType"):
        manual = {"manual_axis_type": jax.sharding.ManualAxisType(varying=axes)}
    return [jax.ShapeDtypeStruct(kind.shape, kind.dtype, sharding=place, **manual) for kind in kinds]
