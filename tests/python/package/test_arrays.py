"""scan and scan_backward on NumPy arrays and DLPack exporters, against the float64 reference."""

import ctypes

import numpy as np
import pytest
import reference

import spikescan as sk
from spikescan import Neuron, _dlpack

RECURRENCES = ("lif", "spsn", "cuba_lif", "psu_lif")
# 2100 steps: three chunks of the scan, the last one partial. Spikes of the steep rules need a small input.
SHAPE = (3, 2100, 5)
SEED = 0x1234_5678_9ABC_DEF0


def make(rng, recurrence, shape=SHAPE, spread=0.5):
    x = rng.normal(0.3, spread, shape).astype(np.float32)
    beta = rng.uniform(-0.1, 1.1, shape[2]).astype(np.float32)
    beta[:2] = 0.9, 0.5
    alpha = rng.uniform(0.1, 0.95, shape[2]).astype(np.float32) if recurrence == "cuba_lif" else None
    count = 2 if recurrence in ("cuba_lif", "psu_lif") else 1
    initial = tuple(rng.normal(size=(shape[0], shape[2])).astype(np.float32) for _ in range(count))
    return x, beta, alpha, initial


def close(ours, theirs, terms=1.0):
    """Within 64 * 2^-24 of the reference's scale: V's promise is 8 units of sum beta^n |x|, gradients' 16 of theirs."""
    scale = np.max(np.abs(theirs)) * terms + 1e-6
    np.testing.assert_allclose(np.asarray(ours, np.float64), theirs, rtol=0, atol=64 * 2.0**-24 * scale)


@pytest.mark.parametrize("recurrence", RECURRENCES)
@pytest.mark.parametrize("rule", ("sigmoid_bernoulli", "refractory_sigmoid_bernoulli", "heaviside", "none"))
def test_forward_follows_the_model(rng, recurrence, rule):
    # R pulls psu_lif's M down: only a larger input makes it fire.
    x, beta, alpha, initial = make(rng, recurrence, spread=4 if recurrence == "psu_lif" else 0.5)
    neuron = Neuron(recurrence, rule, threshold=0.7, k=3.0)
    origin = (7, 2**33, 11)
    out = sk.scan(
        x, beta, alpha, neuron=neuron, seed=SEED, stream=5, origin=origin, initial_state=initial, membrane=True,
        final_state=True,
    )  # fmt: skip
    series, M = reference.membrane(recurrence, x, beta, alpha, initial)
    close(out.membrane, series[0])
    for ours, theirs in zip(out.final_state, series):
        close(ours, theirs[:, -1])
    if rule == "none":
        close(out.spikes, M - neuron.threshold)
        return
    if rule == "heaviside":
        expected, margin = M > neuron.threshold, np.abs(M - neuron.threshold)
    else:
        p, u = reference.probability(neuron, M), reference.uniforms(SHAPE, SEED, 5, origin)
        expected, margin = u < p, np.abs(u - p)
    differ = out.spikes != expected
    # p and M carry float32 rounding of V: a spike may differ only where the comparison is that close.
    assert np.all(margin[differ] < 1e-4), margin[differ].max()
    assert 0.01 < out.spikes.mean() < 0.99


