"""One rule for all faces: what arrays, PyTorch and JAX make of the same arguments, and of the same mistakes."""

import dataclasses
import warnings

import numpy as np
import pytest

import spikescan as sk
from spikescan import Neuron

FACES = ("arrays", "torch", "jax")
CUBA = Neuron("cuba_lif", "sigmoid_bernoulli", 0.7, 3.0)
SHAPE = (2, 300, 5)
COTANGENT = np.random.default_rng(2).normal(size=SHAPE).astype(np.float32)


@pytest.fixture(params=FACES)
def scan(request):
    """The face's `scan` with a key of its own; spikes come out as a NumPy array."""
    if request.param == "arrays":
        return lambda *given, **options: sk.scan(*given, seed=5, **options).spikes
    pytest.importorskip(request.param, reason=f"{request.param} is not installed")
    module = pytest.importorskip(f"spikescan.{request.param}")
    take = pytest.importorskip("torch").as_tensor if request.param == "torch" else lambda a: a
    return lambda x, *given, **options: np.asarray(module.scan(take(x), *given, key=5, **options).spikes)


@pytest.fixture
def x(rng):
    return rng.normal(0.3, 0.5, SHAPE).astype(np.float32)


def each(value):
    return np.full(SHAPE[2], value, np.float32)


@pytest.mark.parametrize("beta, alpha", ((0.9, each(0.5)), (each(0.9), 0.5)))
def test_one_shared_decay_is_spread(scan, x, beta, alpha):
    assert np.array_equal(scan(x, beta, alpha, neuron=CUBA), sk.scan(x, each(0.9), each(0.5), neuron=CUBA, seed=5).spikes)


def test_real_numbers_of_any_dtype_and_layout_are_decays_and_states(request, scan, x):
    take = pytest.importorskip("torch").from_numpy if "torch" in request.node.name else lambda a: a
    state = np.linspace(0, 1, 10).reshape(2, 5)
    options = {"neuron": CUBA, "initial_state": (None, take(state))}
    plain = {"neuron": CUBA, "initial_state": (None, state.astype(np.float32))}
    expected = sk.scan(x, each(0.75), each(0.5), seed=5, **plain).spikes
    wide = np.full(10, 0.75)
    for beta in (wide[:5], wide[:5].astype(np.float16), wide.astype(np.float32)[::2], wide[::2], np.array(0.75)):
        assert np.array_equal(scan(x, take(beta), 0.5, **options), expected)
    ones = np.ones(5, np.float32)
    for beta in (np.ones(5, int), np.ones(5, bool)):
        assert np.array_equal(scan(x, take(beta), 0.5, **options), scan(x, take(ones), 0.5, **options))


