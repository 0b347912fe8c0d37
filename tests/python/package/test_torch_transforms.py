"""spikescan.torch under torch.compile, opcheck, vmap, torch.func, autocast, checkpointing, threads and profilers."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import torch._dynamo.testing  # noqa: E402
from torch.fx.experimental.proxy_tensor import make_fx  # noqa: E402

import spikescan.torch as st  # noqa: E402
from spikescan import Neuron  # noqa: E402
from spikescan.torch import _call, _operators  # noqa: E402

NEURON = Neuron("cuba_lif", "sigmoid_bernoulli", 0.7, 3.0)
BETA, ALPHA = torch.linspace(0.2, 0.9, 5), torch.linspace(0.8, 0.3, 5)


def leaves(seed=0, shape=(3, 50, 5)):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return [t.clone().requires_grad_() for t in (x, BETA, ALPHA)]


def loss(x, beta, alpha, key):
    r = st.scan(x, beta, alpha, neuron=NEURON, key=key, membrane=True, final_state=True)
    return r.spikes.sum() + (r.membrane**2).mean() + sum(s.sum() for s in r.final_state)


def value_and_gradients(function, given, key):
    value = function(*given, key)
    return value, *torch.autograd.grad(value, given)


# ---- torch.compile -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend, dynamic", (("aot_eager", None), ("aot_eager", True), ("inductor", None)))
def test_compiles_without_a_graph_break(backend, dynamic):
    torch._dynamo.reset()
    compiled = torch.compile(loss, fullgraph=True, backend=backend, dynamic=dynamic)
    key = st.make_key(3)
    for shape in ((3, 50, 5), (2, 2100, 5)):
        ours = value_and_gradients(compiled, leaves(1, shape), key)
        theirs = value_and_gradients(loss, leaves(1, shape), key)
        # The scan's bits are the same; only the loss around it is summed in another order, terms of 1 rounded at 2^-24.
        for a, b in zip(ours, theirs):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


def test_a_new_key_compiles_nothing_anew():
    torch._dynamo.reset()
    counter = torch._dynamo.testing.CompileCounterWithBackend("aot_eager")
    step = torch.compile(
        lambda x, key: st.scan(x, 0.9, threshold=0.0, key=key).spikes, fullgraph=True, backend=counter
    )
    x = torch.zeros(2, 40, 3)
    drawn = [step(x, st.make_key(seed)) for seed in range(4)]
    assert counter.frame_count == 1
    for seed, spikes in enumerate(drawn):
        assert torch.equal(spikes, st.scan(x, 0.9, threshold=0.0, key=seed).spikes)


def test_options_layers_and_default_keys_compile():
    torch._dynamo.reset()
    layer = st.StochasticAssociativeCuBaLIF(5, keep_state=True)

    def step(x):
        fired = st.scan(x, 0.9, recurrence="psu_lif", rule="heaviside", k=2.0, surrogate="tanh").spikes
        return layer(fired) + st.sigmoid_bernoulli(k=4.0)(x, 3)

    compiled = torch.compile(step, fullgraph=True, backend="aot_eager")
    x = leaves()[0]
    for function in (compiled, compiled, step):
        layer.reset()
        torch.manual_seed(0)
        last, kept = function(x), layer.state
        if function is compiled:
            theirs, state = last, kept
    assert torch.equal(last, theirs) and all(torch.equal(a, b) for a, b in zip(kept, state))
    last.sum().backward()
    assert torch.any(x.grad != 0)


@pytest.mark.parametrize("kind", (st.PSU_LIF, st.StochasticAssociativeCuBaLIF))
def test_numbers_that_the_package_chooses_are_no_symbols(kind):
    torch._dynamo.reset()
    layer = kind(5, spike=False)

    def step(x, key):
        return layer(st.scan(x, 0.9, key=key).spikes)[0]

    compiled, x, key = torch.compile(step, fullgraph=True, dynamic=True, backend="eager"), leaves()[0], st.make_key(1)
    assert torch.equal(compiled(x, key), step(x, key))


@pytest.mark.parametrize("dynamic", (None, True))
def test_numbers_of_a_neuron_may_change_from_call_to_call(dynamic):
    """Each makes a program of its own, since they are constants; none breaks the graph."""
    torch._dynamo.reset()
    x, key = leaves()[0].detach(), st.make_key(1)

    def step(x, threshold, k):
        given = st.scan(x, 0.9, threshold=threshold, key=key, spikes=torch.uint8).spikes
        return given, st.scan(x, 0.9, neuron=Neuron("spsn", threshold=threshold, k=k), key=key).spikes

    compiled = torch.compile(step, fullgraph=True, dynamic=dynamic, backend="eager")
    for threshold, k in ((1.0, 10), (0.25, 9), (-0.3, 8)):
        pairs = zip(compiled(x, threshold, k), step(x, threshold, k))
        assert all(torch.equal(a, b) and a.dtype is b.dtype for a, b in pairs)


def test_decays_of_numpy_compile():
    torch._dynamo.reset()
    x, compiled = leaves()[0].detach(), torch.compile(lambda x, beta: st.scan(x, beta, key=1).spikes, backend="eager")
    assert torch.equal(compiled(x, BETA.numpy()), st.scan(x, BETA, key=1).spikes)
    with pytest.raises(TypeError, match="beta has dtype complex128; it must be real"):
        compiled(x, BETA.numpy() + 1j * np.ones(5))


def test_keys_of_a_kept_state_compile_nothing_anew():
    torch._dynamo.reset()
    counter = torch._dynamo.testing.CompileCounterWithBackend("eager")
    layer = st.SPSN(5, keep_state=True)
    compiled, x, key = torch.compile(layer, fullgraph=True, backend=counter), leaves()[0].detach(), st.make_key(1)
    drawn = [compiled(x, key=key) for _ in range(5)]
    assert counter.frame_count == 2  # without a state and with one
    layer.reset()
    assert all(torch.equal(layer(x, key=key), spikes) for spikes in drawn)


def test_a_graph_break_would_be_seen():
    torch._dynamo.reset()

    def broken(x):
        if x.sum() > 0:
            print("broken")
        return st.scan(x, 0.9, key=1).spikes

    with pytest.raises(torch._dynamo.exc.Unsupported):
        torch.compile(broken, fullgraph=True, backend="eager")(leaves()[0])


# ---- Tracers -------------------------------------------------------------------------------------------------------

TRACERS = {
    "jit": torch.jit.trace,
    "fx": lambda f, x: make_fx(f)(x),
    "fx_pre_dispatch": lambda f, x: make_fx(f, pre_dispatch=True)(x),
}


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning", "ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("tracer", TRACERS)
def test_tracers_record_the_operator(tracer):
    """What a plain call does without the dispatcher they would not see: only that memory was made."""
    x, other, key = torch.randn(2, 70, 5), torch.randn(2, 70, 5), st.make_key(3)

    def function(x):
        r = st.scan(x, BETA, ALPHA, neuron=NEURON, key=key, membrane=True)
        return r.spikes, r.membrane, st.sigmoid_bernoulli()(x, key)

    traced = TRACERS[tracer](function, x)
    for given in (x, other):
        assert all(torch.equal(ours, theirs) for ours, theirs in zip(traced(given), function(given)))


@pytest.mark.parametrize("in_place", (False, True))
@pytest.mark.parametrize("tracer", ("fx", "fx_pre_dispatch"))  # torch.jit.trace records no requires_grad_()
def test_tracers_record_gradients(tracer, in_place):
    x, other, key = torch.randn(2, 70, 5), torch.randn(2, 70, 5), st.make_key(3)

    def function(x):
        x, beta = x.detach().requires_grad_(), BETA.detach().requires_grad_()
        spikes = st.scan(x, beta, ALPHA, neuron=NEURON, key=key, gradient_in_place=in_place).spikes
        return torch.autograd.grad((spikes**2).sum(), (x, beta))

    traced = TRACERS[tracer](function, x)
    for given in (x, other):
        assert all(torch.equal(ours, theirs) for ours, theirs in zip(traced(given), function(given)))


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_a_traced_layer_has_its_gradients():
    layer, x, key = st.SPSN(5, keep_state=True), leaves()[0], st.make_key(3)

    def gradients(function):
        return torch.autograd.grad((function(x, key) ** 2).sum(), (x, layer.beta))

    class Keyed(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, x, key):
            self.layer.reset()
            return self.layer(x, key=key)

    plain = gradients(Keyed())
    assert all(torch.equal(a, b) for a, b in zip(gradients(torch.jit.trace(Keyed(), (x, key))), plain))


# ---- opcheck -------------------------------------------------------------------------------------------------------

EVERY_CHECK = {"test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_dynamic"}


def text(**changes):
    given = {"time_first": False, "spikes": "float32", "membrane": "float32", "final_state": True, "in_place": False}
    return _call.encode(NEURON, **(given | changes))


FORWARDS = {
    "key": lambda: (*leaves(), None, None, st.make_key(1), None, text(), True),
    "everything": lambda: (
        *leaves(), torch.randn(3, 5), torch.randn(3, 5), None, torch.rand(3, 50, 5), text(spikes="bfloat16"), True
    ),
    "packed": lambda: (  # opcheck cannot add up gradients where the first result is an integer
        *(t.detach() for t in leaves()), None, None, st.make_key(1), None, text(spikes="bits32"), True
    ),
    "spikes_alone": lambda: (
        *leaves(), None, None, st.make_key(1), None, text(membrane=None, final_state=False, spikes="uint8"), False
    ),
    "chunks": lambda: (*leaves(0, (2, 2100, 5)), None, None, st.make_key(1), None, text(), True),
    "time_first": lambda: (*leaves(), torch.randn(50, 5), None, st.make_key(1), None, text(time_first=True), True),
}  # fmt: skip


@pytest.mark.parametrize("case", FORWARDS)
def test_opcheck_forward(case):
    done = torch.library.opcheck(_operators.forward, FORWARDS[case]())
    assert set(done) == EVERY_CHECK and set(done.values()) == {"SUCCESS"}


@pytest.mark.parametrize("wanted", (1, 2, 31))
def test_opcheck_backward(wanted):
    x, beta, alpha = (t.detach() for t in leaves())
    states = torch.randn(3, 5), torch.randn(3, 5)
    saved = _operators.forward(x, beta, alpha, *states, st.make_key(1), None, text(), True)[4]
    gradients = torch.randn(3, 50, 5), torch.randn(3, 50, 5), None, torch.randn(3, 5)
    done = torch.library.opcheck(_operators.backward, (x, beta, alpha, *states, saved, *gradients, text(), wanted))
    assert set(done) == EVERY_CHECK and set(done.values()) == {"SUCCESS"}


def test_opcheck_finds_a_wrong_fake():
    library = torch.library.Library("spikescan_test", "DEF")
    library.define("double(Tensor x) -> Tensor")
    library.impl("double", lambda x: torch.cat([x, x]), "CPU")
    torch.library.register_fake("spikescan_test::double", lambda x: torch.empty_like(x), lib=library)
    with pytest.raises(Exception, match="[Ss]hape|mismatch|wrong"):
        torch.library.opcheck(torch.ops.spikescan_test.double.default, (torch.zeros(3),))


# ---- vmap and torch.func -------------------------------------------------------------------------------------------


def test_vmap_draws_what_single_calls_draw():
    _, beta, alpha = (t.detach() for t in leaves())
    xs = torch.randn(4, 3, 50, 5)
    keys = torch.stack([st.make_key(i) for i in range(4)])
    one = lambda x, key: st.scan(x, beta, alpha, neuron=NEURON, key=key, membrane=True, final_state=True)  # noqa: E731
    mapped = torch.vmap(one)(xs, keys)
    # The same over the last axis of x, and with the key shared.
    moved = torch.vmap(one, in_dims=(3, None))(xs.movedim(0, 3), keys[2])
    for i in range(4):
        single = one(xs[i], keys[i])
        assert torch.equal(mapped.spikes[i], single.spikes) and torch.equal(mapped.membrane[i], single.membrane)
        assert torch.equal(mapped.final_state[1][i], single.final_state[1])
        assert torch.equal(moved.spikes[i], one(xs[i], keys[2]).spikes)


def test_vmap_over_nothing():
    x = torch.zeros(0, 3, 7, 4)
    beta = torch.full((4,), 0.9)
    loss = lambda x, beta: st.scan(x, beta, key=1, membrane=True).membrane.sum()  # noqa: E731
    assert torch.vmap(lambda x: st.scan(x, beta, key=1).spikes)(x).shape == x.shape
    gradients = torch.vmap(torch.func.grad(loss, (0, 1)), (0, None))(x, beta)
    assert [g.shape for g in gradients] == [x.shape, (0, 4)]


def test_vmap_over_decays_and_twice():
    x = torch.randn(3, 50, 5)
    betas = torch.rand(2, 4, 5)
    mapped = torch.vmap(torch.vmap(lambda beta: st.scan(x, beta, key=1, membrane=True).membrane))(betas)
    for i in range(2):
        for j in range(4):
            assert torch.equal(mapped[i, j], st.scan(x, betas[i, j], key=1, membrane=True).membrane)


def test_default_keys_obey_vmaps_randomness():
    x = torch.zeros(2, 300, 3)
    draw = lambda _: st.scan(x, 0.9, threshold=0.0).spikes  # noqa: E731
    different = torch.vmap(draw, randomness="different")(torch.zeros(2))
    same = torch.vmap(draw, randomness="same")(torch.zeros(2))
    assert not torch.equal(different[0], different[1])
    assert torch.equal(same if same.dim() == 3 else same[0], same if same.dim() == 3 else same[1])
    with pytest.raises(RuntimeError, match="randomness"):
        torch.vmap(draw)(torch.zeros(2))


@pytest.mark.parametrize("inside_out", (False, True))
def test_gradients_of_vmap_and_vmap_of_gradients(inside_out):
    _, beta, alpha = (t.detach() for t in leaves())
    xs, key = torch.randn(3, 2, 40, 5), st.make_key(1)
    if inside_out:
        gradients = torch.vmap(torch.func.grad(loss, (0, 1, 2)), in_dims=(0, None, None, None))(xs, beta, alpha, key)
    else:
        xs.requires_grad_()
        torch.vmap(loss, in_dims=(0, None, None, None))(xs, beta, alpha, key).sum().backward()
        gradients = (xs.grad,)
    for i in range(3):
        given = [t.detach().clone().requires_grad_() for t in (xs[i], beta, alpha)]
        single = torch.autograd.grad(loss(*given, key), given)
        for ours, theirs in zip(gradients, single):
            assert torch.equal(ours[i], theirs)


COMPILED = {
    "vmap": lambda x, beta, key: torch.vmap(lambda own: st.scan(x, own, key=key).spikes)(torch.stack([beta, 1 - beta])),
    "vmap_of_keys": lambda x, beta, key: torch.vmap(lambda own: st.scan(x, beta, key=own).spikes)(
        torch.stack([key, st.shift_key(key, time=9)])
    ),
    "grad": lambda x, beta, key: torch.func.grad(loss, (0, 1, 2))(x, beta, ALPHA, key),
    "grad_of_vmap": lambda x, beta, key: torch.func.grad(
        lambda beta: torch.vmap(loss, (0, None, None, None))(torch.stack([x, -x]), beta, ALPHA, key).sum()
    )(beta),
    "vmap_of_grad": lambda x, beta, key: torch.vmap(torch.func.grad(loss), (0, None, None, None))(
        torch.stack([x, -x]), beta, ALPHA, key
    ),
    "jacrev": lambda x, beta, key: torch.func.jacrev(lambda beta: st.scan(x, beta, key=key).spikes.sum((0, 1)))(beta),
    "in_place": lambda x, beta, key: torch.func.grad(
        lambda x: (st.scan(x, beta, key=key, gradient_in_place=True).spikes.mean(1) ** 2).sum()
    )(x),
}


@pytest.mark.parametrize("transformed", COMPILED)
def test_transforms_compile(transformed):
    torch._dynamo.reset()
    function, key = COMPILED[transformed], st.make_key(3)
    compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
    for shape in ((3, 50, 5), (2, 70, 5)):
        given = leaves(1, shape)[0].detach(), BETA, key
        ours, theirs = (r if isinstance(r, tuple) else (r,) for r in (compiled(*given), function(*given)))
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs))


def of_dual_numbers(f, beta):
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(beta, torch.ones_like(beta))
        return torch.autograd.forward_ad.unpack_dual(f(dual)).tangent


@pytest.mark.parametrize("forward_mode", (lambda f, beta: torch.func.hessian(f)(beta), of_dual_numbers))
def test_forward_mode_is_refused_where_it_is_compiled(forward_mode):
    """A second derivative, too, would be zeros."""
    torch._dynamo.reset()
    x, key = leaves()[0].detach(), st.make_key(3)
    compiled = torch.compile(lambda beta: forward_mode(lambda beta: loss(x, beta, ALPHA, key), beta), backend="aot_eager")
    with pytest.raises(Exception, match="no forward-mode derivative"):
        compiled(BETA)


def test_gradients_come_through_a_compiled_vmap():
    torch._dynamo.reset()
    key = st.make_key(3)

    def mapped(x, beta, alpha, key):
        return torch.vmap(loss, (0, None, None, None))(torch.stack([x, -x]), beta, alpha, key).sum()

    compiled = torch.compile(mapped, fullgraph=True, backend="aot_eager")
    for ours, theirs in zip(*(value_and_gradients(f, leaves(), key) for f in (compiled, mapped))):
        assert torch.equal(ours, theirs)


def test_the_operator_itself_under_a_transform():
    """As a compiled program calls it."""
    given, key = [t.detach() for t in leaves()], st.make_key(3)

    def membrane(*given):
        return _operators.forward(*given, None, None, key, None, text(), True)[1].square().mean()

    ours, own = torch.func.grad(membrane, (0, 1, 2))(*given), leaves()
    V = st.scan(*own, neuron=NEURON, key=key, membrane=True).membrane
    assert all(map(torch.equal, ours, torch.autograd.grad(V.square().mean(), own)))


def test_func_grad_has_no_second_derivative():
    with pytest.raises(RuntimeError, match="has no derivative"):
        once = torch.func.grad(lambda beta: st.scan(torch.ones(1, 4, 1), beta, key=1).spikes.sum())
        torch.func.grad(once)(torch.tensor(0.5))


# ---- autocast, checkpointing, other orders of work -----------------------------------------------------------------


def test_autocast_takes_what_comes():
    """Spikes in the dtype that autocast gives the layer before; state, decays and arithmetic stay float32."""
    torch.manual_seed(0)
    linear, layer = torch.nn.Linear(6, 5), st.SPSN(5, membrane=True)
    x = torch.randn(2, 30, 6)
    with torch.autocast("cpu", torch.bfloat16):
        h = linear(x)
        (spikes, V), state = layer(h, key=1)
        assert h.dtype == spikes.dtype == torch.bfloat16 and V.dtype == state[0].dtype == torch.float32
        (spikes.float().mean() + V.square().mean()).backward()
    outside = st.scan(h.detach(), layer.beta, neuron=layer.neuron, key=1, membrane=True)
    assert torch.equal(outside.membrane, V) and torch.equal(outside.spikes, spikes)
    assert linear.weight.grad.dtype == layer.beta.grad.dtype == torch.float32 and torch.any(linear.weight.grad != 0)


def test_low_precision_decays_are_taken_as_float32():
    x, beta = torch.randn(2, 30, 5), torch.linspace(0.1, 0.9, 5).bfloat16().requires_grad_()
    ours = st.scan(x, beta, key=1, membrane=True).membrane
    assert torch.equal(ours, st.scan(x, beta.float(), key=1, membrane=True).membrane)
    ours.sum().backward()
    assert beta.grad.dtype == torch.bfloat16


def test_checkpointing_draws_the_same_again():
    def run(wrapped):
        torch.manual_seed(3)
        given = leaves()
        f = lambda x: st.scan(x, *given[1:], neuron=NEURON).spikes.square().sum()  # noqa: E731
        value = torch.utils.checkpoint.checkpoint(f, given[0], use_reentrant=False) if wrapped else f(given[0])
        return value, *torch.autograd.grad(value, given)

    assert all(torch.equal(a, b) for a, b in zip(run(True), run(False)))


def test_threads_do_not_share_a_calls_arguments():
    from concurrent.futures import ThreadPoolExecutor

    xs = [torch.randn(2, 400, 8) for _ in range(8)]
    single = [st.scan(x, 0.9, key=i, membrane=True).membrane for i, x in enumerate(xs)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(20):
            done = list(pool.map(lambda i: st.scan(xs[i], 0.9, key=i, membrane=True).membrane, range(8)))
            assert all(torch.equal(a, b) for a, b in zip(done, single))


def test_profilers_and_modes_see_the_operator():
    given = leaves()
    with torch.profiler.profile() as profile:
        loss(*given, st.make_key(1)).backward()
    names = {event.key for event in profile.key_averages()}
    assert {"spikescan::forward", "spikescan::backward"} <= names

    class Seen(torch.utils._python_dispatch.TorchDispatchMode):
        names = []

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            self.names.append(str(function))
            return function(*args, **(kwargs or {}))

    with Seen():
        loss(*given, st.make_key(1)).backward()
    assert {"spikescan.forward.default", "spikescan.backward.default"} <= set(Seen.names)


def test_meta_tensors_have_shapes_only():
    r = st.scan(torch.empty(4, 64, 3, device="meta"), 0.9, spikes="bits32", membrane="float16", final_state=True)
    assert r.spikes.shape == (4, 2, 3) and r.membrane.dtype == torch.float16 and r.final_state[0].shape == (4, 3)
