"""spikescan.jax: the NumPy face's bits, under every transformation."""

import jax.numpy as jnp
import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="JAX is not installed")

import reference  # noqa: E402
from jax_pieces import whole_and_in_pieces  # noqa: E402
from jax_x64 import enable_x64  # noqa: E402
import spikescan as sk  # noqa: E402
import spikescan.jax as sj  # noqa: E402
from spikescan import Neuron  # noqa: E402
from spikescan.jax import _spyx  # noqa: E402

RECURRENCES = ("lif", "spsn", "cuba_lif", "psu_lif")
B, T, C = 3, 2100, 5  # three chunks of the scan


def make(rng, recurrence):
    x = rng.normal(0.3, 4 if recurrence == "psu_lif" else 0.5, (B, T, C)).astype(np.float32)
    beta = np.linspace(0.2, 0.95, C).astype(np.float32)
    neuron = Neuron(recurrence, "sigmoid_bernoulli", 0.7, 3.0)
    initial = tuple(rng.normal(size=(B, C)).astype(np.float32) for _ in neuron.states)
    return neuron, x, beta, beta[::-1].copy() if neuron.has_alpha else None, initial


def equal(ours, theirs):
    jax.tree_util.tree_map(lambda a, b: np.testing.assert_array_equal(np.asarray(a), np.asarray(b)), ours, theirs)


@pytest.mark.parametrize("recurrence", RECURRENCES)
def test_forward_and_gradients_are_the_librarys_bits(rng, recurrence):
    neuron, x, beta, alpha, initial = make(rng, recurrence)
    weights = [rng.normal(size=(B, T, C)).astype(np.float32) for _ in range(2)]
    final_weights = tuple(rng.normal(size=(B, C)).astype(np.float32) for _ in initial)

    def loss(x, beta, alpha, initial):
        r = sj.scan(
            x, beta, alpha, neuron=neuron, key=sj.make_key(5, 2, (1, 32, 3)), initial_state=initial, membrane=True,
            final_state=True,
        )  # fmt: skip
        total = (r.spikes * weights[0]).sum() + (r.membrane * weights[1]).sum()
        return total + sum((s * w).sum() for s, w in zip(r.final_state, final_weights)), r

    which = (0, 1, 2, 3) if alpha is not None else (0, 1, 3)
    gradients, r = jax.jit(jax.grad(loss, which, has_aux=True))(x, beta, alpha, initial)
    theirs = sk.scan(
        x, beta, alpha, neuron=neuron, seed=5, stream=2, origin=(1, 32, 3), initial_state=initial, membrane=True,
        final_state=True, save=True,
    )  # fmt: skip
    equal(tuple(r), tuple(theirs[:3]))
    back = sk.scan_backward(
        x, beta, alpha, neuron=neuron, saved=theirs.saved, grad_spikes=weights[0], grad_membrane=weights[1],
        grad_final_state=final_weights, initial_state=initial,
    )  # fmt: skip
    equal(gradients, tuple(g for g in back if g is not None))


def test_xlas_threads_flush_no_subnormal_gradient(rng):
    """XLA's threads take subnormal numbers for zeros; the library's bits do not hang on it."""
    neuron, x, beta, _, _ = make(rng, "lif")
    g = np.zeros_like(x)
    g[:, T - 1] = 1.0  # before it the gradient decays through the subnormal numbers
    pull = jax.jit(lambda x, g: jax.vjp(lambda x: sj.scan(x, beta, neuron=neuron, key=5).spikes, x)[1](g)[0])
    saved = sk.scan(x, beta, neuron=neuron, seed=5, save=True).saved
    theirs = sk.scan_backward(x, beta, neuron=neuron, saved=saved, grad_spikes=g, wanted=("x",)).x
    assert ((theirs != 0) & (abs(theirs) < np.finfo(np.float32).tiny)).sum() > 100
    equal(pull(x, g), theirs)


@pytest.mark.parametrize("spikes", ("float32", "bfloat16", "float16", "uint8", "bits32"))
@pytest.mark.parametrize("dtype", ("float32", "bfloat16", "float16"))
def test_every_dtype(rng, spikes, dtype):
    x = jnp.asarray(rng.normal(size=(2, 70, 6)), dtype)
    ours = sj.scan(x, 0.9, key=3, spikes=spikes).spikes
    theirs = sk.scan(x, 0.9, seed=3, spikes=spikes).spikes
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
    equal(ours, theirs)
    if spikes in ("float32", "bfloat16", "float16"):
        gradient = jax.grad(lambda x: sj.scan(x, 0.9, key=3, spikes=spikes).spikes.astype(jnp.float32).sum())(x)
        assert gradient.dtype == x.dtype and np.any(np.asarray(gradient, np.float32) != 0)


