"""The drop-ins beside the real Spyx, both versions, each in an environment of its own (bench/peers/environments.py)."""

import importlib
import json
import os
import subprocess
import sys

import cheap_xla
import pytest
from peers import environments
from places import FOLDER

import spikescan

pytest.importorskip("haiku", reason="dm-haiku is not installed")
pytest.importorskip("flax", reason="Flax is not installed")
STAGE = os.path.dirname(os.path.dirname(os.path.abspath(spikescan.__file__)))
CLASSES = ("PSU_LIF", "StochasticAssociativeLIF", "StochasticAssociativeCuBaLIF", "SPSN")


@pytest.mark.parametrize("version", ("0.1", "1.0"))
def test_the_real_spyx(version):
    """Same parameters; every spike equal but for ties; V and gradients within 1e-5 of Spyx computed in float64."""
    try:
        (peer,) = environments.make(f"spyx-{version}")
    except environments.Unavailable as reason:
        pytest.skip(f"Spyx {version} cannot be installed here: {reason}")
    environment = {**os.environ, "PYTHONPATH": f"{peer}{os.pathsep}{STAGE}", "JAX_PLATFORMS": "cpu"}
    environment["XLA_FLAGS"] = cheap_xla.FLAGS  # associative scans take long to compile
    done = subprocess.run(
        [sys.executable, FOLDER / "spyx_comparison.py", version], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout.splitlines()[-1])
    for name in (*CLASSES, "sigmoid_bernoulli", "refractory_sigmoid_bernoulli"):
        assert any(key.startswith(name) for key in results), f"{name} was not compared"
    for name, result in results.items():
        print(f"{name}: {result['differ']} of {result.get('spikes', 0)} spikes differ, {result['ties']} of them ties")
        assert result["same_parameters"], name
        assert result["differ"] == result["ties"], (name, result)
        if "spikes" in result:
            assert 0.01 < result["rate"] < 0.99, (name, "too few or too many spikes to tell")
            assert result["ties"] <= 5, (name, "ties are rare: a uniform within 1e-5 of p")
        for what in ("S", "V"):
            assert result.get(what, 0) < 1e-5, (name, what, result)
        for leaf, difference in result["gradients"].items():
            assert difference < 1e-5, (name, leaf, difference)


def test_signatures_and_defaults_are_spyxs():
    import inspect

    from spikescan import experimental, nnx

    wanted = {
        "sigmoid_bernoulli": "(k=10, threshold=1.0, max_prob=0.8)",
        "refractory_sigmoid_bernoulli": "(k=50, threshold=1)",
        "PSU_LIF": "(hidden_shape, threshold=1, k=2, spike=True, name='PSULIF')",
        "StochasticAssociativeLIF": "(hidden_shape, threshold=1, k=100, spike=True, name='SALIF')",
        "StochasticAssociativeCuBaLIF": "(hidden_shape, threshold=1, k=100, name='SACuBaLIF')",
        "SPSN": "(hidden_shape, threshold=1, k=10, name='SPSN')",
    }
    flax = {
        **wanted,
        "PSU_LIF": "(hidden_shape, beta=None, threshold=1.0, activation=None, *, rngs)",
        "StochasticAssociativeLIF": "(hidden_shape, threshold=1, k=100, spike=True, *, rngs)",
        "StochasticAssociativeCuBaLIF": "(hidden_shape, threshold=1, k=100, *, rngs)",
        "SPSN": "(hidden_shape, threshold=1, k=10, *, rngs)",
    }
    for module, signatures in ((experimental, wanted), (nnx, flax)):
        for name, text in signatures.items():
            made = getattr(module, name)
            bare = inspect.signature(made.__init__ if inspect.isclass(made) else made)
            parameters = [p.replace(annotation=p.empty) for p in bare.parameters.values() if p.name != "self"]
            assert str(inspect.Signature(parameters)) == text, name


