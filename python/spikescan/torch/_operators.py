"""The operators ``spikescan::forward``, ``backward`` and ``backward_in_place``: schemas, kernels, fake kernels, vmap.

Fixed arity: what is not wanted comes out as an empty tensor. The third one writes the gradient of x over that of the
spikes and gives the rest of what the second gives.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from spikescan._shapes import output_shapes
from spikescan.torch import _check, _execute, _plans
from spikescan.torch._call import decode

library = torch.library.Library("spikescan", "DEF")
library.define(
    "forward(Tensor x, Tensor beta, Tensor? alpha, Tensor? initial0, Tensor? initial1, Tensor? key, Tensor? uniforms, "
    "str call, bool save) -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
)
_BACKWARD = (
    "(Tensor x, Tensor beta, Tensor? alpha, Tensor? initial0, Tensor? initial1, Tensor saved, {} grad_spikes, "
    "Tensor? grad_membrane, Tensor? grad_final0, Tensor? grad_final1, str call, int wanted) -> "
)
library.define("backward" + _BACKWARD.format("Tensor?") + "(Tensor, Tensor, Tensor, Tensor, Tensor)")
library.define("backward_in_place" + _BACKWARD.format("Tensor(a!)") + "(Tensor, Tensor, Tensor, Tensor)")
forward = torch.ops.spikescan.forward.default
backward = torch.ops.spikescan.backward.default
backward_in_place = torch.ops.spikescan.backward_in_place.default


def _filled(x: Tensor, results: Any) -> Any:
    return tuple(x.new_empty(0) if result is None else result for result in results)


def no_states(call: str, x: Tensor) -> Tensor:
    """The saved states of a sequence so short that there are none."""
    return x.new_empty(_plans.saved_shape(decode(call), x), dtype=torch.float64)


# ---- Kernels -------------------------------------------------------------------------------------------------------


def _forward_kernel(
    x: Any, beta: Any, alpha: Any, initial0: Any, initial1: Any, key: Any, uniforms: Any, call: str, save: bool
) -> Any:
    *outputs, saved = _execute.forward(call, save, x, beta, alpha, initial0, initial1, key, uniforms)
    if save and saved is None:
        saved = no_states(call, x)
    return _filled(x, (*outputs, saved))


def _backward_kernel(x: Any, *rest: Any) -> Any:
    *tensors, call, wanted = rest
    return _filled(x, _execute.backward(call, wanted, False, x, *tensors))


def _backward_in_place_kernel(x: Any, *rest: Any) -> Any:
    *tensors, call, wanted = rest
    return _filled(x, _execute.backward(call, wanted, True, x, *tensors)[1:])


for _device in ("CPU", "CUDA"):
    library.impl("forward", _forward_kernel, _device)
    library.impl("backward", _backward_kernel, _device)
    library.impl("backward_in_place", _backward_in_place_kernel, _device)


@torch.library.register_fake("spikescan::forward", lib=library)
def _forward_fake(
    x: Any, beta: Any, alpha: Any, initial0: Any, initial1: Any, key: Any, uniforms: Any, call: str, save: bool
) -> Any:
    c = decode(call)
    _check.check_forward(c, x, beta, alpha, (initial0, initial1), key, uniforms)
    shapes = output_shapes(x.shape, c.time_first, c.spikes)
    spikes = x.new_empty(shapes.spikes, dtype=_check.SPIKES[c.spikes]) if c.spikes else None
    membrane = x.new_empty(shapes.membrane, dtype=_check.FLOATING[c.membrane]) if c.membrane else None
    wanted = c.states if c.final_state else 0
    finals = [x.new_empty(shapes.state, dtype=torch.float32) if i < wanted else None for i in range(2)]
    saved = x.new_empty(_plans.saved_shape(c, x), dtype=torch.float64) if save else None
    return _filled(x, (spikes, membrane, *finals, saved))


@torch.library.register_fake("spikescan::backward", lib=library)
def _backward_fake(
    x: Any, beta: Any, alpha: Any, initial0: Any, initial1: Any, saved: Any, gs: Any, gv: Any, g0: Any, g1: Any,
    call: str, wanted: int,
) -> Any:  # fmt: skip
    c = decode(call)
    _check.check_backward(c, x, beta, alpha, (initial0, initial1), (gs, gv, g0, g1))
    state = output_shapes(x.shape, c.time_first, c.spikes).state
    shapes = (x.shape, beta.shape, beta.shape, state, state)
    like = (x, beta, beta, beta, beta)
    return _filled(x, [t.new_empty(s) if wanted >> i & 1 else None for i, (t, s) in enumerate(zip(like, shapes))])


@torch.library.register_fake("spikescan::backward_in_place", lib=library)
def _backward_in_place_fake(*given: Any) -> Any:
    return _backward_fake(*given)[1:]


# ---- vmap ----------------------------------------------------------------------------------------------------------


def instances(op: Any, info: Any, in_dims: Any, given: Any) -> Any:
    """Instances run in turn, each with its own key and its batch counted from its own origin, as in single calls."""

    def piece(i: int) -> Any:
        return [a if d is None else a.select(d, i) for a, d in zip(given, in_dims)]

    if info.batch_size == 0:  # one made-up instance tells the shapes
        zeros = [a if d is None else a.new_zeros((*a.shape[:d], *a.shape[d + 1 :])) for a, d in zip(given, in_dims)]
        return tuple(r.new_empty((0, *r.shape)) for r in op(*zeros)), (0,) * 5
    results = [op(*piece(i)) for i in range(info.batch_size)]
    return tuple(map(torch.stack, zip(*results))), (0,) * 5


def _forward_vmap(info: Any, in_dims: Any, *given: Any) -> Any:
    return instances(forward, info, in_dims, given)


def _backward_vmap(info: Any, in_dims: Any, *given: Any) -> Any:
    return instances(backward, info, in_dims, given)


torch.library.register_vmap("spikescan::forward", _forward_vmap, lib=library)
torch.library.register_vmap("spikescan::backward", _backward_vmap, lib=library)