def test_time_first_and_channel_axes(rng):
    x = rng.normal(size=(2, 50, 3, 4)).astype(np.float32)
    whole = sj.scan(x, 0.9, key=1, membrane=True, final_state=True)
    first = sj.scan(x.swapaxes(0, 1), 0.9, key=1, membrane=True, final_state=True, time_first=True)
    equal(first.spikes.swapaxes(0, 1), whole.spikes)
    equal(first.membrane.swapaxes(0, 1), whole.membrane)
    equal(first.final_state, whole.final_state)
    assert whole.final_state[0].shape == (2, 3, 4)


def test_a_new_key_compiles_nothing_anew(rng):
    x = rng.normal(size=(2, 50, 4)).astype(np.float32)
    traces = []

    @jax.jit
    def step(x, key):
        traces.append(1)
        return sj.scan(x, 0.9, key=key).spikes

    for seed in range(3):
        equal(step(x, sj.make_key(seed, stream=seed)), sk.scan(x, 0.9, seed=seed, stream=seed).spikes)
    equal(
        step(x, sj.shift_key(sj.make_key(1), time=2**33 + 8)), sk.scan(x, 0.9, seed=1, origin=(0, 2**33 + 8, 0)).spikes
    )
    assert len(traces) == 1
    text = step.lower(x, sj.make_key(1)).as_text()
    assert text == step.lower(x, sj.make_key(2, 9)).as_text(), "a key has got into the program"


def test_keys():
    key = sj.make_key(0x0123_4567_89AB_CDEF, 7, (1, 2**33, 3))
    words = np.asarray(key).tobytes()
    from spikescan import _abi

    struct = _abi.DeviceKey.from_buffer_copy(words)
    assert (struct.seed, struct.stream, struct.reserved) == (0x0123_4567_89AB_CDEF, 7, 0)
    assert (struct.batch_origin, struct.time_origin, struct.channel_origin) == (1, 2**33, 3)
    moved = _abi.DeviceKey.from_buffer_copy(np.asarray(sj.shift_key(key, batch=2**32 - 1, time=jnp.int32(5))).tobytes())
    assert (moved.batch_origin, moved.time_origin, moved.channel_origin) == (2**32, 2**33 + 5, 3)
    for own in (jax.random.key(3), jax.random.PRNGKey(3)):
        equal(sj.make_key(own), sj.make_key(int(np.asarray(jax.random.key_data(own))[1]) << 32))


@pytest.mark.parametrize("kind", ("threefry2x32", "rbg", "unsafe_rbg"))
def test_every_kind_of_key_gives_seeds_of_its_own(kind):
    key = jax.random.key(1, impl=kind)
    keys = [key, jax.random.key(2, impl=kind), *jax.random.split(key, 3), *(jax.random.fold_in(key, i) for i in (10, 11))]
    assert len({np.asarray(sj.make_key(k))[:2].tobytes() for k in keys}) == len(keys)
    for own in keys:
        words = jax.random.key_data(own)
        equal([sj.make_key(own)[:2], sj.make_key(words)[:2]], [words[:2]] * 2)


def test_integers_of_64_bits_keep_their_high_word():
    wide, step = 0x0123_4567_89AB_CDEF, 2**33 + 5
    for seed in (np.int64(wide), np.uint64(wide), np.array(wide)):
        equal(sj.make_key(seed), sj.make_key(wide))
    assert not np.array_equal(sj.make_key(np.int64(2**40)), sj.make_key(0))
    equal(sj.make_key(1, np.uint32(7), (np.int32(1), np.int64(2**33), np.uint8(3))), sj.make_key(1, 7, (1, 2**33, 3)))
    equal(sj.shift_key(sj.make_key(1), time=np.int64(step)), sj.shift_key(sj.make_key(1), time=step))
    x = np.zeros((1, 64, 3), np.float32)
    equal(sj.scan(x, 0.9, threshold=0.0, key=np.int64(wide)).spikes, sk.scan(x, 0.9, threshold=0.0, seed=wide).spikes)
    with enable_x64(True):
        for dtype in (jnp.int64, jnp.uint64):
            traced = jax.jit(lambda s, n: (sj.make_key(s), sj.shift_key(sj.make_key(1), time=n)))
            ours = traced(jnp.asarray(wide, dtype), jnp.asarray(step, dtype))
            equal(ours, (sj.make_key(wide), sj.shift_key(sj.make_key(1), time=step)))
            equal(jax.jit(sj.make_key)(1, jnp.asarray(7, dtype)), sj.make_key(1, 7))


