"""The checks of a call's tensors, on real and on fake ones alike."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from spikescan import _arguments
from spikescan._checks import shown
from spikescan._shapes import output_shapes
from spikescan.torch._call import Call

FLOATING = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
SPIKES = {**FLOATING, "uint8": torch.uint8, "bits32": torch.uint32}
NAMES = {dtype: name for name, dtype in FLOATING.items()}
KEY_WORDS = 5
_is_batched = torch._C._functorch.is_legacy_batchedtensor


def any_batched(gradients: Any) -> bool:
    """Of ``torch.autograd.grad(..., is_grads_batched=True)``: these are of the type Tensor, without memory of their own."""
    for gradient in gradients:
        if gradient is not None and _is_batched(gradient):
            return True
    return False


def name_of(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def check_tensor(name: str, value: Any) -> None:
    """A dense tensor: of others PyTorch gives no strides, or no memory, and does not say which argument it was."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} is a {type(value).__name__}; it must be a torch.Tensor")
    if value.layout is not torch.strided or value.is_nested:
        layout = "nested" if value.is_nested else value.layout
        raise TypeError(f"{name} has layout {layout}; it must be torch.strided (a dense tensor)")


def check_generator(generator: Any) -> None:
    if not isinstance(generator, torch.Generator):
        raise TypeError(f"generator is {shown(generator)}; it must be a torch.Generator")


def check_x(x: Tensor, time_first: bool) -> None:
    check_tensor("x", x)
    _arguments.check_x(tuple(x.shape), name_of(x.dtype), time_first)
    if x.device.type not in ("cpu", "cuda", "meta"):
        raise ValueError(f"x is on {x.device}; it must be on the CPU or a CUDA device")


def check(name: str, tensor: Tensor, x: Tensor, shape: Any, dtypes: Any) -> None:
    """One tensor beside x: its device, shape and dtype."""
    if tensor.device != x.device:
        raise ValueError(f"{name} is on {tensor.device}, x on {x.device}; it must be on x's device")
    if tensor.shape != shape:
        raise ValueError(f"{name} has shape {tuple(tensor.shape)}; it must be {tuple(shape)}")
    if tensor.dtype not in dtypes:
        allowed = " or ".join(name_of(dtype) for dtype in dtypes)
        raise TypeError(f"{name} has dtype {name_of(tensor.dtype)}; it must be {allowed}")


def is_shared(beta: Tensor) -> bool:
    return beta.dim() == 0


def check_inputs(call: Call, x: Tensor, beta: Tensor, alpha: Tensor | None, states: Any) -> None:
    """What both passes take."""
    check_x(x, call.time_first)
    channels = x.shape[2:]
    for name, decay in (("beta", beta), ("alpha", alpha)):
        if decay is not None:
            check(name, decay, x, beta.shape if is_shared(beta) else channels, (torch.float32,))
    _arguments.check_alpha(call.neuron, alpha)
    shape = output_shapes(x.shape, call.time_first, call.spikes).state
    for i, state in enumerate(states):
        if state is not None:
            check(f"initial_state[{i}]", state, x, shape, (torch.float32,))


def check_forward(
    call: Call, x: Tensor, beta: Tensor, alpha: Any, states: Any, key: Tensor | None, uniforms: Tensor | None
) -> None:
    check_inputs(call, x, beta, alpha, states)
    if uniforms is not None:
        check("uniforms", uniforms, x, x.shape, (torch.float32,))
    if isinstance(key, Tensor):
        check("key", key, x, (KEY_WORDS,), (torch.int64,))


def check_backward(call: Call, x: Tensor, beta: Tensor, alpha: Any, states: Any, gradients: Any) -> None:
    """`gradients`: those of spikes, V and of the final states; each may be None."""
    check_inputs(call, x, beta, alpha, states)
    shape = output_shapes(x.shape, call.time_first, call.spikes).state
    series, finals = gradients[:2], gradients[2:]
    for name, gradient in zip(("grad_spikes", "grad_membrane"), series):
        if gradient is not None:
            check(name, gradient, x, x.shape, tuple(NAMES))
    for i, gradient in enumerate(finals):
        if gradient is not None:
            check(f"grad_final_state[{i}]", gradient, x, shape, (torch.float32,))
