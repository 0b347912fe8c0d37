"""`gradient_in_place` of spikescan.torch: memory is taken where the backward pass alone holds it, and nowhere else."""

import contextlib
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from handed_back import handing_back  # noqa: E402
from torch.utils.checkpoint import checkpoint  # noqa: E402

import spikescan.torch as st  # noqa: E402
from spikescan import Neuron  # noqa: E402
from spikescan.torch import _in_place, _operators  # noqa: E402

SHAPE = (3, 130, 8)
WEIGHTS = torch.linspace(-1.0, 1.0, 8 * 5).reshape(5, 8)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def leaf(dtype=torch.float32):
    return torch.randn(SHAPE, dtype=dtype).requires_grad_()


def spikes_of(x, in_place=True, **options):
    return st.scan(x, torch.linspace(0.2, 0.9, 8), key=1, k=3.0, gradient_in_place=in_place, **options).spikes


class Place:
    """Where the gradient of spikes lay; keeps no tensor."""

    def __init__(self, S):
        S.register_hook(self.see)

    def see(self, g):
        self.pointer = g.data_ptr()


def rates(S):
    return ((S.mean(1) - 0.1) ** 2).mean()


def linear(S):
    return (torch.nn.functional.linear(S, WEIGHTS.to(S.dtype)) ** 2).mean()


def two_readers(S):
    return (S * S).mean() + (S * WEIGHTS[0].to(S.dtype)).sum()


LOSSES = [rates, linear, two_readers]


# ---- Nobody else holds it ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", (torch.float32, torch.bfloat16))
@pytest.mark.parametrize("loss", LOSSES)
def test_the_memory_is_taken_and_the_bits_stay(loss, dtype):
    x = leaf(dtype)
    (plain,) = torch.autograd.grad(loss(spikes_of(x, False)), x)
    assert torch.any(plain)
    S = spikes_of(x)
    place = Place(S)
    (gradient,) = torch.autograd.grad(loss(S), x)
    assert gradient.data_ptr() == place.pointer
    assert gradient.untyped_storage().nbytes() == x.untyped_storage().nbytes()
    assert gradient.shape == x.shape and torch.equal(gradient, plain)


def test_a_chain_of_layers_through_one_memory():
    x = leaf()
    first = st.SPSN(8, gradient_in_place=True)
    second = st.StochasticAssociativeLIF(8, k=3.0, gradient_in_place=True)

    def gradients():
        S, _ = first(x, key=1)
        T, _ = second(S, key=2)
        places = Place(S), Place(T)
        found = torch.autograd.grad(rates(T), (x, first.beta, second.beta))
        return {found[0].data_ptr(), *(p.pointer for p in places)}, found

    pointers, taken = gradients()
    assert len(pointers) == 1
    first.gradient_in_place = second.gradient_in_place = False
    pointers, plain = gradients()
    assert len(pointers) > 1
    assert all(torch.equal(a, b) for a, b in zip(taken, plain))


def test_checkpointing_and_leaves_that_accumulate():
    x = leaf()
    for _ in range(2):
        rates(spikes_of(x, False)).backward()
    plain, x.grad = x.grad, None
    for reentrant in (False, True):
        again = checkpoint(spikes_of, x, use_reentrant=reentrant)
        rates(again).backward()
    assert torch.equal(x.grad, plain)


# ---- Somebody does -------------------------------------------------------------------------------------------------


def incoming(S, x):
    """The gradient of spikes is the caller's own tensor."""
    g = torch.randn(SHAPE)
    yield g
    S.backward(g)


def from_numpy(S, x):
    """Memory of NumPy, which no count of PyTorch's knows of."""
    array = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)

    yield array
    handing_back(lambda: torch.from_numpy(array))(S).backward()


