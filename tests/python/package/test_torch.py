"""spikescan.torch: the NumPy face's bits, and the float64 reference's numbers."""

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest
import reference

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import spikescan as sk  # noqa: E402
import spikescan.torch as st  # noqa: E402
from spikescan import Neuron  # noqa: E402
from spikescan.torch import _device, _plans  # noqa: E402

RECURRENCES = ("lif", "spsn", "cuba_lif", "psu_lif")
B, T, C = 3, 2100, 5  # three chunks of the scan
NEURONS = (
    Neuron(rule="sigmoid_bernoulli", threshold=0.7, k=3.0),
    Neuron(rule="sigmoid_bernoulli", threshold=0.7, k=3.0, gradient="derivative"),
    Neuron(rule="refractory_sigmoid_bernoulli", threshold=0.7, k=3.0),
    Neuron(rule="refractory_sigmoid_bernoulli", threshold=0.7, k=3.0, gradient="derivative"),
    *(
        Neuron(rule="heaviside", threshold=0.7, k=1.5, surrogate=surrogate)
        for surrogate in ("arctan", "superspike", "triangular", "boxcar", "tanh")
    ),
    Neuron(rule="none", threshold=0.0),
)


def make(rng, recurrence, rule="sigmoid_bernoulli"):
    neuron = Neuron(recurrence, rule, 0.7, 3.0)
    x = rng.normal(0.3, 4 if recurrence == "psu_lif" else 0.5, (B, T, C)).astype(np.float32)
    beta = np.linspace(0.2, 0.95, C).astype(np.float32)
    initial = tuple(rng.normal(size=(B, C)).astype(np.float32) for _ in neuron.states)
    return neuron, x, beta, beta[::-1].copy() if neuron.has_alpha else None, initial


def leaf(array):
    return None if array is None else torch.tensor(array, requires_grad=True)


def equal(ours, theirs):
    if isinstance(theirs, tuple):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs):
            equal(a, b)
    elif theirs is None:
        assert ours is None
    else:
        np.testing.assert_array_equal(ours.detach().numpy(), theirs)


@pytest.mark.parametrize("recurrence", RECURRENCES)
@pytest.mark.parametrize("neuron", NEURONS, ids=lambda n: f"{n.rule}-{n.gradient}-{n.surrogate}")
def test_forward_and_gradients_are_the_librarys_bits(rng, recurrence, neuron):
    neuron = Neuron(recurrence, neuron.rule, neuron.threshold, neuron.k, 0.8, neuron.surrogate, neuron.gradient)
    _, x, beta, alpha, initial = make(rng, recurrence)
    weights = [rng.normal(size=(B, T, C)).astype(np.float32) for _ in range(2)]
    final_weights = tuple(rng.normal(size=(B, C)).astype(np.float32) for _ in initial)
    leaves = [leaf(x), leaf(beta), leaf(alpha)]
    states = tuple(leaf(s) for s in initial)
    r = st.scan(
        *leaves, neuron=neuron, key=st.make_key(5, 2, (1, 32, 3)), initial_state=states, membrane=True,
        final_state=True,
    )  # fmt: skip
    theirs = sk.scan(
        x, beta, alpha, neuron=neuron, seed=5, stream=2, origin=(1, 32, 3), initial_state=initial, membrane=True,
        final_state=True, save=True,
    )  # fmt: skip
    equal(tuple(r), tuple(theirs[:3]))
    gradients = [torch.from_numpy(w) for w in (*weights, *final_weights)]
    torch.autograd.backward([r.spikes, r.membrane, *r.final_state], gradients)
    back = sk.scan_backward(
        x, beta, alpha, neuron=neuron, saved=theirs.saved, grad_spikes=weights[0], grad_membrane=weights[1],
        grad_final_state=final_weights, initial_state=initial,
    )  # fmt: skip
    equal(tuple(None if t is None else t.grad for t in leaves), (back.x, back.beta, back.alpha))
    equal(tuple(s.grad for s in states), back.initial_state)


