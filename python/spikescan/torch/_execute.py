"""Both passes on real tensors: a plan's argument struct copied, its pointers set, and the C ABI called.

Memory is PyTorch's own, on CUDA from its caching allocator, which reuses it in the order of the stream.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from spikescan import _abi
from spikescan._arguments import check_seed
from spikescan._memory import ELSEWHERE, WORKSPACE_ALIGNMENT, aligned
from spikescan.torch import _check, _device, _plans
from spikescan.torch._plans import Plan

_scratch = _device.CpuScratch()


def _contiguous(tensor: Any) -> Any:
    """With the numbers themselves in memory, side by side."""
    return tensor.resolve_neg().contiguous() if isinstance(tensor, Tensor) else tensor


def _null(name: str, tensor: Tensor) -> int:
    """For a tensor whose pointer is null."""
    if tensor.numel() == 0:
        return ELSEWHERE
    kind = type(tensor).__name__
    raise TypeError(f"{name} is a {kind}, which has no memory of its own here; it must be a plain tensor, as x is")


# ---- Arguments -----------------------------------------------------------------------------------------------------


def _put_key(args: Any, key: Any) -> None:
    if isinstance(key, Tensor):
        args.device_key = key.data_ptr() or _null("key", key)
    else:
        if not 0 <= key < 1 << 64:
            check_seed("key", key)  # refuses it
        args.seed = key


def _put_inputs(args: Any, x: Tensor, beta: Tensor, alpha: Any, initial0: Any, initial1: Any) -> None:
    args.x.data = x.data_ptr() or _null("x", x)
    args.beta = beta.data_ptr() or _null("beta", beta)
    if alpha is not None:
        args.alpha = alpha.data_ptr() or _null("alpha", alpha)
    if initial0 is not None:
        args.initial_state[0].data = initial0.data_ptr() or _null("initial_state[0]", initial0)
    if initial1 is not None:
        args.initial_state[1].data = initial1.data_ptr() or _null("initial_state[1]", initial1)


def _put_gradients(args: Any, spikes: Any, membrane: Any, final0: Any, final1: Any) -> None:
    if spikes is not None:
        args.grad_spikes.data = spikes.data_ptr() or _null("grad_spikes", spikes)
    if membrane is not None:
        args.grad_membrane.data = membrane.data_ptr() or _null("grad_membrane", membrane)
    if final0 is not None:
        args.grad_final_state[0].data = final0.data_ptr() or _null("grad_final_state[0]", final0)
    if final1 is not None:
        args.grad_final_state[1].data = final1.data_ptr() or _null("grad_final_state[1]", final1)


# ---- Results -------------------------------------------------------------------------------------------------------


def _make_outputs(args: Any, plan: Plan, x: Tensor) -> tuple[Any, Any, Any, Any]:
    """(spikes, membrane, final0, final1), None where not wanted."""
    spikes = membrane = final0 = final1 = None
    if plan.spikes_dtype is not None:
        if plan.is_like_x:
            spikes = torch.empty_like(x)
        else:
            spikes = x.new_empty(plan.spikes_shape, dtype=plan.spikes_dtype)
        args.spikes.data = spikes.data_ptr() or ELSEWHERE
    if plan.membrane_dtype is not None:
        membrane = x.new_empty(x.shape, dtype=plan.membrane_dtype)
        args.membrane.data = membrane.data_ptr() or ELSEWHERE
    if plan.final_states:
        final0 = x.new_empty(plan.state_shape, dtype=torch.float32)
        args.final_state[0].data = final0.data_ptr() or ELSEWHERE
        if plan.final_states > 1:
            final1 = x.new_empty(plan.state_shape, dtype=torch.float32)
            args.final_state[1].data = final1.data_ptr() or ELSEWHERE
    return spikes, membrane, final0, final1


def _make_gradients(
    args: Any, plan: Plan, wanted: int, x: Tensor, beta: Tensor, place: Any
) -> tuple[Any, Any, Any, Any, Any]:
    """Of (x, beta, alpha, initial0, initial1), bit i of `wanted` for the i-th; None where not wanted. `place`: memory for
    the first."""
    grad_x = grad_beta = grad_alpha = None
    if wanted & 1:
        if place is not None:
            grad_x = place
        else:
            grad_x = torch.empty_like(x) if plan.is_contiguous else x.new_empty(x.shape)
        args.grad_x.data = grad_x.data_ptr() or ELSEWHERE
    if wanted & 2:
        grad_beta = torch.empty_like(beta)
        args.grad_beta = grad_beta.data_ptr() or ELSEWHERE
    if wanted & 4:
        grad_alpha = torch.empty_like(beta)
        args.grad_alpha = grad_alpha.data_ptr() or ELSEWHERE
    if not wanted & 24:
        return grad_x, grad_beta, grad_alpha, None, None
    grad_initial: list[Any] = [None, None]
    for i in range(2):
        if wanted & (8 << i):
            grad_initial[i] = beta.new_empty(plan.state_shape)
            args.grad_initial_state[i].data = grad_initial[i].data_ptr() or ELSEWHERE
    return grad_x, grad_beta, grad_alpha, grad_initial[0], grad_initial[1]


# ---- The passes ----------------------------------------------------------------------------------------------------


def _run(function: Any, plan: Plan, args: Any, x: Tensor) -> None:
    size, memory = plan.workspace, None
    is_on_cpu = plan.backend == "cpu"
    if size and is_on_cpu and size <= _scratch.largest:
        args.workspace = _scratch.pointer(size)
    elif size:
        memory = x.new_empty(size + WORKSPACE_ALIGNMENT, dtype=torch.uint8)
        args.workspace = aligned(memory.data_ptr())
    if is_on_cpu:
        status = function(plan.description, args, _device.threads())
    else:
        with _device.on(x.device):
            status = function(plan.description, args, _device.stream_of(x.device))
    if status:
        _abi.check(status)


def forward(
    text: str, save: bool, x: Any, beta: Any, alpha: Any, initial0: Any, initial1: Any, key: Any, uniforms: Any
) -> tuple[Any, Any, Any, Any, Any]:
    """(spikes, membrane, final0, final1, saved), None where not wanted. `key`: a tensor, a seed or None.
    `saved` is None, too, where time is so short that none is saved."""
    plan = _plans.of_forward(text, save, x, beta, alpha, initial0, initial1, key, uniforms)
    if plan is None:
        return forward(text, save, *map(_contiguous, (x, beta, alpha, initial0, initial1, key, uniforms)))
    args = _abi.ForwardArgs.from_buffer_copy(plan.args)
    _put_inputs(args, x, beta, alpha, initial0, initial1)
    if key is not None:
        _put_key(args, key)
    if uniforms is not None:
        args.uniforms.data = uniforms.data_ptr() or _null("uniforms", uniforms)
    outputs = _make_outputs(args, plan, x)
    saved = None
    if save and plan.saved_shape is not None:
        saved = x.new_empty(plan.saved_shape, dtype=torch.float64)
        args.saved = saved.data_ptr()
    _run(_abi.lib.spikescan_forward, plan, args, x)
    return *outputs, saved


def backward(
    text: str,
    wanted: int,
    in_place: bool,
    x: Any,
    beta: Any,
    alpha: Any,
    initial0: Any,
    initial1: Any,
    saved: Any,
    *gradients: Any,
) -> tuple[Any, Any, Any, Any, Any]:
    """Gradients of (x, beta, alpha, initial0, initial1), bit i of `wanted` for the i-th; None where not wanted.
    `gradients`: of spikes, membrane, final0 and final1. `in_place`: the gradient of x is written over that of the
    spikes, which `_in_place.fits`."""
    plan = _plans.of_backward(text, x, beta, alpha, initial0, initial1, gradients)
    if plan is None:
        copies = map(_contiguous, (x, beta, alpha, initial0, initial1, saved, *gradients))
        return backward(text, wanted, in_place, *copies)
    args = _abi.BackwardArgs.from_buffer_copy(plan.args)
    _put_inputs(args, x, beta, alpha, initial0, initial1)
    _put_gradients(args, *gradients)
    if plan.saved_shape is not None:
        _check.check("saved", saved, x, plan.saved_shape, (torch.float64,))
        args.saved = saved.data_ptr()
    results = _make_gradients(args, plan, wanted, x, beta, gradients[0] if in_place else None)
    _run(_abi.lib.spikescan_backward, plan, args, x)
    return results
