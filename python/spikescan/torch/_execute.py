"""Both passes on real tensors: plans, made once for each form of the tensors and kept, and the calls of the C ABI.

A call copies a plan's argument struct, sets the pointers and goes; all else has been checked and filled in before.
Memory is PyTorch's own, on CUDA from its caching allocator, which reuses it in the order of the stream.
"""

from __future__ import annotations

import contextlib
import ctypes
from typing import Any

import torch
from torch import Tensor

from spikescan import _abi
from spikescan._memory import WORKSPACE_ALIGNMENT
from spikescan._problem import Problem, check_key, problem
from spikescan.torch import _check
from spikescan.torch._call import Call, decode

_NO_ELEMENTS = (ctypes.c_uint64 * 8)()
_ELSEWHERE = ctypes.addressof(_NO_ELEMENTS)  # empty tensors have no memory; to the library null means absent
_PLANS: dict[Any, Any] = {}
_MOST_PLANS = 4096


class _NotContiguous(Exception):
    """Channels that do not lie side by side: the call takes a copy of that tensor."""


class _Plan:
    """A call's description and its argument struct with everything but the pointers."""

    def __init__(self, call: Call, prob: Problem, args: Any, workspace: int, x: Tensor) -> None:
        self.call, self.args, self.workspace = call, args, workspace
        self.problem = prob
        self.description = ctypes.byref(prob.description)
        batch, time = _check.batch_and_time(call, x)
        channels = tuple(x.shape[2:])
        words = (time + 31) // 32 if call.spikes == "bits32" else time
        self.spikes_shape = (words, batch, *channels) if call.time_first else (batch, words, *channels)
        self.spikes_dtype = _check.SPIKES.get(call.spikes)
        self.membrane_dtype = _check.FLOATING.get(call.membrane)
        self.state_shape = (batch, *channels)
        self.saved_shape = saved_shape(call, x)
        self.final_states = call.states if call.final_state else 0
        # empty_like is the cheapest way to memory, where it gives contiguous memory of the right kind.
        self.is_like_x = self.spikes_dtype is x.dtype and x.is_contiguous()
        self.is_on_cpu = x.is_cpu
        args.workspace_bytes = workspace


