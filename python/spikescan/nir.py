"""Neurons to and from the Neuromorphic Intermediate Representation (package ``nir``).

NIR's leaky integrator, stepped by Euler with dt, is V_t = (1 - dt/tau) V_{t-1} + (dt/tau) (v_leak + r x_t). So

- ``lif``       LI with tau = dt / (1 - beta), r = tau / dt
- ``spsn``      LI with the same tau, r = 1
- ``cuba_lif``  CubaLI with tau_mem, tau_syn likewise, r = tau_mem / dt, w_in = tau_syn / dt
- ``heaviside`` a Threshold behind it; its surrogate and k, which NIR has no place for, go into the node's metadata

and the rule ``none`` at threshold 0 is no further node. What NIR cannot express is refused.
"""

from __future__ import annotations

from typing import Any

import nir  # type: ignore[import-untyped]  # it has no stubs
import numpy as np

from spikescan import _abi
from spikescan._arguments import check_alpha, check_neuron
from spikescan._checks import as_positive, as_real_array, as_shape, choose, shown
from spikescan._neuron import Neuron

_SURROGATE, _K = "spikescan_surrogate", "spikescan_k"


def to_nir(
    neuron: Neuron, beta: Any, alpha: Any = None, *, dt: float = 1.0, shape: tuple[int, ...] | None = None
) -> nir.NIRGraph:
    """The graph input -> integrator (-> threshold) -> output.

    Args:
      neuron: `lif`, `spsn` or `cuba_lif` with the rule `heaviside`, or with `none` at threshold 0.
      beta, alpha: raw decays of the channels' shape (clipped to [0, 1] as the scan does), or () with `shape`.
      dt: length of a step in the unit that the time constants shall have.
      shape: the channels' shape, where the decays are shared.
    """
    check_neuron(neuron)
    _refuse_neuron(neuron)
    dt = as_positive("dt", dt)
    decays = _spread(neuron, beta, alpha, shape)
    tau = {name: _time_constant(name, value, dt) for name, value in decays.items()}
    zero = np.zeros_like(tau["beta"])
    integrator: Any
    if neuron.recurrence == "cuba_lif":
        integrator = nir.CubaLI(tau["alpha"], tau["beta"], r=tau["beta"] / dt, v_leak=zero, w_in=tau["alpha"] / dt)
    else:
        gain = tau["beta"] / dt if neuron.recurrence == "lif" else np.ones_like(zero)
        integrator = nir.LI(tau=tau["beta"], r=gain, v_leak=zero)
    nodes = {
        "input": nir.Input({"input": np.array(zero.shape)}),
        "integrator": integrator,
        "output": nir.Output({"output": np.array(zero.shape)}),
    }
    chain = ["input", "integrator", "output"]
    if neuron.rule == "heaviside":
        memory = {_SURROGATE: neuron.surrogate, _K: neuron.k}
        nodes["threshold"] = nir.Threshold(np.full_like(zero, neuron.threshold), metadata=memory)
        chain.insert(2, "threshold")
    return nir.NIRGraph(nodes, list(zip(chain, chain[1:])))


def from_nir(
    graph: nir.NIRGraph, *, dt: float = 1.0, surrogate: str | None = None, k: float | None = None
) -> tuple[Neuron, np.ndarray, np.ndarray | None]:
    """(neuron, beta, alpha) of a graph that is one chain: input, integrator, Threshold or none, output.

    Args:
      dt: length of a step in the unit of the graph's time constants.
      surrogate, k: of `heaviside`; by default what `to_nir` left in the metadata, else Neuron's own.
    """
    if not isinstance(graph, nir.NIRGraph):
        raise TypeError(f"graph is {shown(graph)}; it must be a nir.NIRGraph")
    dt = as_positive("dt", dt)
    # Refuses what is wrong, whether a Threshold takes it or there is none.
    Neuron(rule="heaviside", k=k, surrogate="arctan" if surrogate is None else surrogate)  # type: ignore[arg-type]
    integrator, threshold = _nodes(graph)
    if np.any(np.asarray(integrator.v_leak) != 0):
        raise ValueError("the NIR node has v_leak other than 0; the recurrences here leak to 0")
    alpha = None
    if isinstance(integrator, nir.CubaLI):
        recurrence = "cuba_lif"
        alpha, _ = _decay("tau_syn", integrator.tau_syn, dt, integrator.w_in, ("cuba_lif",))
        beta, _ = _decay("tau_mem", integrator.tau_mem, dt, integrator.r, ("cuba_lif",))
    else:
        beta, recurrence = _decay("tau", integrator.tau, dt, integrator.r, ("lif", "spsn"))
    if threshold is None:
        return Neuron(recurrence, "none", 0.0), beta, alpha
    levels = np.unique(np.asarray(threshold.threshold))
    if levels.size != 1:
        raise ValueError(
            f"the NIR Threshold has {levels.size} different values; one threshold for all channels is built"
        )
    left = threshold.metadata
    slope = _left_k(left[_K]) if k is None and _K in left else k
    shape = _left_surrogate(left.get(_SURROGATE, "arctan")) if surrogate is None else surrogate
    neuron = Neuron(recurrence, "heaviside", float(levels[0]), slope, surrogate=shape)  # type: ignore[arg-type]
    return neuron, beta, alpha


