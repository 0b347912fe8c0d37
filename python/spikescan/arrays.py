"""`scan` and `scan_backward` on NumPy arrays and on anything with ``__dlpack__``, without copies.

Shapes: x is [B, T, channels...] (or [T, B, channels...] with ``time_first``); C is the product of the channels.
"""

from __future__ import annotations

import ctypes
import math
from typing import Any, NamedTuple

import numpy as np

from spikescan import _abi, _memory
from spikescan._arguments import (
    as_states,
    check_alpha,
    check_key,
    check_x,
    decay_is_shared,
    make_neuron,
    membrane_dtype,
    spike_dtype,
)
from spikescan._checks import as_count, as_flag, as_real_array, choose, shown
from spikescan._memory import Array, View, Workspace
from spikescan._neuron import Neuron
from spikescan._problem import Problem, problem
from spikescan._spread import add_up, room_for_gradients, spread


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


class _Decay(NamedTuple):
    """beta or alpha as the library takes it; `shape` is that of what was given, and so of its gradient."""

    pointer: int
    shared: bool
    shape: tuple[int, ...]
    is_spread: bool = False  # one value was given, and stands here once a channel


class _Frame:
    """What both passes share: the view of x, its axes, and how outputs and states lie beside it."""

    def __init__(self, x: Array, time_first: bool, cuda_stream: int) -> None:
        self.cuda_stream = as_count("cuda_stream", cuda_stream, (1 << 64) - 1, "2^64 - 1")
        self.time_first = as_flag("time_first", time_first)
        self.x = _memory.view("x", x, self.cuda_stream)
        check_x(self.x.shape, self.x.dtype, self.time_first)
        first, second = self.x.shape[:2]
        self.batch, self.time = (second, first) if self.time_first else (first, second)
        self.channel_shape = self.x.shape[2:]
        self.channels = math.prod(self.channel_shape)
        self.device = self.x.device
        if self.cuda_stream and self.device[0] == "cpu":
            raise ValueError(f"cuda_stream is {self.cuda_stream}; it must be 0 where x is on the CPU")
        self.keep: list[Any] = [self.x]  # everything whose pointer the call holds
        self.sums: list[tuple[Workspace, int]] = []  # gradients of spread decays, and where their sums belong

    def problem(self, neuron: Neuron, shared: bool) -> Problem:
        return problem(neuron, self.batch, self.time, self.channels, self.x.dtype, *self.device, shared)

    def view(self, name: str, array: Array, shape: tuple[int, ...], dtypes: tuple[str, ...], output: bool) -> View:
        return self.checked(name, _memory.view(name, array, self.cuda_stream), shape, dtypes, output)

    def checked(self, name: str, v: View, shape: tuple[int, ...], dtypes: tuple[str, ...], output: bool) -> View:
        if v.device != self.device:
            raise ValueError(f"{name} is on {v.device[0]}:{v.device[1]}, x on {self.device[0]}:{self.device[1]}")
        if v.shape != shape:
            raise ValueError(f"{name} has shape {v.shape}; it must be {shape}")
        if v.dtype not in dtypes:
            raise TypeError(f"{name} has dtype {v.dtype}; it must be {' or '.join(dtypes)}")
        if output and not v.writable:
            raise ValueError(f"{name} is read-only; an output must be writable (JAX's arrays are immutable)")
        self.keep.append(v)
        return v

    def shape(self, time: int) -> tuple[int, ...]:
        leading = (time, self.batch) if self.time_first else (self.batch, time)
        return leading + self.channel_shape

    def tensor(
        self, name: str, array: Array, dtypes: tuple[str, ...] = _memory.FLOATING, output: bool = False
    ) -> _abi.Tensor:
        """A [B, T, C] argument of the call; bits32 arrays are uint32 and shorter in time."""
        return self.tensor_in(name, _memory.view(name, array, self.cuda_stream), dtypes, output)

    def tensor_in(self, name: str, v: View, dtypes: tuple[str, ...], output: bool) -> _abi.Tensor:
        packed = dtypes == ("uint32",)
        self.checked(name, v, self.shape(-(-self.time // 32) if packed else self.time), dtypes, output)
        return self.tensor_of(name, v, "bits32" if packed else v.dtype)

    def tensor_of(self, name: str, v: View, dtype: str) -> _abi.Tensor:
        first, second = _memory.collapse(name, v, 2)
        batch, time = (second, first) if self.time_first else (first, second)
        return _abi.Tensor(v.pointer or None, _abi.DTYPES[dtype], batch, time)

    def states(self, name: str, given: Any, neuron: Neuron, output: bool = False) -> Any:
        """The two-element array of a call's states; `given` is None or one array for each of the neuron's states."""
        result = (_abi.State * 2)()
        if given is None:
            return result
        for i, array in enumerate(as_states(name, given, neuron)):
            if array is None:
                continue
            label = f"{name}[{i}]"
            v = self.view(label, array, (self.batch, *self.channel_shape), ("float32",), output)
            (stride,) = _memory.collapse(label, v, 1)
            result[i] = _abi.State(v.pointer or None, stride)
        return result

    def decay(self, name: str, given: Any) -> _Decay:
        """beta or alpha where it lies; numbers and lists become float32 where x is on the CPU."""
        if self.device[0] == "cpu" and not hasattr(given, "__dlpack__"):
            given = as_real_array(name, given).astype(np.float32)
        v = _memory.view(name, given, self.cuda_stream)
        shared = decay_is_shared(name, v.shape, self.channel_shape)
        self.checked(name, v, v.shape, ("float32",), False)
        _memory.collapse(name, v, 0)
        return _Decay(v.pointer, shared, v.shape)

    def decays(self, beta: Any, alpha: Any, neuron: Neuron) -> tuple[_Decay, _Decay | None]:
        """Both decays; a shared one beside one a channel is spread, since the library wants both alike."""
        check_alpha(neuron, alpha)
        first = self.decay("beta", beta)
        if alpha is None:
            return first, None
        second = self.decay("alpha", alpha)
        if first.shared == second.shared:
            return first, second
        return self._spread(first), self._spread(second)

    def _spread(self, decay: _Decay) -> _Decay:
        if not decay.shared:
            return decay
        memory = spread(decay.pointer, self.channels, self.device, self.cuda_stream)
        self.keep.append(memory)
        return _Decay(memory.pointer or decay.pointer, False, decay.shape, is_spread=True)

    def decay_gradient(self, name: str, array: Array, decay: _Decay) -> int | None:
        """Where the library writes it: for a spread decay aside, one a channel, for `add_up` to finish."""
        if array is None:
            return None
        pointer = self.view(name, array, decay.shape, ("float32",), True).pointer
        if not decay.is_spread:
            return pointer or None
        parts = room_for_gradients(self.channels, self.device, self.cuda_stream)
        self.sums.append((parts, pointer))
        return parts.pointer or pointer

    def add_up(self) -> None:
        """The gradients of spread decays, once those of the channels are computed or enqueued."""
        for parts, pointer in self.sums:
            add_up(parts, self.channels, pointer, self.device, self.cuda_stream)

    def output(self, shape: tuple[int, ...], dtype: str) -> Array:
        return _memory.empty(shape, dtype, self.device)


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
    seed: int = 0,
    stream: int = 0,
    origin: tuple[int, int, int] = (0, 0, 0),
    uniforms: Array = None,
    initial_state: Any = None,
    spikes: bool | str = True,
    membrane: bool | str = False,
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
      beta: membrane decay, float32 of the channels' shape, or one value () for all. Clipped to [0, 1].
      alpha: the current's decay of cuba_lif, of either shape.
      neuron: a `Neuron`; or give `recurrence`, `rule`, `threshold`, `k`, `max_prob` (defaults as in `Neuron`).
      seed, stream: key of the random numbers; `stream` tells layers and steps apart.
      origin: (batch, time, channel) of x's first element in the whole, for pieces of a batch, sequence or layer.
      uniforms: float32 in [0, 1) in the shape of x, used in place of the generator.
      initial_state: arrays [B, channels...] float32, one for each of `neuron.states`; one that is None or absent means
        zero.
      spikes: True (x's dtype), False, or "float32", "float16", "bfloat16", "uint8", "bits32" (32 steps to a uint32).
      membrane: whether V is wanted; True (float32) or a floating dtype's name.
      final_state: whether the state after the last step is wanted.
      save: whether to keep what `scan_backward` needs.
      out: a `ScanResult` of arrays to write into; they decide what is computed, in place of the four flags above.
        Arrays that say that they are read-only are refused, and so are JAX's, which are immutable.
      time_first: x, uniforms, spikes and membrane are [T, B, channels...]. No copy either way.
      cuda_stream: CUDA stream as an integer (0: the legacy default stream). With `out`, and a workspace that an
        earlier call has made as large, the call enqueues and returns; else it allocates memory first.

    Returns:
      A `ScanResult`: NumPy arrays on the CPU, `DeviceArray` (take over by from_dlpack) on CUDA, or those of `out`.
    """
    chosen = make_neuron(
        neuron, {"recurrence": recurrence, "rule": rule, "threshold": threshold, "k": k, "max_prob": max_prob}
    )
    seed, stream, origin = check_key(seed, stream, origin)
    frame = _Frame(x, time_first, cuda_stream)
    beta_decay, alpha_decay = frame.decays(beta, alpha, chosen)
    prob = frame.problem(chosen, beta_decay.shared)
    if out is None:
        final_state, save = as_flag("final_state", final_state), as_flag("save", save)
        out = _allocate(frame, prob, chosen, spike_dtype(spikes, frame.x.dtype, chosen), membrane, final_state, save)
    _check_out(out, ScanResult)
    args = _abi.ForwardArgs(struct_size=ctypes.sizeof(_abi.ForwardArgs), seed=seed, stream=stream)
    args.x = frame.tensor_of("x", frame.x, frame.x.dtype)
    args.beta = beta_decay.pointer or None
    args.alpha = (alpha_decay.pointer or None) if alpha_decay else None
    args.initial_state = frame.states("initial_state", initial_state, chosen)
    if uniforms is not None:
        args.uniforms = frame.tensor("uniforms", uniforms, ("float32",))
    _place_outputs(args, frame, prob, chosen, out)
    workspace = Workspace(prob.forward_workspace, frame.device, frame.cuda_stream)
    args.workspace, args.workspace_bytes = workspace.pointer, workspace.size
    _abi.check(_abi.lib.spikescan_forward(prob.at(origin), args, frame.cuda_stream or None))
    return out


def _check_out(out: Any, kind: type) -> None:
    if not isinstance(out, kind):
        raise TypeError(f"out is {shown(out)}; it must be a spikescan.{kind.__name__}")


def _allocate(
    frame: _Frame, prob: Problem, neuron: Neuron, spikes: str | None, membrane: Any, final_state: bool, save: bool
) -> ScanResult:
    v_dtype = membrane_dtype(membrane)
    steps = -(-frame.time // 32) if spikes == "bits32" else frame.time
    state_shape = (frame.batch, *frame.channel_shape)
    return ScanResult(
        spikes=frame.output(frame.shape(steps), spikes) if spikes else None,
        membrane=frame.output(frame.shape(frame.time), v_dtype) if v_dtype else None,
        final_state=tuple(frame.output(state_shape, "float32") for _ in neuron.states) if final_state else None,
        saved=frame.output((prob.saved,), "uint8") if save else None,
    )


def _place_outputs(args: _abi.ForwardArgs, frame: _Frame, prob: Problem, neuron: Neuron, out: ScanResult) -> None:
    if out.spikes is not None:
        spikes = _memory.view("out.spikes", out.spikes, frame.cuda_stream)
        dtypes = ("uint32",) if spikes.dtype == "uint32" else (*_memory.FLOATING, "uint8")
        args.spikes = frame.tensor_in("out.spikes", spikes, dtypes, output=True)
    if out.membrane is not None:
        args.membrane = frame.tensor("out.membrane", out.membrane, output=True)
    args.final_state = frame.states("out.final_state", out.final_state, neuron, output=True)
    if out.saved is not None:
        saved = frame.view("out.saved", out.saved, (prob.saved,), ("uint8",), True)
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
      out: a `Gradients` of arrays to write into; they decide what is computed, in place of `wanted`.

    Returns:
      A `Gradients`: x in x's dtype, the others float32, the decays' zero where the raw decay lies outside [0, 1].
    """
    options = {"recurrence": recurrence, "rule": rule, "threshold": threshold, "k": k, "max_prob": max_prob}
    chosen = make_neuron(neuron, {**options, "surrogate": surrogate, "gradient": gradient})
    frame = _Frame(x, time_first, cuda_stream)
    beta_decay, alpha_decay = frame.decays(beta, alpha, chosen)
    prob = frame.problem(chosen, beta_decay.shared)
    if out is None:
        out = _allocate_gradients(frame, chosen, (beta_decay, alpha_decay), wanted)
    _check_out(out, Gradients)
    args = _abi.BackwardArgs(struct_size=ctypes.sizeof(_abi.BackwardArgs))
    args.x = frame.tensor_of("x", frame.x, frame.x.dtype)
    args.beta = beta_decay.pointer or None
    args.alpha = (alpha_decay.pointer or None) if alpha_decay else None
    args.initial_state = frame.states("initial_state", initial_state, chosen)
    kept = frame.view("saved", saved, (prob.saved,), ("uint8",), False)
    if prob.saved:
        args.saved, args.saved_bytes = kept.pointer, prob.saved
    if grad_spikes is not None:
        args.grad_spikes = frame.tensor("grad_spikes", grad_spikes)
    if grad_membrane is not None:
        args.grad_membrane = frame.tensor("grad_membrane", grad_membrane)
    args.grad_final_state = frame.states("grad_final_state", grad_final_state, chosen)
    _place_gradients(args, frame, chosen, (beta_decay, alpha_decay), out)
    workspace = Workspace(prob.backward_workspace, frame.device, frame.cuda_stream)
    args.workspace, args.workspace_bytes = workspace.pointer, workspace.size
    _abi.check(_abi.lib.spikescan_backward(prob.description, args, frame.cuda_stream or None))
    frame.add_up()
    return out


def _allocate_gradients(
    frame: _Frame, neuron: Neuron, decays: tuple[_Decay, _Decay | None], wanted: tuple[str, ...]
) -> Gradients:
    if not isinstance(wanted, (tuple, list, set, frozenset)):
        raise TypeError(f"wanted is {shown(wanted)}; it must be a tuple of names out of {', '.join(Gradients._fields)}")
    for name in wanted:
        choose("wanted", name, Gradients._fields)
    beta, alpha = decays
    state_shape = (frame.batch, *frame.channel_shape)
    states = tuple(frame.output(state_shape, "float32") for _ in neuron.states) if "initial_state" in wanted else None
    return Gradients(
        x=frame.output(frame.x.shape, frame.x.dtype) if "x" in wanted else None,
        beta=frame.output(beta.shape, "float32") if "beta" in wanted else None,
        alpha=frame.output(alpha.shape, "float32") if "alpha" in wanted and alpha is not None else None,
        initial_state=states,
    )


def _place_gradients(
    args: _abi.BackwardArgs, frame: _Frame, neuron: Neuron, decays: tuple[_Decay, _Decay | None], out: Gradients
) -> None:
    if out.x is not None:
        args.grad_x = frame.tensor("out.x", out.x, (frame.x.dtype,), output=True)
    beta, alpha = decays
    args.grad_beta = frame.decay_gradient("out.beta", out.beta, beta)
    args.grad_alpha = frame.decay_gradient("out.alpha", out.alpha, alpha or beta)  # without alpha the library refuses it
    args.grad_initial_state = frame.states("out.initial_state", out.initial_state, neuron, output=True)