@pytest.mark.parametrize("recurrence", RECURRENCES)
def test_against_float64(rng, recurrence):
    neuron, x, beta, alpha, initial = make(rng, recurrence)
    neuron = Neuron(recurrence, "sigmoid_bernoulli", 0.7, 3.0, gradient="derivative")
    weights = [rng.normal(size=(B, T, C)).astype(np.float32) for _ in range(2)]
    leaves = [leaf(x), leaf(beta), leaf(alpha)]
    states = tuple(leaf(s) for s in initial)
    r = st.scan(*leaves, neuron=neuron, key=9, initial_state=states, membrane=True, final_state=True)
    torch.autograd.backward([r.spikes, r.membrane], [torch.from_numpy(w) for w in weights])
    series, M = reference.membrane(recurrence, x, beta, alpha, initial)

    def close(ours, theirs, terms=1.0):
        # V's promise is 8 units of 2^-24 of sum beta^n |x|, gradients' 16 of their terms' sum; maxima stand for both.
        scale = 64 * 2.0**-24 * (np.max(np.abs(theirs)) * terms + 1e-6)
        np.testing.assert_allclose(ours.detach().numpy().astype(np.float64), theirs, rtol=0, atol=scale)

    close(r.membrane, series[0])
    for ours, theirs in zip(r.final_state, series):
        close(ours, theirs[:, -1])
    p, u = reference.probability(neuron, M), reference.uniforms(x.shape, 9)
    differ = r.spikes.detach().numpy() != (u < p)
    assert np.all(np.abs(u - p)[differ] < 1e-4)  # p carries float32 rounding of V: only near ties may differ
    zero = [np.zeros_like(s) for s in initial]
    dx, dbeta, dalpha, back = reference.backward(neuron, x, beta, alpha, initial, *weights, zero)
    close(leaves[0].grad, dx, terms=4)  # dS/dM changes by up to k^2 a unit of M, whose rounding it thus enlarges
    close(leaves[1].grad, dbeta, terms=20)  # sums over time cancel: their rounding is that of the terms
    if alpha is not None:
        close(leaves[2].grad, dalpha, terms=20)
    for ours, theirs in zip(states, back):
        close(ours.grad, theirs)


@pytest.mark.filterwarnings("ignore:Input .* is not a double precision")  # float32 is what there is, hence the steps
def test_gradients_by_finite_differences(rng):
    """`none` is the one rule whose gradient is its function's: differences of the function itself check the chain."""
    x = torch.tensor(rng.normal(size=(2, 12, 3)).astype(np.float32), requires_grad=True)
    decays = [torch.tensor([0.3, 0.6, 0.9], requires_grad=True) for _ in range(2)]
    states = [torch.tensor(rng.normal(size=(2, 3)).astype(np.float32), requires_grad=True) for _ in range(2)]
    weights = torch.tensor(rng.normal(size=(2, 12, 3)).astype(np.float32))

    def loss(x, beta, alpha, first, second):
        r = st.scan(
            x, beta, alpha, recurrence="cuba_lif", rule="none", initial_state=(first, second), final_state=True
        )
        return (r.spikes * weights).sum() + (r.final_state[0] ** 2).sum() + r.final_state[1].sum()

    # float32 values near 10: a step of 1e-2 leaves 1e-4 of rounding and, of functions of degree 12 in the decay, as
    # much of truncation.
    assert torch.autograd.gradcheck(loss, (x, *decays, *states), eps=1e-2, atol=2e-2, rtol=2e-2, nondet_tol=0.0)
    wrong = lambda x: st.scan(x, 0.5, rule="heaviside").spikes.sum()  # noqa: E731
    with pytest.raises(Exception, match="Jacobian mismatch"):  # a step's own gradient is not its surrogate's
        torch.autograd.gradcheck(wrong, (x,), eps=1e-2, atol=2e-2, rtol=2e-2)


