"""`scan` with its gradient: a custom_vjp whose residuals are the inputs and the sparse saved states, never V."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from spikescan._arguments import (
    as_states,
    check_alpha,
    check_x,
    decay_is_shared,
    make_neuron,
    membrane_dtype,
    spike_dtype,
)
from spikescan._checks import as_flag
from spikescan._neuron import Neuron
from spikescan._problem import problem
from spikescan._shapes import batch_and_time, output_shapes
from spikescan.jax._arrays import as_array, as_uniforms
from spikescan.jax._call import Call
from spikescan.jax._explicit import run_auto
from spikescan.jax._keys import as_key
from spikescan.jax._varying import vary, varying_axes
from spikescan.jax._vmap import run


class ScanResult(NamedTuple):
    """What was asked for; the rest is None. Shapes as in `spikescan.scan`."""

    spikes: Any
    membrane: Any
    final_state: Any


class Wanted(NamedTuple):
    """The static part of a scan."""

    neuron: Neuron
    shared: bool
    time_first: bool
    spikes: str | None
    membrane: str | None
    final_state: bool
    gradient_in_place: bool


class _Static:
    """A pytree without leaves, so that Python values can travel among residuals."""

    def __init__(self, value: Any) -> None:
        self.value = value


jax.tree_util.register_pytree_node(_Static, lambda s: ((), s.value), lambda value, _: _Static(value))


def _instance(array: jax.Array) -> jax.Array:
    return array[None]


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _run(call: Call, *operands: jax.Array) -> tuple[jax.Array, ...]:
    return run(call)(*operands)


@_run.defjvp
def _refuse_derivative(*_: Any) -> Any:
    """Of `scan` JAX takes the rule below; of the passes themselves, as a second derivative needs it, there is none."""
    raise NotImplementedError("spikescan's scan has no second derivative; only a gradient of first order can be taken")


def _call(direction: str, wanted: Wanted, given: dict[str, Any], results: list[str]) -> dict[str, jax.Array]:
    """Runs one pass on the operands that are not None; the results by name, without the instance axis."""
    operands = {name: array for name, array in given.items() if array is not None}
    call = Call(
        direction,
        wanted.neuron,
        wanted.shared,
        wanted.time_first,
        tuple(operands),
        tuple(results),
        wanted.spikes or "float32",
        wanted.membrane or "float32",
        wanted.gradient_in_place and direction == "backward",
    )
    values = _run(call, *(_instance(array) for array in operands.values()))
    return {name: value[0] for name, value in zip(results, values)}


def _pair(states: Any) -> tuple[Any, Any]:
    states = tuple(states or ())
    return (*states, None, None)[:2]  # type: ignore[return-value]


def _has_saved(wanted: Wanted, x: Any) -> bool:
    """Nothing is saved of rows so short that backward starts where forward did."""
    size = problem(
        wanted.neuron, *batch_and_time(x.shape, wanted.time_first), x.shape[2], x.dtype.name, "cpu", 0, wanted.shared
    )
    return size.saved > 0


def _forward(wanted: Wanted, save: bool, x: Any, beta: Any, alpha: Any, initial: Any, key: Any, uniforms: Any) -> Any:
    first, second = _pair(initial)
    given = {"x": x, "beta": beta, "alpha": alpha, "initial0": first, "initial1": second}
    given.update(key=key, uniforms=uniforms)
    results = [name for name in ("spikes", "membrane") if getattr(wanted, name)]
    finals = [f"final{i}" for i in range(len(wanted.neuron.states))] if wanted.final_state else []
    results += finals
    if save and _has_saved(wanted, x):
        results.append("saved")
    if not results:
        return ScanResult(None, None, None), None
    values = _call("forward", wanted, given, results)
    final = tuple(values[name] for name in finals) if finals else None
    return ScanResult(values.get("spikes"), values.get("membrane"), final), values.get("saved")


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _scan(wanted: Wanted, x: Any, beta: Any, alpha: Any, initial: Any, key: Any, uniforms: Any) -> ScanResult:
    return _forward(wanted, False, x, beta, alpha, initial, key, uniforms)[0]


def _scan_fwd(wanted: Wanted, *arguments: Any) -> Any:
    is_primal = lambda leaf: hasattr(leaf, "perturbed")  # noqa: E731
    values = jax.tree_util.tree_map(lambda p: p.value, arguments, is_leaf=is_primal)
    x, beta, alpha, initial = jax.tree_util.tree_map(lambda p: p.perturbed, arguments[:4], is_leaf=is_primal)
    result, saved = _forward(wanted, True, *values)
    return result, (*values[:4], saved, _Static((x, beta, bool(alpha), tuple(initial or ()))))


def _dense(cotangent: Any) -> Any:
    """A cotangent as the library wants it: None where it is zero for certain or has no meaning (integer spikes)."""
    if cotangent is None or isinstance(cotangent, SymbolicZero) or cotangent.dtype == jax.dtypes.float0:
        return None
    return cotangent


def _scan_bwd(wanted: Wanted, residuals: Any, cotangents: ScanResult) -> Any:
    x, beta, alpha, initial, saved, perturbed = residuals
    x_wanted, beta_wanted, alpha_wanted, initial_wanted = perturbed.value
    finals = _pair([_dense(g) for g in cotangents.final_state or ()])
    incoming = {"grad_spikes": _dense(cotangents.spikes), "grad_membrane": _dense(cotangents.membrane)}
    incoming.update(grad_final0=finals[0], grad_final1=finals[1])
    results = ["grad_x"] * x_wanted + ["grad_beta"] * beta_wanted + ["grad_alpha"] * alpha_wanted
    results += [f"grad_initial{i}" for i, one in enumerate(initial_wanted) if one]
    if not results or all(g is None for g in incoming.values()):
        return None, None, None, None, None, None
    first, second = _pair(initial)
    given = {"x": x, "beta": beta, "alpha": alpha, "initial0": first, "initial1": second, "saved": saved, **incoming}
    values = _call("backward", wanted, given, results)
    grad_initial = None if initial is None else tuple(values.get(f"grad_initial{i}") for i in range(len(initial)))
    return values.get("grad_x"), values.get("grad_beta"), values.get("grad_alpha"), grad_initial, None, None


_scan.defvjp(_scan_fwd, _scan_bwd, symbolic_zeros=True)
# Outside jit shard_map knows no symbolic zeros, and any call takes a tenth of the time when it is compiled as a whole.
_compiled = jax.jit(_scan, static_argnums=0, inline=True)


def scan(
    x: Any,
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
    key: Any = None,
    uniforms: Any = None,
    initial_state: Any = None,
    spikes: Any = True,
    membrane: Any = False,
    final_state: bool = False,
    time_first: bool = False,
    gradient_in_place: bool = False,
) -> ScanResult:
    """Runs the neuron over x; differentiable in x, beta, alpha and initial_state.

    Args:
      x: [B, T, channels...] float32, float16 or bfloat16.
      beta: membrane decay of the channels' shape or one that broadcasts to it, () for one for all; cast to float32,
        clipped to [0, 1].
      alpha: the current's decay of cuba_lif, likewise.
      neuron: a `Neuron`; or give its options by name.
      key: of `make_key`; or an integer or a key of ``jax.random``. Data: a new key compiles nothing anew.
      uniforms: float32 in [0, 1) in the shape of x, used in place of the key.
      initial_state: [B, channels...] float32, one for each of ``neuron.states``; one that is None or absent means
        zero.
      spikes: True (x's dtype), False, or "float32", "float16", "bfloat16", "uint8", "bits32" (32 steps to a uint32;
        both integer forms have no gradient); or a dtype, as ``jnp.uint8``.
      membrane: whether V is wanted; True (float32) or a floating dtype, likewise.
      final_state: whether the state after the last step is wanted.
      time_first: x, uniforms, spikes and membrane are [T, B, channels...].
      gradient_in_place: the gradient of x takes the memory of the spikes' gradient where both have one dtype, which
        saves up to one size of x. XLA copies that gradient first where it is needed elsewhere as well (a residual
        connection around the neuron, an argument of a jitted function or any call outside jit), which costs time and
        saves nothing.

    Returns:
      A `ScanResult`.
    """
    options = {"recurrence": recurrence, "rule": rule, "threshold": threshold, "k": k, "max_prob": max_prob}
    chosen = make_neuron(neuron, {**options, "surrogate": surrogate, "gradient": gradient})
    time_first, final_state = as_flag("time_first", time_first), as_flag("final_state", final_state)
    gradient_in_place = as_flag("gradient_in_place", gradient_in_place)
    x = as_array("x", x)
    check_x(x.shape, x.dtype.name, time_first)
    beta, alpha, shared = _decays(chosen, beta, alpha, x.shape[2:])
    s_dtype, v_dtype = spike_dtype(spikes, x.dtype.name, chosen), membrane_dtype(membrane)
    if chosen.stochastic and s_dtype and key is None and uniforms is None:
        raise ValueError(f"key is missing; the rule {chosen.rule} draws random numbers (give key or uniforms)")
    wanted = Wanted(chosen, shared, time_first, s_dtype, v_dtype, final_state, gradient_in_place)
    key = None if key is None else as_key(key)
    if uniforms is not None:
        uniforms = as_uniforms(uniforms, x)
    arguments = (
        x,
        beta,
        alpha,
        _initial(chosen, initial_state, output_shapes(x.shape, time_first, s_dtype).state),
        key if chosen.stochastic and uniforms is None else None,
        uniforms if chosen.stochastic else None,
    )
    finals = (False,) * len(chosen.states) if final_state else None
    series = ScanResult(True if s_dtype else None, True if v_dtype else None, finals)
    return run_auto(functools.partial(_flattened, wanted), arguments, x, 0 if time_first else 1, series)


def _flattened(wanted: Wanted, x: Any, beta: Any, alpha: Any, initial: Any, key: Any, uniforms: Any) -> ScanResult:
    """The scan with its channels as one axis."""
    channels = x.shape[2:]
    flat = int(np.prod(channels, dtype=np.int64))
    is_flat = len(channels) == 1  # outside jit each reshape costs microseconds
    if not is_flat:
        x, initial, uniforms = jax.tree_util.tree_map(
            lambda a: a.reshape(*a.shape[: a.ndim - len(channels)], flat), (x, initial, uniforms)
        )
    beta, alpha = (_spread(decay, wanted.shared, channels, flat) for decay in (beta, alpha))
    arguments = (x, beta, alpha, initial, key, uniforms)
    axes = varying_axes(*jax.tree_util.tree_leaves(arguments))
    if axes:
        arguments = jax.tree_util.tree_map(lambda a: vary(a, axes), arguments)
    result = _compiled(wanted, *arguments)
    return result if is_flat else jax.tree_util.tree_map(lambda a: a.reshape(*a.shape[:-1], *channels), result)


def _decays(neuron: Neuron, beta: Any, alpha: Any, channels: tuple[int, ...]) -> tuple[Any, Any, bool]:
    """And whether the whole call shares them."""
    check_alpha(neuron, alpha)
    given = {"beta": beta} if alpha is None else {"beta": beta, "alpha": alpha}
    arrays = {name: as_array(name, value).astype(jnp.float32) for name, value in given.items()}
    shared = {name: decay_is_shared(name, a.shape, channels) for name, a in arrays.items()}
    whole = all(shared.values())
    shaped = [a.reshape(()) if shared[name] else a for name, a in arrays.items()]
    return shaped[0], shaped[1] if len(shaped) > 1 else None, whole


def _spread(decay: Any, shared: bool, channels: tuple[int, ...], flat: int) -> Any:
    """What is not shared by the whole call is spread over the channels; its gradient is then summed by JAX."""
    if decay is None or (not shared and decay.shape == (flat,)):
        return decay
    return decay.reshape(1) if shared else jnp.broadcast_to(decay, channels).reshape(flat)


def _initial(neuron: Neuron, states: Any, shape: tuple[int, ...]) -> Any:
    if states is None:
        return None
    arrays: list[Any] = []
    for i, state in enumerate(as_states("initial_state", states, neuron)):
        if state is None:
            arrays.append(None)
            continue
        array = as_array(f"initial_state[{i}]", state).astype(jnp.float32)
        if array.shape != shape:
            raise ValueError(f"initial_state[{i}] has shape {array.shape}; it must be {shape}")
        arrays.append(array)
    return tuple(arrays)
