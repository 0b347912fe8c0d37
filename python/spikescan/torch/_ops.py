"""The operators, ``spikescan::forward`` and ``spikescan::backward``: kernels, fake kernels, autograd and vmap.

Fixed arity: what is not wanted comes out as an empty tensor. Plain eager tensors skip the dispatcher (`is_plain`).
``spikescan::backward_in_place`` is what torch.compile meets where `gradient_in_place` is asked for: it writes the gradient
of x over that of the spikes.
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor

from spikescan.torch import _check, _execute, _in_place, _plans
from spikescan.torch._call import decode
from spikescan.torch._keys import make_key

_library = torch.library.Library("spikescan", "DEF")
_library.define(
    "forward(Tensor x, Tensor beta, Tensor? alpha, Tensor? initial0, Tensor? initial1, Tensor? key, Tensor? uniforms, "
    "str call, bool save) -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
)
_BACKWARD = (
    "(Tensor x, Tensor beta, Tensor? alpha, Tensor? initial0, Tensor? initial1, Tensor saved, {} grad_spikes, "
    "Tensor? grad_membrane, Tensor? grad_final0, Tensor? grad_final1, str call, int wanted) -> "
)
_library.define("backward" + _BACKWARD.format("Tensor?") + "(Tensor, Tensor, Tensor, Tensor, Tensor)")
_library.define("backward_in_place" + _BACKWARD.format("Tensor(a!)") + "(Tensor, Tensor, Tensor, Tensor)")
_forward = torch.ops.spikescan.forward.default
_backward = torch.ops.spikescan.backward.default
_backward_in_place = torch.ops.spikescan.backward_in_place.default


def _filled(x: Tensor, results: Any) -> Any:
    return tuple(x.new_empty(0) if result is None else result for result in results)


def _no_states(call: str, x: Tensor) -> Tensor:
    return x.new_empty(_plans.saved_shape(decode(call), x), dtype=torch.float64)


# ---- Kernels -------------------------------------------------------------------------------------------------------


def _forward_kernel(
    x: Any, beta: Any, alpha: Any, initial0: Any, initial1: Any, key: Any, uniforms: Any, call: str, save: bool
) -> Any:
    *outputs, saved = _execute.forward(call, save, x, beta, alpha, initial0, initial1, key, uniforms)
    if save and saved is None:
        saved = _no_states(call, x)
    return _filled(x, (*outputs, saved))


def _backward_kernel(x: Any, *rest: Any) -> Any:
    *tensors, call, wanted = rest
    return _filled(x, _execute.backward(call, wanted, False, x, *tensors))


def _backward_in_place_kernel(x: Any, *rest: Any) -> Any:
    *tensors, call, wanted = rest
    return _filled(x, _execute.backward(call, wanted, True, x, *tensors)[1:])


for _device in ("CPU", "CUDA"):
    _library.impl("forward", _forward_kernel, _device)
    _library.impl("backward", _backward_kernel, _device)
    _library.impl("backward_in_place", _backward_in_place_kernel, _device)


@torch.library.register_fake("spikescan::forward", lib=_library)
def _forward_fake(
    x: Any, beta: Any, alpha: Any, initial0: Any, initial1: Any, key: Any, uniforms: Any, call: str, save: bool
) -> Any:
    c = decode(call)
    _check.check_forward(c, x, beta, alpha, (initial0, initial1), key, uniforms)
    batch, time = _check.batch_and_time(c, x)
    words = (time + 31) // 32 if c.spikes == "bits32" else time
    steps = (words, batch) if c.time_first else (batch, words)
    state = (batch, *x.shape[2:])
    spikes = x.new_empty((*steps, *x.shape[2:]), dtype=_check.SPIKES[c.spikes]) if c.spikes else None
    membrane = x.new_empty(x.shape, dtype=_check.FLOATING[c.membrane]) if c.membrane else None
    finals = [x.new_empty(state, dtype=torch.float32) if c.final_state and i < c.states else None for i in range(2)]
    saved = x.new_empty(_plans.saved_shape(c, x), dtype=torch.float64) if save else None
    return _filled(x, (spikes, membrane, *finals, saved))


@torch.library.register_fake("spikescan::backward", lib=_library)
def _backward_fake(
    x: Any, beta: Any, alpha: Any, initial0: Any, initial1: Any, saved: Any, gs: Any, gv: Any, g0: Any, g1: Any,
    call: str, wanted: int,
) -> Any:  # fmt: skip
    c = decode(call)
    _check.check_backward(c, x, beta, alpha, (initial0, initial1), (gs, gv, g0, g1))
    batch, _ = _check.batch_and_time(c, x)
    shapes = (x.shape, beta.shape, beta.shape, (batch, *x.shape[2:]), (batch, *x.shape[2:]))
    like = (x, beta, beta, beta, beta)
    return _filled(x, [t.new_empty(s) if wanted >> i & 1 else None for i, (t, s) in enumerate(zip(like, shapes))])


@torch.library.register_fake("spikescan::backward_in_place", lib=_library)
def _backward_in_place_fake(*given: Any) -> Any:
    return _backward_fake(*given)[1:]


# ---- Autograd ------------------------------------------------------------------------------------------------------


def is_plain(x: Any) -> bool:
    """Whether nothing but this module has to see the call: no tracing, mode, transform, subclass or profiler."""
    if torch.compiler.is_compiling():
        return False
    return (
        (type(x) is Tensor or type(x) is torch.nn.Parameter)
        and (x.is_cpu or x.is_cuda)
        and not _count_modes()
        and not _is_transformed()
        and not _is_profiled()
    )


_count_modes = torch._C._len_torch_dispatch_stack
_is_transformed = torch._C._are_functorch_transforms_active
_is_profiled = torch.autograd._profiler_enabled


class _Plain(torch.autograd.Function):
    """Of plain tensors, without the operators. Residuals are the inputs and the sparse saved states, never V."""

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
        results = _below_autograd(_forward, keyset, (*given, True))
        _set_up(ctx, call, tensors, results)
        return results

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        is_free = decode(ctx.call).in_place and _in_place.is_free(gradients)
        of_inputs = _gradients(ctx.call, ctx.saved_tensors, gradients[:4], ctx.needs_input_grad[1:6], is_free)
        return None, *of_inputs, None, None, None


class _Transformed(torch.autograd.Function):
    """The same under torch.func's transforms, which want the context set up apart from the pass."""

    @staticmethod
    def forward(*given: Any) -> Any:
        return _forward(*given, True)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        *tensors, call = inputs
        _set_up(ctx, call, tensors, output)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return *_gradients(ctx.call, ctx.saved_tensors, gradients[:4], ctx.needs_input_grad[:5]), None, None, None

    @staticmethod
    def vmap(info: Any, in_dims: Any, *given: Any) -> Any:
        return _instances(_Transformed.apply, info, in_dims, given)


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
    if not torch.is_grad_enabled() and is_plain(operands[0]) and type(one) is Tensor:
        in_place = is_free and needed[0] and _in_place.fits(incoming[0], operands[0])
        return _execute.backward(call, wanted, in_place, *operands)
    transformed = _is_transformed()
    if residuals[5] is None:
        operands = (*residuals[:5], _no_states(call, residuals[0]), *incoming)
    place = _dispatched_place(call, incoming[0], operands[0], is_free) if needed[0] and not transformed else None
    if place is not None:
        results = place, *_backward_in_place(*operands[:6], place, *incoming[1:], call, wanted)
    else:
        results = (_NotTwice.apply if transformed else _backward)(*operands, call, wanted)
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
    if _needs_gradient(tensors[:5]):
        return _Scan.apply(keyset, *tensors, call)
    return _below_autograd(_forward, keyset, given)


