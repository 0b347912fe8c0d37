"""The layers of spikescan.torch: names, parameters, time order, state, reset, detach; the firing functions alone."""

import copy
import pickle

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import reference  # noqa: E402
from torch.utils.checkpoint import checkpoint  # noqa: E402

import spikescan as sk  # noqa: E402
import spikescan.torch as st  # noqa: E402
from spikescan import Neuron  # noqa: E402

LAYERS = {
    "PSU_LIF": (st.PSU_LIF, sk.PSU_LIF(), ["beta"]),
    "StochasticAssociativeLIF": (st.StochasticAssociativeLIF, sk.StochasticAssociativeLIF(), ["beta"]),
    "StochasticAssociativeCuBaLIF": (
        st.StochasticAssociativeCuBaLIF, sk.StochasticAssociativeCuBaLIF(), ["alpha", "beta"]
    ),
    "SPSN": (st.SPSN, sk.SPSN(), ["beta"]),
}  # fmt: skip


@pytest.fixture(params=LAYERS)
def layer_of(request):
    return LAYERS[request.param]


def decays(layer):
    return (layer.beta, layer.alpha) if hasattr(layer, "alpha") else (layer.beta,)


def test_presets_parameters_and_first_values(layer_of):
    kind, neuron, names = layer_of
    torch.manual_seed(0)
    layer = kind(4000)
    assert layer.neuron == neuron
    assert sorted(name for name, _ in layer.named_parameters()) == names
    for value in layer.parameters():
        # Normal of deviation 0.25 cut at two deviations: its own is 0.25 * 0.88; 4000 draws leave 0.0035 of the mean.
        assert value.shape == (4000,) and 0 <= value.min() and value.max() <= 1
        assert abs(value.mean() - 0.5) < 0.02 and abs(value.std() - 0.22) < 0.02
    assert kind(()).beta.shape == () and kind((3, 4)).beta.shape == (3, 4)


def test_a_layer_is_its_scan(layer_of):
    kind, neuron, _ = layer_of
    layer, x = kind(5, membrane=True), torch.randn(3, 40, 5)
    (spikes, V), state = layer(x, key=2)
    expected = st.scan(x, *decays(layer), neuron=neuron, key=2, membrane=True, final_state=True)
    assert torch.equal(spikes, expected.spikes) and torch.equal(V, expected.membrane)
    assert all(torch.equal(a, b) for a, b in zip(state, expected.final_state))
    (spikes.sum() + V.sum()).backward()
    assert all(torch.any(p.grad != 0) for p in layer.parameters())


def test_time_first_is_a_switch(layer_of):
    kind, _, _ = layer_of
    layer, x = kind(5), torch.randn(3, 40, 5)
    first = kind(5, time_first=True)
    first.load_state_dict(layer.state_dict())
    assert torch.equal(first(x.transpose(0, 1), key=2)[0].transpose(0, 1), layer(x, key=2)[0])


def test_without_spikes_comes_the_membrane(layer_of):
    kind, neuron, _ = layer_of
    layer, x = kind(5, spike=False), torch.randn(3, 40, 5)
    output, state = layer(x)
    if neuron.recurrence == "psu_lif":
        plain = Neuron("psu_lif", "none", neuron.threshold)
        expected = st.scan(x, layer.beta, neuron=plain).spikes
    else:
        expected = st.scan(x, *decays(layer), neuron=neuron, spikes=False, membrane=True).membrane
    assert torch.equal(output, expected) and len(state) == len(neuron.states)


def test_state_goes_in_and_out(layer_of):
    kind, _, _ = layer_of
    layer, x = kind(5, spike=False), torch.randn(3, 40, 5)
    start = tuple(torch.randn(3, 5) for _ in layer.neuron.states)
    _, state = layer(x, start)
    expected = st.scan(
        x, *decays(layer), neuron=layer.neuron, initial_state=start, spikes=False, final_state=True
    ).final_state
    assert all(torch.equal(a, b) for a, b in zip(state, expected))


def test_kept_state_reset_and_detach(layer_of):
    kind, _, _ = layer_of
    layer, x = kind(5, keep_state=True, spike=False), torch.randn(3, 40, 5)
    first = layer(x)
    assert isinstance(first, torch.Tensor) and not torch.equal(layer(x), first)
    assert layer.state[0].requires_grad
    layer.detach()
    assert not layer.state[0].requires_grad
    layer(x).sum().backward()  # through this call only: the graph of the first is cut
    layer.reset()
    assert layer.state is None and torch.equal(layer(x), first)
    words = r"x has shape \(2, 40, 5\); its batch and channels must be those of the layer's kept state, \(3, 5\), which"
    with pytest.raises(ValueError, match=words):
        layer(x[:2])
    with pytest.raises(ValueError, match=r"initial_state\[0\] has shape \(3, 5\); it must be \(2, 5\)"):
        layer(x[:2], layer.state)
    assert "state" not in str(list(layer.state_dict()))


