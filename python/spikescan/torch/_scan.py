"""`scan`: arguments as users give them -> the operators' positional tensors."""

from __future__ import annotations

import contextlib
import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from spikescan._arguments import (
    are_values,
    as_states,
    check_alpha,
    check_neuron,
    check_uniforms,
    decay_is_shared,
    make_neuron,
    membrane_dtype,
    spike_dtype,
)
from spikescan._checks import as_flag, as_number, as_real_array, is_real, shown
from spikescan._neuron import LARGEST, Neuron
from spikescan.torch import _autograd, _check, _dtensor
from spikescan.torch._call import encode
from spikescan.torch._dtensor import is_distributed
from spikescan.torch._keys import as_key, draw_key, draw_seed, make_key


class ScanResult(NamedTuple):
    """What was asked for; the rest is None. Shapes as in `spikescan.scan`; packed spikes are ``torch.uint32``."""

    spikes: Any
    membrane: Any
    final_state: Any


_CALLS: dict[Any, tuple[str, Neuron]] = {}
_DENSE = torch.strided


def scan(
    x: Tensor,
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
    key: int | Tensor | None = None,
    generator: torch.Generator | None = None,
    uniforms: Tensor | None = None,
    initial_state: Any = None,
    spikes: Any = True,
    membrane: Any = False,
    final_state: bool = False,
    time_first: bool = False,
    gradient_in_place: bool = False,
) -> ScanResult:
    """Runs the neuron over x; differentiable in x, beta, alpha and initial_state.

    Args:
      x: [B, T, channels...] float32, float16 or bfloat16, on the CPU or a CUDA device. Copied if its channels are not
        contiguous; batch and time may have any strides. A DTensor may be sharded in batch and channels.
      beta: membrane decay of the channels' shape, () for one for all, or what broadcasts to the channels; taken as float32,
        clipped to [0, 1].
      alpha: the current's decay of cuba_lif, likewise.
      neuron: a `Neuron`; or give its options by name.
      key: of `make_key`, or a seed: an integer or a one-element int64 tensor. By default the seed is drawn from
        `generator`.
      generator: a ``torch.Generator`` on x's device, in the place of a key; by default the device's own, which
        ``torch.manual_seed`` seeds.
      uniforms: float32 in [0, 1) in the shape of x, used in place of the key.
      initial_state: [B, channels...] float32, one for each of ``neuron.states``; one that is None or absent means
        zero.
      spikes: True (x's dtype), False, or "float32", "float16", "bfloat16", "uint8", "bits32" (32 steps to a uint32;
        both integer forms have no gradient); or a dtype, as ``torch.uint8``.
      membrane: whether V is wanted; True (float32) or a floating dtype, likewise.
      final_state: whether the state after the last step is wanted.
      time_first: x, uniforms, spikes and membrane are [T, B, channels...].
      gradient_in_place: the gradient of x takes the memory of the spikes' gradient where both have one dtype and nobody
        else holds it, which saves a size of x at the backward pass; see docs/torch.md.

    Returns:
      A `ScanResult`.
    """
    if not isinstance(x, Tensor) or x.dtype not in _check.NAMES or x.layout is not _DENSE or x.is_nested or x.dim() < 2:
        _check.check_x(x, time_first)  # refuses it
    if not (type(time_first) is type(final_state) is type(gradient_in_place) is bool):
        time_first, final_state = as_flag("time_first", time_first), as_flag("final_state", final_state)
        gradient_in_place = as_flag("gradient_in_place", gradient_in_place)
    options = (recurrence, rule, threshold, k, max_prob, surrogate, gradient)
    flags = (time_first, final_state, gradient_in_place)
    call, chosen = _call(x.dtype, neuron, options, spikes, membrane, flags)
    beta, alpha = _decays(chosen, beta, alpha, x)
    first, second = (None, None) if initial_state is None else _initial(chosen, initial_state)
    if generator is not None:
        _check.check_generator(generator)
        if key is not None:
            raise ValueError("key and generator are given; give one of key and generator")
    if uniforms is not None:
        _check.check_tensor("uniforms", uniforms)
        check_uniforms(tuple(uniforms.shape), _check.name_of(uniforms.dtype), tuple(x.shape))
    if not chosen.stochastic or not spikes or uniforms is not None:
        if key is not None:
            as_key(key, x.device)  # refuses what is none
        key, uniforms = None, uniforms if chosen.stochastic and spikes else None
    elif key is None:
        key = _draw(generator, x)
    elif type(key) is not int:  # a seed of a plain call goes by value
        key = as_key(key, x.device)
    tensors = (call, x, beta, alpha, first, second, key, uniforms)
    if type(x) is not Tensor and is_distributed(x):
        results = _dtensor.forward(*tensors)
    else:
        results = _autograd.forward(*tensors)
    finals = tuple(results[2 : 2 + len(chosen.states)]) if final_state else None
    return ScanResult(results[0] if spikes else None, results[1] if membrane else None, finals)


def _draw(generator: torch.Generator | None, x: Tensor) -> int | Tensor:
    """A key of the generator's next seed, by value where the CPU can have it so."""
    if not _autograd.is_plain(x) or (generator is not None and generator.device.type != x.device.type):
        return make_key(generator, device=x.device)
    return draw_seed(generator) if x.is_cpu else draw_key(generator, x.device)


_KINDS = (bool, str, torch.dtype, type(None))
_USUAL = Neuron()
_OPTIONS = ("recurrence", "rule", "threshold", "k", "max_prob", "surrogate", "gradient")


