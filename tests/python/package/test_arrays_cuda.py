"""The CUDA path of `spikescan.scan` without a GPU: on the kernels' own source over host memory, where the build made that
library."""

import ctypes
import os

import numpy as np
import pytest
from exporters import OnCuda

import spikescan as sk
from spikescan import Neuron, _abi, _memory, _problem

SIMT = os.environ.get("SPIKESCAN_SIMT_LIBRARY", "")
CUBA = Neuron("cuba_lif", "sigmoid_bernoulli", 0.7, 3.0)


def on_host(array):
    """What the library wrote into memory that it allocated."""
    memory = (ctypes.c_uint8 * array.nbytes).from_address(array.pointer)
    return np.frombuffer(memory, _memory.numpy_dtype(array.dtype)).reshape(array.shape).copy()


@pytest.fixture
def kernels(monkeypatch):
    if not os.path.exists(SIMT):
        pytest.skip("SPIKESCAN_SIMT_LIBRARY names no library: the build has no CUDA headers")
    kept = _memory.Workspace._kept.__dict__
    monkeypatch.setattr(_abi, "LIBRARY", SIMT)
    monkeypatch.setattr(_abi, "lib", _abi._Library())
    for clear in (kept.clear, _problem.problem.cache_clear):
        clear()
    yield
    for clear in (kept.clear, _problem.problem.cache_clear):
        clear()


def both_passes(x, beta, alpha, cotangent):
    forward = sk.scan(x, beta, alpha, neuron=CUBA, seed=5, save=True)
    options = {"saved": forward.saved, "grad_spikes": cotangent}
    gradients = sk.scan_backward(x, beta, alpha, neuron=CUBA, **options)
    return forward.spikes, *gradients[:3], *gradients.initial_state  # of x, beta, alpha, V and I


@pytest.mark.parametrize("channels", (0, 1, 5, 2100))
@pytest.mark.parametrize("shared", ("beta", "alpha"))
def test_one_shared_decay_is_spread_as_on_the_cpu(request, rng, channels, shared):
    x, cotangent = rng.normal(0.3, 0.5, (2, 2, 70, channels)).astype(np.float32)
    decays = {"beta": rng.uniform(size=channels), "alpha": rng.uniform(size=channels), shared: 0.8}
    given = [x, *(np.asarray(decays[name], np.float32) for name in ("beta", "alpha")), cotangent]
    expected = both_passes(*given)
    request.getfixturevalue("kernels")
    results = both_passes(*map(OnCuda, given))
    assert all(np.array_equal(on_host(a), b) for a, b in zip(results, expected))
    gradient = dict(zip(("beta", "alpha"), expected[2:4]))[shared]
    assert gradient.shape == () and np.isfinite(gradient)


def test_decays_broadcast_from_one_value_are_spread(request, rng):
    """As a library's `broadcast_to` hands them over: of the channels' shape, all in one place."""
    x, cotangent = rng.normal(0.3, 0.5, (2, 2, 70, 5)).astype(np.float32)
    ones = [np.lib.stride_tricks.as_strided(np.full(1, value, np.float32), (5,), (0,)) for value in (0.8, 0.6)]
    expected = both_passes(x, *ones, cotangent)
    request.getfixturevalue("kernels")
    results = both_passes(*map(OnCuda, (x, *ones, cotangent)))
    assert all(np.array_equal(on_host(a), b) for a, b in zip(results, expected))
    assert expected[2].shape == expected[3].shape == (5,)
    with pytest.raises(ValueError, match="beta has shape .* must be contiguous"):
        sk.scan(OnCuda(x), OnCuda(rng.uniform(size=10).astype(np.float32)[::2]))
