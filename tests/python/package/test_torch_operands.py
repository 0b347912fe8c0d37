"""Tensors of spikescan.torch that are not what their pointer, strides and dtype say."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from handed_back import handing_back  # noqa: E402

import spikescan as sk  # noqa: E402
import spikescan.torch as st  # noqa: E402


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


# ---- A sign kept apart ---------------------------------------------------------------------------------------------


def negated(*shape):
    """A tensor whose memory holds the negatives of its numbers: the imaginary part of a conjugate."""
    tensor = torch.randn(*shape, dtype=torch.complex64).conj().imag
    assert tensor.is_neg()
    return tensor


def scanned(x, beta, state, **options):
    r = st.scan(x, beta, key=1, k=3.0, initial_state=state, membrane=True, **options)
    return r.spikes, r.membrane


@pytest.mark.parametrize("channels", (1, 3))
@pytest.mark.parametrize("which", ("x", "beta", "state"))
def test_inputs_with_their_sign_apart(which, channels):
    given = {"x": torch.randn(2, 70, channels), "beta": torch.rand(channels), "state": torch.randn(2, channels)}
    given[which] = negated(*given[which].shape)
    plain = {name: tensor.resolve_neg().clone() for name, tensor in given.items()}
    assert all(torch.equal(a, b) for a, b in zip(scanned(**given), scanned(**plain)))


def test_signs_are_looked_at_in_every_call():
    """Tensors of one form, the first with its sign in its numbers."""
    x, beta, key = torch.randn(2, 70, 3), torch.rand(3), st.make_key(1)

    def bits(x, beta, key):
        leaf = x.detach().requires_grad_()
        S = st.scan(leaf, beta, key=key, k=3.0).spikes
        return S, torch.autograd.grad((S * torch.arange(3)).sum(), leaf)[0]

    expected = bits(x, beta, key)
    for given in ((torch._neg_view(-x), beta, key), (x, torch._neg_view(-beta), key), (x, beta, torch._neg_view(-key))):
        assert sum(tensor.is_neg() for tensor in given) == 1
        assert all(torch.equal(a, b) for a, b in zip(bits(*given), expected))


def test_uniforms_with_their_sign_apart():
    x, u = torch.randn(2, 70, 3), torch.rand(2, 70, 3)
    expected = st.scan(x, 0.9, uniforms=u, k=3.0).spikes
    assert torch.equal(st.scan(x, 0.9, uniforms=torch._neg_view(-u), k=3.0).spikes, expected)


@pytest.mark.parametrize("in_place", (False, True))
def test_gradients_with_their_sign_apart(in_place):
    x = torch.randn(2, 70, 1, requires_grad=True)
    seen = []

    def gradient(keep):
        S = st.scan(x, 0.7, key=1, k=3.0, gradient_in_place=in_place).spikes
        S.register_hook(keep)
        spectrum = torch.complex(torch.zeros_like(S), S).conj()
        return torch.autograd.grad((spectrum * torch.arange(140).reshape(2, 70, 1)).imag.sum(), x)[0]

    found = gradient(lambda g: seen.append(g.is_neg()))
    assert seen == [True]
    assert torch.equal(found, gradient(lambda g: g.resolve_neg().clone()))


def test_the_numpy_face_refuses_them():
    x = negated(2, 30, 1)
    with pytest.raises(ValueError, match=r"x keeps its numbers' sign apart \(is_neg\); it must be its resolve_neg\(\)"):
        sk.scan(x, 0.9)
    sk.scan(x.resolve_neg().contiguous(), 0.9)


# ---- No memory of its own ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ("beta", "alpha", "initial_state[1]"))
def test_a_tensor_without_memory_is_refused_by_name(which):
    class Wrapper(torch.Tensor):
        @staticmethod
        def __new__(cls, inner):
            return torch.Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype)

        @classmethod
        def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
            raise NotImplementedError(function)

    given = {"beta": torch.rand(3), "alpha": torch.rand(3), "initial_state[1]": torch.rand(2, 3)}
    given[which] = Wrapper(given[which])
    states = (None, given.pop("initial_state[1]"))
    with pytest.raises(TypeError) as error:
        st.scan(torch.zeros(2, 9, 3), **given, recurrence="cuba_lif", initial_state=states, key=1)
    said = f"{which} is a Wrapper, which has no memory of its own here; it must be a plain tensor, as x is"
    assert str(error.value) == said


def test_empty_tensors_have_none_and_are_taken():
    assert st.scan(torch.zeros(2, 0, 3), torch.rand(3), key=1).spikes.shape == (2, 0, 3)
    assert st.scan(torch.zeros(2, 5, 0), torch.rand(0), key=1).spikes.shape == (2, 5, 0)


# ---- Not dense -----------------------------------------------------------------------------------------------------

LAYOUTS = {
    "torch.sparse_coo": lambda t: t.to_sparse(),
    "torch.sparse_csr": lambda t: t.reshape(1, -1).to_sparse_csr(),
    "torch._mkldnn": lambda t: t.to_mkldnn(),
    "nested": lambda t: torch.nested.nested_tensor([t, t]),
}


@pytest.mark.filterwarnings("ignore:Sparse CSR", "ignore:The PyTorch API of nested")
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ("x", "beta", "alpha", "initial_state[1]", "uniforms", "key", "seed", "time", "V"))
def test_what_is_not_dense_is_refused_by_name(name, layout):
    given = {"x": torch.zeros(2, 9, 3), "beta": torch.rand(3), "alpha": torch.rand(3), "uniforms": torch.rand(2, 9, 3)}
    given |= {"initial_state[1]": torch.rand(2, 3), "key": st.make_key(1), "seed": torch.tensor([1])}
    given |= {"time": torch.tensor([1]), "V": torch.zeros(2, 3)}

    def call(x, beta, alpha, uniforms, key, seed, time, V, **states):
        st.scan(x, beta, alpha, recurrence="cuba_lif", initial_state=(None, *states.values()), key=key)
        st.scan(x, beta, uniforms=uniforms)
        st.shift_key(st.make_key(seed), time=time)
        st.sigmoid_bernoulli()(V, key)

    call(**given)  # a dense tensor of that form has been taken
    if layout == "torch._mkldnn" and given[name].dtype is torch.int64:
        pytest.skip("there is none of integers")
    given[name] = LAYOUTS[layout](given[name])
    with pytest.raises(TypeError) as error:
        call(**given)
    assert str(error.value) == f"{name} has layout {layout}; it must be torch.strided (a dense tensor)"


# ---- Batched gradients ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("in_place", (False, True))
def test_batched_gradients_are_those_of_single_calls(in_place):
    x, beta = torch.randn(2, 70, 4, requires_grad=True), torch.rand(4, requires_grad=True)
    S = st.scan(x, beta, key=1, k=3.0, gradient_in_place=in_place).spikes
    loss = (S**2).mean(1)
    several = torch.randn(3, *loss.shape)
    ours = torch.autograd.grad(loss, (x, beta), several, is_grads_batched=True, retain_graph=True)
    for i, one in enumerate(several):
        single = torch.autograd.grad(loss, (x, beta), one, retain_graph=True)
        assert all(torch.equal(a[i], b) for a, b in zip(ours, single))


def test_batched_gradients_of_the_membrane_alone():
    """The spikes' gradient is one for all."""
    x, fixed = torch.randn(2, 70, 4, requires_grad=True), torch.randn(2, 70, 4)

    r = st.scan(x, 0.9, key=1, k=3.0, membrane=True, gradient_in_place=True)
    outputs, several = (handing_back(fixed.clone)(r.spikes), r.membrane.sum()), torch.randn(3)
    ours = torch.autograd.grad(outputs, x, (several, several), is_grads_batched=True, retain_graph=True)[0]
    for i, one in enumerate(several):
        assert torch.equal(ours[i], torch.autograd.grad(outputs, x, (one, one), retain_graph=True)[0])


# ---- Tangents ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", (0, 1))
def test_forward_mode_is_refused(which):
    operands = [torch.randn(2, 9, 3), torch.rand(3)]
    with torch.autograd.forward_ad.dual_level():
        assert torch.isfinite(st.scan(*operands, key=1).spikes).all()
        operands[which] = torch.autograd.forward_ad.make_dual(operands[which], torch.ones_like(operands[which]))
        with pytest.raises(NotImplementedError, match="a spikescan scan has no forward-mode derivative"):
            st.scan(*operands, key=1)


@pytest.mark.parametrize("transform", (torch.func.jacfwd, torch.func.hessian))
def test_forward_mode_of_torch_func_is_refused(transform):
    x = torch.randn(2, 9, 3)
    with pytest.raises(NotImplementedError, match="a spikescan scan has no forward-mode derivative"):
        transform(lambda beta: st.scan(x, beta, key=1).spikes.square().sum())(torch.rand(3))