def saved_shape(call: Call, x: Tensor) -> tuple[Any, ...]:
    """Saved states are [state, batch, slot, channel] float64; a slot for each chunk but the last. x may be symbolic."""
    batch, time = _check.batch_and_time(call, x)
    chunk = _abi.time_units()[1]
    slots = torch.sym_max((time + chunk - 1) // chunk - 1, 0)
    channels = 1
    for length in x.shape[2:]:
        channels = channels * length
    return call.states, batch, slots, channels


# ---- Where work runs -----------------------------------------------------------------------------------------------


def backend_of(device: torch.device) -> str:
    return device.type


def stream_of(device: torch.device) -> int | None:
    """PyTorch's current stream there; the CPU has none."""
    if device.type == "cpu":
        return None
    return torch._C._cuda_getCurrentRawStream(device.index)


_NOTHING = contextlib.nullcontext()


def on(device: torch.device) -> Any:
    """Makes the device current, where it is not, for the time of a ``with``."""
    if device.type == "cpu" or torch.cuda.current_device() == device.index:
        return _NOTHING
    return torch.cuda.device(device)


def _workspace(size: int, x: Tensor) -> tuple[Tensor, int]:
    memory = x.new_empty(size + WORKSPACE_ALIGNMENT, dtype=torch.uint8)
    return memory, -(-memory.data_ptr() // WORKSPACE_ALIGNMENT) * WORKSPACE_ALIGNMENT


# ---- Plans ---------------------------------------------------------------------------------------------------------


def _form(tensor: Any) -> Any:
    return None if tensor is None else (tensor.shape, tensor.stride(), tensor.dtype, tensor.device)


def _strides(tensor: Tensor, leading: int) -> tuple[int, ...]:
    """Strides of the first axes of a tensor whose others are one contiguous run of channels."""
    if tensor.numel() == 0:
        return (0,) * leading
    step = 1
    for size, stride in zip(reversed(tensor.shape[leading:]), reversed(tensor.stride()[leading:])):
        if size != 1 and stride != step:
            raise _NotContiguous
        step *= size
    return tuple(0 if n <= 1 else s for n, s in zip(tensor.shape[:leading], tensor.stride()[:leading]))


def _series(call: Call, tensor: Tensor | None) -> _abi.Tensor:
    if tensor is None:
        return _abi.Tensor()
    first, second = _strides(tensor, 2)
    batch, time = (second, first) if call.time_first else (first, second)
    return _abi.Tensor(None, _abi.DTYPES[_check.NAMES[tensor.dtype]], batch, time)


def _contiguous_series(call: Call, shape: Any, dtype: str) -> _abi.Tensor:
    """Strides of an output that this module allocates."""
    row = 1
    for length in shape[2:]:
        row *= length
    first, second = row * shape[1], row
    batch, time = (second, first) if call.time_first else (first, second)
    return _abi.Tensor(None, _abi.DTYPES[dtype], batch, time)


def _problem(call: Call, x: Tensor, beta: Tensor) -> Problem:
    batch, time = _check.batch_and_time(call, x)
    channels = 1
    for length in x.shape[2:]:
        channels *= length
    dtype, backend = _check.NAMES[x.dtype], backend_of(x.device)
    with on(x.device):  # sizes depend on the device
        return problem(
            call.neuron, batch, time, channels, dtype, backend, _check.is_shared(beta), device=x.device.index or 0
        )


def _common(args: Any, call: Call, x: Tensor, states: Any) -> None:
    args.x = _series(call, x)
    for i, state in enumerate(states):
        if state is not None:
            args.initial_state[i].stride_batch = _strides(state, 1)[0]


def _forward_plan(text: str, save: bool, x: Any, beta: Any, alpha: Any, states: Any, key: Any, uniforms: Any) -> Any:
    call = decode(text)
    _check.check_forward(call, x, beta, alpha, states, key, uniforms)
    prob = _problem(call, x, beta)
    args = _abi.ForwardArgs(struct_size=ctypes.sizeof(_abi.ForwardArgs))
    _common(args, call, x, states)
    _strides(beta, 0)
    if alpha is not None:
        _strides(alpha, 0)
    if isinstance(key, Tensor):
        _strides(key, 0)
    args.uniforms = _series(call, uniforms)
    plan = _Plan(call, prob, args, prob.forward_workspace, x)
    if call.spikes:
        args.spikes = _contiguous_series(call, plan.spikes_shape, call.spikes)
    if call.membrane:
        args.membrane = _contiguous_series(call, x.shape, call.membrane)
    if call.final_state:
        for i in range(call.states):
            args.final_state[i].stride_batch = prob.description.channels
    if save:
        args.saved_bytes = prob.saved
    return plan


def _backward_plan(text: str, x: Any, beta: Any, alpha: Any, states: Any, gradients: Any) -> Any:
    call = decode(text)
    _check.check_backward(call, x, beta, alpha, states, gradients)
    prob = _problem(call, x, beta)
    args = _abi.BackwardArgs(struct_size=ctypes.sizeof(_abi.BackwardArgs))
    _common(args, call, x, states)
    _strides(beta, 0)
    if alpha is not None:
        _strides(alpha, 0)
    args.grad_spikes, args.grad_membrane = (_series(call, g) for g in gradients[:2])
    for i, gradient in enumerate(gradients[2:]):
        if gradient is not None:
            args.grad_final_state[i].stride_batch = _strides(gradient, 1)[0]
    args.grad_x = _contiguous_series(call, x.shape, _check.NAMES[x.dtype])
    for i in range(call.states):
        args.grad_initial_state[i].stride_batch = prob.description.channels
    args.saved_bytes = prob.saved
    return _Plan(call, prob, args, prob.backward_workspace, x)


def _keep(form: Any, plan: Any) -> Any:
    if len(_PLANS) >= _MOST_PLANS:
        _PLANS.clear()
    _PLANS[form] = plan
    return plan


def _contiguous(tensor: Any) -> Any:
    return tensor.contiguous() if isinstance(tensor, Tensor) else tensor


# ---- The passes ----------------------------------------------------------------------------------------------------


def _pointer(tensor: Tensor) -> int:
    return tensor.data_ptr() or _ELSEWHERE


def _put_key(args: Any, key: Any) -> None:
    if isinstance(key, Tensor):
        args.device_key = key.data_ptr()
    else:
        if not 0 <= key < 1 << 64:
            check_key(key, 0, (0, 0, 0))  # refuses it
        args.seed = key


def _put_inputs(args: Any, x: Tensor, beta: Tensor, alpha: Any, initial0: Any, initial1: Any) -> None:
    args.x.data = _pointer(x)
    args.beta = _pointer(beta)
    if alpha is not None:
        args.alpha = _pointer(alpha)
    if initial0 is not None:
        args.initial_state[0].data = _pointer(initial0)
    if initial1 is not None:
        args.initial_state[1].data = _pointer(initial1)


def _run(function: Any, plan: _Plan, args: Any, x: Tensor) -> None:
    memory = None
    if plan.workspace:
        memory, args.workspace = _workspace(plan.workspace, x)
    device = x.device
    with _NOTHING if plan.is_on_cpu else on(device):
        status = function(plan.description, args, stream_of(device))
    if status:
        _abi.check(status)


def forward(
    text: str, save: bool, x: Any, beta: Any, alpha: Any, initial0: Any, initial1: Any, key: Any, uniforms: Any
) -> tuple[Any, Any, Any, Any, Any]:
    """(spikes, membrane, final0, final1, saved), None where not wanted. `key`: a tensor, a seed or None."""
    form: Any = (text, save, x.shape, x.stride(), x.dtype, x.device, beta.shape, beta.stride(), beta.dtype, beta.device)
    if type(key) is not int and key is not None:
        form = form, _form(key)
    if alpha is not None or initial0 is not None or initial1 is not None or uniforms is not None:
        form = form, _form(alpha), _form(initial0), _form(initial1), _form(uniforms)
    plan = _PLANS.get(form)
    if plan is None:
        try:
            plan = _keep(form, _forward_plan(text, save, x, beta, alpha, (initial0, initial1), key, uniforms))
        except _NotContiguous:
            plan = _keep(form, _NotContiguous)
    if plan is _NotContiguous:
        return forward(text, save, *map(_contiguous, (x, beta, alpha, initial0, initial1, key, uniforms)))
    args = _abi.ForwardArgs.from_buffer_copy(plan.args)
    _put_inputs(args, x, beta, alpha, initial0, initial1)
    if key is not None:
        _put_key(args, key)
    if uniforms is not None:
        args.uniforms.data = _pointer(uniforms)
    spikes = membrane = final0 = final1 = saved = None
    if plan.spikes_dtype is not None:
        if plan.is_like_x:
            spikes = torch.empty_like(x)
        else:
            spikes = x.new_empty(plan.spikes_shape, dtype=plan.spikes_dtype)
        args.spikes.data = _pointer(spikes)
    if plan.membrane_dtype is not None:
        membrane = x.new_empty(x.shape, dtype=plan.membrane_dtype)
        args.membrane.data = _pointer(membrane)
    if plan.final_states:
        final0 = x.new_empty(plan.state_shape, dtype=torch.float32)
        args.final_state[0].data = _pointer(final0)
        if plan.final_states > 1:
            final1 = x.new_empty(plan.state_shape, dtype=torch.float32)
            args.final_state[1].data = _pointer(final1)
    if save:
        saved = x.new_empty(plan.saved_shape, dtype=torch.float64)
        args.saved = saved.data_ptr() if plan.problem.saved else None
    _run(_abi.lib.spikescan_forward, plan, args, x)
    return spikes, membrane, final0, final1, saved


def backward(
    text: str,
    wanted: int,
    x: Any,
    beta: Any,
    alpha: Any,
    initial0: Any,
    initial1: Any,
    saved: Any,
    *gradients: Any,
) -> tuple[Any, Any, Any, Any, Any]:
    """Gradients of (x, beta, alpha, initial0, initial1), bit i of `wanted` for the i-th; None where not wanted.
    `gradients`: of spikes, membrane, final0 and final1."""
    grad_spikes, grad_membrane, grad_final0, grad_final1 = gradients
    form: Any = (text, x.shape, x.stride(), x.dtype, x.device, beta.shape, beta.stride(), beta.dtype, beta.device)
    form += tuple(map(_form, gradients))
    if alpha is not None or initial0 is not None or initial1 is not None:
        form = form, _form(alpha), _form(initial0), _form(initial1)
    plan = _PLANS.get(form)
    if plan is None:
        try:
            plan = _keep(form, _backward_plan(text, x, beta, alpha, (initial0, initial1), gradients))
        except _NotContiguous:
            plan = _keep(form, _NotContiguous)
    if plan is _NotContiguous:
        copies = map(_contiguous, (x, beta, alpha, initial0, initial1, saved, *gradients))
        return backward(text, wanted, *copies)
    args = _abi.BackwardArgs.from_buffer_copy(plan.args)
    _put_inputs(args, x, beta, alpha, initial0, initial1)
    if plan.problem.saved:
        _check.check("saved", saved, x, plan.saved_shape, (torch.float64,))
        args.saved = saved.data_ptr()
    if grad_spikes is not None:
        args.grad_spikes.data = _pointer(grad_spikes)
    if grad_membrane is not None:
        args.grad_membrane.data = _pointer(grad_membrane)
    if grad_final0 is not None:
        args.grad_final_state[0].data = _pointer(grad_final0)
    if grad_final1 is not None:
        args.grad_final_state[1].data = _pointer(grad_final1)
    grad_x = grad_beta = grad_alpha = None
    grad_initial: list[Any] = [None, None]
    if wanted & 1:
        grad_x = torch.empty_like(x, memory_format=torch.contiguous_format)
        args.grad_x.data = _pointer(grad_x)
    if wanted & 2:
        grad_beta = torch.empty_like(beta)
        args.grad_beta = _pointer(grad_beta)
    if wanted & 4:
        grad_alpha = torch.empty_like(beta)
        args.grad_alpha = _pointer(grad_alpha)
    for i in range(2) if wanted & 24 else ():
        if wanted & (8 << i):
            grad_initial[i] = beta.new_empty(plan.state_shape)
            args.grad_initial_state[i].data = _pointer(grad_initial[i])
    _run(_abi.lib.spikescan_backward, plan, args, x)
    return grad_x, grad_beta, grad_alpha, grad_initial[0], grad_initial[1]