def _call(dtype: Any, neuron: Any, options: Any, spikes: Any, membrane: Any, flags: Any) -> Any:
    """(the call's string, its neuron), kept for every combination of options; Dynamo makes them anew.

    `flags`: whether time comes first, the final state is wanted, and the gradient of x goes in place.
    """
    given = (dtype, neuron, options, spikes, membrane, flags)
    if torch.compiler.is_compiling():
        return _make_call(*given)
    if neuron is not None:
        check_neuron(neuron)
    if type(spikes) not in _KINDS or type(membrane) not in _KINDS:  # 1 would be looked up as True
        return _make_call(*given)
    form = (dtype, None if neuron is None else neuron.text, *given[2:])  # a string keeps its hash
    try:
        known = _CALLS.get(form)
    except TypeError:  # a list cannot be looked up; the checks say what is wrong with it
        return _make_call(*given)
    if known is None:
        known = _make_call(*given)
        if are_values(options):
            if len(_CALLS) >= 4096:
                _CALLS.clear()
            _CALLS[form] = known
    return known


def _make_call(dtype: Any, neuron: Any, options: Any, spikes: Any, membrane: Any, flags: Any) -> Any:
    given = {name: value for name, value in zip(_OPTIONS, options) if value is not None}
    if neuron is None and torch.compiler.is_compiling():  # Dynamo cannot look into the cache of neurons
        # What stands in the class may be a symbol to it, of which not every release can make a string.
        chosen = Neuron(**given) if given else _USUAL
    else:
        chosen = make_neuron(neuron, given)
    s_dtype, v_dtype = spike_dtype(spikes, _check.NAMES[dtype], chosen), membrane_dtype(membrane)
    time_first, final_state, in_place = flags
    return encode(chosen, time_first, s_dtype, v_dtype, final_state, in_place), chosen


def _real(name: str, tensor: Tensor) -> Tensor:
    if tensor.is_complex():
        raise TypeError(f"{name} has dtype {_check.name_of(tensor.dtype)}; it must be real")
    return tensor.float()


def _has_tensors(value: Any) -> bool:
    return isinstance(value, Tensor) or isinstance(value, (list, tuple)) and any(map(_has_tensors, value))


def _from_arrays(name: str, value: Any) -> Any:
    """NumPy's arrays and lists as a tensor, copied: PyTorch takes no array that runs backwards or is of another byte
    order, and drops what is imaginary. Anything else as it is."""
    if isinstance(value, (list, tuple)) and not _has_tensors(value):
        with contextlib.suppress(ValueError):  # of unequal lengths
            array = np.asarray(value)
            value = value if array.dtype == object else array  # PyTorch reads fractions and long integers
    if isinstance(value, (np.ndarray, np.generic)):
        array = as_real_array(name, value)
        with np.errstate(over="ignore"):  # beyond float32 a decay is clipped as infinity is
            return torch.from_numpy(array.astype(np.float32, order="C"))
    dtype = getattr(value, "dtype", None)
    if isinstance(dtype, np.dtype) and not is_real(dtype):  # JAX's
        raise TypeError(f"{name} has dtype {dtype}; it must be real")
    return value


def _as_tensor(name: str, value: Any, device: torch.device) -> Tensor:
    dtype: torch.dtype | None = torch.float32
    if not torch.compiler.is_compiling():
        value = _from_arrays(name, value)
    elif isinstance(value, (np.ndarray, np.generic)):
        dtype = None  # which `_real` looks at
    try:
        return torch.as_tensor(value, dtype=dtype, device=device)
    except (TypeError, ValueError, OverflowError):  # PyTorch does not say which argument it was
        raise TypeError(f"{name} is {shown(value)}; it must be a number or a tensor of numbers") from None


def _decay(name: str, value: Any, x: Tensor) -> Tensor:
    """float32 of the channels' shape or (). A number becomes a tensor on x's device, without a copy from the host."""
    if isinstance(value, Tensor):
        _check.check_tensor(name, value)
    elif isinstance(value, (int, float)):
        number = as_number(name, value)
        if abs(number) > LARGEST:  # PyTorch refuses it; as float32 it is infinite, and it is clipped either way
            number = math.copysign(math.inf, number)
        return torch.full((), number, dtype=torch.float32, device=x.device)
    else:
        value = _as_tensor(name, value, x.device)
    if value.dtype is not torch.float32:
        value = _real(name, value)
    channels = x.shape[2:]
    if value.shape == channels:
        return value
    if decay_is_shared(name, tuple(value.shape), tuple(channels)):
        return value.reshape(())
    return value.expand(channels).contiguous()  # PyTorch then sums its gradient


def _decays(neuron: Neuron, beta: Any, alpha: Any, x: Tensor) -> tuple[Tensor, Tensor | None]:
    if alpha is None and isinstance(beta, Tensor) and beta.dtype is torch.float32 and beta.layout is _DENSE:
        if not beta.is_nested and beta.shape == x.shape[2:] and not neuron.has_alpha:
            return beta, None  # as nearly always
    check_alpha(neuron, alpha)
    beta = _decay("beta", beta, x)
    if alpha is None:
        return beta, None
    alpha = _decay("alpha", alpha, x)
    if beta.dim() == alpha.dim():
        return beta, alpha
    # One shared decay beside one a channel: spread it, its gradient is then summed by PyTorch.
    channels = x.shape[2:]
    return beta.expand(channels).contiguous(), alpha.expand(channels).contiguous()


def _initial(neuron: Neuron, states: Any) -> tuple[Any, Any]:
    taken = []
    for i, state in enumerate(as_states("initial_state", states, neuron)):
        if state is not None:
            _check.check_tensor(f"initial_state[{i}]", state)
            if state.dtype is not torch.float32:
                state = _real(f"initial_state[{i}]", state)
        taken.append(state)
    return taken[0], taken[1] if len(taken) > 1 else None