def test_numbers_of_64_bits_are_rounded_by_jax_or_refused(rng):
    x = rng.normal(size=(2, 8, 3))
    narrow = sj.scan(x.astype(np.float32), 0.9, key=1, membrane=True)
    equal(sj.scan(x, 0.9, key=1, membrane=True), narrow)
    with enable_x64(True):
        with pytest.raises(TypeError, match="x has dtype float64; it must be one of float32"):
            sj.scan(x, 0.9, key=1)
        beta, state = np.float64(0.9), np.zeros((2, 3))
        equal(sj.scan(x.astype(np.float32), beta, key=1, initial_state=state, membrane=True), narrow)


def test_vmap_over_nothing():
    def loss(x, beta):
        r = sj.scan(x, beta, key=1, membrane=True)
        return (r.spikes + r.membrane).sum()

    x = jnp.zeros((0, B, 7, C))
    assert jax.vmap(lambda x: sj.scan(x, 0.9, key=1).spikes)(x).shape == x.shape
    for axes in ((0, None), (0, 0)):
        beta = jnp.full((C,) if axes[1] is None else (0, C), 0.9)
        gradients = jax.jit(jax.vmap(jax.grad(loss, (0, 1)), axes))(x, beta)
        assert [g.shape for g in gradients] == [x.shape, (0, C)]


def test_vmap_is_the_single_calls(rng):
    x = rng.normal(size=(4, B, 300, C)).astype(np.float32)
    betas = rng.uniform(0.3, 0.9, (4, C)).astype(np.float32)
    keys = jax.random.split(jax.random.key(0), 4)

    def one(x, beta, key):
        r = sj.scan(x, beta, key=key, membrane=True)
        return r.spikes, r.membrane

    for axes in ((0, None, None), (None, 0, None), (None, None, 0), (0, 0, 0)):
        arguments = [a if ax == 0 else a[0] for a, ax in zip((x, betas, keys), axes)]
        mapped = jax.jit(jax.vmap(one, axes))(*arguments)
        for i in range(4):
            single = one(*(a[i] if ax == 0 else a for a, ax in zip(arguments, axes)))
            equal(jax.tree_util.tree_map(lambda m: m[i], mapped), single)


@pytest.mark.parametrize("name", ("sigmoid_bernoulli", "refractory_sigmoid_bernoulli"))
def test_activations_are_elementwise(rng, name):
    """What is not finite, in V or coming back, stays with its element."""
    fire, clean = getattr(_spyx, name)(k=4, threshold=0.5), rng.normal(0.5, 1, (2, 6, 7)).astype(np.float32)
    u = jnp.asarray(reference.uniforms(clean.shape, 1), jnp.float32)
    V, g, bad = clean.copy(), np.ones_like(clean), np.zeros(clean.shape, bool)
    for at, value in (((0, 1, 1), np.inf), ((0, 2, 3), np.nan), ((1, 3, 0), -np.inf)):
        V[at], bad[at] = value, True
    g[1, 4, 5], bad[1, 4, 5] = np.inf, True
    spikes, pull = jax.vjp(jax.jit(lambda V: fire(V, uniforms=u)), V)
    expected, pull_clean = jax.vjp(lambda V: fire(V, uniforms=u), clean)
    equal(spikes[~bad], expected[~bad])
    (gradient,), (whole,) = pull(jnp.asarray(g)), pull_clean(jnp.ones_like(g))
    equal(gradient[~bad], whole[~bad])
    assert np.any(np.asarray(gradient)[~bad] != 0)


