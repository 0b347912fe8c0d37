"""The Linear alone in JAX: what a neuron's cost is held against."""

from peers import host_jax


def version():
    return host_jax.version()


def build(case, _device):
    return host_jax.build(case, None, "x @ W alone; jit")
