"""Decays that broadcast to the channels as NumPy broadcasts: the spikes of those decays written out, and gradients in
the decays' own shapes."""

import numpy as np
import pytest
from exporters import OnCuda

import spikescan as sk
from spikescan import Neuron

CHANNELS = (3, 4, 5)
SHAPE = (2, 200, *CHANNELS)
SHAPES = ((5,), (4, 5), (1, 5), (1, 1, 5), (3, 1, 1), (1, 4, 1), (3, 1, 5), (1, 1, 1), (1, 1))
NEURON = Neuron("lif", "sigmoid_bernoulli", 0.7, 3.0)
CUBA = Neuron("cuba_lif", "sigmoid_bernoulli", 0.7, 3.0)


@pytest.fixture
def x(rng):
    return rng.normal(0.3, 0.5, SHAPE).astype(np.float32)


@pytest.fixture
def g(rng):
    return rng.normal(size=SHAPE).astype(np.float32)


def decay(shape, low=0.3):
    return np.linspace(low, 0.95, int(np.prod(shape)), dtype=np.float32).reshape(shape)


def whole(value):
    return np.broadcast_to(value, CHANNELS).copy()


def own_sum(gradient, shape):
    """Over what was broadcast, in float64."""
    missing = gradient.ndim - len(shape)
    over = [i for i in range(gradient.ndim) if i < missing or shape[i - missing] != gradient.shape[i]]
    return gradient.sum(tuple(over), dtype=np.float64).reshape(shape)


def gradients(x, g, *decays, neuron=NEURON, out=None):
    saved = sk.scan(x, *decays, neuron=neuron, seed=5, save=True).saved
    return sk.scan_backward(x, *decays, neuron=neuron, saved=saved, grad_spikes=g, out=out)


@pytest.mark.parametrize("shape", SHAPES)
def test_arrays(x, g, shape):
    beta = decay(shape)
    ours, theirs = (sk.scan(x, b, neuron=NEURON, seed=5, membrane=True) for b in (beta, whole(beta)))
    assert np.array_equal(ours.spikes, theirs.spikes) and np.array_equal(ours.membrane, theirs.membrane)
    ours, theirs = gradients(x, g, beta), gradients(x, g, whole(beta))
    assert np.array_equal(ours.x, theirs.x) and ours.beta.shape == shape
    expected = own_sum(theirs.beta, shape)
    if np.prod(shape) > 1:  # one value is the library's own shared decay, which adds up in float64 all along
        assert np.array_equal(ours.beta, expected.astype(np.float32))
    np.testing.assert_allclose(ours.beta, expected, rtol=1e-5)
    assert np.all(ours.beta != 0)
    out = sk.Gradients(None, np.zeros(shape, np.float32), None, None)
    gradients(x, g, beta, out=out)
    assert np.array_equal(out.beta, ours.beta)


@pytest.mark.parametrize("shapes", (((3, 1, 1), ()), ((), (5,)), ((1, 4, 1), (1, 1, 5)), ((1, 1, 1), CHANNELS)))
def test_both_decays_of_a_current_based_neuron(x, g, shapes):
    given = [decay(shape, low) for shape, low in zip(shapes, (0.3, 0.5))]
    ours = gradients(x, g, *given, neuron=CUBA)
    theirs = gradients(x, g, *map(whole, given), neuron=CUBA)
    assert np.array_equal(ours.x, theirs.x)
    for name, shape in zip(("beta", "alpha"), shapes):
        parts, total = getattr(theirs, name), getattr(ours, name)
        expected = own_sum(parts, shape)
        assert total.shape == shape
        if np.prod(shape) > 1:
            assert np.array_equal(total, expected.astype(np.float32))
        # One value beside one a channel is added up by the library, in its scan's accuracy.
        assert np.all(abs(total - expected) <= 16 * 2.0**-24 * abs(parts).sum())