def test_a_haiku_program_changes_one_import():
    import haiku as hk
    import jax
    import jax.numpy as jnp

    from spikescan.experimental import SPSN, PSU_LIF

    def network(key, x):
        spikes, _ = SPSN((16,))(key, hk.Linear(16)(x))
        return PSU_LIF((4,), spike=False)(hk.Linear(4)(spikes))[0]

    f = hk.without_apply_rng(hk.transform(network))
    key, x = jax.random.PRNGKey(0), jnp.ones((2, 50, 8))
    parameters = f.init(jax.random.PRNGKey(1), key, x)
    assert set(parameters) >= {"SPSN", "PSULIF"} and parameters["SPSN"]["beta"].shape == (16,)
    gradients = jax.jit(jax.grad(lambda p: f.apply(p, key, x).sum()))(parameters)
    assert all(bool(jnp.any(g != 0)) for g in jax.tree_util.tree_leaves(gradients))


def test_integer_spikes_and_one_decay_for_all_channels():
    import haiku as hk
    import jax
    import jax.numpy as jnp

    from spikescan.experimental import StochasticAssociativeLIF

    f = hk.without_apply_rng(hk.transform(lambda key, x: StochasticAssociativeLIF(())(key, x)))
    key, x = jax.random.PRNGKey(0), jnp.ones((2, 5, 3, 4), jnp.uint8)
    S, V = f.apply(f.init(jax.random.PRNGKey(1), key, x), key, x)
    assert S.shape == V.shape == x.shape and S.dtype == V.dtype == jnp.float32


def test_snntorchs_decays_there_and_back():
    import numpy as np

    from spikescan.nnx import AssociativeLIF

    beta = np.array([0.5, 0.9, 1.0], np.float32)
    theirs = AssociativeLIF.snntorch_beta_from_beta(beta)
    np.testing.assert_allclose(theirs, 1 + np.log(beta), rtol=1e-6)
    np.testing.assert_allclose(AssociativeLIF.beta_from_snntorch(theirs), beta, rtol=1e-6)


# ---- Layers as values, and what is set on them ---------------------------------------------------------------------


@pytest.fixture
def x(rng):
    import jax.numpy as jnp

    return jnp.asarray(rng.normal(0.3, 0.5, (2, 40, 4)), jnp.float32)


def test_equal_layers_are_equal_to_jax():
    import copy
    import pickle

    import jax
    import jax.numpy as jnp
    from flax import nnx

    from spikescan import nnx as ours

    assert ours.Surrogate("arctan", 2) == ours.Surrogate("arctan", 2.0) != ours.Surrogate("arctan", 3)
    assert len({ours.Surrogate(), ours.Surrogate("superspike", 25), ours.Surrogate("tanh")}) == 2
    assert ours.sigmoid_bernoulli(5) == ours.sigmoid_bernoulli(5.0) != ours.sigmoid_bernoulli(5, max_prob=1.0)
    for kind in (ours.PSU_LIF, ours.AssociativeLIF, ours.StochasticAssociativeLIF, ours.SPSN):
        first, second = (kind((4,), rngs=nnx.Rngs(i)) for i in range(2))
        for other in (second, copy.deepcopy(first), pickle.loads(pickle.dumps(first))):
            assert nnx.graphdef(other) == nnx.graphdef(first), kind
        mean = jax.tree.map(lambda a, b: (a + b) / 2, first, second)
        assert jnp.array_equal(mean.beta[...], (first.beta[...] + second.beta[...]) / 2)
    traces = []

    @nnx.jit
    def run(layer, x):
        traces.append(1)
        return layer.parallel(x)

    for i in range(3):
        run(ours.PSU_LIF((4,), rngs=nnx.Rngs(i)), jnp.ones((10, 2, 4)))
    run(ours.PSU_LIF((4,), activation=ours.Surrogate("arctan"), rngs=nnx.Rngs(0)), jnp.ones((10, 2, 4)))
    assert len(traces) == 2