@pytest.mark.parametrize("shape", ((), (7,), (3, 7), (2, 3, 7), (2, 2, 3, 7), (0, 3), (3, 0)))
def test_activations_draw_at_their_documented_places(shape):
    rows, channels = int(np.prod(shape[:-1], dtype=int)), shape[-1] if shape else 1
    u = reference.uniforms((rows, 1, channels), 9, 2).astype(np.float32).reshape(shape)
    V, fire = np.linspace(0, 2, u.size, dtype=np.float32).reshape(shape), _spyx.sigmoid_bernoulli(k=2)
    expected = fire(V, uniforms=u)
    assert expected.shape == shape
    equal(jax.jit(fire)(V, sj.make_key(9, 2)), expected)
    if len(shape) == 3:
        mapped = jax.vmap(fire)(V, jnp.stack([sj.make_key(i) for i in range(2)]))
        equal(mapped, jnp.stack([fire(V[i], i) for i in range(2)]))


def test_nested_vmap_of_gradients(rng):
    x = rng.normal(size=(2, 3, B, 1100, C)).astype(np.float32)
    betas = rng.uniform(0.3, 0.9, (3, C)).astype(np.float32)
    keys = jax.random.split(jax.random.key(0), 2)

    @jax.jit
    def gradient(x, beta, key):
        return jax.grad(lambda x, b: (sj.scan(x, b, key=key).spikes * jnp.cos(x)).sum(), (0, 1))(x, beta)

    mapped = jax.vmap(jax.vmap(gradient, (0, 0, None)), (0, None, 0))(x, betas, keys)
    for i in range(2):
        for j in range(3):
            equal(jax.tree_util.tree_map(lambda m: m[i, j], mapped), gradient(x[i, j], betas[j], keys[i]))


def test_scan_over_pieces_of_time():
    whole, pieces = whole_and_in_pieces()
    equal(pieces, whole)


def test_remat_and_donation(rng):
    x = rng.normal(size=(2, 1100, 4)).astype(np.float32)

    def loss(x, beta):
        hidden = sj.scan(x, beta, key=1).spikes
        return (sj.scan(hidden * 0.7, beta, key=2).spikes * jnp.sin(x)).sum()

    plain = jax.jit(jax.grad(loss, (0, 1)))(x, jnp.full(4, 0.8))
    equal(jax.jit(jax.grad(jax.checkpoint(loss), (0, 1)))(x, jnp.full(4, 0.8)), plain)
    donated = jnp.array(x)
    expected = sk.scan(x, 0.9, seed=1).spikes
    equal(jax.jit(lambda x: sj.scan(x, 0.9, key=1).spikes, donate_argnums=0)(donated), expected)
    assert donated.is_deleted()


def readout(in_place, residual=False):
    """A loss of the spikes' rates; `residual`: with the input beside the spikes, whose gradient then has two readers."""

    def loss(x, beta, w):
        S = sj.scan(x, beta, key=1, gradient_in_place=in_place).spikes
        return ((S + x if residual else S).astype(jnp.float32) @ w).mean()

    return jax.grad(loss, (0, 1))


@pytest.mark.parametrize("dtype", ("float32", "bfloat16"))
@pytest.mark.parametrize("residual", (False, True))
def test_gradient_in_place_has_the_same_bits(rng, dtype, residual):
    x = jnp.asarray(rng.normal(size=(B, T, C)), dtype)
    beta, w = jnp.full(C, 0.8), jnp.asarray(rng.normal(size=(C, 2)), jnp.float32)
    plain = jax.jit(readout(False, residual))(x, beta, w)
    assert np.any(np.asarray(plain[0], np.float32))
    equal(jax.jit(readout(True, residual))(x, beta, w), plain)
    equal(readout(True, residual)(x, beta, w), readout(False, residual)(x, beta, w))
    stacked = jnp.stack([x, 2 * x])
    mapped = lambda in_place: jax.jit(jax.vmap(readout(in_place, residual), (0, None, None)))  # noqa: E731
    equal(mapped(True)(stacked, beta, w), mapped(False)(stacked, beta, w))


def test_gradient_in_place_leaves_its_operand_alone(rng):
    """A cotangent that is the caller's own array."""
    x, g = (jnp.asarray(rng.normal(size=(B, T, C)), jnp.float32) for _ in range(2))
    kept = np.array(g)
    _, pull = jax.vjp(lambda x: sj.scan(x, 0.8, key=1, gradient_in_place=True).spikes, x)
    first = pull(g)[0]
    equal(jax.jit(lambda g: pull(g)[0])(g), first)
    equal(g, kept)