@pytest.mark.parametrize("spikes", ("float32", "bfloat16", "float16", "uint8", "bits32"))
@pytest.mark.parametrize("dtype", ("float32", "bfloat16", "float16"))
@pytest.mark.parametrize("time_first", (False, True))
def test_every_dtype(rng, spikes, dtype, time_first):
    x = torch.tensor(rng.normal(size=(70, 2, 6) if time_first else (2, 70, 6)), dtype=getattr(torch, dtype))
    x.requires_grad_()
    r = st.scan(x, 0.9, key=3, spikes=spikes, membrane=dtype, time_first=time_first)
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="bfloat16 in NumPy needs ml_dtypes")
    assert ml_dtypes
    theirs = sk.scan(
        x.detach().float().numpy().astype(sk._memory.numpy_dtype(dtype)), 0.9, seed=3, spikes=spikes, membrane=dtype,
        time_first=time_first,
    )  # fmt: skip
    assert r.spikes.dtype == {"bits32": torch.uint32}.get(spikes) or r.spikes.dtype == getattr(torch, spikes)
    for ours, expected in ((r.spikes, theirs.spikes), (r.membrane, theirs.membrane)):
        integers = expected.dtype.kind == "u"
        ours = ours.detach().numpy() if integers else ours.detach().float().numpy()
        np.testing.assert_array_equal(ours, expected if integers else expected.astype(np.float32))
    assert r.spikes.requires_grad == (spikes not in ("uint8", "bits32"))
    if r.spikes.requires_grad:
        r.spikes.float().sum().backward()
        assert x.grad.dtype == x.dtype and torch.any(x.grad != 0)


@pytest.mark.parametrize("dtype", (torch.uint8, torch.bfloat16))
def test_outputs_are_named_by_dtypes_too(dtype):
    for _ in range(2):  # the second call looks up what the first has made
        assert st.scan(torch.zeros(2, 8, 3), 0.9, key=1, spikes=dtype).spikes.dtype is dtype
    if dtype.is_floating_point:
        assert st.scan(torch.zeros(2, 8, 3), 0.9, spikes=False, membrane=dtype).membrane.dtype is dtype


@pytest.mark.parametrize("shape", ((0, 5, 3), (2, 0, 3), (2, 5, 0)))
def test_empty_axes(shape):
    x = torch.zeros(shape, requires_grad=True)
    beta = torch.full(shape[2:], 0.5, requires_grad=True)
    state = torch.full((shape[0], shape[2]), 0.25)
    r = st.scan(x, beta, initial_state=state, final_state=True, membrane=True, key=0)
    assert r.spikes.shape == shape
    if shape[1] == 0:
        assert torch.equal(r.final_state[0], state)
    (r.spikes.sum() + r.membrane.sum()).backward()
    assert x.grad.shape == shape and torch.all(beta.grad == 0)


def test_any_layout_is_taken(rng):
    x = torch.tensor(rng.normal(size=(2, 40, 6)).astype(np.float32))
    whole = st.scan(x, 0.9, key=1)
    channels_apart = x.transpose(1, 2).contiguous().transpose(1, 2)
    assert not channels_apart.is_contiguous() and torch.equal(st.scan(channels_apart, 0.9, key=1).spikes, whole.spikes)
    swapped = x.transpose(0, 1).contiguous().transpose(0, 1)
    assert torch.equal(st.scan(swapped, 0.9, key=1).spikes, whole.spikes)
    repeated = x[:1].expand(2, 40, 6)
    assert torch.equal(st.scan(repeated, 0.9, key=1).spikes[0], whole.spikes[0])
    # Gradients of expanded results arrive with strides of zero.
    given = x.clone().requires_grad_()
    st.scan(given, 0.9, key=1).spikes.sum().backward()
    dense = x.clone().requires_grad_()
    st.scan(dense, 0.9, key=1).spikes.backward(torch.ones(2, 40, 6))
    assert torch.equal(given.grad, dense.grad)