def stochastic_layers(x):
    """Of every stochastic layer its recurrence, and a function of what is set on it: (its outputs then, its decays)."""
    import haiku as hk
    import jax
    from flax import nnx

    from spikescan import experimental
    from spikescan import nnx as ours

    def by_haiku(name):
        def run(settings, **keywords):
            def network(x):
                layer = getattr(experimental, name)((4,))
                for attribute, value in settings.items():
                    setattr(layer, attribute, value)
                return layer(jax.random.key(3), x, **keywords)

            f = hk.transform(network)
            parameters = f.init(jax.random.key(0), x)
            decays = next(iter(parameters.values()))
            return f.apply(parameters, None, x), (decays["beta"], decays.get("alpha"))

        return run

    def by_flax(name):
        def run(settings, **keywords):
            layer = getattr(ours, name)((4,), rngs=nnx.Rngs(0))
            for attribute, value in settings.items():
                setattr(layer, attribute, value)
            decays = layer.beta[...], layer.alpha[...] if hasattr(layer, "alpha") else None
            return layer(jax.random.key(3), x, **keywords), decays

        return run

    kinds = {"StochasticAssociativeLIF": "lif", "StochasticAssociativeCuBaLIF": "cuba_lif", "SPSN": "spsn"}
    return [(kind, by(name)) for by in (by_haiku, by_flax) for name, kind in kinds.items()]


def test_spikes_and_thresholds_that_are_set_later_are_read(rng, x):
    import dataclasses

    import jax
    import jax.numpy as jnp

    import spikescan.jax as sj
    from spikescan import Neuron
    from spikescan.nnx import Surrogate, refractory_sigmoid_bernoulli, sigmoid_bernoulli

    uniforms = jnp.asarray(rng.random(x.shape), jnp.float32)
    for recurrence, run in stochastic_layers(x):
        for spike in (sigmoid_bernoulli(10, 0.4, max_prob=1.0), refractory_sigmoid_bernoulli(5, 0.3)):
            out, decays = run({"spike": spike}, uniforms=uniforms)
            neuron = dataclasses.replace(spike.neuron, recurrence=recurrence)
            expected = sj.scan(x, *decays, neuron=neuron, uniforms=uniforms).spikes
            assert jnp.array_equal(out[0] if isinstance(out, tuple) else out, expected) and 0 < expected.mean() < 1
        # A function of one's own gets what Spyx gives it, in the order in which Spyx does.
        seen = []
        out, decays = run({"spike": lambda *given: seen.append(given) or jnp.full(x.shape, 7.0)})
        V, key = sorted(seen[-1], key=lambda a: a.ndim, reverse=True)
        swapped = recurrence == "spsn" and "haiku" in run.__qualname__
        assert seen[-1][swapped] is V and jax.dtypes.issubdtype(key.dtype, jax.dtypes.prng_key)
        assert jnp.array_equal(V, sj.scan(x, *decays, neuron=Neuron(recurrence, "none", 0.0)).spikes)
        assert jnp.all((out[0] if isinstance(out, tuple) else out) == 7)
        with pytest.raises(ValueError, match="uniforms is given; it must be None for spike = <function"):
            run({"spike": lambda *given: None}, uniforms=uniforms)
        for wrong in (None, 5, Surrogate()):
            with pytest.raises(TypeError, match="spike is .*; it must be a sigmoid_bernoulli"):
                run({"spike": wrong})
        # Spyx reads it when the layer is made, and never again.
        with pytest.raises(ValueError, match="threshold is 2.0; it must be given with the layer's spike"):
            run({"threshold": 2.0})


def test_the_threshold_that_is_there_may_be_set_again():
    from flax import nnx

    from spikescan.nnx import SPSN

    layer = SPSN((4,), threshold=0.5, rngs=nnx.Rngs(0))
    layer.threshold = 0.5
    assert layer.threshold == layer.spike.neuron.threshold == 0.5


