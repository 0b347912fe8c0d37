"""Decay conventions of other libraries, against their own update rules written out."""

import math

import numpy as np
import pytest

import spikescan as sk
from spikescan import Neuron, decays

X = np.random.default_rng(5).normal(size=(1, 60, 3)).astype(np.float32)
NONE = Neuron("lif", "none", 0.0)


def ours(beta, scale=1.0):
    return sk.scan(X * np.float32(scale), np.float32(beta), neuron=NONE).spikes[0]


def steps(update):
    """Runs V <- update(V, x) in float64."""
    V, rows = np.zeros(X.shape[2]), []
    for x in X[0].astype(np.float64):
        V = update(V, x)
        rows.append(V)
    return np.array(rows)


def near(a, b):
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * np.abs(b).max())


def test_snntorch_stateleaky_convolves_with_its_time_constant():
    beta = 0.9
    tau = 1 / (1 - beta)  # StateLeaky's; its kernel is exp(-n / tau)
    kernel = np.exp(-np.arange(60) / tau)
    convolved = np.stack([np.convolve(X[0, :, c].astype(np.float64), kernel)[:60] for c in range(3)], 1)
    near(ours(decays.from_snntorch_stateleaky(beta)), convolved)
    assert decays.from_snntorch_stateleaky(beta) == pytest.approx(math.exp(-0.1))


def test_snntorch_leaky():
    near(ours(decays.from_snntorch_leaky(0.9)), steps(lambda V, x: 0.9 * V + x))


@pytest.mark.parametrize("decay_input", (True, False))
def test_spikingjelly(decay_input):
    tau = 2.5
    beta, scale = decays.from_spikingjelly(tau, decay_input)
    if decay_input:
        near(ours(beta, scale), steps(lambda V, x: V + (x - V) / tau))
    else:
        near(ours(beta, scale), steps(lambda V, x: V - V / tau + x))


def test_norse():
    tau_mem_inv, tau_syn_inv, dt = 100.0, 200.0, 0.001
    beta, scale = decays.from_norse(tau_mem_inv, dt)
    near(ours(beta, scale), steps(lambda V, x: V + dt * tau_mem_inv * (-V + x)))
    assert decays.from_norse_synapse(tau_syn_inv, dt) == pytest.approx(0.8)


def test_time_constant():
    near(ours(decays.from_time_constant(20.0, 2.0)), steps(lambda V, x: math.exp(-0.1) * V + x))


def test_arrays_and_numbers_alike():
    taus = np.array([2.0, 4.0])
    beta, scale = decays.from_spikingjelly(taus)
    np.testing.assert_allclose(beta, 1 - 1 / taus)
    np.testing.assert_allclose(decays.from_spikingjelly(taus, False)[1], [1, 1])
    np.testing.assert_allclose(decays.from_snntorch_stateleaky(taus), np.exp(-(1 - taus)))
    jnp = pytest.importorskip("jax.numpy", reason="JAX is not installed")
    np.testing.assert_allclose(decays.from_time_constant(jnp.asarray(taus)), np.exp(-1 / taus), rtol=1e-6)


def test_a_wrong_convention_is_seen():
    with pytest.raises(AssertionError):
        near(ours(0.9), steps(lambda V, x: math.exp(-0.1) * V + x))