@pytest.mark.parametrize("time_first", (False, True))
def test_a_key_beside_a_kept_state_is_the_whole_sequences(time_first):
    split = sk.time_units()[0]
    x = torch.full((2, 2 * split + 40, 5), 0.9)
    x, axis = (x.transpose(0, 1), 0) if time_first else (x, 1)
    layer = st.SPSN(5, keep_state=True, time_first=time_first)
    whole, pieces = layer(x, key=7), x.split(split, axis)
    for key in (7, st.make_key(7)):
        layer.reset()
        assert torch.equal(torch.cat([layer(piece, key=key) for piece in pieces], axis), whole)
        assert layer.time.item() == x.shape[axis]
    layer(pieces[0])  # with a seed of its own, beside the sequence
    assert layer.time.item() == x.shape[axis]
    state = (torch.zeros(2, 5),)  # handed in, it begins a sequence
    assert torch.equal(layer(pieces[0], state, key=7), whole.narrow(axis, 0, split))
    assert layer.time.item() == split
    layer.detach()  # goes on with it
    assert torch.equal(layer(pieces[1], key=7), whole.narrow(axis, split, split))
    layer.reset()
    assert layer.time is None
    with pytest.raises(TypeError, match="key is 'a'; it must be an integer"):
        [layer(pieces[0], key=key) for key in (7, "a")]


@pytest.mark.parametrize(
    "options",
    ({"max_prob": 1.0, "gradient": "derivative"}, {"rule": "heaviside", "surrogate": "tanh"}, {"rule": "none"}),
)
def test_a_layer_takes_the_other_numbers_of_its_neuron(options):
    layer, x = st.SPSN(5, threshold=0.3, k=4.0, **options), torch.randn(2, 40, 5)
    assert layer.neuron == Neuron("spsn", options.pop("rule", "sigmoid_bernoulli"), 0.3, 4.0, **options)
    assert torch.equal(layer(x, key=1)[0], st.scan(x, layer.beta, neuron=layer.neuron, key=1).spikes)
    with pytest.raises(ValueError, match="surrogate is 'step'; it must be one of"):
        st.SPSN(5, surrogate="step")


def test_other_channels_are_refused_by_the_names_of_a_layer(layer_of):
    kind, _, _ = layer_of
    words = r"x has shape \(2, 9, 4\); its channels must be the layer's hidden_shape, \(3,\)"
    with pytest.raises(ValueError, match=words):
        kind(3)(torch.zeros(2, 9, 4))
    for shape, hidden in (((2, 9), (1,)), ((2, 9, 4), ()), ((2, 9, 8, 6, 6), (8, 1, 1)), ((2, 9, 0), 0)):
        assert kind(hidden)(torch.zeros(shape))[0].shape == shape


def test_layers_stand_in_a_sequential():
    net = torch.nn.Sequential(
        torch.nn.Linear(6, 5), st.StochasticAssociativeLIF(5, keep_state=True), torch.nn.Linear(5, 4),
        st.PSU_LIF(4, keep_state=True),
    )  # fmt: skip
    torch.manual_seed(0)
    spikes = net(torch.randn(2, 30, 6))
    spikes.sum().backward()
    assert spikes.shape == (2, 30, 4) and all(p.grad is not None for p in net.parameters())
    for module in net.modules():  # as spikingjelly.activation_based.functional.reset_net does
        if hasattr(module, "reset"):
            module.reset()
    assert net[1].state is None
    assert "threshold=1.0" in repr(net[1])


def test_layers_draw_from_their_generator():
    layer = st.StochasticAssociativeLIF(5, generator=torch.Generator().manual_seed(1))
    torch.manual_seed(1)
    x = torch.randn(2, 100, 5)
    again = st.StochasticAssociativeLIF(5, generator=torch.Generator().manual_seed(1))
    again.load_state_dict(layer.state_dict())
    assert torch.equal(layer(x)[0], again(x)[0])