def test_the_slope_of_haikus_psu_lif_is_its_surrogates(x):
    import haiku as hk
    import jax
    import jax.numpy as jnp

    import spikescan.jax as sj
    from spikescan import PSU_LIF, experimental

    x = 6 * x
    f = hk.without_apply_rng(hk.transform(lambda x: experimental.PSU_LIF((4,), 0.5, 7)(x)[0]))
    parameters = f.init(jax.random.key(0), x)
    beta, neuron = parameters["PSULIF"]["beta"], PSU_LIF(0.5, 7)
    gradient = jax.grad(lambda x: f.apply(parameters, x).sum())(x)
    assert jnp.array_equal(gradient, jax.grad(lambda x: sj.scan(x, beta, neuron=neuron).spikes.sum())(x))
    assert jnp.any(gradient != 0)


def test_what_is_set_on_haikus_psu_lif_is_read(x):
    import haiku as hk
    import jax
    import jax.numpy as jnp

    import spikescan.jax as sj
    from spikescan import Neuron
    from spikescan.experimental import PSU_LIF, Surrogate, sigmoid_bernoulli

    x = 6 * x

    def run(**settings):
        def network(x):
            layer = PSU_LIF((4,))
            assert (layer.threshold, layer.spike) == (1.0, Surrogate("arctan", 2))
            for attribute, value in settings.items():
                setattr(layer, attribute, value)
            return layer(x)

        f = hk.transform(network)
        parameters = f.init(jax.random.key(0), x)
        gradient = jax.grad(lambda x: f.apply(parameters, None, x)[0].sum())(x)
        return f.apply(parameters, None, x), gradient, parameters["PSULIF"]["beta"]

    (S, V), gradient, beta = run(threshold=0.1, spike=Surrogate("triangular", 0.5))
    neuron = Neuron("psu_lif", "heaviside", 0.1, 0.5, surrogate="triangular")
    expected = sj.scan(x, beta, neuron=neuron, membrane=True)
    assert jnp.array_equal(S, expected.spikes) and jnp.array_equal(V, expected.membrane) and 0 < S.mean() < 1
    assert jnp.array_equal(gradient, jax.grad(lambda x: sj.scan(x, beta, neuron=neuron).spikes.sum())(x))
    (S, _), gradient, _ = run(threshold=0.1, spike=jax.nn.relu)
    M = sj.scan(x, beta, neuron=Neuron("psu_lif", "none", 0.1)).spikes
    assert jnp.array_equal(S, jax.nn.relu(M)) and jnp.any(gradient != 0)
    for settings, words in (
        ({"spike": None}, "spike is None; it must be a Surrogate or a function"),
        ({"spike": sigmoid_bernoulli()}, "spike is Bernoulli.*; it must be a Surrogate or a function"),
        ({"threshold": jnp.ones(4)}, "threshold is Array.*; it must be one number"),
    ):
        with pytest.raises(TypeError, match=words):
            run(**settings)


def test_an_activation_that_draws_is_refused_by_its_name():
    from flax import nnx

    from spikescan.nnx import PSU_LIF, refractory_sigmoid_bernoulli, sigmoid_bernoulli

    for activation in (sigmoid_bernoulli(), refractory_sigmoid_bernoulli()):
        with pytest.raises(TypeError, match="activation is Bernoulli.*; it must be a Surrogate or a function of V"):
            PSU_LIF((4,), activation=activation, rngs=nnx.Rngs(0))


# ---- Dtypes and shapes ---------------------------------------------------------------------------------------------