def test_gradient_in_place_saves_a_size_of_x():
    """In a network: what goes on to the layer before is made where the gradient of the spikes was."""
    kinds = [jax.ShapeDtypeStruct(s, jnp.float32) for s in ((64, 1024, 64), (64, 512), (512, 10))]

    def temporary_bytes(in_place):
        def loss(first, last, x):
            return (sj.scan(x @ first, 0.9, key=1, gradient_in_place=in_place).spikes @ last).mean()

        step = jax.jit(jax.grad(loss, (0, 1)))
        return step.lower(*kinds[1:], kinds[0]).compile().memory_analysis().temp_size_in_bytes

    assert temporary_bytes(False) - temporary_bytes(True) >= 4 * 64 * 1024 * 512


def test_gradient_in_place_has_no_effect_where_the_dtypes_differ(rng):
    x = jnp.asarray(rng.normal(size=(2, 64, 4)), jnp.bfloat16)
    gradient = lambda in_place: jax.jit(  # noqa: E731
        jax.grad(lambda x: sj.scan(x, 0.8, key=1, spikes="float32", gradient_in_place=in_place).spikes.sum())
    )(x)
    equal(gradient(True), gradient(False))


def test_no_gradient_no_saved_states_and_no_membrane_sized_residual(rng):
    """The forward call in training keeps states of every 64 steps, not V."""
    x = rng.normal(size=(4, 4096, 8)).astype(np.float32)
    _, pull = jax.vjp(lambda x, b: sj.scan(x, b, key=1).spikes, x, jnp.full(8, 0.9))
    residuals = [a for a in jax.tree_util.tree_leaves(pull) if hasattr(a, "nbytes")]
    extra = sum(a.nbytes for a in residuals) - x.nbytes
    # A float64 in 64 float32 values is 1/32 of x.
    assert extra < x.nbytes / 30, extra
    text = jax.jit(lambda x: sj.scan(x, 0.9, key=1).spikes).lower(x).as_text()
    assert "spikescan_forward" in text and text.count("custom_call @spikescan") == 1


def test_unused_cotangents_are_not_made_into_zeros(rng):
    x = jnp.asarray(rng.normal(size=(2, 64, 4)), jnp.float32)
    step = jax.jit(jax.grad(lambda x: sj.scan(x, 0.9, key=1, membrane=True, final_state=True).spikes.sum()))
    backward = [line for line in step.lower(x).as_text().splitlines() if "@spikescan_backward" in line]
    assert len(backward) == 1
    operands = backward[0].split(" : (")[1].split(") ->")[0].count("tensor<")
    assert operands == 3, backward[0]  # x, beta and dL/dS: of 64 steps nothing is saved


def membranes(x, beta):
    return sj.scan(x, beta, rule="none", threshold=0.0).spikes


@pytest.mark.parametrize("second", (jax.hessian, lambda f: jax.grad(lambda b: jax.grad(f)(b).sum())))
def test_a_second_derivative_is_refused_by_a_sentence(rng, second):
    x = rng.normal(size=(2, 40, 3)).astype(np.float32)
    for wrap in (lambda f: f, jax.jit):
        with pytest.raises(NotImplementedError, match="spikescan's scan has no second derivative"):
            wrap(second(lambda beta: membranes(x, beta).sum()))(jnp.full(3, 0.5))


def test_a_gradient_that_is_not_differentiated_further_is_taken_anywhere(rng):
    x, beta = rng.normal(size=(2, 40, 3)).astype(np.float32), jnp.full(3, 0.5)
    slope = jax.grad(lambda beta: membranes(x, beta).sum())
    equal(jax.grad(lambda y: (y * slope(beta)).sum())(beta), slope(beta))
    equal(jax.grad(lambda y: (y * slope(jax.lax.stop_gradient(y))).sum())(beta), slope(beta))
    steps = jax.lax.scan(lambda b, _: (b - 0.01 * slope(b), None), beta, length=2)[0]
    equal(steps, jax.jit(lambda b: (lambda c: c - 0.01 * slope(c))(b - 0.01 * slope(b)))(beta))


def test_forward_mode_is_jaxs_to_refuse(rng):
    x = jnp.asarray(rng.normal(size=(2, 40, 3)), jnp.float32)
    with pytest.raises(TypeError, match="forward-mode autodiff .jvp. to a custom_vjp"):
        jax.jvp(lambda x: membranes(x, 0.5), (x,), (x,))


