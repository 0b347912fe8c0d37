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
    for given in (taus, taus.tolist(), tuple(taus), taus.astype(np.uint8)):
        beta, scale = decays.from_spikingjelly(given)
        np.testing.assert_allclose(beta, 1 - 1 / taus)
        np.testing.assert_allclose(scale, 1 / taus)
        np.testing.assert_allclose(decays.from_spikingjelly(given, False)[1], [1, 1])
    np.testing.assert_allclose(decays.from_snntorch_stateleaky(1 / taus), np.exp(-(1 - 1 / taus)))
    np.testing.assert_allclose(decays.from_snntorch_stateleaky(np.array([0, 1], np.uint8)), [math.exp(-1), 1])
    jnp = pytest.importorskip("jax.numpy", reason="JAX is not installed")
    np.testing.assert_allclose(decays.from_time_constant(jnp.asarray(taus)), np.exp(-1 / taus), rtol=1e-6)


def test_the_scan_takes_what_they_give():
    beta = decays.from_time_constant([1.0, 5.0, 20.0])
    assert beta.dtype == np.float64 and np.array_equal(ours(beta), ours(beta.astype(np.float32)))


def test_the_ends_of_norses_range_are_decays():
    assert decays.from_norse(1000.0, dt=0.001)[0] == 0 and decays.from_norse(0.0)[0] == 1
    assert decays.from_norse_synapse(1000.0, dt=0.001) == 0 and decays.from_norse_synapse(0.0) == 1


@pytest.mark.parametrize("take", (list, np.array, "jax.numpy", "torch"))
@pytest.mark.parametrize(
    "call, wrong, words",
    (
        (decays.from_time_constant, -1.0, "tau is .*-1.*; it must be more than 0"),
        (decays.from_time_constant, 0.0, "tau is .*0.*; it must be more than 0"),
        (lambda dt: decays.from_time_constant(20.0, dt), 0.0, "dt is .*0.*; it must be finite and more than 0"),
        (lambda dt: decays.from_time_constant(20.0, dt), math.inf, "dt is .*inf.*; it must be finite and more than 0"),
        (decays.from_time_constant, math.nan, "tau is .*nan.*; it must be a number or an array of numbers"),
        (decays.from_snntorch_leaky, math.nan, "beta is .*nan.*; it must be a number or an array of numbers"),
        (decays.from_snntorch_stateleaky, 1.5, "beta is .*1.5.*; it must be at most 1"),
        (decays.from_spikingjelly, 0.5, "tau is .*0.5.*; it must be at least 1"),
        (decays.from_norse, 2000.0, "tau_mem_inv is .*2.*; it must be from 0 to 1 / dt, and dt is 0.001"),
        (decays.from_norse, -100.0, "tau_mem_inv is .*-1.*; it must be from 0 to 1 / dt, and dt is 0.001"),
        (decays.from_norse_synapse, 2000.0, "tau_syn_inv is .*2.*; it must be from 0 to 1 / dt, and dt is 0.001"),
    ),
)
def test_what_gives_no_decay_is_refused(take, call, wrong, words):
    if isinstance(take, str):
        module = pytest.importorskip(take)
        take = module.asarray
    call(take([1.0, 1.0]))
    for given in (wrong, take([1.0, wrong])):
        with pytest.raises(ValueError, match=words):
            call(given)


def test_tensors_that_numpy_does_not_read_are_checked_too():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    narrow = [torch.tensor([0.5], dtype=dtype) for dtype in (torch.float16, torch.bfloat16, torch.float8_e5m2)]
    for given in (*narrow, torch.tensor([-0.5j]).conj().imag):  # whose sign is kept apart
        with pytest.raises(ValueError, match="tau is .*0.5.*; it must be at least 1"):
            decays.from_spikingjelly(given)
    beta, scale = decays.from_spikingjelly(torch.tensor([2.0], dtype=torch.bfloat16))
    assert beta.dtype == scale.dtype == torch.bfloat16 and beta.item() == scale.item() == 0.5


def test_what_is_not_known_yet_is_taken_as_it_is():
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    np.testing.assert_allclose(jax.jit(decays.from_spikingjelly)(jax.numpy.array([0.5, 2.0]))[0], [-1, 0.5])
    assert jax.grad(lambda inverse: decays.from_norse(inverse)[0])(2000.0) == pytest.approx(-0.001)
    tau = torch.tensor([0.5, 2.0], requires_grad=True)
    decays.from_spikingjelly(tau)[0].sum().backward()
    assert tau.grad.tolist() == [4.0, 0.25]
    compiled = torch.compile(decays.from_spikingjelly, fullgraph=True, backend="eager")
    assert compiled(torch.tensor([0.5, 2.0]))[0].tolist() == [-1.0, 0.5]


def test_leaky_clips_as_the_scan_does():
    given = np.array([-0.5, 1.02, 0.9])
    assert decays.from_snntorch_leaky(given) is given
    near(ours(given), steps(lambda V, x: np.clip(given, 0, 1) * V + x))


def test_a_wrong_convention_is_seen():
    with pytest.raises(AssertionError):
        near(ours(0.9), steps(lambda V, x: math.exp(-0.1) * V + x))
