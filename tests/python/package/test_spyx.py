"""The drop-ins beside the real Spyx, both versions, each in an environment of its own (bench/peers/environments.py)."""

import json
import os
import subprocess
import sys

import pytest
from peers import environments
from places import FOLDER

import spikescan

pytest.importorskip("haiku", reason="dm-haiku is not installed")
pytest.importorskip("flax", reason="Flax is not installed")
STAGE = os.path.dirname(os.path.dirname(os.path.abspath(spikescan.__file__)))
# What Spyx computes does not hang on how well XLA compiles it, but the time for its associative scans does.
CHEAP = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
CLASSES = ("PSU_LIF", "StochasticAssociativeLIF", "StochasticAssociativeCuBaLIF", "SPSN")


@pytest.mark.parametrize("version", ("0.1", "1.0"))
def test_the_real_spyx(version):
    """Same parameters; every spike equal but for ties; V and gradients within 1e-5 of Spyx computed in float64."""
    try:
        (peer,) = environments.make(f"spyx-{version}")
    except environments.Unavailable as reason:
        pytest.skip(f"Spyx {version} cannot be installed here: {reason}")
    environment = {**os.environ, "PYTHONPATH": f"{peer}{os.pathsep}{STAGE}", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": CHEAP}
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
