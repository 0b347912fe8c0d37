"""The passes as autograd sees them, on plain tensors without the operators, else around them.

Plain eager tensors skip the dispatcher (`is_plain`), which costs more than a small pass. Residuals are the inputs and the
sparse saved states, never V.
"""

from __future__ import annotations

import contextlib
import itertools
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad as _forward_ad

from spikescan.torch import _check, _execute, _in_place, _operators
from spikescan.torch._call import decode
from spikescan.torch._keys import make_key


def is_plain(x: Any) -> bool:
    """Whether nothing but this module has to see the call: no tracing, mode, transform, subclass or profiler."""
    return not torch.compiler.is_compiling() and _is_unwatched(x)


def _is_unwatched(x: Any) -> bool:
    """The same in a backward pass, where a compiler's tensors are of types of their own."""
    return (
        (type(x) is Tensor or type(x) is torch.nn.Parameter)
        and (x.is_cpu or x.is_cuda)
        and not _count_modes()
        and not _is_transformed()
        and not _is_profiled()
        and not _is_traced()
        and not _is_recorded()
    )


_count_modes = torch._C._len_torch_dispatch_stack
_is_transformed = torch._C._are_functorch_transforms_active
_is_profiled = torch.autograd._profiler_enabled
_is_traced = getattr(torch._C, "_is_tracing", torch.jit.is_tracing)  # by torch.jit.trace
_is_included, _pre_dispatch = torch._C._dispatch_tls_is_dispatch_key_included, torch._C.DispatchKey.PreDispatch


def _is_recorded() -> bool:
    """By make_fx(pre_dispatch=True), whose modes are not there in a backward pass."""
    return _is_included(_pre_dispatch)


class _Plain(torch.autograd.Function):
    """Of plain tensors, without the operators."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, x: Any, beta: Any, alpha: Any, initial0: Any, initial1: Any, key: Any, uniforms: Any, call: str
    ) -> Any:
        results = _execute.forward(call, True, x, beta, alpha, initial0, initial1, key, uniforms)
        # Neither an input nor an output, so it may stay outside save_for_backward, which costs more.
        ctx.call, ctx.chunk_states = call, results[4]
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, beta, alpha, initial0, initial1)
        spikes = results[0]
        if spikes is not None and not spikes.is_floating_point():
            ctx.mark_non_differentiable(spikes)
        return results[:4]

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        is_free = decode(ctx.call).in_place and _in_place.is_free(gradients)
        residuals = (*ctx.saved_tensors, ctx.chunk_states)
        return *_gradients(ctx.call, residuals, gradients, ctx.needs_input_grad[:5], is_free), None, None, None


# Function.apply's C++ part; its Python part looks for transforms, which plain tensors have none of.
_apply_plain = super(torch.autograd.Function, _Plain).apply


class _Scan(torch.autograd.Function):
    """Around the operator, where it is dispatched with `keyset`."""

    @staticmethod
    def forward(ctx: Any, keyset: Any, *given: Any) -> Any:  # type: ignore[override]
        *tensors, call = given
        results = _below_autograd(_operators.forward, keyset, (*given, True))
        _set_up(ctx, call, tensors, results)
        return results

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        is_free = decode(ctx.call).in_place and _in_place.is_free(gradients)
        of_inputs = _gradients(ctx.call, ctx.saved_tensors, gradients[:4], ctx.needs_input_grad[1:6], is_free)
        return None, *of_inputs, None, None, None


# Function.apply would go through the transforms anew, which have brought the call here.
_apply_scan = super(torch.autograd.Function, _Scan).apply
_single_level = getattr(torch._functorch.utils, "enable_single_level_autograd_function", contextlib.nullcontext)


class _Transformed(torch.autograd.Function):
    """The same under torch.func's transforms outside a compiler, which want the context set up apart from the pass."""

    @staticmethod
    def forward(*given: Any) -> Any:
        return _operators.forward(*given, True)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        *tensors, call = inputs
        _set_up(ctx, call, tensors, output)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return *_gradients(ctx.call, ctx.saved_tensors, gradients[:4], ctx.needs_input_grad[:5]), None, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        _refuse_tangents()

    @staticmethod
    def vmap(info: Any, in_dims: Any, *given: Any) -> Any:
        return _operators.instances(_Transformed.apply, info, in_dims, given)


def _set_up(ctx: Any, call: str, tensors: Any, results: Any) -> None:
    *outputs, saved = results
    ctx.call = call
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(*tensors[:5], saved)
    silent = [t for t, smooth in zip(outputs, decode(call).differentiable) if t is not None and not smooth]
    ctx.mark_non_differentiable(*silent, saved)


# What the engine wants of (x, beta, alpha, initial0, initial1) -> `wanted` of the backward pass.
_BITS = {
    needed: sum(1 << i for i, is_needed in enumerate(needed) if is_needed)
    for needed in itertools.product((False, True), repeat=5)
}


