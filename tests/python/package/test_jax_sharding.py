"""Sharded over 8 host devices by batch, channels and time: the bits of one device, and no gathering of x."""

import functools

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="JAX is not installed")
import jax.numpy as jnp  # noqa: E402
from jax.sharding import Mesh, NamedSharding  # noqa: E402
from jax.sharding import PartitionSpec as P  # noqa: E402

import spikescan as sk  # noqa: E402
import spikescan.jax as sj  # noqa: E402
from spikescan import Neuron  # noqa: E402

shard_map = getattr(jax, "shard_map", None)
if shard_map is None:
    from jax.experimental.shard_map import shard_map as _checked

    # Before JAX 0.6 shard_map knew of no custom_vjp in its replication check.
    shard_map = functools.partial(_checked, check_rep=False)

pytestmark = pytest.mark.skipif(len(jax.devices()) < 8, reason="needs 8 devices (XLA_FLAGS was set before)")
RECURRENCES = ("lif", "spsn", "cuba_lif", "psu_lif")
B, T, C = 8, 2100, 16


def mesh_of(b, c):
    return Mesh(np.array(jax.devices()[: b * c]).reshape(b, c), ("b", "c"))


def make(rng, recurrence):
    x = rng.normal(0.3, 4 if recurrence == "psu_lif" else 0.5, (B, T, C)).astype(np.float32)
    beta = np.linspace(0.1, 0.95, C).astype(np.float32)
    neuron = Neuron(recurrence, "sigmoid_bernoulli", 0.7, 3.0)
    weights = rng.normal(size=(B, T, C)).astype(np.float32)
    return neuron, x, beta, beta[::-1].copy() if neuron.has_alpha else None, weights


def train(neuron):
    """(spikes, V, gradients of x and the decays) of one step."""

    def loss(x, beta, alpha, weights, key):
        r = sj.scan(x, beta, alpha, neuron=neuron, key=key, membrane=True)
        return (r.spikes * weights).sum() + (r.membrane * weights * 0.5).sum(), r

    which = (0, 1, 2) if neuron.has_alpha else (0, 1)

    def step(x, beta, alpha, weights, key):
        gradients, r = jax.grad(loss, which, has_aux=True)(x, beta, alpha, weights, key)
        return r.spikes, r.membrane, gradients

    return jax.jit(step)


def place(mesh, array, *spec):
    return None if array is None else jax.device_put(array, NamedSharding(mesh, P(*spec)))


def sharded_arguments(mesh, x, beta, alpha, weights):
    decay = functools.partial(place, mesh)
    return place(mesh, x, "b", None, "c"), decay(beta, "c"), decay(alpha, "c"), place(mesh, weights, "b", None, "c")


