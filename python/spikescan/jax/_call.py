"""What a call computes and which operands and results it has: static, hashable, the same for tracing and sharding.

Every operand and result is described by its axes, one letter each:
n instances (vmap), b batch, t time, p packed time (32 steps a word), c channels, o one shared value, k key words,
y states, z saved slots, w two 32-bit words of a float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from spikescan import _abi
from spikescan._neuron import Neuron
from spikescan._problem import Problem, problem
from spikescan._shapes import packed_words

# The order of the bits in the attribute `present` (python/xla/passes.cpp holds the same).
FORWARD_BITS = (
    "alpha", "initial0", "initial1", "key", "uniforms", "spikes", "membrane", "final0", "final1", "saved",
)  # fmt: skip
BACKWARD_BITS = (
    "alpha", "initial0", "initial1", "saved", "grad_spikes", "grad_membrane", "grad_final0", "grad_final1",
    "grad_x", "grad_beta", "grad_alpha", "grad_initial0", "grad_initial1",
)  # fmt: skip
DTYPES = {
    "float32": jnp.float32,
    "float16": jnp.float16,
    "bfloat16": jnp.bfloat16,
    "uint8": jnp.uint8,
    "bits32": jnp.uint32,
}


@dataclass(frozen=True)
class Call:
    """One pass. `operands` and `results` name them in the order of the handlers."""

    direction: str  # "forward" or "backward"
    neuron: Neuron
    shared: bool
    time_first: bool
    operands: tuple[str, ...]
    results: tuple[str, ...]
    spikes: str = "float32"  # dtype names of these two results
    membrane: str = "float32"
    in_place: bool = False  # the gradient of x in the memory of the spikes'

    def axes(self, name: str) -> str:
        series = "ntbc" if self.time_first else "nbtc"
        if name == "spikes" and self.spikes == "bits32":
            return series.replace("t", "p")
        if name.endswith(("beta", "alpha")):
            return "no" if self.shared else "nc"
        if "initial" in name or "final" in name:
            return "nbc"
        return {"key": "nk", "saved": "nybzcw"}.get(name, series)

    @property
    def present(self) -> int:
        bits = FORWARD_BITS if self.direction == "forward" else BACKWARD_BITS
        named = self.operands + self.results
        return sum(1 << i for i, name in enumerate(bits) if name in named)

    def sizes(self, shapes: tuple[tuple[int, ...], ...]) -> dict[str, int]:
        """The length of each axis, from the operands' shapes."""
        sizes = {"n": 1, "o": 1, "k": 10, "w": 2, "y": len(self.neuron.states)}
        for name, shape in zip(self.operands, shapes):
            for letter, length in zip(self.axes(name), shape):
                sizes[letter] = max(sizes.get(letter, 1), length) if letter == "n" else length
        sizes["p"] = packed_words(sizes["t"])
        return sizes

    def problem(self, sizes: dict[str, int], dtype: Any, backend: str, device: int) -> Problem:
        shape = sizes["b"], sizes["t"], sizes["c"]
        return problem(self.neuron, *shape, np.dtype(dtype).name, backend, device, self.shared)

    def result_types(self, sizes: dict[str, int], x_dtype: Any) -> tuple[jax.ShapeDtypeStruct, ...]:
        """Shapes and dtypes of the results, without the scratch."""
        types = []
        for name in self.results:
            dtype: Any = jnp.float32
            if name in ("spikes", "membrane"):
                dtype = DTYPES[self.spikes if name == "spikes" else self.membrane]
            elif name == "grad_x":
                dtype = x_dtype
            elif name == "saved":
                dtype = jnp.uint32
                sizes = {**sizes, "z": self.saved_slots(sizes, x_dtype)}
            types.append(jax.ShapeDtypeStruct(tuple(sizes[a] for a in self.axes(name)), dtype))
        return tuple(types)

    def shared_memory(self, operands: Any, results: Any) -> dict[int, int]:
        """Which operand's memory which result takes, by their numbers."""
        if not (self.in_place and "grad_spikes" in self.operands and "grad_x" in self.results):
            return {}
        of, to = self.operands.index("grad_spikes"), self.results.index("grad_x")
        alike = (operands[of].shape, operands[of].dtype) == (results[to].shape, results[to].dtype)
        return {of: to} if alike else {}

    def saved_slots(self, sizes: dict[str, int], x_dtype: Any) -> int:
        """Saved states lie as [state, batch, slot, channel] float64: true axes, so that XLA may reshard them."""
        saved = self.problem(sizes, x_dtype, "cpu", 0).saved
        one = sizes["y"] * sizes["b"] * sizes["c"] * 8
        slots = saved // one if one else 0
        if slots * one != saved:
            raise AssertionError(f"saved states of {saved} bytes do not divide into slots of {one}")
        return slots

    def attributes(self) -> dict[str, Any]:
        neuron = self.neuron
        return {
            "recurrence": np.int32(_abi.RECURRENCES[neuron.recurrence]),
            "rule": np.int32(_abi.RULES[neuron.rule]),
            "surrogate": np.int32(_abi.SURROGATES[neuron.surrogate]),
            "gradient": np.int32(_abi.GRADIENTS[neuron.gradient]),
            "shared_decay": np.int32(self.shared),
            "time_first": np.int32(self.time_first),
            "present": np.int32(self.present),
            "threshold": np.float32(neuron.threshold),
            "k": np.float32(neuron.k),
            "max_prob": np.float32(neuron.max_prob),
        }