def test_decays_apart_in_memory_are_taken(rng):
    x, wide = (torch.tensor(rng.random(shape, np.float32)) for shape in ((2, 70, 3), (2, 6)))

    def bits(*decays):
        leaves = [t.detach().requires_grad_() for t in (x, *decays)]
        S = st.scan(*leaves, recurrence="cuba_lif", key=1, k=3.0).spikes
        return S, *torch.autograd.grad((S * torch.arange(3)).sum(), leaves)

    beta, alpha = wide[0, ::2], wide[1, ::2]
    expected = bits(beta.clone(), alpha.clone())
    for given in ((beta, alpha.clone()), (beta.clone(), alpha)):
        assert all(map(torch.equal, bits(*given), expected))


@pytest.mark.parametrize(
    "make",
    (
        lambda n: n[::-1].copy()[::-1], lambda n: n.astype(n.dtype.newbyteorder()), lambda n: n.astype(np.longdouble),
        lambda n: np.broadcast_to(n, (2, 3))[1], list, lambda n: [np.float32(one) for one in n],
    ),
)  # fmt: skip
@pytest.mark.filterwarnings("error")
def test_decays_of_numpy_however_they_lie(make):
    x, numbers = torch.ones(2, 70, 3), np.array([0.25, 0.5, 0.75], np.float32)
    ours = st.scan(x, make(numbers), key=1, membrane=True).membrane
    assert torch.equal(ours, st.scan(x, torch.tensor(numbers), key=1, membrane=True).membrane)


def test_decays_of_numpy_are_copied():
    x, numbers = torch.ones(2, 70, 3), np.full(3, 0.5, np.float32)
    V = st.scan(x.requires_grad_(), numbers, key=1, membrane=True).membrane
    numbers[:] = 0
    expected = st.scan(x, 0.5, key=1, membrane=True).membrane
    assert torch.equal(*(torch.autograd.grad(membrane.sum(), x)[0] for membrane in (V, expected)))


@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad")
def test_lists_of_decays():
    """Of tensors, and of numbers that NumPy has as objects."""
    x = torch.ones(2, 70, 2, 2)

    def membrane(beta):
        return st.scan(x, beta, key=1, membrane=True).membrane

    half = torch.tensor([0.0, 0.5])[1]
    expected = membrane(torch.tensor([[0.25, 0.5], [0.5, 0.75]]))
    apart = torch.tensor([-0.5j]).conj().imag[0]
    for one in (half, half.bfloat16(), torch.nn.Parameter(half.clone()), apart, Fraction(1, 2)):
        assert torch.equal(membrane([[0.25, one], [one, 0.75]]), expected)
    assert torch.equal(membrane([[2**70, 1], [0, 0]]), membrane(torch.tensor([[1.0, 1.0], [0.0, 0.0]])))


def test_channel_axes_and_shared_decays(rng):
    x = torch.tensor(rng.normal(size=(2, 50, 3, 4)).astype(np.float32))
    whole = st.scan(x, 0.9, key=1, membrane=True, final_state=True)
    flat = st.scan(x.reshape(2, 50, 12), torch.full((12,), 0.9), key=1, membrane=True)
    assert torch.equal(whole.membrane.reshape(2, 50, 12), flat.membrane)
    assert whole.final_state[0].shape == (2, 3, 4)
    # One decay for all beside one a channel is spread, and its gradient is the sum.
    shared = torch.tensor(0.9, requires_grad=True)
    apart = torch.full((3, 4), 0.9, requires_grad=True)
    alpha = torch.full((3, 4), 0.5)
    for beta in (shared, apart):
        st.scan(x, beta, alpha, recurrence="cuba_lif", rule="none").spikes.square().mean().backward()
    # float32 sums of twelve terms in another order
    torch.testing.assert_close(shared.grad, apart.grad.sum(), rtol=12 * 2.0**-24, atol=0)