@pytest.mark.parametrize("recurrence", RECURRENCES)
@pytest.mark.parametrize("b, c", ((8, 1), (1, 8), (4, 2)))
def test_jit_with_shardings(rng, recurrence, b, c):
    neuron, x, beta, alpha, weights = make(rng, recurrence)
    key = sj.make_key(11, 3, (5, 64, 2))
    step = train(neuron)
    whole = step(x, beta, alpha, weights, key)
    mesh = mesh_of(b, c)
    arguments = (*sharded_arguments(mesh, x, beta, alpha, weights), key)
    spikes, V, (grad_x, *decays) = step(*arguments)
    assert np.array_equal(spikes, whole[0]) and np.array_equal(V, whole[1]) and np.array_equal(grad_x, whole[2][0])
    assert spikes.sharding.is_equivalent_to(NamedSharding(mesh, P("b", None, "c")), 3)
    for ours, theirs in zip(decays, whole[2][1:]):
        if b == 1:
            assert np.array_equal(ours, theirs)
        else:
            # The documented exception: pieces of the batch are summed in float32 by XLA's all-reduce, where one device
            # sums in float64. Each of the b pieces is rounded once, their sum b - 1 times: the error is measured
            # against the pieces' magnitudes, which cancellation leaves larger than the sum.
            pieces = [np.asarray(step(*(a[i : i + B // b] if a is not None and a.ndim == 3 else a
                                        for a in (x, beta, alpha, weights)),
                                      sj.shift_key(key, batch=i))[2][1]) for i in range(0, B, B // b)]  # fmt: skip
            bound = 2 * b * 2.0**-24 * (np.abs(pieces).sum(0).max() + np.abs(theirs).max())
            worst = np.abs(np.asarray(ours) - np.asarray(theirs)).max()
            print(
                f"\n{recurrence} {b}x{c}: decay gradient differs by {worst / np.abs(theirs).max() * 2**24:.2f} * 2^-24"
            )
            assert worst <= bound
    text = step.lower(*arguments).compile().as_text()
    assert "all-gather" not in text and "all-to-all" not in text and "collective-permute" not in text
    assert "spikescan_backward" in text


def test_gradient_in_place_under_shardings(rng):
    _, x, beta, _, weights = make(rng, "lif")

    def gradient(in_place):
        loss = lambda x: ((sj.scan(x, beta, key=3, gradient_in_place=in_place).spikes - 0.2) * weights).sum()  # noqa: E731
        return jax.jit(jax.grad(loss))

    sharded = place(mesh_of(4, 2), x, "b", None, "c")
    assert np.array_equal(gradient(True)(sharded), gradient(False)(x))


def test_the_all_gather_check_can_fail(rng):
    """Sharded in time, the one axis that jit keeps whole, x has to be gathered: the words are then in the program."""
    neuron, x, beta, alpha, weights = make(rng, "lif")
    mesh = mesh_of(2, 1)
    # An own batch of 1 leaves XLA no other axis to exchange for.
    sharded = place(mesh, x[:1, :2000, :1], None, "b", None)
    text = jax.jit(lambda x: sj.scan(x, 0.9, key=1).spikes).lower(sharded).compile().as_text()
    assert "all-gather" in text
    assert np.array_equal(
        jax.jit(lambda x: sj.scan(x, 0.9, key=1).spikes)(sharded), sk.scan(x[:1, :2000, :1], 0.9, seed=1).spikes
    )


def test_repeated_sharded_steps_have_the_same_bits(rng):
    neuron, x, beta, alpha, weights = make(rng, "lif")
    step = train(neuron)
    arguments = (*sharded_arguments(mesh_of(4, 2), x, beta, alpha, weights), sj.make_key(1))
    first = step(*arguments)
    for _ in range(5):
        again = step(*arguments)
        assert all(
            np.array_equal(a, b) for a, b in zip(jax.tree_util.tree_leaves(first), jax.tree_util.tree_leaves(again))
        )


def test_a_shared_decay_and_unequal_shards(rng):
    x = rng.normal(size=(8, 300, 8)).astype(np.float32)
    mesh = mesh_of(2, 2)
    f = jax.jit(lambda x, b: sj.scan(x, b, key=1).spikes)
    assert np.array_equal(f(place(mesh, x, "b", None, "c"), 0.9), f(x, 0.9))
    g = jax.jit(jax.grad(lambda b, x: sj.scan(x, b, key=1).spikes.sum()))
    np.testing.assert_allclose(g(0.9, place(mesh, x, "b", None, "c")), g(0.9, x), rtol=1e-5)
    mapped = jax.jit(jax.vmap(lambda x, k: sj.scan(x, 0.9, key=k).spikes, (None, 0)))
    keys = jax.random.split(jax.random.key(0), 3)
    assert np.array_equal(mapped(place(mesh, x, "b", None, "c"), keys), mapped(x, keys))


def test_instances_of_vmap_over_a_mesh(rng):
    x = rng.normal(0.3, 0.5, (8, 3, 40, 5)).astype(np.float32)
    keys = jax.random.split(jax.random.key(1), 8)
    for key_axis, given in ((0, keys), (None, keys[0])):
        spikes = jax.vmap(lambda x, beta, key: sj.scan(x, beta, key=key).spikes, (0, None, key_axis))
        step = jax.jit(jax.value_and_grad(lambda *all: (spikes(*all) * jnp.arange(5.0)).sum(), (0, 1)))
        whole, split = (step(array, jnp.full(5, 0.9), given) for array in (x, place(mesh_of(4, 2), x, "b")))
        assert whole[0] == split[0] and np.array_equal(whole[1][0], split[1][0]), key_axis
        # XLA adds the instances' sums up, in an order of its own.
        np.testing.assert_allclose(split[1][1], whole[1][1], rtol=1e-5)
        text = jax.jit(spikes).lower(place(mesh_of(4, 2), x, "b"), jnp.full(5, 0.9), given).compile().as_text()
        assert "all-gather" not in text


@pytest.mark.parametrize("names", ("b", ("b", "c")))
def test_a_batch_that_the_mesh_does_not_divide(rng, names):
    """It is not cut: no padding is in the gradient of a decay, which has the bits of one device."""
    x, weights = (rng.normal(0.3, 0.5, (6, 40, 5)).astype(np.float32) for _ in range(2))
    over = NamedSharding(mesh_of(4, 2), P(names))

    def loss(x, beta, cut):
        x = jax.lax.with_sharding_constraint(x, over) if cut else x
        spikes = sj.scan(x, beta, key=1).spikes
        return (spikes * weights).sum(), spikes

    step = jax.jit(jax.grad(loss, (0, 1), has_aux=True), static_argnums=2)
    cut, one = (step(x, jnp.linspace(0.2, 0.9, 5), cut) for cut in (True, False))
    for a, b in zip(jax.tree_util.tree_leaves(cut), jax.tree_util.tree_leaves(one)):
        assert np.array_equal(a, b)
    assert np.array_equal(cut[1], sk.scan(x, np.linspace(0.2, 0.9, 5, dtype=np.float32), seed=1).spikes)


@pytest.mark.parametrize("spec", ((("b", "c"),), (("c", "b"),), (None, None, ("b", "c"))))
def test_one_axis_over_two_mesh_axes(rng, spec):
    """A piece's place counts both, in the order given; the gradient of a decay for all is summed over both."""
    neuron, x, _, _, weights = make(rng, "lif")
    mesh, step, key = mesh_of(4, 2), train(neuron), sj.make_key(11)
    whole = step(x, 0.9, None, weights, key)
    arguments = place(mesh, x, *spec), 0.9, None, place(mesh, weights, *spec), key
    split = step(*arguments)
    assert np.array_equal(split[0], whole[0]) and np.array_equal(split[1], whole[1])
    assert np.array_equal(split[2][0], whole[2][0])
    assert split[0].sharding.is_equivalent_to(NamedSharding(mesh, P(*spec)), 3)
    np.testing.assert_allclose(split[2][1], whole[2][1], rtol=1e-5)
    text = step.lower(*arguments).compile().as_text()
    assert "all-gather" not in text and "all-to-all" not in text and "collective-permute" not in text


def test_shard_map_over_batch_and_channels(rng):
    neuron, x, beta, alpha, weights = make(rng, "cuba_lif")
    mesh = mesh_of(4, 2)
    key = sj.make_key(11)

    def piece(x, beta, alpha, key):
        here = sj.shift_key(
            key, batch=jax.lax.axis_index("b") * x.shape[0], channel=jax.lax.axis_index("c") * x.shape[2]
        )
        r = sj.scan(x, beta, alpha, neuron=neuron, key=here, membrane=True)
        return r.spikes, r.membrane

    specs = (P("b", None, "c"), P("c"), P("c"), P())
    f = jax.jit(shard_map(piece, mesh=mesh, in_specs=specs, out_specs=P("b", None, "c")))
    spikes, V = f(x, beta, alpha, key)
    whole = sk.scan(x, beta, alpha, neuron=neuron, seed=11, membrane=True)
    assert np.array_equal(spikes, whole.spikes) and np.array_equal(V, whole.membrane)
    assert "all-gather" not in f.lower(x, beta, alpha, key).compile().as_text()

    def loss(x, beta, alpha):
        return (f(x, beta, alpha, key)[0] * weights).sum()

    eager = shard_map(piece, mesh=mesh, in_specs=specs, out_specs=P("b", None, "c"))(x, beta, alpha, key)
    assert np.array_equal(eager[0], spikes) and np.array_equal(eager[1], V)

    saved = sk.scan(x, beta, alpha, neuron=neuron, seed=11, save=True).saved
    theirs = sk.scan_backward(x, beta, alpha, neuron=neuron, saved=saved, grad_spikes=weights)
    ours = jax.jit(jax.grad(loss, (0, 1, 2)))(x, beta, alpha)
    assert np.array_equal(ours[0], theirs.x)
    for a, b in zip(ours[1:], (theirs.beta, theirs.alpha)):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * np.abs(b).max())


@pytest.mark.skipif(not hasattr(jax, "set_mesh"), reason="JAX before 0.7 has no such meshes")
@pytest.mark.parametrize("time_first", (False, True))
def test_explicit_mesh_axes(rng, time_first):
    """Results are sharded as x is, gradients as their arguments, also where one of several channel axes is split."""
    explicit = (jax.sharding.AxisType.Explicit,) * 2
    mesh = jax.make_mesh((4, 2), ("b", "c"), axis_types=explicit, devices=jax.devices()[:8])
    lead, spec = ((T, B), (None, "b", None, "c")) if time_first else ((B, T), ("b", None, None, "c"))
    x, weights = (rng.normal(size=(*lead, 3, 4)).astype(np.float32) for _ in range(2))
    beta, initial = np.linspace(0.2, 0.9, 4).astype(np.float32), rng.normal(size=(B, 3, 4)).astype(np.float32)

    def loss(x, beta, initial, weights):
        r = sj.scan(x, beta, key=3, initial_state=(initial,), membrane=True, final_state=True, time_first=time_first)
        return (r.spikes * weights).sum() + r.final_state[0].sum(), r

    step = jax.jit(jax.grad(loss, (0, 1, 2), has_aux=True))
    wanted, one = step(x, beta, initial, weights)
    with jax.set_mesh(mesh):
        given = place(mesh, x, *spec), place(mesh, beta, "c"), place(mesh, initial, "b"), place(mesh, weights, *spec)
        gradients, result = step(*given)
        eager = sj.scan(given[0], given[1], key=3, time_first=time_first).spikes
        for a, b in zip(jax.tree_util.tree_leaves(result), jax.tree_util.tree_leaves(one)):
            assert np.array_equal(a, b)
        assert np.array_equal(gradients[0], wanted[0]) and np.array_equal(gradients[2], wanted[2])
        np.testing.assert_allclose(gradients[1], wanted[1], rtol=1e-5, atol=1e-5 * np.abs(wanted[1]).max())
        series = NamedSharding(mesh, P(*spec))
        for array in (result.spikes, result.membrane, gradients[0], eager):
            assert array.sharding.is_equivalent_to(series, 4)
        assert result.final_state[0].sharding.is_equivalent_to(NamedSharding(mesh, P("b", None, "c")), 3)
        assert gradients[2].sharding.is_equivalent_to(NamedSharding(mesh, P("b")), 3)  # as the state was given


@pytest.mark.parametrize("recurrence", RECURRENCES)
def test_time_cut_over_eight_devices(rng, recurrence):
    """At the split length the spikes and V are those of one device, bit for bit."""
    split = sk.time_units()[0]
    mesh = Mesh(np.array(jax.devices()[:8]), ("t",))
    neuron = Neuron(recurrence, "sigmoid_bernoulli", 0.7, 3.0)
    alpha = 0.7 if neuron.has_alpha else None
    x = rng.normal(0.01, 0.5, (1, 8 * split, 1)).astype(np.float32)
    key = sj.make_key(2)

    def piece(x, key):
        r = sj.scan_time_sharded(
            x, 0.999, alpha, axis_name="t", axis_size=8, neuron=neuron, key=key, membrane=True
        )  # fmt: skip
        return r.spikes, r.membrane

    f = jax.jit(shard_map(piece, mesh=mesh, in_specs=(P(None, "t"), P()), out_specs=P(None, "t")))
    spikes, V = f(x, key)
    whole = sk.scan(x, 0.999, alpha, neuron=neuron, seed=2, membrane=True)
    assert np.array_equal(spikes, whole.spikes) and np.array_equal(V, whole.membrane)
    text = f.lower(x, key).compile().as_text()
    assert "all-gather" not in text and "collective-permute" in text


def test_gradients_through_a_time_cut(rng):
    mesh = Mesh(np.array(jax.devices()[:4]), ("t",))
    neuron = Neuron("cuba_lif", "sigmoid_bernoulli", 0.7, 3.0)
    x, weights = (rng.normal(size=(4, 4096, 3)).astype(np.float32) for _ in range(2))
    beta, alpha = np.linspace(0.5, 0.9, 3).astype(np.float32), np.full(3, 0.6, np.float32)

    def cut(x, beta, alpha):
        def piece(x, beta, alpha):
            key = sj.make_key(3)
            return sj.scan_time_sharded(
                x, beta, alpha, axis_name="t", axis_size=4, neuron=neuron, key=key, blocks=2
            ).spikes

        specs = (P(None, "t"), P(), P())
        return shard_map(piece, mesh=mesh, in_specs=specs, out_specs=P(None, "t"))(x, beta, alpha)

    ours = jax.jit(jax.grad(lambda *a: (cut(*a) * weights).sum(), (0, 1, 2)))(x, beta, alpha)
    one = lambda *a: (sj.scan(*a, neuron=neuron, key=3).spikes * weights).sum()  # noqa: E731
    theirs = jax.jit(jax.grad(one, (0, 1, 2)))(x, beta, alpha)
    for a, b in zip(ours, theirs):
        # 16 units of 2^-24 of the sum's terms is the promise for either; the terms exceed the sum by a factor of 50.
        np.testing.assert_allclose(a, b, rtol=0, atol=100 * 16 * 2.0**-24 * np.abs(b).max())


def test_a_time_cut_of_packed_spikes_wants_whole_words(rng):
    """Found while tracing: at run time some devices alone would find it, and the others wait for them."""

    def cut(x, devices):
        piece = functools.partial(
            sj.scan_time_sharded, axis_name="t", axis_size=devices, neuron=Neuron(), key=7, spikes="bits32"
        )
        over = Mesh(np.array(jax.devices()[:devices]), ("t",))
        specs = {"in_specs": P(None, "t"), "out_specs": P(None, "t")}
        return jax.jit(shard_map(lambda x: piece(x, 0.8).spikes, mesh=over, **specs))(x)

    x = rng.normal(size=(2, 192, 3)).astype(np.float32)
    with pytest.raises(ValueError, match="time axis has 48 steps; with spikes 'bits32' it must have a multiple of 32"):
        cut(x, 4)
    whole = sk.scan(x, 0.8, neuron=Neuron(), seed=7, spikes="bits32").spikes
    for devices in (1, 2):
        assert np.array_equal(cut(x, devices), whole)


def cut_in_two(x, uniforms=None, axis_size=2, **options):
    """The spikes of a time cut over two devices. At decay 0 there is no state to be rounded at the cut."""

    def piece(x, uniforms=None):
        return sj.scan_time_sharded(
            x, 0.0, axis_name="t", axis_size=axis_size, neuron=Neuron(k=3.0), uniforms=uniforms, **options
        ).spikes

    mesh = Mesh(np.array(jax.devices()[:2]), ("t",))
    f = jax.jit(shard_map(piece, mesh=mesh, in_specs=P(None, "t"), out_specs=P(None, "t")))
    return f(x) if uniforms is None else f(x, uniforms)


def test_a_time_cut_takes_its_pieces_uniforms(rng):
    x, own = rng.normal(0.3, 0.5, (4, 64, 3)).astype(np.float32), rng.random((4, 64, 3), dtype=np.float32)
    assert np.array_equal(cut_in_two(x, own, blocks=2), sk.scan(x, 0.0, neuron=Neuron(k=3.0), uniforms=own).spikes)


def test_an_empty_batch_is_cut_in_time():
    assert cut_in_two(jnp.zeros((0, 16, 3)), key=1).shape == (0, 16, 3)


def test_the_axis_size_is_the_mesh_axis_own():
    with pytest.raises(ValueError, match="axis_size is 4; it must be that of the mesh axis 't', 2"):
        cut_in_two(jnp.zeros((2, 16, 3)), axis_size=4, key=1)


def test_a_time_cut_wants_a_mesh_axis():
    with pytest.raises(ValueError, match="axis_name is 't'; it must be a mesh axis of a shard_map around the call"):
        sj.scan_time_sharded(jnp.zeros((3, 8, 1)), 0.9, axis_name="t", axis_size=2, neuron=Neuron(), key=1)


def test_blocks_must_divide_the_batch():
    with pytest.raises(ValueError, match="blocks is 2; it must divide the batch, 3"):
        sj.scan_time_sharded(jnp.zeros((3, 8, 1)), 0.9, axis_name="t", axis_size=2, neuron=Neuron(), blocks=2)
