"""spikescan.jax on a GPU: the CPU backend's bits under jit, vmap, lax.scan, donation and command buffers."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="JAX is not installed")

import gpu_problem  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import spikescan as sk  # noqa: E402
import spikescan.jax as sj  # noqa: E402
from gpu_problem import ORIGIN, RECURRENCES, SEED, SHAPES, STREAM, same_bits  # noqa: E402
from jax_pieces import whole_and_in_pieces  # noqa: E402

PLATFORM = "cuda"


@pytest.fixture(autouse=True)
def device(gpu):
    try:
        found = jax.devices(PLATFORM)[0]
    except RuntimeError as error:
        pytest.skip(f"JAX has no {PLATFORM} device: {str(error).splitlines()[0]}")
    with jax.default_device(found):
        yield found


def is_there(tree, device):
    return all(array.devices() == {device} for array in jax.tree_util.tree_leaves(tree))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("recurrence", RECURRENCES)
def test_bits_of_forward_and_gradients_are_the_cpus(recurrence, shape, device):
    p = gpu_problem.make(recurrence, shape)
    decays = tuple(d for d in (p.beta, p.alpha) if d is not None)

    def outputs(x, decays, initial):
        r = sj.scan(
            x, *decays, neuron=p.neuron, key=sj.make_key(SEED, STREAM, ORIGIN), initial_state=initial, membrane=True,
            final_state=True,
        )  # fmt: skip
        return r.spikes, r.membrane, *r.final_state

    @jax.jit
    def both(given, incoming):
        made, pull = jax.vjp(outputs, *given)
        return made, pull(incoming)

    made, gradients = both((p.x, decays, p.initial), (p.grad_spikes, p.grad_membrane, *p.grad_final))
    assert is_there((made, gradients), device)
    expected, expected_gradients = gpu_problem.of_cpu(p)
    same_bits(made, expected)
    same_bits(jax.tree_util.tree_leaves(gradients), expected_gradients)


def test_value_and_grad_under_jit(device):
    p = gpu_problem.make("spsn")

    @jax.jit
    def step(x, beta, key):
        return jax.value_and_grad(lambda x, b: sj.scan(x, b, neuron=p.neuron, key=key).spikes.sum(), (0, 1))(x, beta)

    value, (of_x, of_beta) = step(p.x, p.beta, sj.make_key(SEED))
    forward = sk.scan(p.x, p.beta, neuron=p.neuron, seed=SEED, save=True)
    back = sk.scan_backward(p.x, p.beta, neuron=p.neuron, saved=forward.saved, grad_spikes=np.ones_like(p.x))
    assert float(value) == forward.spikes.sum()  # a count: exact
    same_bits((of_x, of_beta), (back.x, back.beta))


def test_vmap_draws_what_single_calls_draw():
    p = gpu_problem.make("lif")
    keys = jnp.stack([sj.make_key(seed) for seed in range(3)])
    mapped = jax.jit(jax.vmap(lambda key: sj.scan(p.x, p.beta, key=key).spikes))(keys)
    same_bits(mapped, [sk.scan(p.x, p.beta, seed=seed).spikes for seed in range(3)])


def test_scan_over_pieces_of_time():
    whole, pieces = whole_and_in_pieces(jax.jit)
    same_bits([pieces], [whole])


def test_donation():
    p = gpu_problem.make("lif")
    donated = jnp.array(p.x)
    step = jax.jit(lambda x: sj.scan(x, p.beta, key=1).spikes, donate_argnums=0)
    same_bits([step(donated)], [sk.scan(p.x, p.beta, seed=1).spikes])
    assert donated.is_deleted()


@pytest.mark.parametrize("shape", SHAPES)
def test_gradient_in_place(shape):
    p = gpu_problem.make("lif", shape)

    def gradient(in_place):
        loss = lambda x: (sj.scan(x, p.beta, key=1, gradient_in_place=in_place).spikes * p.grad_spikes).sum()  # noqa: E731
        return jax.jit(jax.grad(loss))(p.x)

    same_bits([gradient(True)], [gradient(False)])


# Every call its own key, so that a command buffer which kept the first one's would show. Kernels of XLA's own stand between
# the custom calls: a command buffer of one command is none.
REPLAYS = """
import numpy as np, jax, jax.numpy as jnp, spikescan as sk, spikescan.jax as sj
x = np.random.default_rng(0).normal(size=(2, 2100, 5)).astype(np.float32)
step = jax.jit(lambda x, key: sj.scan(2.0 * sj.scan(x, 0.9, key=key).spikes, 0.5, key=key).spikes)
given = jnp.array(x)
for seed in range(5):
    first = sk.scan(x, 0.9, seed=seed).spikes
    expected = sk.scan(np.float32(2) * first, 0.5, seed=seed).spikes
    assert np.array_equal(step(given, sj.make_key(seed)), expected), seed
print("replayed", jax.devices()[0].platform)
"""
# What XLA captures by its defaults, and with custom calls named.
FLAGS = ("", "--xla_gpu_enable_command_buffer=FUSION,CUSTOM_CALL --xla_gpu_graph_min_graph_size=1")


@pytest.mark.parametrize("flags", FLAGS)
def test_command_buffers(flags):
    variables = {**os.environ, "XLA_FLAGS": flags}
    variables["PYTHONPATH"] = os.pathsep.join([str(Path(sk.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run([sys.executable, "-c", REPLAYS], capture_output=True, text=True, env=variables, timeout=120)
    if "Unknown command line flag" in done.stderr + done.stdout or "Unknown flag" in done.stderr:
        pytest.skip(f"this XLA has not all of {flags}")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "replayed gpu" in done.stdout or "replayed cuda" in done.stdout