def test_numbers_beyond_float32_warn_of_nothing():
    """A decay is clipped as infinity is, a state is infinite."""
    x = np.zeros((1, 4, 1), np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = sk.scan(x, 1e300, initial_state=[np.full((1, 1), -1e300)], rule="none", membrane=True)
    np.testing.assert_array_equal(result.membrane, np.full_like(x, -np.inf))


def test_the_numbers_of_ml_dtypes_are_decays_too(x):
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed")
    for dtype in (ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2):
        assert np.array_equal(sk.scan(x, np.full(5, 0.75, dtype), seed=5).spikes, sk.scan(x, each(0.75), seed=5).spikes)


@pytest.mark.parametrize("library", ("torch", "jax.numpy"))
def test_the_numbers_that_dlpack_hands_over_are_decays_and_states_too(x, library):
    """Of types that NumPy has no name for, among others; x is refused by their names."""
    module = pytest.importorskip(library)
    take = module.tensor if library == "torch" else module.asarray
    names = ("bool", "int8", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")
    for dtype in (getattr(module, name) for name in names if hasattr(module, name)):
        given = take([[1, 0, 1, 1, 0]] * 2, dtype=dtype)
        plain = np.array([[1, 0, 1, 1, 0]] * 2, np.float32)
        ours, theirs = (sk.scan(x, n[0], seed=5, initial_state=n).spikes for n in (given, plain))
        assert np.array_equal(ours, theirs)
    for name in ("bool", "float8_e5m2", "complex64"):
        with pytest.raises(TypeError, match=f"x has dtype {name}; it must be one of float32"):
            sk.scan(take([[[1.0]]], dtype=getattr(module, name)), 0.5)


@pytest.mark.parametrize("dtype", ([("a", "f4")], [("a", "f4"), ("b", "f4")], "V4"))
def test_structures_are_no_numbers(x, dtype):
    words = r"it must be a number or an array of numbers$"
    for given in (np.zeros(5, dtype), np.zeros(10, dtype)[::2], list(np.zeros(5, dtype)), np.zeros((), dtype)[()]):
        with pytest.raises(TypeError, match=f"^beta is .*; {words}"):
            sk.scan(x, given, seed=5)
        with pytest.raises(TypeError, match=f"^beta is .*; {words}"):
            sk.SequenceStream(Neuron(), given)
    with pytest.raises(TypeError, match=rf"^initial_state\[0\] is .*; {words}"):
        sk.scan(x, 0.5, seed=5, initial_state=[np.zeros((2, 5), dtype)])


def test_numpys_stride_of_zero_is_a_decay_too(x):
    beta = np.broadcast_to(np.float32(0.75), 5)
    saved = sk.scan(x, each(0.75), seed=5, save=True).saved
    ours, theirs = (sk.scan_backward(x, b, saved=saved, grad_spikes=COTANGENT) for b in (beta, each(0.75)))
    assert ours.beta.dtype == np.float32 and np.array_equal(ours.beta, theirs.beta)
    assert np.array_equal(sk.scan(x, beta, seed=5).spikes, sk.scan(x, each(0.75), seed=5).spikes)


def test_only_what_cannot_be_read_in_place_is_copied(x):
    from spikescan._frame import Frame

    frame, rows = Frame(x, False, 0), np.ones((2, 3, 5), np.float32)[:, 1]
    assert frame.real("initial_state", rows, 1).pointer == rows.ctypes.data
    assert frame.real("beta", rows[0], 0).pointer == rows.ctypes.data
    for state in (rows[:, ::-1], rows[::-1], rows.astype(np.float16)):
        copy = frame.real("initial_state", state, 1)
        assert copy.strides == (5, 1) and copy.dtype == "float32" and np.array_equal(copy.owner, state)


def test_copied_numbers_lie_in_the_order_of_the_axes(rng, x):
    x, beta, state = x.reshape(2, 75, 4, 5), rng.uniform(0.3, 0.9, (4, 5)), rng.normal(size=(2, 4, 5))
    expected = sk.scan(x, beta, seed=5, initial_state=state).spikes
    columns = sk.scan(x, np.asfortranarray(beta), seed=5, initial_state=np.asfortranarray(state)).spikes
    assert np.array_equal(columns, expected)


@pytest.mark.parametrize("dtype", ("float64", "float16", "int32", "bool"))
def test_a_decays_gradient_is_float32_in_its_shape(x, dtype):
    for beta in (np.ones((5,), dtype), np.ones((), dtype)):
        saved = sk.scan(x, beta, seed=5, save=True).saved
        ours = sk.scan_backward(x, beta, saved=saved, grad_spikes=COTANGENT).beta
        theirs = sk.scan_backward(x, beta.astype(np.float32), saved=saved, grad_spikes=COTANGENT).beta
        assert ours.dtype == np.float32 and ours.shape == beta.shape and np.array_equal(ours, theirs)


def test_a_neurons_fields_are_what_it_takes():
    neuron = Neuron("cuba_lif", "heaviside", 0.5, 3.0, surrogate="tanh")
    assert Neuron(**dataclasses.asdict(neuron)) == neuron
    assert dataclasses.replace(neuron, k=2.0).text == "cuba_lif heaviside 0.5 2.0 0.8 tanh probability"


def test_one_set_of_options_serves_both_passes(x):
    options = {"rule": "heaviside", "surrogate": "tanh", "gradient": "probability", "k": 3.0}
    saved = sk.scan(x, 0.9, **options, save=True).saved
    ours = sk.scan_backward(x, 0.9, **options, saved=saved, grad_spikes=COTANGENT)
    neuron = Neuron("lif", "heaviside", k=3.0, surrogate="tanh")
    assert np.array_equal(ours.x, sk.scan_backward(x, 0.9, neuron=neuron, saved=saved, grad_spikes=COTANGENT).x)


def states(absent):
    drawn = np.random.default_rng(3).normal(size=(2, 2, 5)).astype(np.float32)
    zero = [np.zeros_like(state) if i == absent else state for i, state in enumerate(drawn)]
    return tuple(None if i == absent else state for i, state in enumerate(drawn)), tuple(zero)


@pytest.mark.parametrize("absent", (0, 1))
def test_a_state_that_is_none_starts_at_zero(request, scan, x, absent):
    given, zero = states(absent)
    expected = sk.scan(x, each(0.9), each(0.5), neuron=CUBA, seed=5, initial_state=zero).spikes
    if "torch" in request.node.name:
        import torch

        given = tuple(None if state is None else torch.from_numpy(state) for state in given)
    assert np.array_equal(scan(x, each(0.9), each(0.5), neuron=CUBA, initial_state=given), expected)


def torch_gradients(x, given):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    st = pytest.importorskip("spikescan.torch")
    taken = [None if state is None else torch.from_numpy(state).requires_grad_() for state in given]
    leaves = [torch.from_numpy(a.copy()).requires_grad_() for a in (x, each(0.9), each(0.5))]
    result = st.scan(*leaves, neuron=CUBA, key=5, initial_state=taken)
    result.spikes.backward(torch.from_numpy(COTANGENT))
    return [leaf.grad for leaf in leaves], [None if state is None else state.grad for state in taken]


def jax_gradients(x, given):
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    sj = pytest.importorskip("spikescan.jax")

    def loss(leaves, initial):
        return (sj.scan(*leaves, neuron=CUBA, key=5, initial_state=initial).spikes * COTANGENT).sum()

    return jax.jit(jax.grad(loss, (0, 1)))((x, each(0.9), each(0.5)), given)


@pytest.mark.parametrize("face", (torch_gradients, jax_gradients))
@pytest.mark.parametrize("absent", (0, 1))
def test_gradients_beside_a_state_that_is_none(x, face, absent):
    given, _ = states(absent)
    options = {"neuron": CUBA, "initial_state": given}
    saved = sk.scan(x, each(0.9), each(0.5), seed=5, save=True, **options).saved
    expected = sk.scan_backward(x, each(0.9), each(0.5), saved=saved, grad_spikes=COTANGENT, **options)
    leaves, initial = face(x, given)
    assert all(np.array_equal(np.asarray(a), b) for a, b in zip(leaves, expected[:3]))
    assert initial[absent] is None
    assert np.array_equal(np.asarray(initial[1 - absent]), expected.initial_state[1 - absent])


@pytest.mark.parametrize(
    "options, kind, words",
    (
        ({"neuron": CUBA}, ValueError, r"alpha is missing; cuba_lif needs it \(the decay of its current\)"),
        ({"alpha": 0.5}, ValueError, "alpha is given; lif has none, only cuba_lif has"),
        ({"beta": each(0.5)[:2]}, ValueError, r"beta has shape \(2,\); it must be \(5,\) \(the channels of x\), or \(\)"),
        ({"spikes": "int8"}, ValueError, "spikes is 'int8'; it must be one of 'float32', 'float16', 'bfloat16', 'uint8'"),
        ({"membrane": "uint8"}, ValueError, "membrane is 'uint8'; it must be one of 'float32', 'float16', 'bfloat16'"),
        ({"initial_state": (None,) * 2}, ValueError, "initial_state has 2 arrays; it must have 1, the states of lif: V"),
        ({"neuron": CUBA, "k": 3.0}, ValueError, "neuron and k are given; give either a neuron or its options"),
    ),
)  # fmt: skip
def test_one_sentence_for_a_mistake(scan, x, options, kind, words):
    with pytest.raises(kind, match=words):
        scan(x, **{"beta": 0.5, **options})


@pytest.mark.parametrize("face", ("torch", "jax"))
@pytest.mark.parametrize("at, axis, most", ((0, "batch", 1 << 32), (1, "time", 1 << 34), (2, "channel", 1 << 32)))
def test_a_keys_origin_ends_where_its_counter_does(face, at, axis, most):
    make_key = pytest.importorskip(f"spikescan.{face}").make_key
    key_at = lambda index: make_key(1, origin=[index if i == at else 0 for i in range(3)])  # noqa: E731
    key_at(most)
    with pytest.raises(ValueError, match=f"origin's {axis} is {most + 1}; it must be from 0 to 2"):
        key_at(most + 1)


def gradients(beta, alpha, x, out=None):
    saved = sk.scan(x, beta, alpha, neuron=CUBA, seed=5, save=True).saved
    return sk.scan_backward(x, beta, alpha, neuron=CUBA, saved=saved, grad_spikes=COTANGENT, out=out)


@pytest.mark.parametrize("shared", ("beta", "alpha"))
def test_a_spread_decays_gradient_is_the_sum_over_its_channels(x, shared):
    given = {"beta": each(0.9), "alpha": each(0.5)}
    whole = gradients(**given, x=x)
    mixed = gradients(**{**given, shared: given[shared][0]}, x=x)
    other = "alpha" if shared == "beta" else "beta"
    assert np.array_equal(mixed.x, whole.x) and np.array_equal(getattr(mixed, other), getattr(whole, other))
    expected = np.float32(getattr(whole, shared).sum(dtype=np.float64))
    assert getattr(mixed, shared).shape == () and getattr(mixed, shared) == expected != 0
    # Into memory at hand, and only what it is there for.
    out = sk.Gradients(None, None, None, None)._replace(**{shared: np.zeros(1, np.float32)})
    gradients(**{**given, shared: given[shared][:1]}, x=x, out=out)
    assert getattr(out, shared)[0] == expected


@pytest.mark.parametrize("dtype", (np.float32, np.dtype("float16"), np.uint8, "bfloat16"))
def test_outputs_are_named_by_dtypes_too(x, dtype):
    name = dtype if isinstance(dtype, str) else np.dtype(dtype).name
    if name == "bfloat16":
        dtype = pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed").bfloat16
    assert sk.scan(x, 0.5, spikes=dtype).spikes.dtype.name == name
    assert sk.SequenceStream(Neuron(), 0.5)(x, spikes=dtype).spikes.dtype.name == name
    if name != "uint8":
        assert sk.scan(x, 0.5, spikes=False, membrane=dtype).membrane.dtype.name == name
        assert sk.describe_plan(x.shape, dtype=dtype) == sk.describe_plan(x.shape, dtype=name)


def test_flags_are_numpys_booleans_too(x):
    result = sk.scan(x, 0.5, spikes=np.False_, membrane=np.True_, final_state=np.True_, time_first=np.False_)
    assert result.spikes is None and result.membrane.dtype == np.float32 and len(result.final_state) == 1


def test_decays_and_states_off_their_alignment_are_copied(x):
    def off(array):
        return np.frombuffer(b"\0" + array.tobytes(), np.uint8)[1:].view(np.float32).reshape(array.shape)

    beta, state = each(0.5), x[:, 0].copy()
    expected = sk.scan(x, beta, seed=3, initial_state=state).spikes
    assert np.array_equal(sk.scan(x, off(beta), seed=3, initial_state=off(state)).spikes, expected)