def test_a_decay_at_its_bounds_has_the_whole_gradient(rng):
    """jnp.clip, which Spyx has there, passes a half at a tie."""
    x = jnp.asarray(rng.normal(size=(2, 40, 2)), jnp.float32)

    def written_out(beta):
        V, rows = jnp.zeros((2, 2)), []
        for t in range(40):
            V = jnp.clip(beta, 0, 1) * V + x[:, t]
            rows.append(V)
        return jnp.stack(rows, 1)

    bounds = jnp.array([0.0, 1.0])
    ours = jax.grad(lambda beta: membranes(x, beta).sum())(bounds)
    clipped = jax.grad(lambda beta: written_out(beta).sum())(bounds)
    np.testing.assert_allclose(ours, 2 * clipped, rtol=1e-4)


def test_export_wants_the_custom_calls_named(rng):
    import jax.export

    x, f = jnp.asarray(rng.normal(size=(2, 40, 3)), jnp.float32), jax.jit(lambda x: membranes(x, 0.5))
    with pytest.raises(ValueError, match="custom calls whose targets have no compatibility guarantees"):
        jax.export.export(f)(x)
    checks = [jax.export.DisabledSafetyCheck.custom_call("spikescan_forward")]
    equal(jax.export.export(f, disabled_checks=checks)(x).call(x), f(x))


class OfAnotherLibrary:
    """With a dtype that NumPy does not know."""

    dtype = object()

    def __repr__(self):
        return "<OfAnotherLibrary>"


