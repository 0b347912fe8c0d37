"""Sharding under jit: batch, channels and instances may be split over a mesh, each piece drawing its own place's numbers.

Time is kept whole (scan_time_sharded splits it). Gradients of the decays are summed over the devices that share them.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any, Callable

import jax
from jax.experimental.custom_partitioning import custom_partitioning
from jax.sharding import NamedSharding, PartitionSpec

from spikescan.jax import _ffi
from spikescan.jax._call import Call
from spikescan.jax._explicit import outside_meshes
from spikescan.jax._keys import shift_key

_SPLIT = "nbc"  # the axes that may be sharded
_WHOLE = "tpokyzw"  # those that may not
_TAKES_FACTORS = "need_replication_factors" in inspect.signature(custom_partitioning.def_partition).parameters


def _factor(letter: str, length: int, instances: int, unique: list[int]) -> str:
    """The name of an axis in a Shardy rule; an axis of one shared instance is a factor of its own."""
    if letter == "n" and length != instances:
        unique[0] += 1
        return f"u{unique[0]}"
    return letter


def _rule(call: Call, instances: tuple[int, ...]) -> dict[str, Any]:
    """The Shardy rule of a call whose operands have these numbers of instances."""
    most, unique = max(instances), [0]
    operands = [
        " ".join(_factor(a, count, most, unique) for a in call.axes(name))
        for name, count in zip(call.operands, instances)
    ]
    results = [" ".join(call.axes(name)) for name in call.results]
    rule: dict[str, Any] = {"sharding_rule": f"{', '.join(operands)} -> {', '.join(results)}"}
    if _TAKES_FACTORS:
        in_order = dict.fromkeys("".join(operands + results).replace(" ", ""))
        rule["need_replication_factors"] = tuple(a for a in in_order if a in _WHOLE)
    return rule


class _Placement:
    """Which mesh axes split n, b and c: those that split x, where they divide it evenly."""

    def __init__(self, call: Call, mesh: Any, shapes: Any) -> None:
        self.call, self.mesh = call, mesh
        x = shapes[0]
        spec = getattr(x.sharding, "spec", PartitionSpec())
        spec = tuple(spec) + (None,) * (len(x.shape) - len(spec))
        self.names: dict[str, tuple[str, ...]] = {}
        for letter, length, entry in zip(call.axes("x"), x.shape, spec):
            names = () if entry is None else entry if isinstance(entry, tuple) else (entry,)
            even = length % self._count(names) == 0
            self.names[letter] = names if letter in _SPLIT and even else ()

    def _count(self, names: tuple[str, ...]) -> int:
        count = 1
        for name in names:
            count *= self.mesh.shape[name]
        return count

    def sharding(self, name: str, instances: int) -> NamedSharding:
        entries = []
        for letter in self.call.axes(name):
            names = self.names.get(letter, ())
            entries.append(None if not names or (letter == "n" and instances == 1) else names)
        return NamedSharding(self.mesh, PartitionSpec(*entries))

    def offset(self, letter: str, local: int) -> Any:
        """Where this device's piece starts along an axis."""
        names = self.names[letter]
        return jax.lax.axis_index(names) * local if names else 0

    def summed_over(self, name: str) -> tuple[str, ...]:
        """Mesh axes over which the piecewise results of `name` have to be added up."""
        if not name.startswith("grad") or not name.endswith(("beta", "alpha")):
            return ()
        return self.names["b"] + (self.names["c"] if self.call.shared else ())


@functools.lru_cache(maxsize=None)
def partitioned(call: Call, instances: tuple[int, ...]) -> Callable[..., tuple[jax.Array, ...]]:
    """`_ffi.ffi(call, ...)` with its partitioning rule; `instances` are the operands' leading lengths."""
    most = max(instances)
    op = custom_partitioning(functools.partial(_ffi.ffi, call))

    def shardings(mesh: Any, shapes: Any) -> tuple[_Placement, tuple[Any, ...], tuple[Any, ...]]:
        place = _Placement(call, mesh, shapes)
        arguments = tuple(place.sharding(name, count) for name, count in zip(call.operands, instances))
        results = tuple(place.sharding(name, most) for name in call.results)
        return place, arguments, results

    def infer(mesh: Any, shapes: Any, _: Any) -> Any:
        return shardings(mesh, shapes)[2]

    def partition(mesh: Any, shapes: Any, _: Any) -> Any:
        place, arguments, results = shardings(mesh, shapes)

        @outside_meshes
        def piece(*operands: jax.Array) -> tuple[jax.Array, ...]:
            local = call.sizes(tuple(o.shape for o in operands))
            moved = list(operands)
            if "key" in call.operands:
                at = call.operands.index("key")
                shift = functools.partial(
                    shift_key, batch=place.offset("b", local["b"]), channel=place.offset("c", local["c"])
                )
                moved[at] = jax.vmap(shift)(operands[at])
            parts = _ffi.ffi(call, *moved)
            over = [place.summed_over(name) for name in call.results]
            return tuple(jax.lax.psum(part, names) if names else part for part, names in zip(parts, over))

        return mesh, piece, results, arguments

    op.def_partition(partition=partition, infer_sharding_from_operands=infer, **_rule(call, instances))
    return op