@pytest.mark.parametrize("recurrence", RECURRENCES)
@pytest.mark.parametrize(
    "neuron",
    (
        Neuron(rule="sigmoid_bernoulli", threshold=0.7, k=3.0),
        Neuron(rule="sigmoid_bernoulli", threshold=0.7, k=3.0, gradient="derivative"),
        Neuron(rule="refractory_sigmoid_bernoulli", threshold=0.7, k=3.0, gradient="derivative"),
        Neuron(rule="heaviside", threshold=0.7, k=1.5),
        Neuron(rule="heaviside", threshold=0.7, k=1.5, surrogate="superspike"),
        Neuron(rule="none", threshold=0.0),
    ),
    ids=lambda n: f"{n.rule}-{n.gradient}-{n.surrogate}",
)
def test_backward_follows_the_model(rng, recurrence, neuron):
    neuron = Neuron(recurrence, neuron.rule, neuron.threshold, neuron.k, 0.8, neuron.surrogate, neuron.gradient)
    x, beta, alpha, initial = make(rng, recurrence)
    grad_S, grad_V = (rng.normal(size=SHAPE).astype(np.float32) for _ in range(2))
    grad_final = tuple(rng.normal(size=s.shape).astype(np.float32) for s in initial)
    saved = sk.scan(x, beta, alpha, neuron=neuron, seed=1, initial_state=initial, save=True).saved
    ours = sk.scan_backward(
        x, beta, alpha, neuron=neuron, saved=saved, grad_spikes=grad_S, grad_membrane=grad_V,
        grad_final_state=grad_final, initial_state=initial,
    )  # fmt: skip
    dx, dbeta, dalpha, back = reference.backward(neuron, x, beta, alpha, initial, grad_S, grad_V, grad_final)
    # dS/dM itself changes by up to k^2 + (2 pi threshold)^2 = 28 a unit of M, whose rounding it thus enlarges.
    close(ours.x, dx, terms=4)
    inside = (beta >= 0) & (beta <= 1)
    assert np.all(ours.beta[~inside] == 0) and np.all(ours.beta[inside] != 0)
    # The sums over time cancel: their rounding is that of the terms, far larger than the total.
    close(ours.beta[inside], dbeta[inside], terms=20)
    if dalpha is not None:
        close(ours.alpha, dalpha, terms=20)
    for mine, theirs in zip(ours.initial_state, back):
        close(mine, theirs)


def test_time_first_is_the_same_call(rng):
    x, beta, _, _ = make(rng, "lif")
    first = np.ascontiguousarray(x.swapaxes(0, 1))
    ours = sk.scan(first, beta, seed=3, membrane=True, time_first=True)
    whole = sk.scan(x, beta, seed=3, membrane=True)
    assert np.array_equal(ours.spikes.swapaxes(0, 1), whole.spikes)
    assert np.array_equal(ours.membrane.swapaxes(0, 1), whole.membrane)
    # A view with swapped axes is the same memory and needs no switch at all.
    assert np.array_equal(sk.scan(first.swapaxes(0, 1), beta, seed=3).spikes, whole.spikes)


def test_many_channel_axes_and_one_decay_for_all(rng):
    x = rng.normal(size=(2, 40, 3, 4)).astype(np.float32)
    out = sk.scan(x, 0.9, seed=1, membrane=True, final_state=True, save=True)
    flat = sk.scan(x.reshape(2, 40, 12), np.full(12, 0.9, np.float32), seed=1, membrane=True)
    assert np.array_equal(out.membrane, flat.membrane.reshape(x.shape))
    assert out.final_state[0].shape == (2, 3, 4)
    gradients = sk.scan_backward(x, 0.9, saved=out.saved, grad_spikes=np.ones_like(x))
    assert gradients.beta.shape == () and gradients.x.shape == x.shape


def test_an_axis_of_one_element_may_have_any_stride(rng):
    x, beta, _, (state,) = make(rng, "lif", (2, 40, 4))
    spikes = lambda x, beta, state: sk.scan(x, beta, seed=3, initial_state=state).spikes  # noqa: E731
    wide = x[:, :, ::4], beta[::4], state[:, ::4]
    assert np.array_equal(spikes(*wide), spikes(*(array.copy() for array in wide)))
    backwards = x[:1][::-1]
    assert backwards.strides[0] < 0
    assert np.array_equal(sk.scan(backwards, beta, seed=3).spikes, sk.scan(x[:1], beta, seed=3).spikes)