@pytest.mark.parametrize(
    "call, kind, words",
    (
        (lambda x: sj.scan(x, 0.9), ValueError, "key is missing"),
        (lambda x: sj.scan(x[0, 0], 0.9, key=1), ValueError, "x has shape"),
        (lambda x: sj.scan(x.astype(jnp.int32), 0.9, key=1), TypeError, "x has dtype int32"),
        (lambda x: sj.scan(x, jnp.ones(2), key=1), ValueError, "beta has shape"),
        (lambda x: sj.scan(x, 0.9, 0.9, key=1), ValueError, "alpha is given"),
        (lambda x: sj.scan(x, 0.9, recurrence="cuba_lif", key=1), ValueError, "alpha is missing"),
        (lambda x: sj.scan(x, 0.9, key=-1), ValueError, "key is -1"),
        (lambda x: sj.scan(x, 0.9, key=jnp.ones(3)), TypeError, "key is float32"),
        (lambda x: sj.scan(x, 0.9, key=jax.random.split(jax.random.key(0), 3)), TypeError, "vmap maps over"),
        (lambda x: sj.scan(x, 0.9, key=jnp.zeros(10, jnp.int32)), TypeError, "it must be uint32, as make_key"),
        (lambda x: sj.scan(x, 0.9, uniforms=x[:, :3]), ValueError, "uniforms has shape"),
        (lambda x: sj.scan(x, 0.9, uniforms=x.astype(jnp.bfloat16)), TypeError, "uniforms has dtype bfloat16"),
        (lambda x: sj.scan(x, 0.9, key=1, initial_state=x), ValueError, "initial_state.0. has shape"),
        (lambda x: sj.scan(x, 0.9, key=1, initial_state=jnp.zeros((3, 2))), ValueError, r"\(3, 2\); it must be \(2, 3"),
        (
            lambda x: sj.scan(x.reshape(2, 2, 4, 3), 0.9, key=1, initial_state=jnp.zeros((2, 12))),
            ValueError,
            "initial_state.0. has shape .2, 12.; it must be .2, 4, 3.$",
        ),
        (lambda x: sj.scan(x, 0.9, key=1, initial_state=(x, x)), ValueError, "initial_state has 2 arrays"),
        (lambda x: sj.make_key(1, stream=1 << 32), ValueError, "stream is 4294967296"),
        (lambda x: sj.make_key(1, stream=np.int64(1 << 32)), ValueError, "stream is 4294967296"),
        (lambda x: sj.make_key(1, stream=1.5), TypeError, "stream is 1.5; it must be an integer"),
        (lambda x: sj.make_key(np.int64(-1)), ValueError, "seed is -1"),
        (lambda x: sj.make_key(np.array([1 << 40, 1], np.uint64)), TypeError, r"seed is uint64\[2\]"),
        (lambda x: sj.make_key(1, 0, (0, 0.5, 0)), TypeError, "origin's time is 0.5; it must be an integer"),
        (lambda x: sj.scan(x, 0.9, key=np.zeros(10, np.uint64)), TypeError, "key has dtype uint64; it must be uint32"),
        (lambda x: sj.shift_key(sj.make_key(1), time=0.5), TypeError, "time is 0.5"),
        (lambda x: sj.scan(x, 0.9, key=OfAnotherLibrary()), TypeError, "key is <OfAnotherLibrary>; it must be"),
        (
            lambda x: jax.jit(lambda k: sj.scan(x, 0.9, k=k, key=1))(2.0),
            TypeError,
            "k is JitTracer.*; it must be one number that is known now: .* nor traced",
        ),
        (lambda x: sj.scan(x, 0.9, key=1, spikes=jnp.int8), ValueError, "spikes is 'int8'; it must be one of"),
    ),
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_refused(call, kind, words):
    with pytest.raises(kind, match=words):
        call(jnp.zeros((2, 8, 3)))


def test_the_origin_of_a_key_may_be_traced():
    """As inside `shard_map`, where it comes of the device's number."""
    made = jax.jit(lambda batch, channel: sj.make_key(1, 2, (batch, 2**33, channel)))
    assert jnp.array_equal(made(5, 7), sj.make_key(1, 2, (5, 2**33, 7)))
    for wrong in (0.5, jnp.zeros(2, int)):
        with pytest.raises(TypeError, match="batch is .*; it must be an integer"):
            made(wrong, 7)
    with pytest.raises(ValueError, match="origin is .*; it must be three indices"):
        jax.jit(lambda batch: sj.make_key(1, 2, (batch, 0)))(5)


@pytest.mark.parametrize("dtype", (jnp.uint8, jnp.bfloat16, np.float16, np.dtype("float32")))
def test_outputs_are_named_by_dtypes_too(dtype):
    x, name = jnp.zeros((2, 8, 3)), np.dtype(dtype).name
    assert sj.scan(x, 0.9, key=1, spikes=dtype).spikes.dtype == name
    if name != "uint8":
        assert sj.scan(x, 0.9, key=1, spikes=False, membrane=dtype).membrane.dtype == name


def test_without_spikes_no_key_is_wanted():
    x = np.ones((2, 8, 3), np.float32)
    equal(sj.scan(x, 0.5, spikes=False, membrane=True).membrane, sk.scan(x, 0.5, membrane=True).membrane)


def test_custom_calls_that_do_not_load_say_what_to_do(monkeypatch, tmp_path):
    from spikescan.jax import _ffi

    monkeypatch.setattr(_ffi, "LIBRARY", tmp_path / "libspikescan_xla.so")
    with pytest.raises(ImportError, match="library does not load from .*Install the package again"):
        _ffi.register.__wrapped__()


def test_a_refusal_of_the_library_arrives_as_an_error(rng):
    """What only the handler sees: a time origin that packed spikes cannot start at, in a description."""
    from spikescan.jax import _call, _ffi

    call = _call.Call("forward", Neuron(), True, False, ("x", "beta"), ("spikes",))
    broken = jax.jit(lambda x: _ffi.ffi(call, x[None], jnp.zeros((1, 1)))[0])

    class Wrong(_call.Call):
        def attributes(self):
            return {**super().attributes(), "recurrence": np.int32(9)}

    wrong = Wrong("forward", Neuron(), True, False, ("x", "beta"), ("spikes",))
    x = jnp.zeros((2, 8, 3))
    assert broken(x).shape == (1, 2, 8, 3)
    with pytest.raises(Exception, match="spikescan: recurrence is 9; it must be LIF"):
        jax.jit(lambda x: _ffi.ffi(wrong, x[None], jnp.zeros((1, 1)))[0])(x).block_until_ready()


def test_scratch_is_sized_for_a_gpu_that_is_not_the_default(monkeypatch):
    from spikescan.jax import _ffi

    assert _ffi._devices.__wrapped__() == (("cpu", 0),)  # JAX here has no GPU
    monkeypatch.setattr(jax, "devices", lambda platform: ["a GPU"])
    monkeypatch.setattr(_ffi._abi, "device_count", lambda backend: 1)
    assert _ffi._devices.__wrapped__() == (("cpu", 0), ("cuda", 0))