def test_state_and_keys_continue_a_sequence(rng):
    split = sk.time_units()[0]
    x = torch.tensor(rng.normal(0.1, 0.5, (1, split + 40, 2)).astype(np.float32))
    key = st.make_key(4, stream=3)
    whole = st.scan(x, 0.9, key=key, membrane=True)
    first = st.scan(x[:, :split], 0.9, key=key, final_state=True, membrane=True)
    second = st.scan(
        x[:, split:], 0.9, key=st.shift_key(key, time=split), initial_state=first.final_state, membrane=True
    )
    assert torch.equal(torch.cat([first.spikes, second.spikes], 1), whole.spikes)
    assert torch.equal(torch.cat([first.membrane, second.membrane], 1), whole.membrane)


def test_plans_tell_states_that_come_in_from_gradients_of_those_that_go_out(rng):
    """Of one form: the first pass has the gradient of the last state, the second an initial state."""
    _, x, beta, _, (state,) = make(rng, "lif")
    x, weights = x[:, :200].copy(), rng.normal(size=(B, 200, C)).astype(np.float32)

    def gradient(initial, is_final_used):
        given = leaf(x)
        r = st.scan(given, torch.tensor(beta), key=1, initial_state=initial, final_state=True)
        loss = (r.spikes * torch.tensor(weights)).sum() + (r.final_state[0].sum() if is_final_used else 0)
        loss.backward()
        return given.grad

    _plans._PLANS.clear()
    gradient(None, True)
    saved = sk.scan(x, beta, seed=1, initial_state=state, save=True).saved
    back = sk.scan_backward(x, beta, saved=saved, grad_spikes=weights, initial_state=state)
    equal(gradient(torch.tensor(state), False), back.x)


def gradients_of(length, seed):
    x = torch.randn(4, 40, length, generator=torch.Generator().manual_seed(seed)).requires_grad_()
    beta = torch.full((length,), 0.9, requires_grad=True)
    return torch.autograd.grad(st.scan(x, beta, key=seed).spikes.square().sum(), (x, beta))


def test_scratch_that_is_kept_and_scratch_that_is_not_give_the_same(monkeypatch):
    kept = gradients_of(700, 0)
    monkeypatch.setattr(_device.CpuScratch, "largest", 0)
    assert all(map(torch.equal, gradients_of(700, 0), kept))


def test_threads_keep_scratch_of_their_own():
    cases = [(length, seed) for length in (3, 2000, 70) for seed in range(4)]
    alone = [gradients_of(*case) for case in cases]
    with ThreadPoolExecutor(4) as pool:  # ctypes lets go of the interpreter's lock: calls run at once
        together = list(pool.map(lambda case: gradients_of(*case), cases * 8))
    for i, got in enumerate(together):
        assert all(map(torch.equal, got, alone[i % len(cases)]))


def test_own_uniforms(rng):
    x = torch.tensor(rng.normal(size=(2, 50, 3)).astype(np.float32))
    own = torch.tensor(reference.uniforms((2, 50, 3), 77).astype(np.float32))
    assert torch.equal(st.scan(x, 0.9, uniforms=own).spikes, st.scan(x, 0.9, key=77).spikes)


@pytest.mark.parametrize("seed", range(4))
def test_the_generator_gives_the_seed(seed):
    x = torch.zeros(2, 300, 3)
    spikes = lambda **options: st.scan(x, 0.9, threshold=0.0, **options).spikes  # noqa: E731
    torch.manual_seed(seed)
    first, second = spikes(), spikes()
    torch.manual_seed(seed)
    assert torch.equal(spikes(), first) and not torch.equal(first, second)
    generator = torch.Generator().manual_seed(seed)
    assert torch.equal(spikes(generator=generator), first)
    # The documented derivation.
    word = torch.randint(2**63 - 1, (1,), generator=torch.Generator().manual_seed(seed)).item()
    assert torch.equal(spikes(key=word), first)
    assert torch.equal(st.make_key(torch.Generator().manual_seed(seed)), st.make_key(word))


