"""Decay conventions of other libraries as this package's beta, where V_t = beta V_{t-1} + x_t.

Each function names what the other library calls its parameter; some also scale the input, and then return that too.
All work on numbers, on lists of them and on any array type with arithmetic (NumPy, JAX, PyTorch). What gives a decay
outside [0, 1], which the scan would clip to another neuron's, is refused, except by `from_snntorch_leaky`, whose
library clips as the scan does; numbers that are not known yet are taken as they are.
"""

from __future__ import annotations

import math
import sys
from typing import Any, Callable

import numpy as np

from spikescan._checks import as_flag, as_number, as_real_array, is_real, readable, shown

_NUMBERS = "a number or an array of numbers"


def _exp(value: Any) -> Any:
    """exp of a number or an array, by the array's own library."""
    if hasattr(value, "exp"):  # PyTorch
        return value.exp()
    if isinstance(value, (np.ndarray, np.generic)):  # before NumPy 2 it names no namespace
        return np.exp(value)
    if hasattr(value, "__array_namespace__"):
        return value.__array_namespace__().exp(value)
    return math.exp(value)


def _known(value: Any) -> np.ndarray | None:
    """The numbers of a number or an array; None where its library keeps them back: JAX and PyTorch while they trace,
    PyTorch where a gradient is wanted or on a GPU."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.compiler.is_compiling():
        return None
    try:
        if torch is not None and isinstance(value, torch.Tensor) and value.is_cpu:
            value = readable(value)
        return np.asarray(value)
    except (RuntimeError, TypeError):
        return None


def _given(name: str, value: Any) -> Any:
    """A number as a float, lists as an array and an array as it is; refuses NaN and whatever holds no real numbers."""
    if isinstance(value, (list, tuple)):
        value = as_real_array(name, value)
    if getattr(value, "dtype", None) is None:
        value = as_number(name, value, _NUMBERS)
    numbers = _known(value)
    if numbers is not None and not is_real(numbers.dtype):
        raise TypeError(f"{name} is {shown(value)}; it must be {_NUMBERS}")
    return _among(name, value, value, lambda n: ~np.isnan(n), _NUMBERS)


def _among(name: str, given: Any, value: Any, is_allowed: Callable[[np.ndarray], Any], allowed: str) -> Any:
    """What was given, unless a number of `value`, which came of it, is not allowed."""
    numbers = _known(value)
    if numbers is not None and not np.all(is_allowed(numbers)):
        raise ValueError(f"{name} is {shown(given)}; it must be {allowed}")
    return given


def _step(dt: Any) -> Any:
    dt = _given("dt", dt)
    return _among("dt", dt, dt, lambda n: (n > 0) & (n < math.inf), "finite and more than 0")


def _rate(name: str, inverse: Any, dt: Any) -> Any:
    """The dt / tau of Norse's Euler step."""
    inverse, dt = _given(name, inverse), _step(dt)
    rate = dt * inverse
    _among(name, inverse, rate, lambda n: (n >= 0) & (n <= 1), f"from 0 to 1 / dt, and dt is {shown(dt)}")
    return rate


def from_time_constant(tau: Any, dt: float = 1.0) -> Any:
    """beta = exp(-dt / tau): exact decay of a membrane with time constant tau (same unit as dt) over one step."""
    tau = _given("tau", tau)
    return _exp(-(_step(dt) / _among("tau", tau, tau, lambda n: n > 0, "more than 0")))


def from_snntorch_leaky(beta: Any) -> Any:
    """snnTorch's ``Leaky``: U_t = beta U_{t-1} + x_t, the same beta, which it clips to [0, 1] as the scan does."""
    return _given("beta", beta)


def from_snntorch_stateleaky(beta: Any) -> Any:
    """snnTorch's ``StateLeaky``: it convolves with exp(-(1 - beta) n), so one step decays by exp(-(1 - beta))."""
    beta = _given("beta", beta)
    return _exp(-(1.0 - _among("beta", beta, beta, lambda n: n <= 1, "at most 1")))


def from_spikingjelly(tau: Any, decay_input: bool = True) -> tuple[Any, Any]:
    """SpikingJelly's ``LIFNode`` with v_reset = 0: (beta, input scale) = (1 - 1/tau, 1/tau).

    Without `decay_input` the input is not scaled. Multiply x by the scale.
    """
    tau = _given("tau", tau)
    scale = 1.0 / _among("tau", tau, tau, lambda n: n >= 1, "at least 1")
    return 1.0 - scale, scale if as_flag("decay_input", decay_input) else scale * 0 + 1


def from_norse(tau_mem_inv: Any, dt: float = 0.001) -> tuple[Any, Any]:
    """Norse's leaky integrator (v_leak = 0): (beta, input scale) = (1 - dt tau_mem_inv, dt tau_mem_inv)."""
    rate = _rate("tau_mem_inv", tau_mem_inv, dt)
    return 1.0 - rate, rate


def from_norse_synapse(tau_syn_inv: Any, dt: float = 0.001) -> Any:
    """Norse's synaptic current: alpha = 1 - dt tau_syn_inv."""
    return 1.0 - _rate("tau_syn_inv", tau_syn_inv, dt)