def test_exporters_and_empty_axes(x):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    beta = decay((3, 1, 1))
    expected = sk.scan(x, beta, seed=5).spikes
    assert np.array_equal(sk.scan(x, torch.from_numpy(beta), seed=5).spikes, expected)
    assert np.array_equal(sk.scan(torch.from_numpy(x), beta.tolist(), seed=5).spikes, expected)
    for channels, shape in (((0, 3), (3,)), ((3, 0), (3, 1)), ((3, 0), (0,))):
        nothing = np.zeros((2, 9, *channels), np.float32)
        back = gradients(nothing, nothing, decay(shape))
        assert back.x.shape == nothing.shape and back.beta.shape == shape and np.all(back.beta == 0)


def test_on_a_gpu_arrays_are_not_broadcast(x):
    # It says so before it reads anything.
    with pytest.raises(ValueError, match=r"beta has shape \(3, 1, 1\); on a CUDA device it must be \(3, 4, 5\)"):
        sk.scan(OnCuda(x), OnCuda(decay((3, 1, 1))))


@pytest.mark.parametrize("shape", SHAPES)
def test_jax(x, g, shape):
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    sj = pytest.importorskip("spikescan.jax")
    loss = lambda x, b: (sj.scan(x, b, neuron=NEURON, key=5).spikes * g).sum()  # noqa: E731
    ours, theirs = jax.jit(jax.grad(loss, (0, 1)))(x, decay(shape)), gradients(x, g, whole(decay(shape)))
    assert np.array_equal(ours[0], theirs.x) and ours[1].shape == shape
    np.testing.assert_allclose(ours[1], own_sum(theirs.beta, shape), rtol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_torch(x, g, shape):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    st = pytest.importorskip("spikescan.torch")
    leaves = [torch.from_numpy(a).requires_grad_() for a in (x, decay(shape))]
    st.scan(*leaves, neuron=NEURON, key=5).spikes.backward(torch.from_numpy(g))
    theirs = gradients(x, g, whole(decay(shape)))
    assert np.array_equal(leaves[0].grad, theirs.x) and leaves[1].grad.shape == shape
    np.testing.assert_allclose(leaves[1].grad, own_sum(theirs.beta, shape), rtol=1e-4)


def test_layers_of_every_face_take_such_a_hidden_shape(x):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    st = pytest.importorskip("spikescan.torch")
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    hk = pytest.importorskip("haiku", reason="Haiku is not installed")
    flax = pytest.importorskip("flax.nnx", reason="Flax is not installed")
    from spikescan import experimental, nnx

    assert st.PSU_LIF((3, 1, 1))(torch.from_numpy(x))[0].shape == SHAPE
    assert nnx.PSU_LIF((1, 1, 5), rngs=flax.Rngs(0)).parallel(x.swapaxes(0, 1)).shape == (200, 2, *CHANNELS)
    network = hk.transform(lambda x: experimental.PSU_LIF((1, 1, 5))(x)[0])
    parameters = network.init(jax.random.key(0), x)
    assert parameters["PSULIF"]["beta"].shape == (1, 1, 5) and network.apply(parameters, None, x).shape == SHAPE


@pytest.mark.parametrize("shape", ((2,), (4,), (5, 1), (3, 4), (1, 3, 4, 5), (1, 1, 1, 1), (0,)))
def test_what_does_not_broadcast_keeps_its_sentence(x, shape):
    words = "beta has shape .*; it must be .3, 4, 5. .the channels of x., or .. for one decay for all"
    with pytest.raises(ValueError, match=words):
        sk.scan(x, np.ones(shape, np.float32), seed=1)
    for face in ("jax", "torch"):
        module = pytest.importorskip(f"spikescan.{face}")
        take = pytest.importorskip("torch").from_numpy if face == "torch" else np.asarray
        with pytest.raises(ValueError, match=words):
            module.scan(take(x), take(np.ones(shape, np.float32)), key=1)


# ---- Numbers that are copied, and gradients that are added up from a copy's, lie apart as well ----
def problem_of(decays):
    """x, what `scan` takes beside it, and the options of its backward pass, gradients not yet placed."""
    x = np.random.default_rng(5).normal(size=(2, 40, 4, 3)).astype(np.float32)
    options = {"recurrence": "lif" if len(decays) == 1 else "cuba_lif"}
    saved = sk.scan(x, *decays, seed=1, save=True, **options).saved
    return x, {**options, "saved": saved, "grad_spikes": x}


def rows(value=0.9):
    return np.full((4, 1), value, np.float32)


@pytest.mark.parametrize(
    "decays", ((rows(),), (np.float32(0.9), rows(0.8)), (rows(), np.full((4, 3), 0.8, np.float32)))
)
def test_the_gradient_of_a_copied_decay_lies_apart_from_the_other_outputs(decays):
    x, options = problem_of(decays)
    grad_x = np.full_like(x, 7.0)
    inside = grad_x.reshape(-1)[: np.size(decays[0])].reshape(np.shape(decays[0]))
    with pytest.raises(ValueError, match=r"^out.(x|beta) \(from 0x.* and out.(x|beta) \(from 0x.* share memory; an"):
        sk.scan_backward(x, *decays, **options, out=sk.Gradients(grad_x, inside, None, None))
    assert (grad_x == 7.0).all()


def test_a_copied_decay_is_not_written_to():
    decay = rows()
    x, options = problem_of((decay,))
    with pytest.raises(ValueError, match=r"^out.beta \(from 0x\w+, 16 bytes\) and beta \(from 0x\w+, 16 bytes\) share"):
        sk.scan_backward(x, decay, **options, out=sk.Gradients(None, decay, None, None))
    memory = np.zeros(x.size * 2, np.float32)
    spikes, wide = memory[: x.size].reshape(x.shape), memory[:8].view(np.float64)
    with pytest.raises(ValueError, match=r"^out.spikes \(from .* and beta \(from 0x\w+, 32 bytes\) share memory"):
        sk.scan(x, wide.reshape(4, 1), seed=1, out=sk.ScanResult(spikes, None, None, None))
    assert (decay == np.float32(0.9)).all()
    assert (memory == 0).all()


def test_a_spread_decay_is_not_written_to(x):
    memory = np.full(x.size, 0.9, np.float32)
    out = sk.ScanResult(memory.reshape(x.shape), None, None, None)
    with pytest.raises(ValueError, match=r"^out.spikes \(from .* and beta \(from 0x\w+, 4 bytes\) share memory"):
        sk.scan(x, memory[5:6].reshape(()), decay(CHANNELS), neuron=CUBA, seed=1, out=out)
    assert (memory == np.float32(0.9)).all()


@pytest.mark.parametrize("channels", (1, 2, 5, 8))
def test_a_spread_decay_fills_its_memory_and_no_more(monkeypatch, channels):
    from spikescan import _spread

    memory, value = np.full(2 * channels, 7, np.float32), np.full(1, 0.5, np.float32)
    monkeypatch.setattr(_spread, "Workspace", lambda *_: type("Room", (), {"pointer": memory.ctypes.data}))
    _spread.spread("beta", value.ctypes.data, channels, ("cpu", 0), 0)
    assert (memory[:channels] == 0.5).all() and (memory[channels:] == 7).all()


def test_they_may_lie_in_each_others_gaps():
    decay = rows()
    x, options = problem_of((decay,))
    wanted = sk.scan_backward(x, decay, **options)
    memory = np.full((2, 40, 20), 7.0, np.float32)
    grad_x, grad_beta = memory[:, :, :12].reshape(2, 40, 4, 3), memory[0, 0, 12:16].reshape(4, 1)
    sk.scan_backward(x, decay, **options, out=sk.Gradients(grad_x, grad_beta, None, None))
    assert (grad_x == wanted.x).all() and (grad_beta == wanted.beta).all()