_library.impl("forward", _forward_autograd, "Autograd", with_keyset=True)


class _NotTwice(torch.autograd.Function):
    """The backward pass has no derivative; a graph through it fails where it is used."""

    @staticmethod
    def forward(*given: Any) -> Any:
        return _backward(*given)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        raise RuntimeError("the gradient of a spikescan scan has no derivative: it is a surrogate's, taken once")

    @staticmethod
    def vmap(info: Any, in_dims: Any, *given: Any) -> Any:
        return _instances(_backward, info, in_dims, given)


def _backward_autograd(keyset: Any, *given: Any) -> Any:
    if _needs_gradient(t for t in given if isinstance(t, Tensor)):
        return _NotTwice.apply(*given)
    return _below_autograd(_backward, keyset, given)


_library.impl("backward", _backward_autograd, "Autograd", with_keyset=True)


# ---- vmap ----------------------------------------------------------------------------------------------------------


def _instances(op: Any, info: Any, in_dims: Any, given: Any) -> Any:
    """Instances run in turn, each with its own key and its batch counted from its own origin, as in single calls."""

    def piece(i: int) -> Any:
        return [a if d is None else a.select(d, i) for a, d in zip(given, in_dims)]

    if info.batch_size == 0:  # one made-up instance tells the shapes
        zeros = [a if d is None else a.new_zeros((*a.shape[:d], *a.shape[d + 1 :])) for a, d in zip(given, in_dims)]
        return tuple(r.new_empty((0, *r.shape)) for r in op(*zeros)), (0,) * 5
    results = [op(*piece(i)) for i in range(info.batch_size)]
    return tuple(map(torch.stack, zip(*results))), (0,) * 5


def _forward_vmap(info: Any, in_dims: Any, *given: Any) -> Any:
    return _instances(_forward, info, in_dims, given)


def _backward_vmap(info: Any, in_dims: Any, *given: Any) -> Any:
    return _instances(_backward, info, in_dims, given)


torch.library.register_vmap("spikescan::forward", _forward_vmap, lib=_library)
torch.library.register_vmap("spikescan::backward", _backward_vmap, lib=_library)


# ---- Entry ---------------------------------------------------------------------------------------------------------


def forward(call: str, x: Any, beta: Any, alpha: Any, initial0: Any, initial1: Any, key: Any, uniforms: Any) -> Any:
    """(spikes, membrane, final0, final1, ...), differentiable; what `call` does not ask for is None or empty."""
    tensors = (x, beta, alpha, initial0, initial1)
    if is_plain(x):
        if _needs_gradient(tensors):
            if decode(call).in_place:
                _in_place.prepare(x)
            return _apply_plain(*tensors, key, uniforms, call)
        return _execute.forward(call, False, *tensors, key, uniforms)
    if type(key) is int:
        key = make_key(key, device=x.device)
    if _is_transformed():
        return _Transformed.apply(*tensors, key, uniforms, call)
    return _forward(*tensors, key, uniforms, call, False)
