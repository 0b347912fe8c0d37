"""Plans: a call's description and argument struct with everything but the pointers, made and checked once for each form
of the tensors (shapes, strides, dtypes, devices) and kept.
"""

from __future__ import annotations

import ctypes
from typing import Any

import torch
from torch import Tensor

from spikescan import _abi
from spikescan._problem import Problem, problem
from spikescan._shapes import batch_and_time, leading_strides, output_shapes, product
from spikescan.torch import _check, _device
from spikescan.torch._call import Call, decode

_PLANS: dict[Any, Any] = {}
_MOST_PLANS = 4096
_UNKNOWN: Any = object()


class _NotContiguous(Exception):
    """Channels that do not lie side by side, or numbers whose sign is kept apart: the call takes a copy of that tensor."""


class Plan:
    """What a call needs beside its tensors' pointers."""

    def __init__(self, call: Call, prob: Problem, args: Any, workspace: int, x: Tensor) -> None:
        self.args, self.problem = args, prob
        self.description = ctypes.byref(prob.description)
        self.workspace = args.workspace_bytes = workspace
        self.backend = _device.backend_of(x.device)
        self.saved_shape = saved_shape(call, x) if prob.saved else None
        self.spikes_shape, _, self.state_shape = output_shapes(x.shape, call.time_first, call.spikes)
        self.spikes_dtype = _check.SPIKES.get(call.spikes)
        self.membrane_dtype = _check.FLOATING.get(call.membrane)
        self.final_states = call.states if call.final_state else 0
        # empty_like is the cheapest way to memory, where it gives contiguous memory of the right kind.
        self.is_contiguous = x.is_contiguous()
        self.is_like_x = self.is_contiguous and self.spikes_dtype is x.dtype


def saved_shape(call: Call, x: Tensor) -> tuple[Any, ...]:
    """Saved states are [state, batch, slot, channel] float64; a slot for each but the first of the runs of steps
    that states are saved for. x may be symbolic."""
    batch, time = batch_and_time(x.shape, call.time_first)
    run = _abi.time_units()[1]
    slots = torch.sym_max((time + run - 1) // run - 1, 0)
    return call.states, batch, slots, product(x.shape[2:])


# ---- How tensors lie in memory -------------------------------------------------------------------------------------


def _strides(tensor: Tensor, leading: int) -> tuple[int, ...]:
    strides = leading_strides(tensor.shape, tensor.stride(), leading)
    if strides is None:
        raise _NotContiguous
    return strides


def _check_signs(*tensors: Any) -> None:
    if any(tensor is not None and tensor.is_neg() for tensor in tensors):  # the imaginary part of a conjugate, say
        raise _NotContiguous


def _series(call: Call, tensor: Tensor | None) -> _abi.Tensor:
    if tensor is None:
        return _abi.Tensor()
    first, second = _strides(tensor, 2)
    batch, time = (second, first) if call.time_first else (first, second)
    return _abi.Tensor(None, _abi.DTYPES[_check.NAMES[tensor.dtype]], batch, time)


def _contiguous_series(call: Call, shape: Any, dtype: str) -> _abi.Tensor:
    """Strides of an output that this module allocates."""
    row = product(shape[2:])
    first, second = row * shape[1], row
    batch, time = (second, first) if call.time_first else (first, second)
    return _abi.Tensor(None, _abi.DTYPES[dtype], batch, time)


# ---- Making plans --------------------------------------------------------------------------------------------------


def _problem(call: Call, x: Tensor, beta: Tensor) -> Problem:
    batch, time = batch_and_time(x.shape, call.time_first)
    channels = product(x.shape[2:])
    dtype, backend = _check.NAMES[x.dtype], _device.backend_of(x.device)
    with _device.on(x.device):  # sizes depend on the device
        return problem(call.neuron, batch, time, channels, dtype, backend, x.device.index or 0, _check.is_shared(beta))


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
    _check_signs(x, beta, alpha, *states, uniforms)
    _common(args, call, x, states)
    _strides(beta, 0)
    if alpha is not None:
        _strides(alpha, 0)
    if isinstance(key, Tensor):
        _check_signs(key)
        _strides(key, 0)
    args.uniforms = _series(call, uniforms)
    plan = Plan(call, prob, args, prob.forward_workspace, x)
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
    _check_signs(x, beta, alpha, *states, *gradients)
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
    return Plan(call, prob, args, prob.backward_workspace, x)


# ---- Looking them up -----------------------------------------------------------------------------------------------


def _form(tensor: Any) -> Any:
    return None if tensor is None else (tensor.shape, tensor.stride(), tensor.dtype, tensor.device, tensor.is_neg())


def _keep(form: Any, make: Any, *given: Any) -> Plan | None:
    if len(_PLANS) >= _MOST_PLANS:
        _PLANS.clear()
    try:
        plan = make(*given)
    except _NotContiguous:
        plan = None
    _PLANS[form] = plan
    return plan


def of_forward(
    text: str, save: bool, x: Any, beta: Any, alpha: Any, initial0: Any, initial1: Any, key: Any, uniforms: Any
) -> Plan | None:
    """None where a tensor's channels do not lie side by side; copies of the tensors have a plan."""
    form: Any = (
        text, save, x.shape, x.stride(), x.dtype, x.device, x.is_neg(),
        beta.shape, beta.stride(), beta.dtype, beta.device, beta.is_neg(),
    )  # fmt: skip
    if type(key) is not int and key is not None:
        form = form, _form(key)
    if alpha is not None or initial0 is not None or initial1 is not None or uniforms is not None:
        form = form, _form(alpha), _form(initial0), _form(initial1), _form(uniforms)
    plan = _PLANS.get(form, _UNKNOWN)
    if plan is _UNKNOWN:
        return _keep(form, _forward_plan, text, save, x, beta, alpha, (initial0, initial1), key, uniforms)
    return plan


def of_backward(
    text: str, x: Any, beta: Any, alpha: Any, initial0: Any, initial1: Any, gradients: tuple[Any, Any, Any, Any]
) -> Plan | None:
    """The same of the backward pass; `gradients` of spikes, membrane, final0 and final1."""
    spikes, membrane, final0, final1 = gradients
    form: Any = (
        text, x.shape, x.stride(), x.dtype, x.device, x.is_neg(),
        beta.shape, beta.stride(), beta.dtype, beta.device, beta.is_neg(),
    )  # fmt: skip
    form = form, _form(spikes)
    if membrane is not None or final0 is not None or final1 is not None:
        form = form, _form(membrane), _form(final0), _form(final1)
    if alpha is not None or initial0 is not None or initial1 is not None:
        form = form, "inputs", _form(alpha), _form(initial0), _form(initial1)
    plan = _PLANS.get(form, _UNKNOWN)
    if plan is _UNKNOWN:
        return _keep(form, _backward_plan, text, x, beta, alpha, (initial0, initial1), gradients)
    return plan