# ---- Export --------------------------------------------------------------------------------------------------------


def _refuse_neuron(neuron: Neuron) -> None:
    if neuron.recurrence == "psu_lif":
        raise ValueError("NIR has no node for psu_lif: its refractory trace R is driven by sigmoid(V)")
    if neuron.stochastic:
        raise ValueError(f"NIR has no stochastic firing rule; {neuron.rule} cannot be exported, heaviside and none can")
    if neuron.rule == "none" and neuron.threshold != 0:
        raise ValueError(
            f"the rule 'none' at threshold {neuron.threshold} puts out V - threshold, which NIR has no node for; "
            "export it at threshold 0"
        )


def _spread(neuron: Neuron, beta: Any, alpha: Any, shape: tuple[int, ...] | None) -> dict[str, np.ndarray]:
    check_alpha(neuron, alpha)
    given = {"beta": beta, **({"alpha": alpha} if neuron.has_alpha else {})}
    decays = {name: as_real_array(name, value).astype(np.float64) for name, value in given.items()}
    wanted = decays["beta"].shape if shape is None else as_shape("shape", shape)
    if wanted == ():
        raise ValueError("beta is shared by all channels; NIR wants one value a channel: give shape")
    for name, value in decays.items():
        if value.shape not in ((), wanted):
            raise ValueError(f"{name} has shape {value.shape}; it must be {wanted}, or () for one decay for all")
    return {name: np.broadcast_to(np.clip(value, 0, 1), wanted).copy() for name, value in decays.items()}


def _time_constant(name: str, decay: np.ndarray, dt: float) -> np.ndarray:
    if np.any(np.isnan(decay)):
        raise ValueError(f"{name} is nan in some channel; a decay must be a number")
    if np.any(decay >= 1):
        raise ValueError(
            f"{name} is 1 in some channel: its time constant would be infinite, which NIR's LI cannot hold"
        )
    return dt / (1 - decay)


# ---- Import --------------------------------------------------------------------------------------------------------


def _left_k(value: Any) -> float:
    """What `to_nir` left there, or somebody else."""
    try:
        return Neuron(rule="heaviside", k=float(value)).k
    except (TypeError, ValueError, OverflowError):
        raise ValueError(
            f"{_K} in the NIR Threshold's metadata is {shown(value)}; it must be a number from 2^-120 to 2^120, or k "
            "must be given"
        ) from None


def _left_surrogate(value: Any) -> str:
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    choose(f"{_SURROGATE} in the NIR Threshold's metadata", text, _abi.SURROGATES)
    return text


def _nodes(graph: nir.NIRGraph) -> tuple[Any, Any]:
    """The integrator and the Threshold (or None) of a graph that is one chain, from the one input to the one output."""
    ends = {kind: [name for name, n in graph.nodes.items() if isinstance(n, kind)] for kind in (nir.Input, nir.Output)}
    inner = {name: n for name, n in graph.nodes.items() if not isinstance(n, (nir.Input, nir.Output))}
    integrators = [name for name, n in inner.items() if isinstance(n, (nir.LI, nir.CubaLI))]
    thresholds = [name for name, n in inner.items() if isinstance(n, nir.Threshold)]
    if len(integrators) != 1 or len(thresholds) > 1 or len(inner) != len(integrators) + len(thresholds):
        kinds = [type(n).__name__ for n in inner.values()]
        raise ValueError(
            f"the NIR graph holds {', '.join(kinds) or 'no node'}; it must be one LI or CubaLI, with or without a Threshold "
            "behind it (LIF and CubaLIF reset their membrane, which a parallel scan cannot)"
        )
    for kind, names in ends.items():
        if len(names) != 1:
            raise ValueError(f"the NIR graph has {len(names)} nodes of {kind.__name__}, {names}; it must have one")
    chain = [*ends[nir.Input], *integrators, *thresholds, *ends[nir.Output]]
    edges = sorted(tuple(edge) for edge in graph.edges)
    if edges != sorted(zip(chain, chain[1:])):
        raise ValueError(f"the NIR graph's edges are {edges}; they must be one chain, {chain}")
    return inner[integrators[0]], inner[thresholds[0]] if thresholds else None


def _decay(name: str, tau: Any, dt: float, gain: Any, recurrences: tuple[str, ...]) -> tuple[np.ndarray, str]:
    """1 - dt / tau, and the recurrence whose input scale the gain gives."""
    tau, gain = np.asarray(tau, np.float64), np.asarray(gain, np.float64)
    if np.any(np.isnan(tau)):
        raise ValueError(f"{name} is nan in some channel; a time constant must be a number")
    if np.any(tau < dt):
        raise ValueError(f"{name} is below dt = {dt} in some channel; the decay 1 - dt/{name} would be negative")
    scales = {"lif": tau / dt, "cuba_lif": tau / dt, "spsn": np.ones_like(tau)}
    for recurrence in recurrences:
        if np.allclose(gain, scales[recurrence], rtol=1e-6, atol=0):
            return (1 - dt / tau).astype(np.float32), recurrence
    raise ValueError(
        f"the NIR node scales its input by other than 1 or {name}/dt; scale the weights before it instead, "
        f"and set the gain to {name}/dt"
    )
