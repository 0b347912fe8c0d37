"""Decay conventions of other libraries as this package's beta, where V_t = beta V_{t-1} + x_t.

Each function names what the other library calls its parameter; some also scale the input, and then return that too.
All work on numbers and on any array type with arithmetic (NumPy, JAX, PyTorch).
"""

from __future__ import annotations

import math
from typing import Any


def _exp(value: Any) -> Any:
    """exp of a number or an array, by the array's own library."""
    if hasattr(value, "exp"):  # PyTorch
        return value.exp()
    if hasattr(value, "__array_namespace__"):
        return value.__array_namespace__().exp(value)
    return math.exp(value)


def from_time_constant(tau: Any, dt: float = 1.0) -> Any:
    """beta = exp(-dt / tau): exact decay of a membrane with time constant tau (same unit as dt) over one step."""
    return _exp(-dt / tau)


def from_snntorch_leaky(beta: Any) -> Any:
    """snnTorch's ``Leaky``: U_t = beta U_{t-1} + x_t, the same beta."""
    return beta


def from_snntorch_stateleaky(beta: Any) -> Any:
    """snnTorch's ``StateLeaky``: it convolves with exp(-(1 - beta) n), so one step decays by exp(-(1 - beta))."""
    return _exp(-(1 - beta))


def from_spikingjelly(tau: Any, decay_input: bool = True) -> tuple[Any, Any]:
    """SpikingJelly's ``LIFNode`` with v_reset = 0: (beta, input scale) = (1 - 1/tau, 1/tau).

    Without `decay_input` the input is not scaled. Multiply x by the scale.
    """
    scale = 1 / tau
    return 1 - scale, scale if decay_input else scale * 0 + 1


def from_norse(tau_mem_inv: Any, dt: float = 0.001) -> tuple[Any, Any]:
    """Norse's leaky integrator (v_leak = 0): (beta, input scale) = (1 - dt tau_mem_inv, dt tau_mem_inv)."""
    rate = dt * tau_mem_inv
    return 1 - rate, rate


def from_norse_synapse(tau_syn_inv: Any, dt: float = 0.001) -> Any:
    """Norse's synaptic current: alpha = 1 - dt tau_syn_inv."""
    return 1 - dt * tau_syn_inv
