"""This library through spikescan.jax: one custom call a pass."""

import jax.numpy as jnp
import spikescan.jax as sj
from spikescan import Neuron, version as library_version

from peers import host_jax, inputs


def version():
    return f"{library_version()} on {host_jax.version()}"


def build(case, _device):
    beta, alpha = (jnp.asarray(a) for a in inputs.decays(case))
    kind = Neuron(case.recurrence, "sigmoid_bernoulli", inputs.THRESHOLD, inputs.K, inputs.MAX_PROB)
    if kind.has_alpha:
        neuron = (beta, alpha), lambda p, x, key: sj.scan(x, *p, neuron=kind, key=key).spikes
    else:
        neuron = beta, lambda p, x, key: sj.scan(x, p, neuron=kind, key=key).spikes
    return host_jax.build(case, neuron, "spikescan.jax.scan: scan, Philox draws and firing in one pass; jit")
