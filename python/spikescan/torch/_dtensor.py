"""`scan` of a DTensor: batch and channels may be sharded over a mesh, each shard drawing its own place's numbers.

Time is kept whole (scan_time_sharded splits it). A decay's gradient is a partial sum on the axes that share the decay.
"""

from __future__ import annotations

from typing import Any

import torch

from spikescan._dlpack import contiguous_strides
from spikescan._shapes import output_shapes, product
from spikescan.torch import _autograd
from spikescan.torch._call import Call, decode
from spikescan.torch._keys import as_key, shift_key


def is_distributed(x: Any) -> bool:
    if not torch.distributed.is_available():
        return False
    from torch.distributed.tensor import DTensor

    return isinstance(x, DTensor)


class _Placement:
    """Which mesh axes split the batch and the channels: those that split x there; on all others x is whole."""

    def __init__(self, call: Call, x: Any) -> None:
        from torch.distributed.tensor import Replicate

        self.mesh = x.device_mesh
        self.axis_of_batch = 1 if call.time_first else 0
        self.x: list[Any] = [p if self._allowed(p) else Replicate() for p in x.placements]

    def _allowed(self, placement: Any) -> bool:
        # Of several channel axes only the first splits into contiguous runs of channels.
        return placement.is_shard() and placement.dim in (self.axis_of_batch, 2)

    def _translated(self, batch: Any, channel: Any) -> list[Any]:
        from torch.distributed.tensor import Replicate

        return [Replicate() if p.is_replicate() else batch if p.dim == self.axis_of_batch else channel for p in self.x]

    def states(self) -> list[Any]:
        from torch.distributed.tensor import Shard

        return self._translated(Shard(0), Shard(1))

    def decay(self, shared: bool) -> list[Any]:
        from torch.distributed.tensor import Replicate, Shard

        return self._translated(Replicate(), Replicate() if shared else Shard(0))

    def decay_gradient(self, shared: bool) -> list[Any]:
        from torch.distributed.tensor import Partial, Shard

        return self._translated(Partial(), Partial() if shared else Shard(0))

    def local(self, tensor: Any, placements: Any, gradients: Any = None) -> Any:
        """This rank's piece; a tensor that is no DTensor is taken as the same on every rank."""
        if tensor is None:
            return None
        if not is_distributed(tensor):
            from torch.distributed.tensor import DTensor, Replicate

            tensor = DTensor.from_local(tensor, self.mesh, [Replicate()] * self.mesh.ndim, run_check=False)
        return tensor.redistribute(placements=placements).to_local(grad_placements=gradients or placements)

    def offset(self, x: Any) -> tuple[int, int]:
        """(batch, channel) of this rank's first element."""
        from torch.distributed.tensor._utils import compute_local_shape_and_global_offset

        _, offset = compute_local_shape_and_global_offset(x.shape, self.mesh, self.x)
        return offset[self.axis_of_batch], offset[2] * product(x.shape[3:]) if len(x.shape) > 2 else 0

    def whole(self, tensor: Any, shape: Any, placements: Any) -> Any:
        from torch.distributed.tensor import DTensor

        shape, strides = torch.Size(shape), contiguous_strides(tuple(shape))
        return DTensor.from_local(tensor, self.mesh, placements, run_check=False, shape=shape, stride=strides)


def forward(
    text: str, x: Any, beta: Any, alpha: Any, initial0: Any, initial1: Any, key: Any, uniforms: Any
) -> list[Any]:
    """The operator's results as DTensors, sharded like x."""
    call = decode(text)
    place = _Placement(call, x)
    shared = beta.dim() == 0
    decays = (place.decay(shared), place.decay_gradient(shared))
    first, second = (place.local(s, place.states()) for s in (initial0, initial1))
    if key is not None:
        key = key.full_tensor() if is_distributed(key) else as_key(key, x.device)
        batch, channel = place.offset(x)
        key = shift_key(key, batch=batch, channel=channel)
    piece = _autograd.forward(
        text,
        place.local(x, place.x),
        place.local(beta, *decays),
        place.local(alpha, *decays),
        first,
        second,
        key,
        place.local(uniforms, place.x),
    )
    series, membrane, state = output_shapes(x.shape, call.time_first, call.spikes)
    shapes = (series, membrane, state, state)
    wanted = (call.spikes, call.membrane, call.final_state, call.final_state and call.states > 1)
    placements = (place.x, place.x, place.states(), place.states())
    return [
        place.whole(t, shape, where) if is_wanted else None
        for t, shape, is_wanted, where in zip(piece, shapes, wanted, placements)
    ]