@pytest.mark.parametrize("spikes", ("float32", "float16", "uint8", "bits32", "bfloat16"))
def test_every_spike_format_holds_the_same_spikes(rng, spikes):
    if spikes == "bfloat16":
        pytest.importorskip("ml_dtypes", reason="bfloat16 in NumPy needs ml_dtypes")
    x = rng.normal(size=(2, 70, 6)).astype(np.float32)
    whole = sk.scan(x, 0.9, seed=1).spikes
    ours = sk.scan(x, 0.9, seed=1, spikes=spikes).spikes
    if spikes == "bits32":
        assert ours.shape == (2, 3, 6) and ours.dtype == np.uint32
        unpacked = np.stack([(ours[:, t // 32] >> np.uint32(t % 32)) & 1 for t in range(96)], 1)
        assert np.array_equal(unpacked[:, :70], whole) and not unpacked[:, 70:].any()
    else:
        assert np.array_equal(ours.astype(np.float32), whole)


def test_uniforms_of_the_caller_replace_the_generator(rng):
    x, beta, _, _ = make(rng, "lif")
    own = reference.uniforms(SHAPE, 77).astype(np.float32)
    assert np.array_equal(sk.scan(x, beta, uniforms=own).spikes, sk.scan(x, beta, seed=77).spikes)


def test_keys_take_numpys_integers(rng):
    x, beta, _, _ = make(rng, "lif")
    ours = sk.scan(x, beta, seed=np.uint64(SEED), stream=np.int32(3), origin=(np.int64(1), np.uint8(32), np.int16(2)))
    assert np.array_equal(ours.spikes, sk.scan(x, beta, seed=SEED, stream=3, origin=(1, 32, 2)).spikes)
    pieces = sk.SequenceStream(Neuron(), beta, seed=np.uint64(SEED), origin=np.array([0, 64, 0]))
    assert np.array_equal(pieces(x).spikes, sk.scan(x, beta, seed=SEED, origin=(0, 64, 0)).spikes)


def test_out_is_written_without_a_copy(rng):
    x, beta, _, _ = make(rng, "cuba_lif", (2, 50, 8))
    wide = np.full((2, 50, 16), 9, np.uint8)  # spikes into every row's first half
    out = sk.ScanResult(wide[:, :, :8], np.empty(x.shape, np.float16), None, None)
    result = sk.scan(x, beta, beta, recurrence="cuba_lif", seed=2, out=out)
    assert result.spikes is out.spikes
    whole = sk.scan(x, beta, beta, recurrence="cuba_lif", seed=2, membrane=True)
    assert np.array_equal(wide[:, :, :8], whole.spikes) and np.all(wide[:, :, 8:] == 9)
    assert np.array_equal(out.membrane, whole.membrane.astype(np.float16))


@pytest.mark.parametrize("dtype", ("float32", "float16"))
def test_large_outputs_begin_on_a_cache_line(dtype):
    shape = (1, 1024, 2048)
    x, beta = np.zeros(shape, dtype), np.full(shape[2], 0.5, np.float32)
    out = sk.scan(x, beta, seed=1, save=True)
    gradients = sk.scan_backward(x, beta, saved=out.saved, grad_spikes=np.ones(shape, dtype))
    for array in (out.spikes, gradients.x):
        assert array.shape == shape and array.dtype == dtype and array.flags.c_contiguous and array.flags.writeable
        assert array.nbytes >= 4 << 20 and array.ctypes.data % 64 == 0


@pytest.mark.parametrize("shape", ((0, 5, 3), (2, 0, 3), (2, 5, 0)))
def test_empty_axes(shape):
    x = np.zeros(shape, np.float32)
    state = np.full((shape[0], shape[2]), 0.25, np.float32)
    out = sk.scan(x, np.full(shape[2], 0.5, np.float32), initial_state=state, final_state=True, save=True)
    assert out.spikes.shape == shape
    if shape[1] == 0:
        assert np.array_equal(out.final_state[0], state)
    gradients = sk.scan_backward(x, np.full(shape[2], 0.5, np.float32), saved=out.saved, initial_state=state)
    assert gradients.x.shape == shape and np.all(gradients.beta == 0)
    assert "forward: workspace_bytes=0" in sk.describe_plan(shape, backend="cpu")


def test_a_plan_is_that_of_the_call():
    from spikescan import _problem

    neuron = Neuron("psu_lif", "heaviside", k=3.0)
    given = {"neuron": neuron, "dtype": "bfloat16", "backend": "cpu", "shared_decay": True}
    text = sk.describe_plan((2, 900, 4, 5), **given)
    assert "backend=cpu" in text and "recurrence=psu_lif rule=heaviside dtype=bfloat16" in text
    prob = _problem.problem(neuron, 2, 900, 20, "bfloat16", "cpu", 0, True)
    assert f"\nforward: workspace_bytes={prob.forward_workspace}\n" in text
    assert f"workspace_bytes={prob.backward_workspace}\n" in text.split("\nbackward: ")[1]
    assert sk.describe_plan((900, 2, 20), **given, time_first=True) == text
    assert sk.describe_plan((2, 900, 20), **given | {"shared_decay": False}) != text
    assert "recurrence=spsn rule=none dtype=float32" in sk.describe_plan((2, 900), recurrence="spsn", rule="none")


def test_buffer_sizes_are_kept_for_each_device(monkeypatch):
    """Two unlike GPUs, as the library would answer with one and then the other current."""
    from spikescan import _abi, _frame, _problem

    class OnGpu(Exporter):
        def __init__(self, number):
            super().__init__(np.zeros((1, 8, 3), np.float32))
            self.number = number

        def __dlpack_device__(self):
            return 2, self.number

    def query_sizes(description, sizes):
        sizes.forward_workspace = 1000 + current
        return 0

    monkeypatch.setattr(_abi, "lib", type("Library", (), {"spikescan_query_sizes": staticmethod(query_sizes)}))
    _problem.problem.cache_clear()
    try:
        for current in (0, 1):
            assert _frame.Frame(OnGpu(current), False, 0).problem(Neuron(), True).forward_workspace == 1000 + current
    finally:
        _problem.problem.cache_clear()


# ---- DLPack --------------------------------------------------------------------------------------------------------


class Exporter:
    """Nothing but __dlpack__: what CuPy, PyTorch and JAX have in common. Counts its exports."""

    def __init__(self, array):
        self.array, self.exports = array, 0

    def __dlpack__(self, **_):
        self.exports += 1
        return self.array.__dlpack__()

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def test_any_dlpack_exporter_serves_as_input_and_output(rng):
    x, beta, _, _ = make(rng, "lif")
    spikes = np.empty_like(x)
    result = sk.scan(Exporter(x), Exporter(beta), seed=4, out=sk.ScanResult(Exporter(spikes), None, None, None))
    assert isinstance(result.spikes, Exporter)
    assert np.array_equal(spikes, sk.scan(x, beta, seed=4).spikes)


def test_jax_arrays_are_read_in_place(rng):
    jnp = pytest.importorskip("jax.numpy", reason="JAX is not installed")
    x = rng.normal(size=(2, 50, 8)).astype(np.float32)
    for dtype in (jnp.float32, jnp.bfloat16, jnp.float16):
        own = jnp.asarray(x, dtype)
        spikes = sk.scan(own, 0.9, seed=1, spikes="uint8").spikes
        assert np.array_equal(spikes, sk.scan(np.asarray(own.astype(jnp.float32)), 0.9, seed=1, spikes="uint8").spikes)


class Newer(Exporter):
    """A producer of DLPack 1: its capsules say what must not be written."""

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)


@pytest.mark.skipif(int(np.__version__.split(".")[0]) < 2, reason="NumPy before 2 exports nothing that is read-only")
def test_read_only_exporters_are_read_and_never_written(rng):
    x, beta, _, _ = make(rng, "lif")
    expected, frozen, spikes = sk.scan(x, beta, seed=4).spikes, x.copy(), np.empty_like(x)
    frozen.flags.writeable = False
    sk.scan(Newer(frozen), Newer(beta), seed=4, out=sk.ScanResult(Newer(spikes), None, None, None))
    assert np.array_equal(spikes, expected)
    with pytest.raises(ValueError, match="out.spikes is read-only; an output must be writable"):
        sk.scan(x, beta, seed=4, out=sk.ScanResult(Newer(frozen), None, None, None))
    assert np.array_equal(frozen, x)


def test_jax_arrays_are_never_written(rng):
    jnp = pytest.importorskip("jax.numpy", reason="JAX is not installed")
    x, beta, _, _ = make(rng, "lif")
    own = jnp.full(x.shape, 7.0)
    with pytest.raises(ValueError, match="out.spikes is read-only; .*JAX's arrays are immutable"):
        sk.scan(x, beta, seed=4, out=sk.ScanResult(own, None, None, None))
    saved = sk.scan(x, beta, seed=4, save=True).saved
    with pytest.raises(ValueError, match="out.beta is read-only"):
        sk.scan_backward(x, beta, saved=saved, grad_spikes=x, out=sk.Gradients(None, jnp.zeros(x.shape[2]), None, None))
    assert jnp.all(own == 7)


def test_a_capsule_is_let_go_whatever_its_version(rng):
    import gc
    import weakref

    class Memory(np.ndarray):
        pass

    for kind in (Exporter, Newer):
        x = rng.normal(size=(1, 40, 3)).astype(np.float32).view(Memory)
        alive = weakref.ref(x)
        sk.scan(kind(x), 0.9, seed=1)
        del x
        gc.collect()
        assert alive() is None


class Handing:
    """Hands out one capsule."""

    def __init__(self, capsule):
        self.capsule = capsule

    def __dlpack__(self, **_):
        return self.capsule

    def __dlpack_device__(self):
        return _dlpack.CPU, 0


def test_device_memory_is_exported_with_its_owner():
    """The capsule that DeviceArray hands out, made here of host memory: what a consumer sees, and when it is let go."""
    import gc
    import weakref

    class Owner:
        pass

    memory, owner = np.arange(6, dtype=np.float32).reshape(2, 3), Owner()
    alive = weakref.ref(owner)
    capsule = _dlpack.write_capsule(owner, memory.ctypes.data, "float32", (2, 3), (_dlpack.CPU, 0))
    del owner

    taken = np.from_dlpack(Handing(capsule))
    assert np.array_equal(taken, memory) and taken.ctypes.data == memory.ctypes.data
    assert alive() is not None
    del taken, capsule
    gc.collect()
    assert alive() is None
    unused = Owner()
    alive = weakref.ref(unused)
    capsule = _dlpack.write_capsule(unused, memory.ctypes.data, "float32", (2, 3), (_dlpack.CPU, 0))
    del unused, capsule
    gc.collect()
    assert alive() is None


def capsule_of(array, **fields):
    """The array's capsule, with fields as NumPy, PyTorch and JAX do not write them."""
    capsule = _dlpack.write_capsule(array, array.ctypes.data, "float32", array.shape, (_dlpack.CPU, 0))
    place = ctypes.cast(_dlpack._get_pointer(capsule, b"dltensor"), ctypes.POINTER(_dlpack.DLManagedTensor))
    for name, value in fields.items():
        setattr(place.contents.tensor, name, value)
    return capsule


def test_a_capsules_byte_offset_counts(rng):
    x, beta, _, _ = make(rng, "lif")
    moved = capsule_of(x, data=x.ctypes.data - 64, byte_offset=64)
    assert np.array_equal(sk.scan(Handing(moved), beta, seed=1).spikes, sk.scan(x, beta, seed=1).spikes)


def test_vectors_of_several_lanes_are_refused():
    x = np.zeros((2, 8, 3), np.float32)
    with pytest.raises(TypeError, match="x has dtype float32 x 2; it must be one of float32, float16, bfloat16"):
        sk.scan(Handing(capsule_of(x, lanes=2)), 0.9)


def test_a_capsule_of_a_later_dlpack_is_refused():
    managed = _dlpack.DLManagedTensorVersioned(major=2, minor=1)
    capsule = _dlpack._new_capsule(ctypes.addressof(managed), b"dltensor_versioned", None)
    with pytest.raises(ValueError, match="a capsule has DLPack version 2.1; it must be 1, as asked for"):
        sk.scan(Handing(capsule), 0.9)
