"""The rules of a call's arguments that all faces share (arrays, PyTorch, JAX): one rule and one sentence each.

They know shapes and names, not arrays: how a decay is spread or a state laid out is each face's own.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable
from typing import Any

import numpy as np

from spikescan._checks import as_count, choose, shown
from spikescan._memory import FLOATING
from spikescan._neuron import Neuron

SPIKE_DTYPES = (*FLOATING, "uint8", "bits32")
# The highest origin along each axis, and how a sentence writes it.
_HIGHEST = {"batch": (1 << 32, "2^32"), "time": (1 << 34, "2^34"), "channel": (1 << 32, "2^32")}
_ORIGIN = "it must be three indices: (batch, time, channel)"

_VALUES = (str, int, float, np.number, type(None))
_neuron = functools.lru_cache(maxsize=1024)(Neuron)


def are_values(options: Iterable[Any]) -> bool:
    """Whether what was made of a neuron's options may be kept and looked up by them: a tensor is looked up as the
    object that it is, whatever number it holds by then, and a list not at all."""
    return all(isinstance(option, _VALUES) for option in options)


def make_neuron(neuron: Neuron | None, options: dict[str, Any]) -> Neuron:
    """The neuron that was given, or that of its options by name (None: not given)."""
    given = {name: value for name, value in options.items() if value is not None}
    if neuron is None:
        return _neuron(**given) if are_values(given.values()) else Neuron(**given)
    check_neuron(neuron)
    if given:
        raise ValueError(f"neuron and {', '.join(given)} are given; give either a neuron or its options")
    return neuron


def check_neuron(neuron: Any) -> None:
    if not isinstance(neuron, Neuron):
        raise TypeError(f"neuron is {shown(neuron)}; it must be a spikescan.Neuron")


def x_axes(time_first: bool) -> str:
    return "[time, batch, channels...]" if time_first else "[batch, time, channels...]"


def check_x(shape: tuple[int, ...], dtype: str, time_first: bool, name: str = "x") -> None:
    """`name`: what the caller calls x."""
    if len(shape) < 2:
        raise ValueError(f"{name} has shape {shape}; it must be {x_axes(time_first)}")
    if dtype not in FLOATING:
        raise TypeError(f"{name} has dtype {dtype}; it must be one of {', '.join(FLOATING)}")


# ---- Outputs -------------------------------------------------------------------------------------------------------


def dtype_name(dtype: Any) -> Any:
    """The name of a dtype of NumPy, JAX or PyTorch, or of a type that NumPy has one for; anything else as it is."""
    if dtype is None or isinstance(dtype, (bool, str)):
        return dtype
    if isinstance(dtype, (np.dtype, type)):
        try:
            known = np.dtype(dtype)
            return known.name if known.isnative else known.str
        except TypeError:  # a type that it has none for
            return dtype
    torch = sys.modules.get("torch")  # where nobody has imported it, there is no such dtype
    return str(dtype).removeprefix("torch.") if torch is not None and isinstance(dtype, torch.dtype) else dtype


def spike_dtype(spikes: Any, x_dtype: str, neuron: Neuron) -> str | None:
    """The dtype's name that `spikes` asks for, by name or as a dtype, True being x's; None where none are wanted."""
    spikes = dtype_name(spikes)
    if spikes is None or isinstance(spikes, (bool, np.bool_)):
        return x_dtype if spikes else None
    choose("spikes", spikes, SPIKE_DTYPES, ", or True or False")
    if neuron.rule == "none" and spikes not in FLOATING:
        raise ValueError(f"spikes is {spikes!r}; with the rule 'none' it must be a floating dtype")
    return spikes


def membrane_dtype(membrane: Any) -> str | None:
    """The dtype's name that `membrane` asks for, likewise, True being float32; None where V is not wanted."""
    membrane = dtype_name(membrane)
    if membrane is None or isinstance(membrane, (bool, np.bool_)):
        return "float32" if membrane else None
    choose("membrane", membrane, FLOATING, ", or True or False")
    return membrane


# ---- Decays and states ---------------------------------------------------------------------------------------------


def check_alpha(neuron: Neuron, alpha: Any) -> None:
    """Refuses a current's decay that is missing, and one that the neuron has no use for."""
    if isinstance(alpha, Neuron):  # behind the decays an option has to be named
        raise TypeError(f"alpha is {shown(alpha)}; it must be a decay, and a neuron must be given as neuron=")
    if neuron.has_alpha and alpha is None:
        raise ValueError(f"alpha is missing; {neuron.recurrence} needs it (the decay of its current)")
    if not neuron.has_alpha and alpha is not None:
        raise ValueError(f"alpha is given; {neuron.recurrence} has none, only cuba_lif has")


def broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Whether NumPy broadcasts it to that shape."""
    return len(shape) <= len(to) and all(own in (1, size) for own, size in zip(reversed(shape), reversed(to)))


def decay_is_shared(name: str, decay_shape: tuple[int, ...], channel_shape: tuple[int, ...]) -> bool:
    """True for one value, of shape () or of axes of length 1; False for one a channel, and for what is to be broadcast
    to the channels as NumPy does. Refuses every other shape.

    Of two decays one may be shared and one not. The library wants both alike: the face spreads the shared one, as it
    spreads what is to be broadcast, and its gradient is the sum over the channels.
    """
    if decay_shape == channel_shape:
        return channel_shape == ()
    if decay_shape in ((), (1,)):
        return True
    if broadcasts(decay_shape, channel_shape):
        return all(own == 1 for own in decay_shape)
    if channel_shape == ():
        raise ValueError(f"{name} has shape {decay_shape}; it must be (), since x has no axis of channels")
    raise ValueError(
        f"{name} has shape {decay_shape}; it must be {channel_shape} (the channels of x), or () for one decay for all"
    )


def check_layer_channels(name: str, shape: tuple[int, ...], hidden_shape: tuple[int, ...], leading: int = 2) -> None:
    """Of a layer's x, whose channels are the axes from `leading` on: `scan` would name the decays, which the caller of a
    layer has not given."""
    if len(shape) < leading or hidden_shape in ((), (1,)) or broadcasts(hidden_shape, shape[leading:]):
        return
    is_short = leading > 1 and len(shape) - leading < len(hidden_shape)  # most likely the batch is missing
    raise ValueError(
        f"{name} has shape {tuple(shape)}; its channels must be the layer's hidden_shape, {hidden_shape}"
        + (f", behind {leading} other axes" if is_short else "")
    )


def check_uniforms(shape: tuple[int, ...], dtype: str, x_shape: tuple[int, ...], x_name: str = "x") -> None:
    if shape != x_shape:
        raise ValueError(f"uniforms has shape {shape}; it must be {x_name}'s, {x_shape}")
    if dtype != "float32":
        raise TypeError(f"uniforms has dtype {dtype}; it must be float32")


def as_states(name: str, given: Any, neuron: Neuron) -> tuple[Any, ...]:
    """One array for each of the neuron's states, or None for one that starts at zero; a single array serves a neuron of
    one state."""
    states = tuple(given) if isinstance(given, (tuple, list)) else (given,)
    if len(states) != len(neuron.states):
        wanted = f"{len(neuron.states)}, the states of {neuron.recurrence}: {', '.join(neuron.states)}"
        raise ValueError(f"{name} has {len(states)} arrays; it must have {wanted}")
    return states


def as_blocks(blocks: Any, batch: int) -> int:
    """How many pieces a pipeline cuts the batch into; None: one a row."""
    if blocks is None:
        return max(batch, 1)
    blocks = as_count("blocks", blocks, (1 << 63) - 1, "2^63 - 1", 1)
    if batch % blocks:
        raise ValueError(f"blocks is {blocks}; it must divide the batch, {batch}")
    return blocks


# ---- Keys ----------------------------------------------------------------------------------------------------------


def check_key(seed: Any, stream: Any, origin: Any) -> tuple[int, int, tuple[int, int, int]]:
    """The three as ints; refuses a seed past 64 bits, a stream past 32 and an origin that is not three counts."""
    seed = check_seed("seed", seed)
    stream = as_count("stream", stream, (1 << 32) - 1, "2^32 - 1")
    try:
        places = tuple(origin)
    except TypeError:
        raise TypeError(f"origin is {shown(origin)}; {_ORIGIN}") from None
    if len(places) != len(_HIGHEST):
        raise ValueError(f"origin is {shown(origin)}; {_ORIGIN}")
    batch = check_place("origin's batch", "batch", places[0])
    time = check_place("origin's time", "time", places[1])
    return seed, stream, (batch, time, check_place("origin's channel", "channel", places[2]))


def check_seed(name: str, seed: Any) -> int:
    return as_count(name, seed, (1 << 64) - 1, "2^64 - 1")


def check_place(name: str, axis: str, index: Any) -> int:
    """An index along an axis of the whole, as an int: no larger than the counter of the random numbers has room for."""
    return as_count(name, index, *_HIGHEST[axis])