def _gradients(call: str, residuals: Any, incoming: Any, needed: Any, is_free: bool = False) -> Any:
    """Gradients of (x, beta, alpha, initial0, initial1) from those of spikes, membrane and final states. `is_free`: nobody
    else holds the spikes' gradient, and that of x may take its memory."""
    one = incoming[0]
    if one is None:
        one = next((g for g in incoming if g is not None), None)
        if one is None:
            return (None,) * 5
    wanted = _BITS[needed]
    operands = (*residuals, *incoming)
    # With a gradient of this gradient asked for, the operator says that there is none.
    if type(one) is Tensor and not torch.is_grad_enabled() and _is_unwatched(operands[0]):
        in_place = is_free and _in_place.fits(incoming[0], operands[0])
        try:
            return _execute.backward(call, wanted, in_place, *operands)
        except RuntimeError:  # at a pointer that is not there: every call would pay for asking before
            if not _check.any_batched(incoming):
                raise
    transformed = _is_transformed()
    if residuals[5] is None:
        operands = (*residuals[:5], _operators.no_states(call, residuals[0]), *incoming)
    place = _dispatched_place(call, incoming[0], operands[0], is_free) if needed[0] and not transformed else None
    if place is not None:
        results = place, *_operators.backward_in_place(*operands[:6], place, *incoming[1:], call, wanted)
    else:
        results = (_NotTwice.apply if transformed else _operators.backward)(*operands, call, wanted)
    return [r if wanted >> i & 1 else None for i, r in enumerate(results)]


def _dispatched_place(call: str, gradient: Any, x: Any, is_free: bool) -> Any:
    """Memory that the operator may write the gradient of x over; None: new memory."""
    if not decode(call).in_place or torch.is_grad_enabled() or not _in_place.fits(gradient, x):
        return None
    if is_free:
        return gradient
    # A compiler leaves this copy out where nothing else reads the spikes' gradient.
    return gradient.clone() if torch.compiler.is_compiling() else None


def _below_autograd(op: Any, keyset: Any, given: Any) -> Any:
    with torch._C._AutoDispatchBelowAutograd():
        return op.redispatch(keyset & torch._C._after_autograd_keyset, *given)


def _needs_gradient(tensors: Any) -> bool:
    if torch.is_grad_enabled():
        for tensor in tensors:
            if tensor is not None and tensor.requires_grad:
                return True
    return False


def _forward_autograd(keyset: Any, *given: Any) -> Any:
    *tensors, call, _ = given
    _check_tangents(tensors[:5])
    if _needs_gradient(tensors[:5]):
        if type(tensors[0]) is Tensor and decode(call).in_place:
            _in_place.prepare()
        if _is_transformed():  # a compiler's calls alone: the transform takes one level at a time off the tensors
            with _single_level():
                return _apply_scan(keyset, *tensors, call)
        return _Scan.apply(keyset, *tensors, call)
    return _below_autograd(_operators.forward, keyset, given)


_operators.library.impl("forward", _forward_autograd, "Autograd", with_keyset=True)


class _NotTwice(torch.autograd.Function):
    """The backward pass has no derivative; a graph through it fails where it is used."""

    @staticmethod
    def forward(*given: Any) -> Any:
        return _operators.backward(*given)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        raise RuntimeError("the gradient of a spikescan scan has no derivative: it is a surrogate's, taken once")

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        _refuse_tangents()

    @staticmethod
    def vmap(info: Any, in_dims: Any, *given: Any) -> Any:
        return _operators.instances(_operators.backward, info, in_dims, given)


def _backward_autograd(keyset: Any, *given: Any) -> Any:
    tensors = [t for t in given if isinstance(t, Tensor)]
    _check_tangents(tensors)
    if _needs_gradient(tensors):
        return _NotTwice.apply(*given)
    return _below_autograd(_operators.backward, keyset, given)


_operators.library.impl("backward", _backward_autograd, "Autograd", with_keyset=True)


def _refuse_tangents() -> None:
    raise NotImplementedError("a spikescan scan has no forward-mode derivative")


def _check_tangents(tensors: Any) -> None:
    """Within ``torch.autograd.forward_ad.dual_level``; an operator that knows no tangents would drop them."""
    if _forward_ad._current_level < 0:
        return
    if any(t is not None and _forward_ad.unpack_dual(t).tangent is not None for t in tensors):
        _refuse_tangents()


def forward(call: str, x: Any, beta: Any, alpha: Any, initial0: Any, initial1: Any, key: Any, uniforms: Any) -> Any:
    """(spikes, membrane, final0, final1, ...), differentiable; what `call` does not ask for is None or empty."""
    tensors = (x, beta, alpha, initial0, initial1)
    _check_tangents(tensors)
    if is_plain(x):
        if _needs_gradient(tensors):
            if decode(call).in_place:
                _in_place.prepare()
            return _apply_plain(*tensors, key, uniforms, call)
        return _execute.forward(call, False, *tensors, key, uniforms)
    if type(key) is int:
        key = make_key(key, device=x.device)
    # Dynamo traces no Function of this form, and has the transforms' own way to the operator.
    if _is_transformed() and not torch.compiler.is_compiling():
        return _Transformed.apply(*tensors, key, uniforms, call)
    # Autograd saves the states for a gradient later on; one that is recorded reads those of the forward that is.
    saves = not torch.compiler.is_compiling() and _is_recorded() and _needs_gradient(tensors)
    return _operators.forward(*tensors, key, uniforms, call, saves)
