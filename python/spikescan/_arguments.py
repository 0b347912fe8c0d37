"""The rules of a call's arguments that all faces share (arrays, PyTorch, JAX): one rule and one sentence each.

They know shapes and names, not arrays: how a decay is spread or a state laid out is each face's own.
"""

from __future__ import annotations

import functools
import operator
from typing import Any

from spikescan._memory import FLOATING
from spikescan._neuron import Neuron, choose

SPIKE_DTYPES = (*FLOATING, "uint8", "bits32")
COUNTER_BITS = {"batch": 32, "time": 34, "channel": 32}

_neuron = functools.lru_cache(maxsize=1024)(Neuron)


def make_neuron(neuron: Neuron | None, options: dict[str, Any]) -> Neuron:
    """The neuron that was given, or that of its options by name (None: not given)."""
    given = {name: value for name, value in options.items() if value is not None}
    if neuron is None:
        try:
            return _neuron(**given)
        except TypeError:  # a list cannot be looked up; Neuron says what is wrong with it
            return Neuron(**given)
    if given:
        raise ValueError(f"neuron and {', '.join(given)} are given; give either a neuron or its options")
    return neuron


# ---- Outputs -------------------------------------------------------------------------------------------------------


def spike_dtype(spikes: bool | str | None, x_dtype: str, neuron: Neuron) -> str | None:
    """The dtype's name that `spikes` asks for, True being x's; None where spikes are not wanted."""
    if spikes is None or spikes is False:
        return None
    if spikes is True:
        return x_dtype
    choose("spikes", spikes, SPIKE_DTYPES)
    if neuron.rule == "none" and spikes not in FLOATING:
        raise ValueError(f"spikes is {spikes!r}; with the rule 'none' it must be a floating dtype")
    return spikes


def membrane_dtype(membrane: bool | str | None) -> str | None:
    """The dtype's name that `membrane` asks for, True being float32; None where V is not wanted."""
    if not membrane:
        return None
    name = "float32" if membrane is True else membrane
    choose("membrane", name, FLOATING)
    return name


# ---- Decays and states ---------------------------------------------------------------------------------------------


def check_alpha(neuron: Neuron, alpha: Any) -> None:
    """Refuses a current's decay that is missing, and one that the neuron has no use for."""
    if neuron.has_alpha and alpha is None:
        raise ValueError(f"alpha is missing; {neuron.recurrence} needs it (the decay of its current)")
    if not neuron.has_alpha and alpha is not None:
        raise ValueError(f"alpha is given; {neuron.recurrence} has none, only cuba_lif has")


def decay_is_shared(name: str, decay_shape: tuple[int, ...], channel_shape: tuple[int, ...]) -> bool:
    """True for one value of shape () or (1,), False for one a channel; refuses every other shape.

    Of two decays one may be shared and one not. The library wants both alike: the face spreads the shared one, and its
    gradient is the sum over the channels.
    """
    if decay_shape == channel_shape:
        return channel_shape == ()
    if decay_shape in ((), (1,)):
        return True
    raise ValueError(
        f"{name} has shape {decay_shape}; it must be {channel_shape} (the channels of x), or () for one decay for all"
    )


def as_states(name: str, given: Any, neuron: Neuron) -> tuple[Any, ...]:
    """One array for each of the neuron's states; a single array serves a neuron of one state."""
    states = tuple(given) if isinstance(given, (tuple, list)) else (given,)
    if len(states) != len(neuron.states):
        raise ValueError(f"{name} has {len(states)} arrays; {neuron.recurrence} has {neuron.states}")
    return states


# ---- Keys ----------------------------------------------------------------------------------------------------------


def as_integer(value: Any) -> Any:
    """The int of whatever Python counts with, NumPy's integers among it; anything else comes back as it is."""
    if isinstance(value, int):
        return value
    try:
        return operator.index(value)
    except TypeError:
        return value


def check_key(seed: Any, stream: Any, origin: Any) -> tuple[int, int, tuple[int, int, int]]:
    """The three as ints; refuses a seed past 64 bits, a stream past 32 and an origin that is not three counts."""
    seed, stream, origin = as_integer(seed), as_integer(stream), tuple(as_integer(index) for index in origin)
    for name, value in (("seed", seed), ("stream", stream), *zip(COUNTER_BITS, origin)):
        if not isinstance(value, int):
            place = f"origin's {name}" if name in COUNTER_BITS else name
            raise TypeError(f"{place} is {value!r}; it must be an integer")
    if not 0 <= seed < 1 << 64:
        raise ValueError(f"seed is {seed}; it must be from 0 to 2^64 - 1")
    if not 0 <= stream < 1 << 32:
        raise ValueError(f"stream is {stream}; it must be from 0 to 2^32 - 1")
    if len(origin) != len(COUNTER_BITS):
        raise ValueError(f"origin is {origin}; it must be three indices: (batch, time, channel)")
    for (axis, bits), index in zip(COUNTER_BITS.items(), origin):
        if not 0 <= index <= 1 << bits:
            raise ValueError(f"origin's {axis} is {index}; it must be from 0 to 2^{bits}")
    return seed, stream, origin