def shared_with_a_process(S, x):
    """Readers in other processes are not counted here."""
    kept = []

    def share(g):
        handle = g.untyped_storage()._share_filename_cpu_()
        kept.append(torch.UntypedStorage._new_shared_filename_cpu(*handle))

    S.register_hook(share)
    yield kept
    rates(S).backward()


def kept_by_a_hook(S, x):
    kept = []
    S.register_hook(kept.append)
    yield kept
    rates(S).backward()


def storage_kept_by_a_hook(S, x):
    kept = []
    S.register_hook(lambda g: kept.append(g.untyped_storage()))
    yield kept
    rates(S).backward()


def view_kept_by_a_hook(S, x):
    kept = []
    S.register_hook(lambda g: kept.append(g[1:].detach()))
    yield kept
    linear(S).backward()


def base_kept_by_a_hook(S, x):
    kept = []
    flat = S.view(-1)
    flat.register_hook(kept.append)
    yield kept
    (flat * flat).mean().backward()


def retained(S, x):
    S.retain_grad()
    kept = []
    yield kept
    linear(S).backward()
    kept.append(S.grad)


def asked_for(S, x):
    kept = []
    yield kept
    *gradients, x.grad = torch.autograd.grad(linear(S), (S, x))
    kept.extend(gradients)


def asked_for_as_a_view(S, x):
    """The gradient of spikes is a view of what was asked for."""
    kept = []
    yield kept
    flat = S.view(-1)
    *gradients, x.grad = torch.autograd.grad((flat * flat).mean(), (flat, x))
    kept.extend(gradients)


def kept_by_its_node(S, x):
    kept = []
    S.grad_fn.register_prehook(lambda gradients: kept.extend(g for g in gradients if g is not None))
    yield kept
    rates(S).backward()


def given_twice(S, x):
    """A Function that hands out one tensor at every pass over its graph, as a saved one."""
    weight = torch.randn(SHAPE)

    yield weight
    loss = handing_back(lambda: weight)(S)
    loss.backward(retain_graph=True)
    loss.backward()


def residual(S, x):
    """The sum hands the same tensor to both its terms; the other one's becomes a leaf's."""
    other = torch.zeros(SHAPE).requires_grad_()
    kept = []
    yield kept
    ((S + other) ** 2).mean().backward()
    kept.append(other.grad)


def half_of_a_sum(S, x):
    """As before, with a term that has to wait for its turn."""
    other = torch.zeros(SHAPE).requires_grad_()
    kept = []
    yield kept
    ((other.sin() + S) ** 2).mean().backward()
    kept.append(other.grad)


def slices_of_a_stack(S, x):
    kept = []
    yield kept
    (torch.stack([S, S * 2.0]) ** 2).mean().backward()


def part_of_a_whole(S, x):
    """Nobody reads the rest of the memory, but the gradient of x would keep it."""
    kept = []
    yield kept
    (torch.cat([S, S.detach()]) ** 2).mean().backward()
    kept.append(torch.tensor(x.grad.untyped_storage().nbytes()))


HOLDERS = [
    incoming, from_numpy, kept_by_a_hook, storage_kept_by_a_hook, view_kept_by_a_hook, base_kept_by_a_hook, retained,
    asked_for, asked_for_as_a_view, kept_by_its_node, given_twice, residual, half_of_a_sum, slices_of_a_stack, part_of_a_whole, shared_with_a_process,
]  # fmt: skip


def values(kept):
    if isinstance(kept, list):
        return [v for k in kept for v in values(k)]
    if isinstance(kept, torch.UntypedStorage):
        kept = torch.tensor([], dtype=torch.float32).set_(kept)
    return [torch.as_tensor(kept).clone()]


@pytest.mark.parametrize("holder", HOLDERS)
def test_what_somebody_holds_is_left_alone(holder):
    def run(in_place):
        torch.manual_seed(0)
        x = leaf()
        steps = holder(spikes_of(x, in_place), x)
        kept = next(steps)
        for _ in steps:
            pass
        return [x.grad, *values(kept)]

    taken, plain = run(True), run(False)
    assert len(taken) == len(plain) and all(torch.equal(a, b) for a, b in zip(taken, plain))


