"""Whether the memory of a spikes' gradient may be written over: whether this backward pass alone holds it.

PyTorch's engine asks the same before it adds gradients up in place: how many hold the tensor, and how many its storage
(torch/csrc/autograd/input_buffer.cpp, `can_accumulate_inplace`). How often the pass itself counts differs by release
and by Python, so a small pass tells first what a gradient that nobody else holds looks like.
"""

from __future__ import annotations

import functools
import sys
from typing import Any

import torch

_count_storage = getattr(torch._C, "_storage_Use_Count", None)


def _holders(gradients: Any) -> tuple[int, ...]:
    """How often the first of a backward pass's gradients, its storage and what it is a view of are held."""
    gradient = gradients[0]
    storage = gradient.untyped_storage()
    counts = (
        sys.getrefcount(gradient),
        gradient._use_count(),
        sys.getrefcount(storage),
        _count_storage(storage._cdata),  # type: ignore[misc]
    )
    base = gradient._base
    return counts if base is None else (*counts, sys.getrefcount(base), base._use_count())


class _Probe(torch.autograd.Function):
    """Calls `_holders` as the passes' own Function calls `is_free`."""

    @staticmethod
    def forward(ctx: Any, x: Any, found: list[Any]) -> Any:  # type: ignore[override]
        ctx.found = found
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        ctx.found.append(_holders(gradients))
        return gradients[0], None


def _doubled(y: Any, x: Any) -> Any:
    return torch.autograd.grad((y * 2.0).sum(), x)


def _doubled_flat(y: Any, x: Any) -> Any:
    return torch.autograd.grad((y.view(-1) * 2.0).sum(), x)


def _held(y: Any, x: Any) -> Any:
    return torch.autograd.grad((y * 2.0).sum(), (x, y))


@functools.lru_cache
def _held_by_none(device: str) -> frozenset[tuple[int, ...]]:
    """The counts of a gradient that the pass alone holds, and of one that is a view of such; empty where they do not
    tell it from one that somebody keeps."""
    if _count_storage is None or not hasattr(torch.Tensor, "_use_count"):
        return frozenset()

    def counts(use: Any) -> tuple[int, ...]:
        found: list[tuple[int, ...]] = []
        x = torch.zeros(2, 2, device=device, requires_grad=True)
        with torch.enable_grad():
            use(_Probe.apply(x, found), x)
        return found[0]

    known = frozenset((counts(_doubled), counts(_doubled_flat)))
    return frozenset() if counts(_held) in known else known


def prepare(x: Any) -> None:
    """Before the first backward pass of a device asks: its probes are backward passes themselves."""
    _held_by_none(x.device.type)


def fits(gradient: Any, x: Any) -> bool:
    """Whether the gradient of x has the same form as that of the spikes."""
    return (
        gradient is not None
        and gradient.dtype is x.dtype
        and gradient.layout is torch.strided
        and gradient.is_contiguous()
    )


def is_free(gradients: Any) -> bool:
    """To be asked first thing in a Function's backward pass, of its own `gradients`: later there are more who hold them.

    Memory that PyTorch did not allocate (NumPy's, say) is another's whatever the counts are.
    """
    if type(gradients[0]) is not torch.Tensor:
        return False
    known = _held_by_none(gradients[0].device.type)
    # The gradient has no name here: a name would count.
    return bool(known) and _holders(gradients) in known and gradients[0].untyped_storage().resizable()
