"""The real Spyx 1.0 (Flax NNX), its released classes."""

import jax
import jax.numpy as jnp
import spyx.experimental as theirs
from flax import nnx

from peers import host_jax, inputs

CLASSES = {"lif": "StochasticAssociativeLIF", "cuba_lif": "StochasticAssociativeCuBaLIF", "spsn": "SPSN"}


def version():
    return host_jax.version("spyx")


def build(case, _device):
    name = CLASSES[case.recurrence]
    layer = getattr(theirs, name)((case.C,), threshold=inputs.THRESHOLD, k=inputs.K, rngs=nnx.Rngs(0))
    graph, state = nnx.split(layer)
    beta, alpha = (jnp.asarray(a) for a in inputs.decays(case))
    state = jax.tree_util.tree_map_with_path(
        lambda path, _: alpha if "alpha" in jax.tree_util.keystr(path) else beta, state
    )

    def apply(state, x, key):
        made = nnx.merge(graph, state)(key, x)
        return made[0] if isinstance(made, tuple) else made

    rule = "refractory_sigmoid_bernoulli" if case.recurrence == "cuba_lif" else "sigmoid_bernoulli"
    return host_jax.build(case, (state, apply), f"spyx.experimental.{name} with {rule}; jit")