def test_one_gradient_of_spikes_and_membrane():
    def gradient(in_place):
        torch.manual_seed(0)
        x = leaf()
        r = st.scan(x, 0.9, key=1, k=3.0, membrane=True, gradient_in_place=in_place)
        return torch.autograd.grad(((r.spikes + r.membrane) ** 2).mean(), x)[0]

    assert torch.equal(gradient(True), gradient(False))


# ---- Where there is nothing to take --------------------------------------------------------------------------------


def test_other_forms_have_memory_of_their_own():
    x = leaf(torch.bfloat16)
    of_wide = lambda p: torch.autograd.grad(rates(spikes_of(x, p, spikes="float32")), x)[0]  # noqa: E731
    assert torch.equal(of_wide(True), of_wide(False))
    x = leaf()
    of_sum = lambda p: torch.autograd.grad(spikes_of(x, p).sum(), x)[0]  # noqa: E731  # a gradient of stride 0
    assert torch.equal(of_sum(True), of_sum(False))
    by_time = leaf().transpose(0, 1)
    loss = lambda in_place: rates(spikes_of(by_time, in_place, time_first=True))  # noqa: E731
    assert torch.equal(*(torch.autograd.grad(loss(p), by_time)[0] for p in (True, False)))


def test_only_decays_want_a_gradient():
    beta = torch.full((8,), 0.9, requires_grad=True)
    x = leaf().detach()
    loss = lambda p: rates(st.scan(x, beta, key=1, k=3.0, gradient_in_place=p).spikes)  # noqa: E731
    assert torch.equal(*(torch.autograd.grad(loss(p), beta)[0] for p in (True, False)))


@pytest.mark.parametrize("lost", ("counts", "difference"))
def test_a_release_that_does_not_tell_takes_nothing(monkeypatch, lost):
    name, value = ("_count_storage", None) if lost == "counts" else ("_holders", lambda gradients: (1,))
    monkeypatch.setattr(_in_place, name, value)
    monkeypatch.setattr(_in_place, "_held_by_none", None)
    x = leaf()
    S = spikes_of(x)
    place = Place(S)
    (gradient,) = torch.autograd.grad(rates(S), x)
    assert gradient.data_ptr() != place.pointer


