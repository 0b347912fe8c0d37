"""Runs a training step in whatever JAX this is, under jit and inside shard_map, both also over two devices, against the
NumPy face; prints the versions."""

import functools

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

import spikescan as sk
import spikescan.jax as sj

x = np.random.default_rng(0).normal(size=(2, 2100, 5)).astype(np.float32)
weights = np.cos(x)
beta = np.linspace(0.2, 0.9, 5).astype(np.float32)


def training_step(x=x, **options):
    def loss(x, beta, key):
        spikes = sj.scan(x, beta, key=key, **options).spikes
        return (spikes * weights).sum(), spikes

    return jax.jit(jax.grad(loss, (0, 1), has_aux=True))(x, beta, sj.make_key(7))


gradients, spikes = training_step()
whole = sk.scan(x, beta, seed=7, save=True)
back = sk.scan_backward(x, beta, saved=whole.saved, grad_spikes=weights)
assert np.array_equal(spikes, whole.spikes)
assert np.array_equal(gradients[0], back.x) and np.array_equal(gradients[1], back.beta)
in_place, _ = training_step(gradient_in_place=True)
assert np.array_equal(in_place[0], back.x) and np.array_equal(in_place[1], back.beta)

mesh = Mesh(np.array(jax.devices()[:2]), ("b",))
halves = NamedSharding(mesh, P("b"))
split, of_halves = training_step(jax.device_put(x, halves))
assert np.array_equal(of_halves, spikes) and of_halves.sharding.is_equivalent_to(halves, 3)
assert np.array_equal(split[0], back.x) and np.allclose(split[1], back.beta, rtol=1e-5)
if hasattr(jax, "shard_map"):
    shard_map = jax.shard_map
else:  # before JAX 0.6 its replication check knew of no custom_vjp
    from jax.experimental.shard_map import shard_map as checked

    shard_map = functools.partial(checked, check_rep=False)


@functools.partial(shard_map, mesh=mesh, in_specs=(P("b"), P()), out_specs=P("b"))
def pieces(x, beta):
    key = sj.shift_key(sj.make_key(7), batch=jax.lax.axis_index("b") * x.shape[0])
    return sj.scan(x, beta, key=key).spikes


for steps in (50, 2100):  # of which forward saves nothing, and some states
    short, of_short = x[:, :steps], weights[:, :steps]
    assert np.array_equal(pieces(short, beta), spikes[:, :steps])
    compiled = jax.jit(jax.grad(lambda x: (pieces(x, beta) * of_short).sum()))(short)
    part = sk.scan(short, beta, seed=7, save=True)
    assert np.array_equal(compiled, sk.scan_backward(short, beta, saved=part.saved, grad_spikes=of_short).x)

mapped = jax.vmap(lambda k: sj.scan(x, beta, key=k).spikes)(jax.random.split(jax.random.key(0), 2))
assert mapped.shape == (2, *x.shape)
print("ran on jax", jax.__version__)
