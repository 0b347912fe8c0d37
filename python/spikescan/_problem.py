"""One call's description and buffer sizes, made once for each (neuron, shape, dtype, device) and kept."""

from __future__ import annotations

import ctypes
import functools
from dataclasses import dataclass

from spikescan import _abi
from spikescan._neuron import Neuron


@dataclass(frozen=True)
class Problem:
    """A checked description (origins zero; never change it: it is shared) and the sizes in bytes that go with it."""

    description: _abi.Description
    forward_workspace: int
    backward_workspace: int
    saved: int

    def at(self, origin: tuple[int, int, int]) -> _abi.Description:
        """The description of the block that starts at (batch, time, channel) of the whole."""
        if not any(origin):
            return self.description
        moved = _abi.Description.from_buffer_copy(self.description)
        moved.batch_origin, moved.time_origin, moved.channel_origin = origin
        return moved


@functools.lru_cache(maxsize=4096)
def problem(
    neuron: Neuron,
    batch: int,
    time: int,
    channels: int,
    dtype: str,
    backend: str,
    device: int,
    shared_decay: bool,
) -> Problem:
    """The problem of x [batch, time, channels] of `dtype`, whose decays are one value each if `shared_decay`.

    `device` is the number of the current one: the library is asked for that one's sizes, and several GPUs may differ."""
    description = _abi.Description(
        struct_size=ctypes.sizeof(_abi.Description),
        backend=_abi.BACKENDS[backend],
        recurrence=_abi.RECURRENCES[neuron.recurrence],
        rule=_abi.RULES[neuron.rule],
        surrogate=_abi.SURROGATES[neuron.surrogate],
        gradient=_abi.GRADIENTS[neuron.gradient],
        shared_decay=int(shared_decay),
        threshold=neuron.threshold,
        k=neuron.k,
        max_prob=neuron.max_prob,
        batch=batch,
        time=time,
        channels=channels,
        dtype=_abi.DTYPES[dtype],
    )
    sizes = _abi.Sizes(struct_size=ctypes.sizeof(_abi.Sizes))
    _abi.check(_abi.lib.spikescan_query_sizes(description, sizes))
    return Problem(description, sizes.forward_workspace, sizes.backward_workspace, sizes.saved)
