"""Decay conventions of other libraries as this package's beta, where V_t = beta V_{t-1} + x_t.

Each function names what the other library calls its parameter; some also scale the input, and then return that too.
All work on numbers and on any array type with arithmetic (NumPy, JAX, PyTorch). Numbers are checked; an array is not, since
its values may not be known yet.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from spikescan._checks import as_flag, as_number, shown


def _exp(value: Any) -> Any:
    """exp of a number or an array, by the array's own library."""
    if hasattr(value, "exp"):  # PyTorch
        return value.exp()
    if isinstance(value, (np.ndarray, np.generic)):  # before NumPy 2 it names no namespace
        return np.exp(value)
    if hasattr(value, "__array_namespace__"):
        return value.__array_namespace__().exp(value)
    return math.exp(value)


def _number_or_array(name: str, value: Any) -> Any:
    dtype = getattr(value, "dtype", None)
    if dtype is not None and getattr(dtype, "kind", "f") not in "OSUc":
        return value
    if dtype is not None:
        raise TypeError(f"{name} is {shown(value)}; it must be a number or an array of numbers")
    number = as_number(name, value, "a number or an array of numbers")
    if math.isnan(number):
        raise ValueError(f"{name} is nan; it must be a number or an array of numbers")
    return number


def _positive(name: str, value: Any) -> Any:
    value = _number_or_array(name, value)
    if isinstance(value, float) and not value > 0:
        raise ValueError(f"{name} is {value}; it must be more than 0")
    return value


def from_time_constant(tau: Any, dt: float = 1.0) -> Any:
    """beta = exp(-dt / tau): exact decay of a membrane with time constant tau (same unit as dt) over one step."""
    return _exp(-_positive("dt", dt) / _positive("tau", tau))


def from_snntorch_leaky(beta: Any) -> Any:
    """snnTorch's ``Leaky``: U_t = beta U_{t-1} + x_t, the same beta."""
    return _number_or_array("beta", beta)


def from_snntorch_stateleaky(beta: Any) -> Any:
    """snnTorch's ``StateLeaky``: it convolves with exp(-(1 - beta) n), so one step decays by exp(-(1 - beta))."""
    return _exp(-(1 - _number_or_array("beta", beta)))


def from_spikingjelly(tau: Any, decay_input: bool = True) -> tuple[Any, Any]:
    """SpikingJelly's ``LIFNode`` with v_reset = 0: (beta, input scale) = (1 - 1/tau, 1/tau).

    Without `decay_input` the input is not scaled. Multiply x by the scale.
    """
    scale = 1 / _positive("tau", tau)
    return 1 - scale, scale if as_flag("decay_input", decay_input) else scale * 0 + 1


def from_norse(tau_mem_inv: Any, dt: float = 0.001) -> tuple[Any, Any]:
    """Norse's leaky integrator (v_leak = 0): (beta, input scale) = (1 - dt tau_mem_inv, dt tau_mem_inv)."""
    rate = _positive("dt", dt) * _number_or_array("tau_mem_inv", tau_mem_inv)
    return 1 - rate, rate


def from_norse_synapse(tau_syn_inv: Any, dt: float = 0.001) -> Any:
    """Norse's synaptic current: alpha = 1 - dt tau_syn_inv."""
    return 1 - _positive("dt", dt) * _number_or_array("tau_syn_inv", tau_syn_inv)
