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

__all__ = ["membrane", "raster", "spike_counts", "spike_probability", "unpack"]


def _axes(ax: Any) -> Any:
    if ax is not None and not isinstance(ax, Axes):
        raise TypeError(f"ax is {shown(ax)}; it must be an axes of Matplotlib")
    return ax if ax is not None else plt.subplots()[1]


def _series(name: str, values: Any) -> np.ndarray:
    """float64 [T, N] of [T] or [T, N]."""
    array = as_real_array(name, values).astype(np.float64)
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
    most = 32 * words.shape[0]
    time = as_count("time", time, most, f"{most}, the steps that packed has room for")
    bits = (words[:, None, ...] >> np.arange(32, dtype=np.uint32).reshape(1, 32, *(1,) * (words.ndim - 1))) & 1
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
    steps, neurons = np.nonzero(values)
    ax.scatter(steps * dt, neurons, **{"s": 4, "c": "black", "marker": "|", **style})
    ax.set(xlabel="time step" if dt == 1.0 else "time", ylabel="neuron")
    ax.set(xlim=(-0.5 * dt, (values.shape[0] - 0.5) * dt), ylim=(-0.5, values.shape[1] - 0.5))
    return ax


def membrane(V: Any, ax: Any = None, *, neuron: Neuron | None = None, spikes: Any = None, dt: float = 1.0) -> Any:
    """Membranes over time; with `neuron`, its threshold as a line and p shaded, with `spikes` a mark at each."""
    values, dt = _series("V", V), as_positive("dt", dt)
    if neuron is not None:
        check_neuron(neuron)
    ax = _axes(ax)
    time = np.arange(values.shape[0]) * dt
    lines = ax.plot(time, values, linewidth=1)
    if neuron is not None and neuron.rule != "none":
        ax.axhline(neuron.threshold, color="black", linestyle="--", linewidth=0.8, label="threshold")
        _shade_probability(ax, neuron, values)
    if spikes is not None:
        marks = _series("spikes", spikes)
        if marks.shape != values.shape:
            raise ValueError(f"spikes has shape {marks.shape}; it must be V's, {values.shape}")
        for line, own, fired in zip(lines, values.T, marks.T):
            at = np.nonzero(fired)[0]
            ax.plot(at * dt, own[at], linestyle="", marker="o", markersize=3, color=line.get_color())
    ax.set(xlabel="time step" if dt == 1.0 else "time", ylabel="membrane V")
    return ax


def _shade_probability(ax: Any, neuron: Neuron, values: np.ndarray) -> None:
    """The background's darkness at height V is p(V): where on the axis the neuron fires how often."""
    finite = values[np.isfinite(values)]
    low = min(finite.min(initial=neuron.threshold), neuron.threshold)
    high = max(finite.max(initial=neuron.threshold), neuron.threshold)
    margin = 0.05 * (high - low) or 0.5
    low, high = low - margin, high + margin
    p = spike_probability(neuron, np.linspace(low, high, 256))
    ax.imshow(
        p[:, None],
        extent=(*ax.get_xlim(), low, high),
        origin="lower",
        aspect="auto",
        cmap="Greys",
        alpha=0.35,
        vmin=0,
        vmax=1,
        zorder=0,
    )
    ax.set_ylim(low, high)


def spike_counts(spikes: Any, ax: Any = None, **style: Any) -> Any:
    """A bar for each neuron: how often it fired."""
    values = _series("spikes", spikes)
    ax = _axes(ax)
    ax.bar(np.arange(values.shape[1]), values.sum(axis=0), **{"color": "grey", **style})
    ax.set(xlabel="neuron", ylabel="spikes")
    return ax