def test_what_watches_the_first_call_counts_for_nothing(monkeypatch):
    """A mode that keeps every result, and a tracer that keeps every local, are there while the counts are taken."""
    _in_place.prepare()
    expected = _in_place._held_by_none
    assert expected
    kept = []

    class Keeping(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            kept.append(function(*args, **(kwargs or {})))
            return kept[-1]

    def trace(frame, event, argument):
        kept.append(dict(frame.f_locals))
        return trace

    monkeypatch.setattr(_in_place, "_held_by_none", None)
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with Keeping(), torch.inference_mode():
            _in_place.prepare()
    finally:
        sys.settrace(before)
    assert _in_place._held_by_none == expected


# ---- Transforms ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ("aot_eager", "inductor"))
@pytest.mark.parametrize("loss", [*LOSSES, lambda S: S])
def test_compiled(loss, backend):
    torch._dynamo.reset()
    x, g = leaf(), torch.randn(SHAPE)
    kept = g.clone()

    def gradient(in_place, wrap):
        out = wrap(lambda x: loss(spikes_of(x, in_place)))(x)
        return torch.autograd.grad(out, x, g if out.dim() else None)[0]

    compiled = gradient(True, lambda f: torch.compile(f, fullgraph=True, backend=backend))
    # The scan's bits are the same; inductor works the loss out in another order, a few operations rounded at 2^-24.
    torch.testing.assert_close(compiled, gradient(False, lambda f: f), rtol=1e-5, atol=1e-7)
    assert torch.equal(g, kept)


@pytest.mark.skipif(torch.__version__.startswith(("2.5.", "2.11.")), reason="its inductor keeps the copy")
@pytest.mark.parametrize("loss", (rates, lambda S: (S**2).mean()))
def test_inductor_allocates_one_tensor_less(loss):
    """Of x's size, in its program of the backward pass."""
    from torch._inductor.utils import run_and_get_code

    def allocations(in_place):
        torch._dynamo.reset()
        step = torch.compile(lambda x: loss(spikes_of(x, in_place)), fullgraph=True)
        x = leaf()
        _, programs = run_and_get_code(lambda: torch.autograd.grad(step(x), x))
        backward = next(p for p in programs if "spikescan.backward" in p)
        results = backward.count("spikescan.backward.default(")  # the operator's own gradient of x
        return backward.count(f"empty_strided_cpu({SHAPE}") + results

    assert allocations(True) == allocations(False) - 1


@pytest.mark.parametrize("mapped", (False, True))
def test_func_transforms_go_on_without_it(mapped):
    x = leaf().detach()

    def gradient(in_place):
        of_one = torch.func.grad(lambda x: rates(spikes_of(x, in_place)))
        return torch.vmap(of_one)(torch.stack([x, -x])) if mapped else of_one(x)

    assert torch.equal(gradient(True), gradient(False))


def test_a_profiler_sees_the_operator():
    x = leaf()
    plain = torch.autograd.grad(rates(spikes_of(x, False)), x)[0]
    with torch.profiler.profile() as profile:
        S = spikes_of(x)
        place = Place(S)
        (gradient,) = torch.autograd.grad(rates(S), x)
    assert torch.equal(gradient, plain) and gradient.data_ptr() == place.pointer
    assert "spikescan::backward_in_place" in {event.key for event in profile.key_averages()}


@pytest.mark.parametrize("is_watched", (False, True))
def test_a_gradient_in_another_order_is_copied(is_watched):
    """Dense and its pass's own, but with time first in memory."""
    x, weight = leaf(), torch.randn(SHAPE[::-1])

    turned = handing_back(lambda: weight.clone().permute(2, 1, 0))
    gradient = lambda p: torch.autograd.grad(turned(spikes_of(x, p)), x)[0]  # noqa: E731
    expected = gradient(False)
    with torch.profiler.profile() if is_watched else contextlib.nullcontext():
        assert torch.equal(gradient(True), expected)


@pytest.mark.parametrize("loss", (lambda S: S, linear))
def test_vmap_over_the_backward_pass_alone(loss):
    x, several = leaf(), torch.randn(3, *SHAPE)

    def gradients(in_place):
        out = loss(spikes_of(x, in_place))
        one = lambda g: torch.autograd.grad(out, x, g if out.dim() else g.sum(), retain_graph=True)[0]  # noqa: E731
        return torch.vmap(one)(several)

    assert torch.equal(gradients(True), gradients(False))


def test_no_second_derivative_either():
    x = leaf()
    (gradient,) = torch.autograd.grad(rates(spikes_of(x)), x, create_graph=True)
    with pytest.raises(RuntimeError, match="no derivative"):
        gradient.sum().backward()


@pytest.mark.parametrize("wanted", (1, 31))
def test_opcheck(wanted):
    from spikescan.torch._call import encode

    call = encode(Neuron("cuba_lif"), False, "float32", "float32", True, True)
    x, beta, alpha = leaf().detach(), torch.rand(8), torch.rand(8)
    states = torch.randn(3, 8), torch.randn(3, 8)
    saved = _operators.forward(x, beta, alpha, *states, st.make_key(1), None, call, True)[4]
    gradients = torch.randn(SHAPE), torch.randn(SHAPE), None, torch.randn(3, 8)
    done = torch.library.opcheck(_operators.backward_in_place, (x, beta, alpha, *states, saved, *gradients, call, wanted))
    assert set(done.values()) == {"SUCCESS"}