def test_keys_hold_64_bits():
    x = torch.zeros(2, 300, 3)
    seed = (1 << 64) - 5
    key = st.make_key(seed, 2**32 - 1, (7, 2**33, 11))
    expected = sk.scan(x.numpy(), 0.9, threshold=0.0, seed=seed, stream=2**32 - 1, origin=(7, 2**33, 11)).spikes
    equal(st.scan(x, 0.9, threshold=0.0, key=key).spikes, expected)
    apart = torch.stack([key, key], 1)[:, 0]
    assert apart.stride() == (2,)
    equal(st.scan(x, 0.9, threshold=0.0, key=apart).spikes, expected)
    whole = st.make_key(seed, 2**32 - 1)
    for batch, channel in ((7, 11), (torch.tensor([7], dtype=torch.int32), torch.tensor(11))):
        shifted = st.shift_key(whole, batch=batch, time=torch.tensor(2**33), channel=channel)
        assert torch.equal(shifted, key)


def test_keys_are_made_where_tensors_are():
    """By default where x is made; of a seed or a generator that is there, where that is."""
    seed, generator = torch.tensor([3]), torch.Generator()
    with torch.device("meta"):
        x = torch.empty(2, 8, 3)
        for key in (st.make_key(3), st.make_key(), st.shift_key(3, time=8)):
            assert key.is_meta and st.scan(x, 0.5, key=key).spikes.is_meta
        assert st.make_key(seed).is_cpu and st.shift_key(seed, time=8).is_cpu and st.make_key(generator).is_cpu
        assert st.make_key(3, device="cpu").is_cpu
    assert st.shift_key(seed.to("meta"), time=8).is_meta


def test_keys_take_numpys_integers():
    seed = (1 << 64) - 5
    key = st.make_key(seed, 7, (1, 2**33, 3))
    assert torch.equal(st.make_key(np.uint64(seed), np.uint32(7), (np.int32(1), np.int64(2**33), np.uint8(3))), key)
    assert torch.equal(st.shift_key(np.uint64(seed), time=np.uint64(2**33)), st.shift_key(seed, time=2**33))
    x = torch.zeros(2, 300, 3)
    spikes = lambda key: st.scan(x, 0.9, threshold=0.0, key=key).spikes  # noqa: E731
    assert torch.equal(spikes(np.uint64(seed)), spikes(seed)) and torch.equal(spikes(np.array(3)), spikes(3))
    assert torch.equal(spikes(torch.tensor(3)), spikes(3)) and torch.equal(spikes(torch.tensor([-5])), spikes(seed))


def test_deterministic_mode_changes_nothing(rng):
    x = torch.tensor(rng.normal(size=(2, 2100, 3)).astype(np.float32))

    def run():
        given, beta = x.clone().requires_grad_(), torch.full((3,), 0.9, requires_grad=True)
        spikes = st.scan(given, beta, key=5).spikes
        spikes.square().sum().backward()
        return spikes, given.grad, beta.grad

    usual = run()
    torch.use_deterministic_algorithms(True)
    try:
        strict = run()
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(torch.equal(a, b) for a, b in zip(usual, strict))


X = torch.zeros(2, 8, 3)
BETA = torch.full((3,), 0.5)
FIRE = st.sigmoid_bernoulli()
MASKED = np.ma.array([0.5, 0.5, 0.5], mask=[0, 1, 0])


class Complex:
    """As JAX's arrays: with a dtype of NumPy's, and read by PyTorch."""

    dtype = np.dtype(np.complex64)

    def __array__(self, dtype=None, copy=None):
        return np.full(3, 0.5 + 1j, self.dtype)


