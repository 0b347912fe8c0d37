"""The Linear alone, in the framework of the environment: what a neuron's cost is held against."""

try:
    from peers import host_torch as host
except ImportError:
    from peers import host_jax as host


def version():
    return host.version()


def build(case, device):
    if host.__name__.endswith("jax"):
        return host.build(case, None, "x @ W alone; jit")
    return host.build(case, device, None, "x @ W alone, eager")