def test_a_key_goes_before_a_layers_generator():
    generator = torch.Generator().manual_seed(1)
    layer, x = st.StochasticAssociativeLIF(5, generator=generator), torch.randn(2, 100, 5)
    before = generator.get_state()
    assert torch.equal(layer(x, key=3)[0], st.scan(x, layer.beta, neuron=layer.neuron, key=3).spikes)
    assert torch.equal(generator.get_state(), before)
    with pytest.raises(TypeError, match="generator is 5; it must be a torch.Generator"):
        st.StochasticAssociativeLIF(5, generator=5)


@pytest.mark.parametrize("reentrant", (False, True))
def test_checkpoints_do_not_draw_from_a_layers_generator_again(reentrant):
    layer, x = st.SPSN(5, generator=torch.Generator().manual_seed(1)), torch.randn(2, 40, 5, requires_grad=True)
    y = checkpoint(lambda x: layer(x)[0], x, use_reentrant=reentrant)
    words = "a generator of its own cannot be run in a backward pass, where .* has moved on; hand a key in"
    with pytest.raises(RuntimeError, match=words):
        y.square().sum().backward()
    # What draws nothing from it is the same at both times.
    silent = st.SPSN(5, spike=False, generator=layer.generator)
    for call in (lambda x: layer(x, key=2)[0], lambda x: layer(x, uniforms=x.sigmoid())[0], lambda x: silent(x)[0]):
        plain, x.grad = torch.autograd.grad(call(x).square().sum(), x)[0], None
        checkpoint(call, x, use_reentrant=reentrant).square().sum().backward()
        assert torch.equal(x.grad, plain)


@pytest.mark.parametrize("shape", ((), (7,), (2, 7), (2, 3, 7)))
def test_firing_functions(shape):
    V = torch.linspace(-1, 2, max(1, torch.Size(shape).numel())).reshape(shape).requires_grad_()
    u = torch.rand(shape)
    for fire, p in (
        (st.sigmoid_bernoulli(k=4, threshold=0.5, max_prob=0.7), 0.7 * torch.sigmoid(4 * (V - 0.5))),
        (
            st.refractory_sigmoid_bernoulli(k=4, threshold=0.5),
            (torch.cos(torch.pi * (V - 0.5)) * torch.sigmoid(4 * (V - 0.5))).clamp(min=0),
        ),
    ):
        spikes = fire(V, uniforms=u)
        differ = spikes != (u < p).float()
        assert torch.all((u - p).abs()[differ] < 1e-5)  # p is good to 2^-21: only ties within that may differ
        (gradient,) = torch.autograd.grad(spikes.sum(), V)
        torch.testing.assert_close(gradient, p.detach(), rtol=0, atol=2.0**-20)
        assert fire(V, 3).shape == V.shape


@pytest.mark.parametrize("make", (st.sigmoid_bernoulli, st.refractory_sigmoid_bernoulli))
def test_firing_functions_are_values(make):
    fire, V = make(k=4, threshold=0.5), torch.randn(3, 7)
    again = pickle.loads(pickle.dumps(fire))
    assert again == fire == copy.deepcopy(fire) == make(4.0, 0.5) and hash(again) == hash(fire) and fire != make()
    assert torch.equal(again(V, 3), fire(V, 3))


@pytest.mark.parametrize("make", (st.sigmoid_bernoulli, st.refractory_sigmoid_bernoulli))
def test_firing_functions_are_elementwise(make):
    """What is not finite, in V or coming back, stays with its element."""
    fire, clean, u = make(k=4, threshold=0.5), torch.linspace(-1, 2, 84).reshape(2, 6, 7), torch.rand(2, 6, 7)
    bad = torch.zeros(2, 6, 7, dtype=torch.bool)
    V, g = clean.clone().requires_grad_(), torch.ones(2, 6, 7)
    for at, value in (((0, 1, 1), torch.inf), ((0, 2, 3), torch.nan), ((1, 3, 0), -torch.inf)):
        V.data[at], bad[at] = value, True
    g[1, 4, 5], bad[1, 4, 5] = torch.inf, True
    plain = clean.clone().requires_grad_()
    spikes, expected = fire(V, uniforms=u), fire(plain, uniforms=u)
    assert torch.equal(spikes[~bad], expected[~bad])
    (gradient,), (whole,) = torch.autograd.grad(spikes, V, g), torch.autograd.grad(expected.sum(), plain)
    assert torch.equal(gradient[~bad], whole[~bad]) and torch.any(gradient[~bad] != 0)


