"""The CUDA path of spikescan.torch without a GPU: on the kernels' own source over host memory, where the build made
that library, and by what the path asks of PyTorch."""

import os

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import spikescan as sk  # noqa: E402
import spikescan.torch as st  # noqa: E402
from spikescan import Neuron, _abi, _problem  # noqa: E402
from spikescan.torch import _device, _keys, _plans  # noqa: E402

SIMT = os.environ.get("SPIKESCAN_SIMT_LIBRARY", "")
RECURRENCES = ("lif", "spsn", "cuba_lif", "psu_lif")


@pytest.fixture
def kernels(monkeypatch):
    """PyTorch's CPU tensors as the memory of a CUDA device that the harness plays; yields the streams of the calls."""
    if not os.path.exists(SIMT):
        pytest.skip("SPIKESCAN_SIMT_LIBRARY names no library: the build has no CUDA headers")
    monkeypatch.setattr(_abi, "LIBRARY", SIMT)
    monkeypatch.setattr(_abi, "lib", _abi._Library())
    streams = []

    def stream_of(device):
        streams.append(None)  # the harness knows the legacy default stream
        return None

    monkeypatch.setattr(_device, "backend_of", lambda device: "cuda")
    monkeypatch.setattr(_device, "stream_of", stream_of)
    caches = (_plans._PLANS.clear, _problem.problem.cache_clear)
    for clear in caches:
        clear()
    yield streams
    for clear in caches:
        clear()


def run(recurrence, key):
    torch.manual_seed(0)
    neuron = Neuron(recurrence, "sigmoid_bernoulli", 0.7, 3.0)
    x = torch.randn(2, 2100, 5).requires_grad_()
    beta = torch.linspace(0.2, 0.9, 5).requires_grad_()
    alpha = torch.linspace(0.8, 0.3, 5).requires_grad_() if neuron.has_alpha else None
    states = tuple(torch.randn(2, 5).requires_grad_() for _ in neuron.states)
    r = st.scan(x, beta, alpha, neuron=neuron, key=key, initial_state=states, membrane=True, final_state=True)
    (r.spikes.square().sum() + r.membrane.square().mean() + sum(s.sum() for s in r.final_state)).backward()
    leaves = [t for t in (x, beta, alpha, *states) if t is not None]
    return [r.spikes, r.membrane, *r.final_state], [t.grad for t in leaves]


@pytest.mark.parametrize("recurrence", RECURRENCES)
def test_kernels_give_the_cpus_results(request, recurrence):
    key = st.make_key(5, 2, (1, 32, 3))
    expected, expected_gradients = run(recurrence, key)
    streams = request.getfixturevalue("kernels")
    ours, gradients = run(recurrence, key)
    assert len(streams) == 2  # one call forward, one backward
    assert all(torch.equal(a, b) for a, b in zip(ours, expected))
    for a, b in zip(gradients, expected_gradients):
        # Gradients: within 16 units of 2^-24 of their terms' sum, on either side (docs/reproducibility.md).
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5 * float(b.abs().max()))


def test_the_kernels_have_run(kernels):
    """The fixture above must not compare the CPU with itself."""
    assert sk.device_count("cuda") == 1
    st.scan(torch.zeros(1, 8, 2), 0.5, key=1)
    (plan,) = _plans._PLANS.values()
    assert plan.problem.description.backend == _abi.BACKENDS["cuda"]


def test_a_call_asks_for_the_current_stream_and_device(monkeypatch):
    asked = []
    monkeypatch.setattr(torch._C, "_cuda_getCurrentRawStream", lambda i: asked.append(i) or 1234, raising=False)
    monkeypatch.setattr(torch._C, "_cuda_getDevice", lambda: 0, raising=False)
    monkeypatch.setattr(torch.cuda, "device", lambda device: ("made current", device.index))
    assert _device.stream_of(torch.device("cuda", 1)) == 1234 and asked == [1]
    assert _device.on(torch.device("cuda", 1)) == ("made current", 1)
    assert _device.on(torch.device("cuda", 0)) is _device.NOTHING
    assert _device.backend_of(torch.device("cuda", 1)) == "cuda"


class Operators(torch.utils._python_dispatch.TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.add(str(function))
        return function(*args, **(kwargs or {}))


# What reads device memory on the host or waits for it, and so could not be captured in a CUDA graph.
WAITING = {"aten._local_scalar_dense.default", "aten.is_nonzero.default", "aten.nonzero.default", "aten.item.default"}


def test_nothing_waits_for_the_device():
    x = torch.randn(2, 40, 3, requires_grad=True)
    beta = torch.full((3,), 0.9, requires_grad=True)
    layer = st.SPSN(3)
    with Operators() as seen:
        key = st.shift_key(st.make_key(torch.zeros(1, dtype=torch.int64)), batch=torch.ones(1, dtype=torch.int64))
        for given in (key, None):
            r = st.scan(x, beta, key=given, membrane=True, final_state=True)
            (r.spikes.sum() + r.membrane.sum()).backward()
        layer(x)
    assert "spikescan.forward.default" in seen.names and not seen.names & WAITING
    with Operators() as seen:  # the check must be able to fail
        x.sum().item()
    assert seen.names & WAITING


def test_a_key_drawn_for_a_plain_call_is_the_one_of_make_key():
    """The same number, and the generator is left in the same state."""
    draws = []
    for draw in (lambda g: _keys.draw_key(g, torch.device("cpu")), st.make_key):
        generator = torch.Generator().manual_seed(7)
        draws.append((draw(generator), draw(generator), torch.rand(1, generator=generator)))
    assert all(torch.equal(a, b) for a, b in zip(*draws))
    torch.manual_seed(3)
    ours = _keys.draw_key(None, torch.device("cpu"))
    torch.manual_seed(3)
    assert torch.equal(ours, st.make_key()) and ours.dtype == torch.int64


def test_keys_of_a_device_are_filled_there():
    words = (-5, 7, 1 << 40, 0, 3)
    assert np.array_equal(_keys._fill(words, "cpu").numpy(), words)
    assert st.make_key(3, device="meta").device.type == "meta"
