"""Mesh axes that are Explicit, over which an array's type says how it is sharded. The custom calls know nothing of that: a
scan runs with those axes Auto, and its results are sharded as x is."""

from __future__ import annotations

import functools
from typing import Any, Callable

import jax

_HAS_TYPES = hasattr(jax, "typeof") and hasattr(jax.sharding, "auto_axes")


def explicit_axes(array: Any) -> tuple[str, ...]:
    """The Explicit axes of the mesh in an array's type; none where JAX (before 0.7) has no such types."""
    if not _HAS_TYPES:
        return ()
    mesh = jax.typeof(array).sharding.mesh
    if mesh.empty:
        return ()
    explicit = jax.sharding.AxisType.Explicit
    return tuple(name for name, kind in zip(mesh.axis_names, mesh.axis_types) if kind == explicit)


def run_auto(function: Callable[..., Any], arguments: tuple[Any, ...], x: Any, time_axis: int, series: Any) -> Any:
    """`function(*arguments)`, sharded as x is, but whole in time. `series`: the tree of the results, True for one that has
    x's axes, False for one without time."""
    axes = explicit_axes(x)
    if not axes:
        return function(*arguments)
    sharding = jax.typeof(x).sharding
    spec = [*sharding.spec, *(None for _ in range(x.ndim - len(sharding.spec)))]
    others = (*spec[:time_axis], *spec[time_axis + 1 :])
    spec[time_axis] = None
    places = {
        True: jax.sharding.NamedSharding(sharding.mesh, jax.sharding.PartitionSpec(*spec)),
        False: jax.sharding.NamedSharding(sharding.mesh, jax.sharding.PartitionSpec(*others)),
    }
    out = jax.tree_util.tree_map(places.__getitem__, series)
    return jax.sharding.auto_axes(function, axes=axes, out_sharding=out)(*arguments)


def outside_meshes(piece: Callable[..., Any]) -> Callable[..., Any]:
    """One device's work, traced as such: a mesh of the caller's (`jax.set_mesh`) is the context here, too, and JAX would
    put its shardings on the pieces, which it cannot compile."""
    if not hasattr(jax.sharding, "use_abstract_mesh"):
        return piece

    @functools.wraps(piece)
    def alone(*operands: jax.Array) -> Any:
        with jax.sharding.use_abstract_mesh(jax.sharding.AbstractMesh((), ())):
            return piece(*operands)

    return alone
