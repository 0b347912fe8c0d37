"""A sequence cut in time over the ranks of a process group: each rank hands its state on to the next."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable

from spikescan._arguments import as_blocks, check_neuron, check_uniforms
from spikescan._checks import as_flag
from spikescan._neuron import Neuron
from spikescan._shapes import batch_and_time, check_packed_pieces
from spikescan.torch import _check, _operators
from spikescan.torch._call import decode
from spikescan.torch._keys import as_key, shift_key
from spikescan.torch._scan import ScanResult, _call, _decays


class _Pipeline:
    """This rank's neighbours; states travel forward, their gradients back."""

    def __init__(self, group: Any, blocks: int) -> None:
        self.group, self.blocks = group, blocks
        self.rank, self.ranks = dist.get_rank(group), dist.get_world_size(group)
        self.is_first, self.is_last = self.rank == 0, self.rank == self.ranks - 1

    def _peer(self, rank: int) -> int:
        return rank if self.group is None else dist.get_global_rank(self.group, rank)

    def send(self, states: Any, step: int) -> None:
        for state in states:
            dist.send(state.contiguous(), self._peer(self.rank + step), group=self.group)

    def receive(self, states: Any, step: int) -> None:
        for state in states:
            dist.recv(state, self._peer(self.rank + step), group=self.group)


class _TimeSharded(torch.autograd.Function):
    """All blocks of this rank's piece, first to last; backward runs them last to first."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, text: str, pipe: _Pipeline, x: Any, beta: Any, alpha: Any, key: Any, uniforms: Any
    ) -> Any:
        call = decode(text)
        axis = 1 if call.time_first else 0
        cuts = x.chunk(pipe.blocks, axis)
        draws = (None,) * pipe.blocks if uniforms is None else uniforms.chunk(pipe.blocks, axis)
        outputs, kept = [], []
        for i, (cut, u) in enumerate(zip(cuts, draws)):
            rows = cut.shape[axis]
            state = [None, None]
            if not pipe.is_first:
                state[: call.states] = [beta.new_empty((rows, *x.shape[2:])) for _ in range(call.states)]
                pipe.receive(state[: call.states], -1)
            here = None if key is None else shift_key(key, batch=i * rows)
            *series, final0, final1, saved = _operators.forward(cut, beta, alpha, *state, here, u, text, True)
            if not pipe.is_last:
                pipe.send((final0, final1)[: call.states], 1)
            outputs.append(series)
            kept += [*state, saved]
        ctx.text, ctx.pipe, ctx.axis = text, pipe, axis
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, beta, alpha, *kept)
        spikes, membrane = (torch.cat(parts, axis if parts[0].dim() > 1 else 0) for parts in zip(*outputs))
        # An output that was not asked for has one axis.
        ctx.mark_non_differentiable(*(t for t in (spikes, membrane) if t.dim() == 1 or not t.is_floating_point()))
        return spikes, membrane

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Any) -> Any:
        x, beta, alpha, *kept = ctx.saved_tensors
        call, pipe, axis = decode(ctx.text), ctx.pipe, ctx.axis
        cuts = x.chunk(pipe.blocks, axis)
        series = [(None,) * pipe.blocks if g is None else g.chunk(pipe.blocks, axis) for g in gradients]
        needed = ctx.needs_input_grad[2:5]  # x, beta, alpha
        wanted = sum(1 << i for i, is_needed in enumerate(needed) if is_needed)
        if not pipe.is_first:
            wanted |= 8 | (16 if call.states > 1 else 0)
        parts: list[Any] = [None] * pipe.blocks
        for i in reversed(range(pipe.blocks)):
            state0, state1, saved = kept[3 * i : 3 * i + 3]
            coming: list[Any] = [None, None]
            if not pipe.is_last:
                rows = cuts[i].shape[axis]
                coming[: call.states] = [beta.new_empty((rows, *x.shape[2:])) for _ in range(call.states)]
                pipe.receive(coming[: call.states], 1)
            g = _operators.backward(
                cuts[i], beta, alpha, state0, state1, saved, series[0][i], series[1][i], *coming, ctx.text, wanted
            )
            if not pipe.is_first:
                pipe.send(g[3 : 3 + call.states], -1)
            parts[i] = g[:3]
        of_x, *of_decays = zip(*parts)
        # Last block first, as they came.
        found = [torch.cat(of_x, axis) if needed[0] else None, *(sum(reversed(of)) for of in of_decays)]
        return None, None, *(g if is_needed else None for g, is_needed in zip(found, needed)), None, None


def scan_time_sharded(
    x: Tensor,
    beta: Any,
    alpha: Any = None,
    *,
    neuron: Neuron,
    key: int | Tensor | None = None,
    group: Any = None,
    uniforms: Tensor | None = None,
    blocks: int | None = None,
    spikes: Any = True,
    membrane: Any = False,
    time_first: bool = False,
) -> ScanResult:
    """`scan` of a sequence whose time axis is split over the ranks of `group` (default: all), in the order of ranks.

    The batch is cut into `blocks` pieces that run through the ranks as through a pipeline, and only the [B / blocks, C]
    states travel. Cut at multiples of ``spikescan.time_units()[0]`` steps, spikes and V are those of one process, bit
    for bit; at other cuts the random numbers are. Every rank has the same number of steps, which is not checked; with
    spikes "bits32" and more than one rank it is a multiple of 32.

    Gradients flow back through the same exchange, so every rank has to run backward through its result. The gradients
    of the decays are this rank's part of the sum over time: add them up over the group, as for any shared parameter.

    Args:
      x: this rank's [B, T / ranks, channels...].
      key: the whole sequence's key, the same on every rank; needed where the neuron draws from it.
      uniforms: this rank's piece.
      blocks: how many pieces the batch is cut into; a divisor of B, by default B.

    Returns:
      This rank's piece of spikes and V; no final state.
    """
    check_neuron(neuron)
    time_first = as_flag("time_first", time_first)
    _check.check_x(x, time_first)
    batch, time = batch_and_time(x.shape, time_first)
    blocks = as_blocks(blocks, batch)
    if uniforms is not None:
        _check.check_tensor("uniforms", uniforms)
        check_uniforms(tuple(uniforms.shape), _check.name_of(uniforms.dtype), tuple(x.shape))
    text, chosen = _call(x.dtype, neuron, (None,) * 7, spikes, membrane, (time_first, True, False))
    beta, alpha = _decays(chosen, beta, alpha, x)
    draws = chosen.stochastic and bool(spikes) and uniforms is None
    whole = as_key(key, x.device) if draws or key is not None else None
    pipe = _Pipeline(group, blocks)
    check_packed_pieces(time, pipe.ranks, decode(text).spikes)
    here = shift_key(whole, time=pipe.rank * time) if whole is not None and draws else None
    s, v = _TimeSharded.apply(text, pipe, x, beta, alpha, here, uniforms if chosen.stochastic else None)
    return ScanResult(s if spikes else None, v if membrane else None, None)