@pytest.mark.parametrize("shape", ((), (7,), (3, 7), (2, 3, 7), (2, 2, 3, 7), (0, 3), (3, 0)))
def test_firing_functions_draw_at_their_documented_places(shape):
    rows, channels = torch.Size(shape[:-1]).numel(), shape[-1] if shape else 1
    u = torch.tensor(reference.uniforms((rows, 1, channels), 9, 2).astype("float32")).reshape(shape)
    V, fire = torch.linspace(0, 2, u.numel()).reshape(shape), st.sigmoid_bernoulli(k=2)
    expected = fire(V, uniforms=u)
    assert torch.equal(fire(V, st.make_key(9, 2)), expected)
    if len(shape) == 3:
        assert torch.equal(fire(V.transpose(0, 1).contiguous().transpose(0, 1), st.make_key(9, 2)), expected)
        compiled = torch.compile(lambda V, key: fire(V, key), backend="eager", fullgraph=True)
        assert torch.equal(compiled(V, st.make_key(9, 2)), expected)
        keys = torch.stack([st.make_key(i) for i in range(2)])
        mapped = torch.vmap(fire)(V, keys)
        assert all(torch.equal(mapped[i], fire(V[i], i)) for i in range(2))


def test_a_layer_that_an_earlier_version_pickled():
    layer, x = st.SPSN(5, spike=False), torch.randn(2, 40, 5)
    old = layer.__getstate__()
    del old["_silent"]
    again = st.SPSN.__new__(st.SPSN)
    again.__setstate__(old)
    assert torch.equal(again(x)[0], layer(x)[0])


@pytest.mark.parametrize("time_first", (False, True))
def test_a_missing_batch_is_told_of(time_first):
    words = r"x has shape \(40, 5\); its channels must be the layer's hidden_shape, \(5,\), behind 2 other axes"
    with pytest.raises(ValueError, match=words):
        st.SPSN(5, time_first=time_first)(torch.randn(40, 5))


# ---- A kept state ----------------------------------------------------------------------------------------------------


def kept_after_a_step():
    layer = st.StochasticAssociativeCuBaLIF(5, keep_state=True)
    x = torch.randn(2, 40, 5, requires_grad=True)
    layer(x, key=1).sum().backward()
    assert all(s.requires_grad for s in layer.state)
    return layer, x


@pytest.mark.parametrize("copied", (copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))))
def test_a_copy_goes_on_from_the_kept_state(copied):
    layer, x = kept_after_a_step()
    again = copied(layer)
    assert not any(s.requires_grad for s in again.state) and torch.equal(again.time, layer.time)
    assert torch.equal(again(x, key=2), layer(x, key=2))


def test_a_kept_state_goes_with_its_layer_and_stays_float32():
    layer, x = kept_after_a_step()
    before = [s.detach().clone() for s in layer.state]
    layer.half()
    assert layer.beta.dtype is torch.float16
    assert all(torch.equal(s, b) and s.dtype is torch.float32 for s, b in zip(layer.state, before))
    layer.to("meta")
    assert all(s.is_meta for s in layer.state) and layer.time.is_meta
    layer.to_empty(device="cpu")
    assert layer.state is None and layer.time is None


def test_a_refused_call_leaves_the_kept_state_as_it_is():
    layer, x = st.SPSN(5, keep_state=True), torch.full((2, 2 * sk.time_units()[0], 5), 0.9)
    first, second = x.chunk(2, 1)
    whole = layer(x, key=1)
    layer.reset()
    pieces = [layer(first, key=1)]
    for wrong in ({"state": (torch.zeros(3, 5),), "key": 1}, {"key": "a"}, {"uniforms": torch.rand(2, 3, 5)}):
        with pytest.raises((TypeError, ValueError)):
            layer(second, **wrong)
    assert torch.equal(torch.cat([*pieces, layer(second, key=1)], 1), whole)


@pytest.mark.parametrize("reentrant", (False, True))
def test_a_kept_state_is_not_run_again_for_checkpoints(reentrant):
    layer, x = kept_after_a_step()
    layer.detach()
    y = checkpoint(lambda x: layer(x, key=2), x, use_reentrant=reentrant)
    with pytest.raises(RuntimeError, match="keep_state=True cannot be run in a backward pass, where checkpointing runs it"):
        y.sum().backward()
    # Handed in it is the same at both times.
    layer, x = st.SPSN(5), torch.randn(2, 40, 5, requires_grad=True)
    state = (torch.randn(2, 5),)
    plain = torch.autograd.grad((layer(x, state, key=2)[0] ** 2).sum(), x)
    y = checkpoint(lambda x: layer(x, state, key=2)[0], x, use_reentrant=reentrant)
    (y**2).sum().backward()
    assert torch.equal(x.grad, plain[0])
