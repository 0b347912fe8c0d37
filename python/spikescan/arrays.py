"""`scan` and `scan_backward` on NumPy arrays and on anything with ``__dlpack__``, without copies; `describe_plan`.

Shapes: x is [B, T, channels...] (or [T, B, channels...] with ``time_first``); C is the product of the channels.
"""

from __future__ import annotations

import ctypes
import math
from typing import Any, NamedTuple

from spikescan import _abi, _memory
from spikescan._arguments import check_key, dtype_name, make_neuron, membrane_dtype, spike_dtype, x_axes
from spikescan._checks import as_flag, as_shape, choose, shown
from spikescan._frame import Decay, Frame
from spikescan._memory import Array, Workspace
from spikescan._neuron import Neuron
from spikescan._problem import Problem, problem
from spikescan._shapes import batch_and_time


class ScanResult(NamedTuple):
    """What was asked for; the rest is None.

    spikes: S in the shape of x, or [B, ceil(T/32), channels...] uint32 for "bits32" (time first: axes 0 and 1 swapped).
    membrane: V in the shape of x.
    final_state: (V,), (V, I) or (V, R) after the last step, float32 [B, channels...].
    saved: opaque states for `scan_backward`.
    """

    spikes: Array
    membrane: Array
    final_state: tuple[Array, ...] | None
    saved: Array


class Gradients(NamedTuple):
    """Gradients in the shapes of their inputs; None where not wanted or not part of the neuron."""

    x: Array
    beta: Array
    alpha: Array
    initial_state: tuple[Array, ...] | None


def scan(
    x: Array,
    beta: Any,
    alpha: Any = None,
    *,
    neuron: Neuron | None = None,
    recurrence: str | None = None,
    rule: str | None = None,
    threshold: float | None = None,
    k: float | None = None,
    max_prob: float | None = None,
    surrogate: str | None = None,
    gradient: str | None = None,
    seed: int = 0,
    stream: int = 0,
    origin: tuple[int, int, int] = (0, 0, 0),
    uniforms: Array = None,
    initial_state: Any = None,
    spikes: Any = True,
    membrane: Any = False,
    final_state: bool = False,
    save: bool = False,
    out: ScanResult | None = None,
    time_first: bool = False,
    cuda_stream: int = 0,
) -> ScanResult:
    """Runs the neuron over x: membrane, firing rule and random numbers in one pass.

    Args:
      x: [B, T, channels...] float32, float16 or bfloat16; channels contiguous. Lies on the CPU or a CUDA device (then
        the caller's current device), and so do all other arrays.
      beta: membrane decay, float32 of the channels' shape, or one value () for all; on the CPU any real numbers of a
        shape that broadcasts to the channels, copied where they are not contiguous float32. Clipped to [0, 1].
      alpha: the current's decay of cuba_lif, likewise.
      neuron: a `Neuron`; or give its options by name (defaults as in `Neuron`). `surrogate` and `gradient` are for
        `scan_backward`, and change nothing here.
      seed, stream: key of the random numbers; `stream` tells layers and steps apart.
      origin: (batch, time, channel) of x's first element in the whole, for pieces of a batch, sequence or layer.
      uniforms: float32 in [0, 1) in the shape of x, used in place of the generator.
      initial_state: arrays [B, channels...] float32 (on the CPU any real numbers, as for `beta`), one for each of
        `neuron.states`; one that is None or absent means zero.
      spikes: True (x's dtype), False, or "float32", "float16", "bfloat16", "uint8", "bits32" (32 steps to a uint32); or
        a dtype, as ``np.uint8``.
      membrane: whether V is wanted; True (float32) or a floating dtype, likewise.
      final_state: whether the state after the last step is wanted.
      save: whether to keep what `scan_backward` needs.
      out: a `ScanResult` of arrays to write into; they decide what is computed, in place of the four flags above,
        which are checked alone. Arrays that say that they are read-only are refused, and so are JAX's, which are
        immutable.
      time_first: x, uniforms, spikes and membrane are [T, B, channels...]. No copy either way.
      cuda_stream: CUDA stream as an integer (0: the legacy default stream). With `out`, and a workspace that an
        earlier call has made as large, the call enqueues and returns; else it allocates memory first.

    Returns:
      A `ScanResult`: NumPy arrays on the CPU, `DeviceArray` (take over by from_dlpack) on CUDA, or those of `out`.
    """
    options = {"recurrence": recurrence, "rule": rule, "threshold": threshold, "k": k, "max_prob": max_prob}
    chosen = make_neuron(neuron, {**options, "surrogate": surrogate, "gradient": gradient})
    seed, stream, origin = check_key(seed, stream, origin)
    frame = Frame(x, time_first, cuda_stream)
    beta_decay, alpha_decay = frame.decays(beta, alpha, chosen)
    prob = frame.problem(chosen, beta_decay.shared)
    final_state, save = as_flag("final_state", final_state), as_flag("save", save)
    s_dtype, v_dtype = spike_dtype(spikes, frame.x.dtype, chosen), membrane_dtype(membrane)
    if out is None:
        out = _allocate(frame, prob, chosen, s_dtype, v_dtype, final_state, save)
    _check_out(out, ScanResult)
    args = _abi.ForwardArgs(struct_size=ctypes.sizeof(_abi.ForwardArgs), seed=seed, stream=stream)
    args.x = frame.tensor_of("x", frame.x, frame.x.dtype)
    args.beta = beta_decay.pointer or None
    args.alpha = (alpha_decay.pointer or None) if alpha_decay else None
    args.initial_state = frame.states("initial_state", initial_state, chosen)
    if uniforms is not None:
        args.uniforms = frame.tensor("uniforms", uniforms, ("float32",))
    _place_outputs(args, frame, prob, chosen, out)
    frame.check_apart()
    workspace = Workspace(prob.forward_workspace, frame.device, frame.cuda_stream)
    args.workspace, args.workspace_bytes = workspace.pointer, workspace.size
    _abi.check(_abi.lib.spikescan_forward(prob.at(origin), args, frame.cuda_stream or None))
    return out


