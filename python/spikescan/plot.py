"""Pictures of spikes and membranes with Matplotlib, for one example at a time: [T, N] arrays, time first.

The form that users of snnTorch's ``spikeplot`` know: pass an axes (or none), get an axes back.
"""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from spikescan._arguments import check_neuron
from spikescan._checks import as_count, as_positive, as_real_array, shown
from spikescan._neuron import Neuron
from spikescan._shapes import PACKED_STEPS

__all__ = ["membrane", "raster", "spike_counts", "spike_probability", "unpack"]


def _axes(ax: Any) -> Any:
    if ax is not None and not isinstance(ax, Axes):
        raise TypeError(f"ax is {shown(ax)}; it must be an axes of Matplotlib")
    return ax if ax is not None else plt.subplots()[1]


def _series(name: str, values: Any) -> np.ndarray:
    """float64 [T, N] of [T] or [T, N]."""
    array = as_real_array(name, values)
    if name == "spikes" and array.dtype == np.uint32:
        raise TypeError(
            "spikes has dtype uint32, as packed ones have; it must be one value a step: unpack(spikes, time)"
        )
    array = array.astype(np.float64)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise ValueError(f"{name} has shape {np.shape(values)}; it must be [T] or [T, N]: one example, time first")
    return array


def unpack(packed: Any, time: int) -> np.ndarray:
    """uint8 [time, ...] of "bits32" spikes [ceil(time / 32), ...] of one example."""
    words = as_real_array("packed", packed)
    if words.dtype != np.uint32 or words.ndim == 0:
        raise TypeError(f"packed is {words.dtype}{list(words.shape)}; it must be uint32 [ceil(time / 32), ...]")
    most = PACKED_STEPS * words.shape[0]
    time = as_count("time", time, most, f"{most}, the steps that packed has room for")
    steps = np.arange(PACKED_STEPS, dtype=np.uint32).reshape(1, PACKED_STEPS, *(1,) * (words.ndim - 1))
    bits = (words[:, None, ...] >> steps) & 1
    return bits.reshape(-1, *words.shape[1:])[:time].astype(np.uint8)


def spike_probability(neuron: Neuron, membrane: Any) -> np.ndarray:
    """p of the Bernoulli rules, 0 or 1 for heaviside, at the value that the rule sees (V, or V - R)."""
    check_neuron(neuron)
    u = as_real_array("membrane", membrane).astype(np.float64) - neuron.threshold
    sigmoid = 1 / (1 + np.exp(-np.clip(neuron.k * u, -700, 700)))  # past 700 exp overflows, and sigmoid is 0 or 1
    if neuron.rule == "sigmoid_bernoulli":
        return neuron.max_prob * sigmoid
    if neuron.rule == "refractory_sigmoid_bernoulli":
        return np.maximum(np.cos(2 * np.pi * neuron.threshold * u) * sigmoid, 0)
    if neuron.rule == "heaviside":
        return (u > 0).astype(np.float64)
    raise ValueError("the rule 'none' has no spikes, so no probability")


def raster(spikes: Any, ax: Any = None, *, dt: float = 1.0, **style: Any) -> Any:
    """A dot for each spike: time along x (in steps, or in the unit of `dt`), neuron along y."""
    values, dt = _series("spikes", spikes), as_positive("dt", dt)
    ax = _axes(ax)
    until = _end_of_time(ax)
    steps, neurons = np.nonzero(values)
    plain = {"s": 4, "marker": "|"} if {"c", "color"} & style.keys() else {"s": 4, "marker": "|", "c": "black"}
    ax.scatter(steps * dt, neurons, **{**plain, **style})
    ax.set(ylabel="neuron", ylim=(-0.5, values.shape[1] - 0.5))
    _time_axis(ax, until, values.shape[0], dt)
    return ax


def _end_of_time(ax: Any) -> float:
    """How far the pictures reach that are there already, on this axes and on those that share its time."""
    drawn = [a for a in ax.get_shared_x_axes().get_siblings(ax) if a.lines or a.collections]
    return max((a.get_xlim()[1] for a in drawn), default=0.0)


def _time_axis(ax: Any, until: float, steps: int, dt: float) -> None:
    """The same limits in every picture of so many steps, so that pictures above each other line up."""
    ax.set(xlabel="time step" if dt == 1.0 else "time", xlim=(-0.5 * dt, max(until, (steps - 0.5) * dt)))