@pytest.mark.parametrize(
    "call, kind, words",
    (
        (lambda: st.scan([[1.0]], BETA), TypeError, "x is a list; it must be a torch.Tensor"),
        (lambda: st.scan(X[0, 0], BETA), ValueError, r"x has shape \(3,\); it must be \[batch, time"),
        (lambda: st.scan(X[0, 0], BETA, time_first=True), ValueError, r"must be \[time, batch"),
        (lambda: st.scan(X.double(), BETA), TypeError, "x has dtype float64; it must be one of float32"),
        (lambda: st.scan(X, BETA[:2]), ValueError, r"beta has shape \(2,\); it must be \(3,\)"),
        (lambda: st.scan(X, BETA.to("meta")), ValueError, "beta is on meta, x on cpu; it must be on x's device"),
        (lambda: st.scan(X, BETA.cfloat()), TypeError, "beta has dtype complex64; it must be real"),
        (lambda: st.scan(X, np.full(3, 0.5 + 1j)), TypeError, "beta is array.*; it must be a number or an array of"),
        (lambda: st.scan(X, np.complex64(0.5)), TypeError, "beta is .*0.5.*; it must be a number or an array of"),
        (lambda: st.scan(X, [np.complex64(0.5)] * 3), TypeError, "beta is .*; it must be a number or an array of"),
        (lambda: st.scan(X, Complex()), TypeError, "beta has dtype complex64; it must be real"),
        (lambda: st.scan(X, BETA, BETA), ValueError, "alpha is given; lif has none"),
        (lambda: st.scan(X, BETA, recurrence="cuba_lif"), ValueError, "alpha is missing"),
        (lambda: st.scan(X, BETA, recurrence="gru"), ValueError, "recurrence is 'gru'; it must be one of 'lif'"),
        (lambda: st.scan(X, BETA, k=[1, 2]), TypeError, "k is .*one number"),
        (lambda: st.scan(X, BETA, neuron=Neuron(), k=3.0), ValueError, "either a neuron or its options"),
        (lambda: st.scan(X, BETA, spikes="int8"), ValueError, "spikes is 'int8'; it must be one of"),
        (lambda: st.scan(X, BETA, rule="none", spikes="uint8"), ValueError, "with the rule 'none'"),
        (lambda: st.scan(X, BETA, membrane="uint8"), ValueError, "membrane is 'uint8'"),
        (lambda: st.scan(X, BETA, key=-1), ValueError, "key is -1"),
        (lambda: st.scan(X, BETA, key=1, generator=torch.Generator()), ValueError, "give one of key and generator"),
        (lambda: FIRE(X, 1, generator=torch.Generator()), ValueError, "give one of key and generator"),
        (lambda: st.scan(X, MASKED, key=1), TypeError, "beta is a MaskedArray, whose mask is not read; it must be"),
        (lambda: st.scan(X, BETA, MASKED, recurrence="cuba_lif"), TypeError, "alpha is a MaskedArray, whose mask"),
        (lambda: st.scan(X, BETA, key="a"), TypeError, "key is 'a'; it must be an integer, a one-element int64"),
        (lambda: st.scan(X, BETA, key=torch.zeros(4, dtype=torch.int64)), ValueError, r"key has shape \(4,\)"),
        (lambda: st.scan(X, BETA, key=torch.tensor(3).int()), TypeError, r"key is int32\[\]; .* one-element int64"),
        (lambda: st.scan(X, BETA, key=torch.zeros(5)), TypeError, r"key is float32\[5\]; .* is int64\[5\]"),
        (lambda: st.scan(X, BETA, key=torch.zeros(5, dtype=torch.int64, device="meta")), ValueError, "key is on meta"),
        (lambda: st.scan(X, BETA, uniforms=X[:1]), ValueError, "uniforms has shape"),
        (lambda: st.scan(X, BETA, uniforms=X.half()), TypeError, "uniforms has dtype float16; it must be float32"),
        (lambda: st.scan(X, BETA, rule="heaviside", uniforms=X[:1]), ValueError, "uniforms has shape"),
        (lambda: st.scan(X, BETA, spikes=False, uniforms=X.half()), TypeError, "uniforms has dtype float16"),
        (lambda: st.scan(X.to_sparse(), BETA), TypeError, "x has layout torch.sparse_coo; it must be torch.strided"),
        (lambda: st.scan(torch.nested.nested_tensor([X]), BETA), TypeError, "x has layout nested; it must be torch"),
        (lambda: st.scan(X, BETA, spikes=torch.int8), ValueError, "spikes is 'int8'; it must be one of"),
        (lambda: st.scan(X, BETA, initial_state=X[:, 0, :2]), ValueError, r"initial_state\[0\] has shape \(2, 2\)"),
        (lambda: st.scan(X, BETA, initial_state=X[:, 0].cfloat()), TypeError, "initial_state.0. has .* must be real"),
        (lambda: st.scan(X, BETA, initial_state=(X[:, 0],) * 2), ValueError, "initial_state has 2 arrays; it must have 1"),
        (lambda: st.make_key(1 << 64), ValueError, "seed is 18446744073709551616"),
        (lambda: st.make_key(0, 1 << 32), ValueError, "stream is 4294967296"),
        (lambda: st.make_key(0, 0, (0, -1, 0)), ValueError, "origin's time is -1"),
        (lambda: st.make_key(torch.zeros(2)), TypeError, r"seed is float32\[2\]; .* one-element int64"),
        (lambda: st.make_key(0.5), TypeError, "seed is 0.5; it must be an integer, a one-element int64"),
        (lambda: st.make_key(0, 0.5), TypeError, "stream is 0.5; it must be an integer"),
        (lambda: st.make_key(np.int64(-1)), ValueError, "seed is -1"),
    ),
)  # fmt: skip
def test_refusals(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


@pytest.mark.parametrize("number", (1e39, 1e300, float(np.finfo(np.float32).max) * (1 + 2.0**-30), -1e300))
def test_numbers_past_float32_are_clipped_like_infinite_ones(number):
    x = torch.full((2, 40, 3), 0.1)
    infinite = float("inf") if number > 0 else float("-inf")
    for decays in ((number, None), (0.5, number), (number, BETA)):
        neuron = Neuron() if decays[1] is None else Neuron("cuba_lif")
        ours, theirs = (
            st.scan(x, *(d if d is not number else value for d in decays), neuron=neuron, key=1, membrane=True)
            for value in (number, infinite)
        )
        assert torch.equal(ours.membrane, theirs.membrane) and torch.equal(ours.spikes, theirs.spikes)


@pytest.mark.parametrize("name", ("threshold", "k", "max_prob"))
def test_a_neurons_numbers_have_no_gradient(name):
    number = torch.tensor(0.5, requires_grad=True)
    words = f"{name} is .*tensor.*; it must be a number or a tensor that requires no gradient, since the scan has none"
    in_arrays = lambda **options: sk.scan(X.numpy(), 0.5, **options)  # noqa: E731
    in_torch = lambda **options: st.scan(X, BETA, **options)  # noqa: E731
    for make in (Neuron, in_arrays, in_torch, st.sigmoid_bernoulli, lambda **options: st.SPSN(3, **options)):
        make(**{name: number.detach()})
        with pytest.raises(TypeError, match=words):
            make(**{name: number})
        with pytest.raises(TypeError, match=words):
            make(**{name: torch.nn.Parameter(number.detach())})


@pytest.mark.parametrize("face", ("torch", "arrays"))
def test_a_tensor_is_the_number_that_it_holds_at_the_call(face):
    x, k = torch.full((2, 300, 3), 0.9), torch.tensor(0.1)
    if face == "torch":
        spikes = lambda k: st.scan(x, 0.0, k=k, key=1).spikes  # noqa: E731
    else:
        spikes = lambda k: torch.from_numpy(sk.scan(x.numpy(), 0.0, k=k, seed=1).spikes)  # noqa: E731
    first = spikes(k)
    assert torch.equal(first, spikes(0.1)) and torch.equal(spikes(k), first)
    k.fill_(100.0)
    assert torch.equal(spikes(k), spikes(100.0)) and not torch.equal(spikes(k), first)
    k.requires_grad_()
    with pytest.raises(TypeError, match="k is tensor"):
        spikes(k)


def test_no_second_derivative():
    x = torch.ones(1, 4, 2, requires_grad=True)
    (gradient,) = torch.autograd.grad(st.scan(x, 0.5, key=0).spikes.sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="has no derivative"):
        gradient.sum().backward()