def _check_out(out: Any, kind: type) -> None:
    if not isinstance(out, kind):
        raise TypeError(f"out is {shown(out)}; it must be a spikescan.{kind.__name__}")


def _allocate(
    frame: Frame, prob: Problem, neuron: Neuron, spikes: str | None, membrane: str | None, final_state: bool, save: bool
) -> ScanResult:
    shapes = frame.shapes(spikes)
    return ScanResult(
        spikes=frame.output(shapes.spikes, spikes) if spikes else None,
        membrane=frame.output(shapes.membrane, membrane) if membrane else None,
        final_state=tuple(frame.output(shapes.state, "float32") for _ in neuron.states) if final_state else None,
        saved=frame.output((prob.saved,), "uint8") if save else None,
    )


def _place_outputs(args: _abi.ForwardArgs, frame: Frame, prob: Problem, neuron: Neuron, out: ScanResult) -> None:
    if out.spikes is not None:
        args.spikes = frame.spikes("out.spikes", out.spikes, neuron)
    if out.membrane is not None:
        args.membrane = frame.tensor("out.membrane", out.membrane, output=True)
    args.final_state = frame.states("out.final_state", out.final_state, neuron, output=True)
    if out.saved is not None:
        saved = frame.whole("out.saved", out.saved, (prob.saved,), "uint8", True)
        if prob.saved:
            args.saved, args.saved_bytes = saved.pointer, prob.saved


def scan_backward(
    x: Array,
    beta: Any,
    alpha: Any = None,
    *,
    saved: Array,
    grad_spikes: Array = None,
    grad_membrane: Array = None,
    grad_final_state: Any = None,
    neuron: Neuron | None = None,
    recurrence: str | None = None,
    rule: str | None = None,
    threshold: float | None = None,
    k: float | None = None,
    max_prob: float | None = None,
    surrogate: str | None = None,
    gradient: str | None = None,
    initial_state: Any = None,
    wanted: tuple[str, ...] = ("x", "beta", "alpha", "initial_state"),
    out: Gradients | None = None,
    time_first: bool = False,
    cuda_stream: int = 0,
) -> Gradients:
    """Gradients of a loss through `scan`. It recomputes V from x and `saved`; it needs no random numbers.

    Args:
      x, beta, alpha, initial_state, neuron or its options, time_first, cuda_stream: as in the forward call.
      saved: what `scan(..., save=True)` kept.
      grad_spikes, grad_membrane: dL/dS and dL/dV in the shape of x, any floating dtype; absent means zero.
      grad_final_state: dL/d(final state), as `initial_state`; absent means zero.
      surrogate, gradient: dS/dM of the rule, see `Neuron`.
      wanted: which gradients to compute.
      out: a `Gradients` of arrays to write into; they decide what is computed, in place of `wanted`. `out.x` may be
        `grad_spikes` itself, whose numbers are then replaced.

    Returns:
      A `Gradients`: x in x's dtype, the others float32, the decays' zero where the raw decay lies outside [0, 1].
    """
    options = {"recurrence": recurrence, "rule": rule, "threshold": threshold, "k": k, "max_prob": max_prob}
    chosen = make_neuron(neuron, {**options, "surrogate": surrogate, "gradient": gradient})
    frame = Frame(x, time_first, cuda_stream)
    beta_decay, alpha_decay = frame.decays(beta, alpha, chosen)
    prob = frame.problem(chosen, beta_decay.shared)
    _check_wanted(wanted)
    if out is None:
        out = _allocate_gradients(frame, chosen, (beta_decay, alpha_decay), wanted)
    _check_out(out, Gradients)
    args = _abi.BackwardArgs(struct_size=ctypes.sizeof(_abi.BackwardArgs))
    args.x = frame.tensor_of("x", frame.x, frame.x.dtype)
    args.beta = beta_decay.pointer or None
    args.alpha = (alpha_decay.pointer or None) if alpha_decay else None
    args.initial_state = frame.states("initial_state", initial_state, chosen)
    if saved is None:
        raise TypeError("saved is None; it must be the `saved` of a forward call with save=True")
    kept = frame.whole("saved", saved, (prob.saved,), "uint8", False)
    if prob.saved:
        args.saved, args.saved_bytes = kept.pointer, prob.saved
    if grad_spikes is not None:
        args.grad_spikes = frame.tensor("grad_spikes", grad_spikes)
    if grad_membrane is not None:
        args.grad_membrane = frame.tensor("grad_membrane", grad_membrane)
    args.grad_final_state = frame.states("grad_final_state", grad_final_state, chosen)
    _place_gradients(args, frame, chosen, (beta_decay, alpha_decay), out)
    frame.check_apart()
    workspace = Workspace(prob.backward_workspace, frame.device, frame.cuda_stream)
    args.workspace, args.workspace_bytes = workspace.pointer, workspace.size
    _abi.check(_abi.lib.spikescan_backward(prob.description, args, frame.cuda_stream or None))
    frame.add_up()
    return out