def membrane(
    V: Any, ax: Any = None, *, neuron: Neuron | None = None, M: Any = None, spikes: Any = None, dt: float = 1.0
) -> Any:
    """Membranes over time; with `neuron`, its threshold as a line and p shaded, with `spikes` a mark at each.

    Args:
      V: [T] or [T, N].
      neuron: whose threshold and p are drawn. Several calls on one axes shade it once, by the last neuron given.
      M: for psu_lif, whose rule does not see V but V - R: that, in V's shape. It is what a scan with the rule "none" at
        threshold 0 puts out as spikes. It is drawn as the line, V dotted beside it.
      spikes: of V's shape.
      dt: length of a step.
    """
    values, dt = _series("V", V), as_positive("dt", dt)
    seen = values if M is None else _of_same_shape("M", M, values)
    if neuron is not None:
        check_neuron(neuron)
    if M is None and neuron is not None and neuron.recurrence == "psu_lif":
        raise ValueError("M is missing; it must be given for psu_lif, whose rule sees V - R (or leave neuron out)")
    if M is not None and (neuron is None or neuron.recurrence != "psu_lif"):
        raise ValueError("M is given; it must come with a neuron of psu_lif, since all others see V")
    marks = None if spikes is None else _of_same_shape("spikes", spikes, values)
    ax = _axes(ax)
    until = _end_of_time(ax)
    time = np.arange(values.shape[0]) * dt
    lines = ax.plot(time, seen, linewidth=1)
    if M is not None:
        for line, own in zip(lines, values.T):
            ax.plot(time, own, linewidth=0.8, linestyle=":", color=line.get_color())
    if marks is not None:
        for line, own, fired in zip(lines, seen.T, marks.T):
            at = np.nonzero(fired)[0]
            ax.plot(at * dt, own[at], linestyle="", marker="o", markersize=3, color=line.get_color())
    ax.set(ylabel="membrane V" if M is None else "V - R")
    _time_axis(ax, until, values.shape[0], dt)
    _draw_rule(ax, neuron)
    return ax


def _of_same_shape(name: str, given: Any, values: np.ndarray) -> np.ndarray:
    series = _series(name, given)
    if series.shape != values.shape:
        raise ValueError(f"{name} has shape {series.shape}; it must be V's, {values.shape}")
    return series


class _Shade:
    """What an earlier call on the same axes has drawn of a rule, as the gid of its artists."""

    def __init__(self, neuron: Neuron) -> None:
        self.neuron = neuron


def _draw_rule(ax: Any, neuron: Neuron | None) -> None:
    """The threshold, and p: the background's darkness at a height is how often the neuron fires there. Over all that is
    drawn; without a neuron by that of an earlier call."""
    for artist in [a for a in (*ax.images, *ax.lines) if isinstance(a.get_gid(), _Shade)]:
        neuron = neuron or artist.get_gid().neuron
        artist.remove()
    if neuron is None or neuron.rule == "none":
        return
    gid = _Shade(neuron)
    ax.relim()
    edges = [neuron.threshold, *(edge for edge in ax.dataLim.intervaly if np.isfinite(edge))]
    margin = 0.05 * (max(edges) - min(edges)) or 0.5
    low, high = min(edges) - margin, max(edges) + margin
    ax.axhline(neuron.threshold, color="black", linestyle="--", linewidth=0.8, label="threshold", gid=gid)
    ax.imshow(
        spike_probability(neuron, np.linspace(low, high, 256))[:, None],
        extent=(0, 1, low, high),
        transform=ax.get_yaxis_transform(),  # from end to end, wherever time goes on
        origin="lower",
        aspect="auto",
        cmap="Greys",
        alpha=0.35,
        vmin=0,
        vmax=1,
        zorder=0,
        gid=gid,
    )
    ax.set_ylim(low, high)


def spike_counts(spikes: Any, ax: Any = None, **style: Any) -> Any:
    """A bar for each neuron: how often it fired."""
    values = _series("spikes", spikes)
    ax = _axes(ax)
    ax.bar(np.arange(values.shape[1]), values.sum(axis=0), **{"color": "grey", **style})
    ax.set(xlabel="neuron", ylabel="spikes")
    return ax