def test_a_step_returns_the_state_in_its_own_dtype(x):
    import jax
    import jax.numpy as jnp
    from flax import nnx
    from jax_x64 import enable_x64

    from spikescan.nnx import PSU_LIF

    layer = PSU_LIF((4,), rngs=nnx.Rngs(0))
    series = x.swapaxes(0, 1)
    step = lambda V, u: layer(u, V)[::-1]  # noqa: E731
    for dtype in (jnp.bfloat16, jnp.float16):
        layer.beta = nnx.Param(layer.beta[...].astype(dtype))
        V, S = jax.lax.scan(step, layer.initial_state(2).astype(dtype), series.astype(dtype))
        assert V.dtype == S.dtype == dtype and layer.parallel(series.astype(dtype)).dtype == dtype
        assert layer.parallel(series).dtype == jnp.float32  # as Spyx promotes
        foreign = PSU_LIF((4,), activation=lambda u: u, rngs=nnx.Rngs(0))
        foreign.beta = layer.beta
        assert foreign.parallel(series.astype(dtype)).dtype == dtype
    with enable_x64(True):
        wide = PSU_LIF((4,), rngs=nnx.Rngs(0))
        assert wide.beta[...].dtype == jnp.float64
        V, S = jax.lax.scan(lambda V, u: wide(u, V)[::-1], wide.initial_state(2), series)
        assert V.dtype == jnp.float64 and S.dtype == jnp.float32
        assert jnp.array_equal(S, wide.parallel(series))


def test_a_function_behind_the_scan_is_given_what_was_rounded_once(x):
    import jax.numpy as jnp
    from flax import nnx

    import spikescan.jax as sj
    from spikescan.nnx import PSU_LIF

    layer, series = PSU_LIF((4,), threshold=0.3, activation=lambda u: u, rngs=nnx.Rngs(0)), x.astype(jnp.bfloat16)
    layer.beta = nnx.Param(layer.beta[...].astype(jnp.bfloat16))
    V = sj.scan(series, layer.beta[...], rule="none", threshold=0.0, spikes="float32", time_first=True).spikes
    assert jnp.array_equal(layer.parallel(series), (V - 0.3).astype(jnp.bfloat16))


def test_stochastic_layers_put_out_spyxs_dtype(x):
    import jax
    import jax.numpy as jnp
    from flax import nnx

    from spikescan.nnx import SPSN

    layer, key = SPSN((4,), rngs=nnx.Rngs(0)), jax.random.key(1)
    assert [a.dtype for a in layer(key, x.astype(jnp.bfloat16))] == [jnp.float32] * 2
    layer.beta = nnx.Param(layer.beta[...].astype(jnp.bfloat16))
    assert [a.dtype for a in layer(key, x)] == [jnp.float32] * 2
    assert [a.dtype for a in layer(key, x.astype(jnp.bfloat16))] == [jnp.bfloat16] * 2


def test_inputs_without_a_batch(x):
    import jax
    import jax.numpy as jnp
    from flax import nnx

    from spikescan.nnx import PSU_LIF

    layer = PSU_LIF((4,), rngs=nnx.Rngs(0))
    whole = layer.parallel(x.swapaxes(0, 1)).swapaxes(0, 1)
    assert 0 < whole.mean() < 1
    assert jnp.array_equal(layer.parallel(x[0]), whole[0])
    assert jnp.array_equal(jax.vmap(layer.parallel)(x), whole)
    V = layer.initial_state(2)
    S, final = layer(x[:, 0], V)
    assert all(jnp.array_equal(a, b) for a, b in zip(layer(x[0, 0], V[0]), (S[0], final[0])))
    assert all(jnp.array_equal(a, b) for a, b in zip(jax.vmap(layer)(x[:, 0], V), (S, final)))
    single = PSU_LIF((), 0.5, rngs=nnx.Rngs(0))
    assert single.parallel(x[0, :, 0]).shape == (40,) and single(x[0, 0, 0], jnp.zeros(()))[0].shape == ()
    with pytest.raises(ValueError, match=r"x has shape \(\); it must be \[time, batch, channels...\] or"):
        single.parallel(1.0)


def test_a_state_of_fewer_axes_is_broadcast(x):
    import jax.numpy as jnp
    from flax import nnx

    from spikescan.nnx import PSU_LIF

    layer, step = PSU_LIF((4,), rngs=nnx.Rngs(0)), x[:, 0]
    for V in (jnp.zeros(()), jnp.arange(4.0), jnp.ones((1, 4))):
        ours, whole = layer(step, V), layer(step, jnp.broadcast_to(V, step.shape))
        assert all(jnp.array_equal(a, b) for a, b in zip(ours, whole))
    with pytest.raises(ValueError, match=r"V has shape \(3,\); it must be x's"):
        layer(step, jnp.zeros(3))