def _check_wanted(wanted: Any) -> None:
    if not isinstance(wanted, (tuple, list, set, frozenset)):
        raise TypeError(f"wanted is {shown(wanted)}; it must be a tuple of names out of {', '.join(Gradients._fields)}")
    for name in wanted:
        choose("wanted", name, Gradients._fields)


def _allocate_gradients(
    frame: Frame, neuron: Neuron, decays: tuple[Decay, Decay | None], wanted: tuple[str, ...]
) -> Gradients:
    beta, alpha = decays
    shape = frame.shapes().state
    states = tuple(frame.output(shape, "float32") for _ in neuron.states) if "initial_state" in wanted else None
    return Gradients(
        x=frame.output(frame.x.shape, frame.x.dtype) if "x" in wanted else None,
        beta=frame.output(beta.shape, "float32") if "beta" in wanted else None,
        alpha=frame.output(alpha.shape, "float32") if "alpha" in wanted and alpha is not None else None,
        initial_state=states,
    )


def _place_gradients(
    args: _abi.BackwardArgs, frame: Frame, neuron: Neuron, decays: tuple[Decay, Decay | None], out: Gradients
) -> None:
    if out.x is not None:
        args.grad_x = frame.tensor("out.x", out.x, (frame.x.dtype,), output=True)
    beta, alpha = decays
    args.grad_beta = frame.decay_gradient("out.beta", out.beta, beta)
    if alpha is not None:
        args.grad_alpha = frame.decay_gradient("out.alpha", out.alpha, alpha)
    elif out.alpha is not None:
        raise ValueError(f"out.alpha is {shown(out.alpha)}; it must be None, since {neuron.recurrence} has no alpha")
    args.grad_initial_state = frame.states("out.initial_state", out.initial_state, neuron, output=True)


def describe_plan(
    shape: tuple[int, ...],
    *,
    neuron: Neuron | None = None,
    recurrence: str | None = None,
    rule: str | None = None,
    threshold: float | None = None,
    k: float | None = None,
    max_prob: float | None = None,
    surrogate: str | None = None,
    gradient: str | None = None,
    dtype: Any = "float32",
    backend: str = "auto",
    shared_decay: bool = False,
    time_first: bool = False,
) -> str:
    """What both passes would do on this machine, as text; reads and computes nothing. See docs/performance.md.

    Args:
      shape: of x, [B, T, channels...].
      neuron or its options, time_first: as in `scan`.
      dtype: of x, as "float32" or ``x.dtype``.
      backend: "cpu", "cuda" (its current device), or "auto": CUDA where it has a device.
      shared_decay: whether the decays are one value for all channels.
    """
    options = {"recurrence": recurrence, "rule": rule, "threshold": threshold, "k": k, "max_prob": max_prob}
    chosen = make_neuron(neuron, {**options, "surrogate": surrogate, "gradient": gradient})
    sizes, time_first = as_shape("shape", shape), as_flag("time_first", time_first)
    if len(sizes) < 2:
        raise ValueError(f"shape is {shown(shape)}; it must be {x_axes(time_first)}")
    dtype = dtype_name(dtype)
    choose("dtype", dtype, _memory.FLOATING)
    choose("backend", backend, _abi.BACKENDS)
    batch, time = batch_and_time(sizes, time_first)
    shared = as_flag("shared_decay", shared_decay)
    description = problem(chosen, batch, time, math.prod(sizes[2:]), dtype, backend, 0, shared).description
    text = ctypes.create_string_buffer(4096)
    _abi.check(_abi.lib.spikescan_describe_plan(description, text, len(text)))
    return text.value.decode()
