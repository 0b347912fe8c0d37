"""Whether the memory of a spikes' gradient may be written over: whether this backward pass alone holds it.

PyTorch's engine asks the same before it adds gradients up in place: how many hold the tensor, and how many its storage
(torch/csrc/autograd/input_buffer.cpp, `can_accumulate_inplace`). How often the pass itself counts differs by release
and by Python, so a small pass tells first what a gradient that nobody else holds looks like.
"""

from __future__ import annotations

import _thread
import sys
from typing import Any

import torch

from spikescan.torch._check import any_batched

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


def _counts(use: Any) -> tuple[int, ...]:
    """`use(y, x)` runs backward, through y to x."""
    found: list[tuple[int, ...]] = []
    x = torch.zeros(2, 2, device="cpu", dtype=torch.float32, requires_grad=True)
    use(_Probe.apply(x, found), x)
    return found[0]


def _flat(y: Any) -> Any:
    return (y.view(-1) * 2.0).sum()


def _keep(y: Any, x: Any) -> Any:
    kept: list[Any] = []
    y.register_hook(kept.append)
    torch.autograd.grad(_flat(y), x)


def _measure() -> frozenset[tuple[int, ...]]:
    """The counts of a gradient that the pass alone holds, and of one that is a view of such; none where they do not tell
    them from those of a gradient that somebody keeps."""
    if _count_storage is None or not hasattr(torch.Tensor, "_use_count"):
        return frozenset()
    alone = {
        _counts(lambda y, x: torch.autograd.grad((y * 2.0).sum(), x)),
        _counts(lambda y, x: torch.autograd.grad(_flat(y), x)),
    }
    held = {_counts(lambda y, x: torch.autograd.grad((y * 2.0).sum(), (x, y))), _counts(_keep)}
    return frozenset(alone) if alone.isdisjoint(held) else frozenset()


_held_by_none: frozenset[tuple[int, ...]] | None = None


def prepare() -> None:
    """Before the first backward pass asks; the probes are backward passes themselves.

    In a thread of their own: modes, tracers and debuggers of this one hold tensors, too. On the CPU, whose passes run
    where they are called: a GPU's would wait for the thread that may be waiting here.
    """
    global _held_by_none
    if _held_by_none is not None:
        return
    done = _thread.allocate_lock()
    done.acquire()
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(_measure())
        except Exception:  # whatever it is, the counts tell nothing
            found.append(frozenset())
        finally:
            done.release()

    _thread.start_new_thread(run, ())
    done.acquire()
    _held_by_none = found[0]


def fits(gradient: Any, x: Any) -> bool:
    """Whether the gradient of x has the same form as that of the spikes."""
    return gradient is not None and gradient.dtype is x.dtype and gradient.is_contiguous()


def is_free(gradients: Any) -> bool:
    """To be asked first thing in a Function's backward pass, of its own `gradients`: later there are more who hold them.

    Memory that PyTorch did not allocate (NumPy's, say) or that processes share is another's whatever the counts are. Of a
    part of a larger piece of memory nothing is taken: the gradient of x would keep the whole.
    """
    # The gradient has no name here: a name would count.
    if not _held_by_none or type(gradients[0]) is not torch.Tensor:
        return False
    if torch._C._are_functorch_transforms_active() or any_batched(gradients):
        return False
    if _holders(gradients) not in _held_by_none:
        return False
    gradient = gradients[0]
    storage = gradient.untyped_storage()
    return (
        storage.resizable()
        and not (gradient.is_cpu and storage.is_shared())
        and storage.nbytes() == gradient.numel() * gradient.element_size()
    )