def test_a_shared_decays_layer_has_states_of_all_channels():
    from flax import nnx

    from spikescan.nnx import PSU_LIF

    layer = PSU_LIF((3, 4), beta=0.9, rngs=nnx.Rngs(0))
    assert layer.beta[...].shape == () and layer.initial_state(2).shape == (2, 3, 4)


def test_other_channels_are_refused_by_the_names_of_a_layer(x):
    import jax
    from flax import nnx

    from spikescan import nnx as ours

    words = r"{} has shape \(2, 40, 4\); its channels must be the layer's hidden_shape, \(3,\)"
    for layer, name in ((ours.SPSN, "x"), (ours.StochasticAssociativeCuBaLIF, "u")):
        with pytest.raises(ValueError, match=words.format(name)):
            layer((3,), rngs=nnx.Rngs(0))(jax.random.key(0), x)
    unit, step = ours.PSU_LIF((3,), rngs=nnx.Rngs(0)), x[:, 0]
    for call, shape in (
        (lambda: unit.parallel(x), "2, 40, 4"),
        (lambda: unit.parallel(x[0]), "40, 4"),
        (lambda: unit(step, step), "2, 4"),
        (lambda: unit(step[0], step[0]), "4,"),
    ):
        with pytest.raises(ValueError, match=rf"x has shape \({shape}\); its channels must be the layer's hidden_shape"):
            call()
    assert ours.SPSN((1,), rngs=nnx.Rngs(0))(jax.random.key(0), x)[0].shape == x.shape


@pytest.mark.parametrize("module", ("nnx", "experimental"))
@pytest.mark.parametrize(
    "given, words",
    (
        (lambda x: (x[0, 0],), r"{} has shape \(4,\); it must be \[batch, time, channels...\]"),
        (lambda x: (x.astype("float8_e5m2"),), "{} has dtype float8_e5m2; it must be one of float32, float16, b"),
        (lambda x: (x, x[:1]), r"uniforms has shape \(1, 40, 4\); it must be {}'s, \(2, 40, 4\)"),
    ),
    ids=("shape", "dtype", "uniforms"),
)
def test_a_layers_input_has_its_own_name(x, module, given, words):
    import haiku as hk
    import jax
    from flax import nnx

    ours = importlib.import_module(f"spikescan.{module}")
    for kind, name in ((ours.SPSN, "x"), (ours.StochasticAssociativeCuBaLIF, "u")):

        def call(inputs, uniforms=None):
            layer = kind((4,), rngs=nnx.Rngs(0)) if module == "nnx" else kind((4,))
            return layer(jax.random.key(0), inputs, uniforms=uniforms)

        with pytest.raises((TypeError, ValueError), match=words.format(name)):
            hk.transform(call).init(jax.random.key(0), *given(x))


def test_the_key_of_an_rng_stream_is_taken(x):
    import jax.numpy as jnp
    from flax import nnx

    from spikescan.jax import make_key

    key = nnx.Rngs(0).params.key
    assert jnp.array_equal(make_key(key), make_key(key[...]))
    with pytest.raises(TypeError, match="seed is RngStream.*; it must be an integer, or one key of jax.random"):
        make_key(nnx.Rngs(0).params)


def test_other_dtypes_keep_their_sentence(x):
    import jax
    import jax.numpy as jnp
    from flax import nnx

    from spikescan import nnx as ours

    with pytest.raises(TypeError, match="x has dtype float8_e4m3fn; it must be one of float32, float16, bfloat16"):
        ours.SPSN((4,), rngs=nnx.Rngs(0))(jax.random.key(0), x.astype(jnp.float8_e4m3fn))
    layer = ours.PSU_LIF((4,), activation=jax.nn.relu, rngs=nnx.Rngs(0))
    with pytest.raises(TypeError, match="threshold is 'a'; it must be one number"):
        layer.threshold = "a"
