"""spikescan.torch on a GPU: the CPU backend's bits, graphs, streams, torch.compile, autocast."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import gpu_problem  # noqa: E402
import spikescan.torch as st  # noqa: E402
from gpu_problem import ORIGIN, RECURRENCES, SEED, SHAPES, STREAM, same_bits  # noqa: E402
from spikescan import Neuron  # noqa: E402

DEVICE = "cuda"
# About half a second at a GPU's clock: long beside a call.
LONG = 1_000_000_000


def leaf(array, device=DEVICE):
    return None if array is None else torch.from_numpy(array).to(device).requires_grad_()


def plain(requires_grad=False):
    """(x, beta, key) of [4, 1100, 64]."""
    torch.manual_seed(0)
    x = torch.randn(4, 1100, 64).to(DEVICE).requires_grad_(requires_grad)
    beta = torch.full((64,), 0.9, device=DEVICE, requires_grad=requires_grad)
    return x, beta, st.make_key(3, device=DEVICE)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("recurrence", RECURRENCES)
def test_bits_of_forward_and_gradients_are_the_cpus(recurrence, shape):
    p = gpu_problem.make(recurrence, shape)
    expected, expected_gradients = gpu_problem.of_cpu(p)
    x, beta, alpha = leaf(p.x), leaf(p.beta), leaf(p.alpha)
    initial = tuple(leaf(s) for s in p.initial)
    key = st.make_key(SEED, STREAM, ORIGIN, device=DEVICE)
    r = st.scan(x, beta, alpha, neuron=p.neuron, key=key, initial_state=initial, membrane=True, final_state=True)
    outputs = [r.spikes, r.membrane, *r.final_state]
    incoming = [torch.from_numpy(g).to(DEVICE) for g in (p.grad_spikes, p.grad_membrane, *p.grad_final)]
    gradients = torch.autograd.grad(outputs, [t for t in (x, beta, alpha, *initial) if t is not None], incoming)
    same_bits([t.detach().cpu() for t in outputs], expected)
    same_bits([g.cpu() for g in gradients], expected_gradients)


@pytest.mark.parametrize("spikes", (True, "float32", "uint8", "bits32"))
@pytest.mark.parametrize("dtype", (torch.float32, torch.float16, torch.bfloat16))
def test_every_dtype(dtype, spikes):
    x, beta, key = plain()
    x = x.to(dtype)
    ours = st.scan(x, beta, key=key, spikes=spikes, time_first=True).spikes
    expected = st.scan(x.cpu(), beta.cpu(), key=key.cpu(), spikes=spikes, time_first=True).spikes
    assert ours.dtype == expected.dtype
    if spikes == "bits32":
        ours, expected = ours.view(torch.int32), expected.view(torch.int32)
    assert torch.equal(ours.cpu(), expected)


def test_a_graph_reads_its_key_at_every_replay():
    x, beta, key = plain(requires_grad=True)
    g = torch.ones_like(x)

    def step():
        spikes = st.scan(x, beta, key=key).spikes
        return (spikes, *torch.autograd.grad(spikes, (x, beta), g))

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        step()  # PyTorch wants autograd warm before it captures
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = step()
    seen = []
    for seed in (11, 12):
        key.copy_(st.make_key(seed, device=DEVICE))
        graph.replay()
        assert all(torch.equal(a, b) for a, b in zip(captured, step())), seed
        seen.append(captured[0].clone())
    assert not torch.equal(*seen)


@pytest.mark.parametrize("is_compiled", (False, True))
def test_gradient_in_place(is_compiled):
    x, beta, key = plain(requires_grad=True)
    seen = []

    def loss(x, in_place):
        S = st.scan(x, beta, key=key, gradient_in_place=in_place).spikes
        if not is_compiled:
            S.register_hook(lambda g: seen.append(g.data_ptr()))
        return (S**2).mean()

    (plain_gradient,) = torch.autograd.grad(loss(x, False), x)
    seen.clear()
    step = torch.compile(loss, fullgraph=True) if is_compiled else loss
    (gradient,) = torch.autograd.grad(step(x, True), x)
    if is_compiled:  # the loss around the scan is the compiler's own code
        torch.testing.assert_close(gradient, plain_gradient, rtol=1e-5, atol=1e-5 * float(plain_gradient.abs().max()))
    else:
        assert torch.equal(gradient, plain_gradient) and seen == [gradient.data_ptr()]


def test_compiled_whole():
    x, beta, key = plain(requires_grad=True)

    def loss(x, beta, key):
        return (st.scan(x * 2, beta, neuron=Neuron("spsn", k=10.0), key=key).spikes * x.cos()).sum()

    compiled = torch.compile(loss, fullgraph=True)
    for seed in (1, 2):
        key = st.make_key(seed, device=DEVICE)
        ours = torch.autograd.grad(compiled(x, beta, key), (x, beta))
        expected = torch.autograd.grad(loss(x, beta, key), (x, beta))
        # cos and its derivative are the compiler's own code there.
        for a, b in zip(ours, expected):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5 * float(b.abs().max()))


def test_on_the_current_stream_and_without_waiting():
    """x and the gradient arrive late on a side stream: a call on any other would read zeros, and one that waits would not be
    back before them."""
    x, beta, key = plain()
    g = torch.randn_like(x)
    leaves = x.clone().requires_grad_(), beta.clone().requires_grad_()
    expected = st.scan(*leaves, key=key).spikes
    gradients = torch.autograd.grad(expected, leaves, g)
    late_x, late_g = torch.zeros_like(x).requires_grad_(), torch.zeros_like(g)
    torch.cuda.synchronize()
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        torch.cuda._sleep(LONG)
        with torch.no_grad():
            late_x.copy_(x)
        spikes = st.scan(late_x, leaves[1], key=key).spikes
        late_g.copy_(g)
        late = torch.autograd.grad(spikes, (late_x, leaves[1]), late_g)
        assert not side.query(), "the call waited for its stream"
    side.synchronize()
    assert torch.equal(spikes, expected) and all(torch.equal(a, b) for a, b in zip(late, gradients))


def test_nothing_synchronises():
    x, beta, _ = plain(requires_grad=True)
    layer = st.SPSN(64).to(DEVICE)
    torch.cuda.set_sync_debug_mode("error")
    try:
        st.scan(x, beta).spikes.sum().backward()
        layer(x)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_the_default_generator_is_the_devices():
    x, beta, _ = plain()
    drawn = []
    for seed in (7, 7, 8):
        torch.manual_seed(seed)
        drawn.append(st.scan(x, beta).spikes)
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
    torch.manual_seed(7)
    assert torch.equal(st.scan(x, beta, key=st.make_key(device=DEVICE)).spikes, drawn[0])


def test_autocast_keeps_the_dtype_of_the_layer_before():
    x, beta, key = plain()
    linear = torch.nn.Linear(64, 64, device=DEVICE)
    with torch.autocast(DEVICE, dtype=torch.bfloat16):
        hidden = linear(x)
        spikes = st.scan(hidden, beta, key=key).spikes
    assert spikes.dtype == torch.bfloat16
    assert torch.equal(spikes, st.scan(hidden.detach(), beta, key=key).spikes)
    spikes.sum().backward()
    assert linear.weight.grad is not None and linear.weight.grad.isfinite().all()


def test_vmap_draws_what_single_calls_draw():
    x, beta, _ = plain()
    keys = torch.stack([st.make_key(i, device=DEVICE) for i in range(3)])
    samples = torch.vmap(lambda key: st.scan(x, beta, key=key).spikes)(keys)
    assert torch.equal(samples[2], st.scan(x, beta, key=2).spikes)


def test_more_elements_than_an_int_counts():
    shape = (70_000, 512, 64)  # 2.3e9
    if torch.cuda.mem_get_info()[0] < 24 << 30:
        pytest.skip("wants 24 GiB of the GPU's memory free")
    x = torch.empty(shape, dtype=torch.bfloat16, device=DEVICE).normal_(0.1, 0.3)
    beta, key = torch.full((64,), 0.9, device=DEVICE), st.make_key(3, device=DEVICE)
    r = st.scan(x, beta, key=key, final_state=True)
    last = st.scan(x[-2:], beta, key=st.shift_key(key, batch=shape[0] - 2), final_state=True)
    assert torch.equal(r.spikes[-2:], last.spikes) and torch.equal(r.final_state[0][-2:], last.final_state[0])
    assert 0.01 < float(last.spikes.float().mean()) < 0.99


def test_a_tensor_elsewhere_than_on_the_current_device():
    if torch.cuda.device_count() < 2:
        pytest.skip("wants two GPUs")
    x, beta, key = (t.to("cuda:1") for t in plain())
    x.requires_grad_()
    spikes = st.scan(x, beta, key=key).spikes
    (gradient,) = torch.autograd.grad(spikes.sum(), x)
    assert torch.cuda.current_device() == 0 and gradient.device.index == 1
    assert torch.equal(spikes.cpu(), st.scan(x.detach().cpu(), beta.cpu(), key=key.cpu()).spikes)
