"""What both passes share on arrays: the view of x, its axes, how outputs and states lie beside it, and the decays."""

from __future__ import annotations

import ctypes
import functools
import math
from typing import Any, Callable, NamedTuple

import numpy as np

from spikescan import _abi, _memory
from spikescan._apart import Argument, check_apart
from spikescan._arguments import as_states, check_alpha, check_x, decay_is_shared
from spikescan._checks import as_count, as_flag, as_real_array
from spikescan._memory import Array, View
from spikescan._neuron import Neuron
from spikescan._problem import Problem, problem
from spikescan._shapes import OutputShapes, batch_and_time, output_shapes
from spikescan._spread import add_up, room_for_gradients, spread

_SPIKES = (*_memory.FLOATING, "uint8", "uint32")  # dtypes of their arrays


class Decay(NamedTuple):
    """beta or alpha as the library takes it; `shape` is that of what was given, and so of its gradient."""

    pointer: int
    shared: bool
    shape: tuple[int, ...]
    is_spread: bool = False  # one value was given, and stands here once a channel
    is_broadcast: bool = False  # so do these, by NumPy


class Frame:
    """What both passes share: the view of x, its axes, and how outputs and states lie beside it."""

    def __init__(self, x: Array, time_first: bool, cuda_stream: int) -> None:
        self.cuda_stream = as_count("cuda_stream", cuda_stream, (1 << 64) - 1, "2^64 - 1")
        self.time_first = as_flag("time_first", time_first)
        self.x = _memory.view("x", x, self.cuda_stream)
        check_x(self.x.shape, self.x.dtype, self.time_first)
        self.batch, self.time = batch_and_time(self.x.shape, self.time_first)
        self.channel_shape = self.x.shape[2:]
        self.channels = math.prod(self.channel_shape)
        self.device = self.x.device
        if self.cuda_stream and self.device[0] == "cpu":
            raise ValueError(f"cuda_stream is {self.cuda_stream}; it must be 0 where x is on the CPU")
        self.keep: list[Any] = [self.x]  # everything whose pointer the call holds
        self.arguments = [Argument("x", self.x, output=False)]
        self.sums: list[Callable[[], None]] = []  # of the gradients of spread decays

    def problem(self, neuron: Neuron, shared: bool) -> Problem:
        return problem(neuron, self.batch, self.time, self.channels, self.x.dtype, *self.device, shared)

    def whole(self, name: str, array: Array, shape: tuple[int, ...], dtype: str, output: bool) -> View:
        """A contiguous argument of the call."""
        v = self.checked(name, _memory.view(name, array, self.cuda_stream), shape, (dtype,), output)
        _memory.collapse(name, v, 0)
        return v

    def real(self, name: str, given: Any, leading: int) -> View:
        """A decay or a state where it lies; on the CPU a copy of real numbers that are not float32, or lie apart or off
        float32's alignment."""
        if self.device[0] == "cpu" and not hasattr(given, "__dlpack__"):
            given = as_real_array(name, given)
        v = _memory.view(name, given, self.cuda_stream)
        if not self.device[0] == v.device[0] == "cpu":
            return v
        if v.dtype == "float32" and v.pointer % 4 == 0 and _memory.is_read_in_place(v, leading):
            return v
        self.arguments.append(Argument(name, v, output=False, aside=True))
        with np.errstate(over="ignore"):  # beyond float32 a decay is clipped as infinity is, and a state is infinite
            return _memory.view(name, as_real_array(name, given).astype(np.float32, order="C"))

    def checked(self, name: str, v: View, shape: tuple[int, ...], dtypes: tuple[str, ...], output: bool) -> View:
        if v.device != self.device:
            own, of_x = (f"{kind}:{number}" for kind, number in (v.device, self.device))
            raise ValueError(f"{name} is on {own}, x on {of_x}; it must be on x's device")
        if v.shape != shape:
            raise ValueError(f"{name} has shape {v.shape}; it must be {shape}")
        if v.dtype not in dtypes:
            raise TypeError(f"{name} has dtype {v.dtype}; it must be {' or '.join(dtypes)}")
        if output and not v.writable:
            raise ValueError(f"{name} is read-only; an output must be writable (JAX's arrays are immutable)")
        self.keep.append(v)
        self.arguments.append(Argument(name, v, output))
        return v

    def _put_aside(self, name: str) -> None:
        """The library sees another array in the place of this argument."""
        self.arguments = [a._replace(aside=True) if a.name == name else a for a in self.arguments]

    def check_apart(self) -> None:
        """Once all arguments are there, and before anything is written."""
        check_apart(self.arguments)

    def shapes(self, spikes: str | None = None) -> OutputShapes:
        return output_shapes(self.x.shape, self.time_first, spikes)

    def tensor(
        self, name: str, array: Array, dtypes: tuple[str, ...] = _memory.FLOATING, output: bool = False
    ) -> _abi.Tensor:
        """A [B, T, C] argument of the call."""
        v = self.checked(name, _memory.view(name, array, self.cuda_stream), self.x.shape, dtypes, output)
        return self.tensor_of(name, v, v.dtype)

    def spikes(self, name: str, array: Array, neuron: Neuron) -> _abi.Tensor:
        """Where the spikes go; packed ones ("bits32") are uint32 and shorter in time."""
        v = _memory.view(name, array, self.cuda_stream)
        if neuron.rule == "none" and v.dtype not in _memory.FLOATING:
            allowed = " or ".join(_memory.FLOATING)
            raise TypeError(f"{name} has dtype {v.dtype}; with the rule 'none' it must be {allowed}")
        is_packed = v.dtype == "uint32"
        shape = self.shapes("bits32").spikes if is_packed else self.x.shape
        self.checked(name, v, shape, _SPIKES, output=True)
        return self.tensor_of(name, v, "bits32" if is_packed else v.dtype)

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
            v = _memory.view(label, array, self.cuda_stream) if output else self.real(label, array, 1)
            self.checked(label, v, self.shapes().state, ("float32",), output)
            (stride,) = _memory.collapse(label, v, 1)
            result[i] = _abi.State(v.pointer or None, stride)
        return result

    def decay(self, name: str, given: Any) -> Decay:
        """beta or alpha as the library takes it."""
        v = self.real(name, given, 0)
        shared = decay_is_shared(name, v.shape, self.channel_shape)
        self.checked(name, v, v.shape, ("float32",), False)
        is_on_gpu = self.device[0] != "cpu"  # where nothing has been copied yet
        if is_on_gpu and not shared and v.shape == self.channel_shape and _memory.is_one_value(v):
            # As a library's `broadcast_to` hands it over; its gradient is one a channel, as its shape is.
            return Decay(self._once_a_channel(name, v.pointer), False, v.shape)
        _memory.collapse(name, v, 0)
        if shared or v.shape == self.channel_shape:
            return Decay(v.pointer, shared, v.shape)
        return self._broadcast(name, v)

    def _broadcast(self, name: str, v: View) -> Decay:
        self._put_aside(name)
        if self.device[0] != "cpu":
            raise ValueError(
                f"{name} has shape {v.shape}; on a CUDA device it must be {self.channel_shape} (the channels of x), "
                "or () for one decay for all"
            )
        memory = np.broadcast_to(_numbers_at(v.pointer, v.shape), self.channel_shape).copy()
        self.keep.append(memory)
        return Decay(memory.ctypes.data, False, v.shape, is_broadcast=True)

    def decays(self, beta: Any, alpha: Any, neuron: Neuron) -> tuple[Decay, Decay | None]:
        """Both decays; a shared one beside one a channel is spread, since the library wants both alike."""
        check_alpha(neuron, alpha)
        first = self.decay("beta", beta)
        if alpha is None:
            return first, None
        second = self.decay("alpha", alpha)
        if first.shared == second.shared:
            return first, second
        return self._spread("beta", first), self._spread("alpha", second)

    def _spread(self, name: str, decay: Decay) -> Decay:
        if not decay.shared:
            return decay
        return Decay(self._once_a_channel(name, decay.pointer), False, decay.shape, is_spread=True)

    def _once_a_channel(self, name: str, pointer: int) -> int:
        self._put_aside(name)
        memory = spread(name, pointer, self.channels, self.device, self.cuda_stream)
        self.keep.append(memory)
        return memory.pointer or pointer

    def decay_gradient(self, name: str, array: Array, decay: Decay) -> int | None:
        """Where the library writes it: for a spread decay aside, one a channel, for `add_up` to finish."""
        if array is None:
            return None
        v = self.whole(name, array, decay.shape, "float32", True)
        if decay.is_broadcast or decay.is_spread:
            self._put_aside(name)
        if decay.is_broadcast:
            own = np.empty(self.channel_shape, np.float32)
            self.sums.append(functools.partial(_add_up_axes, own, _numbers_at(v.pointer, v.shape)))
            return own.ctypes.data
        if not decay.is_spread:
            return v.pointer or None
        parts = room_for_gradients(self.channels, self.device, self.cuda_stream)
        self.sums.append(functools.partial(add_up, parts, self.channels, v.pointer, self.device, self.cuda_stream))
        return parts.pointer or v.pointer

    def add_up(self) -> None:
        """The gradients of spread decays, once those of the channels are computed or enqueued."""
        for finish in self.sums:
            finish()

    def output(self, shape: tuple[int, ...], dtype: str) -> Array:
        return _memory.empty(shape, dtype, self.device)


def _numbers_at(pointer: int, shape: tuple[int, ...]) -> np.ndarray:
    """The contiguous float32 at an address, whoever they belong to."""
    memory = memoryview((ctypes.c_char * (4 * math.prod(shape))).from_address(pointer))
    return np.ndarray(shape, np.float32, memory)


def _add_up_axes(gradients: np.ndarray, total: np.ndarray) -> None:
    """Writes the sums over the axes that `total` has not or of length 1, in float64 and rounded once."""
    missing = gradients.ndim - total.ndim
    longer = tuple(i + missing for i, size in enumerate(total.shape) if size != gradients.shape[i + missing])
    total[...] = gradients.sum((*range(missing), *longer), np.float64).reshape(total.shape)
