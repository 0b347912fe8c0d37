"""What a scan computes, apart from tensors: static, hashable, and one string in the operators' schemas.

A string, since torch.compile keeps it as a constant and a compiled program that was stored means the same elsewhere.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from spikescan import _abi
from spikescan._memory import FLOATING
from spikescan._neuron import Neuron

_SEPARATOR = " "
# How often states are saved. PyTorch stores compiled programs with the shapes in them: a library that saves otherwise
# must not meet them.
_SAVED = f"states{_abi.time_units()[1]}"


@dataclass(frozen=True)
class Call:
    """`spikes` and `membrane` are dtype names, or "" where the output is not wanted. `in_place`: the gradient of x goes
    where that of the spikes was, where nobody else holds it."""

    neuron: Neuron
    time_first: bool
    spikes: str
    membrane: str
    final_state: bool
    in_place: bool

    @property
    def states(self) -> int:
        return len(self.neuron.states)

    @functools.cached_property
    def differentiable(self) -> tuple[bool, bool, bool, bool]:
        """Which of (spikes, membrane, final0, final1) are there and have a gradient."""
        is_two = self.final_state and self.states > 1
        return self.spikes in FLOATING, bool(self.membrane), self.final_state, is_two


def encode(
    neuron: Neuron, time_first: bool, spikes: str | None, membrane: str | None, final_state: bool, in_place: bool
) -> str:
    """The string of a call; written so that Dynamo can trace it."""
    fields = (
        neuron.text,
        "time_first" if time_first else "batch_first",
        spikes or "-",
        membrane or "-",
        "final" if final_state else "-",
        "in_place" if in_place else "-",
        _SAVED,
    )
    return _SEPARATOR.join(fields)


@functools.lru_cache(maxsize=4096)
def decode(text: str) -> Call:
    fields = text.split(_SEPARATOR)
    if len(fields) != 13 or fields[12] != _SAVED:
        raise ValueError(f"call is {text!r}; spikescan.torch.scan makes these strings")
    recurrence, rule, threshold, k, max_prob, surrogate, gradient, order, spikes, membrane, final, place = fields[:12]
    neuron = Neuron(recurrence, rule, float(threshold), float(k), float(max_prob), surrogate, gradient)
    spikes, membrane = ("" if name == "-" else name for name in (spikes, membrane))
    return Call(neuron, order == "time_first", spikes, membrane, final == "final", place == "in_place")
