"""The real Spyx 0.1 (Haiku), its released classes."""

import haiku as hk
import jax
import jax.numpy as jnp
import spyx.experimental as theirs

from peers import host_jax, inputs

CLASSES = {"lif": "StochasticAssociativeLIF", "cuba_lif": "StochasticAssociativeCuBaLIF"}


def version():
    return host_jax.version("spyx")


def build(case, _device):
    name = CLASSES[case.recurrence]

    def layer(key, x):
        made = getattr(theirs, name)((case.C,), threshold=inputs.THRESHOLD, k=inputs.K)(key, x)
        return made[0] if isinstance(made, tuple) else made

    network = hk.without_apply_rng(hk.transform(layer))
    parameters = network.init(jax.random.PRNGKey(0), jax.random.PRNGKey(1), jnp.zeros((1, 2, case.C)))
    beta, alpha = (jnp.asarray(a) for a in inputs.decays(case))
    parameters = jax.tree_util.tree_map_with_path(
        lambda path, _: alpha if "alpha" in jax.tree_util.keystr(path) else beta, parameters
    )

    def apply(p, x, key):
        return network.apply(p, key, x)

    rule = "refractory_sigmoid_bernoulli" if case.recurrence == "cuba_lif" else "sigmoid_bernoulli"
    return host_jax.build(case, (parameters, apply), f"spyx.experimental.{name} with {rule}; jit")
