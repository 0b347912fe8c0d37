"""From a JAX neuron to a timed pass. A neuron is (parameters, apply(parameters, x, key) -> S)."""

import time

import jax
import jax.numpy as jnp
import numpy as np

from peers import inputs
from peers.cases import HEADLINE_CLASSES, HEADLINE_INPUTS


def version(*packages):
    """'JAX 0.10.2', or with further packages 'spyx 1.0.0 on JAX 0.10.2'."""
    from importlib.metadata import version as of

    before = ", ".join(f"{package} {of(package)}" for package in packages)
    return f"{before} on JAX {jax.__version__}" if before else f"JAX {jax.__version__}"


class Program:
    """One jitted function and its arguments; `prefix` makes them (the forward half, where the backward is timed)."""

    def __init__(self, function, arguments, work, prefix=None):
        self.function, self.arguments, self.work, self.prefix = jax.jit(function), arguments, work, prefix
        self.held_bytes = sum(a.nbytes for a in jax.tree_util.tree_leaves(arguments))
        self.result = self.rate_of = None

    def compile(self):
        if self.prefix is not None:
            self.arguments = self.prefix(self.arguments)
            self.held_bytes = sum(a.nbytes for a in jax.tree_util.tree_leaves(self.arguments))
        started = time.perf_counter()
        self.function = self.function.lower(*self.arguments).compile()
        return time.perf_counter() - started

    def enqueue(self):
        self.result = self.function(*self.arguments)

    def wait(self):
        jax.block_until_ready(self.result)
        self.result = None  # held no longer than the pass

    def firing_rate(self):
        """Of the forward passes, whose first result is S."""
        if self.prefix is not None or self.rate_of is None:
            return None
        return float(np.asarray(jnp.mean(self.rate_of(self.function(*self.arguments)), dtype=jnp.float32)))

    def memory(self):
        return DeviceMemory(self.function)


class DeviceMemory:
    """XLA's own account of a compiled program; on a GPU the process's mark says nothing."""

    def __init__(self, compiled):
        self.analysis = compiled.memory_analysis()

    def peak(self):
        sizes = self.analysis
        if sizes is None:
            return None
        whole = sizes.argument_size_in_bytes + sizes.output_size_in_bytes + sizes.temp_size_in_bytes
        return whole - sizes.alias_size_in_bytes


def layer_of(case, apply):
    """(parameters, x, key) -> output, with the layout's transposes and the Linear."""
    swap = case.layout == "own_with_transpose"

    def layer(parameters, x, key):
        x = jnp.swapaxes(x, 0, 1) if swap else x
        if "W" in parameters:
            x = x @ parameters["W"]
        if apply is not None:
            x = apply(parameters["neuron"], x, key)
        return jnp.swapaxes(x, 0, 1) if swap else x

    return layer


def build(case, neuron, work):
    """`neuron` is (parameters, apply) or None for the Linear alone."""
    if case.pass_name == "train_step":
        return train_step(case, neuron, work)
    parameters, apply = neuron or (None, None)
    parameters = {"neuron": parameters} if neuron else {}
    if case.layer in ("linear", "linear_neuron"):
        parameters["W"] = jnp.asarray(inputs.weights(case.C, case.C))
    x, g = jnp.asarray(inputs.sequence(case, case.recurrence)), None
    if case.pass_name != "forward":
        g = jnp.asarray(inputs.cotangent(case))
    if case.layout == "own":
        x, g = (None if a is None else jnp.swapaxes(a, 0, 1).copy() for a in (x, g))
    layer, key = layer_of(case, apply), jax.random.key(0)

    if case.pass_name == "forward":
        program = Program(layer, (parameters, x, key), work)
        program.rate_of = (lambda S: S) if apply else None
        return program
    if case.pass_name == "forward_backward":

        def both(parameters, x, key, g):
            S, pull = jax.vjp(lambda p, x: layer(p, x, key), parameters, x)
            return S, pull(g)

        program = Program(both, (parameters, x, key, g), f"{work}; gradients of x and all parameters")
        program.rate_of = (lambda out: out[0]) if apply else None
        return program

    def forward_half(arguments):
        parameters, x, key, g = arguments
        half = jax.jit(lambda p, x, key: jax.vjp(lambda p, x: layer(p, x, key), p, x)[1])
        return half(parameters, x, key), g

    work = f"{work}; gradients of x and all parameters from what the forward pass kept"
    return Program(lambda pull, g: pull(g), (parameters, x, key, g), work, forward_half)


def train_step(case, neuron, work):
    """Linear, neuron, Linear, mean over time, cross-entropy, one step of gradient descent."""
    values, apply = neuron
    parameters = {
        "first": jnp.asarray(inputs.weights(HEADLINE_INPUTS, case.C)) * 3.0,
        "neuron": values,
        "last": jnp.asarray(inputs.weights(case.C, HEADLINE_CLASSES)),
    }
    x, labels = (jnp.asarray(a) for a in inputs.headline_data(case))

    def loss(parameters, x, labels, key):
        S = apply(parameters["neuron"], x @ parameters["first"], key)
        logits = (S @ parameters["last"]).mean(axis=1)
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1).mean()

    def step(parameters, x, labels, key):
        value, gradients = jax.value_and_grad(loss)(parameters, x, labels, key)
        return jax.tree_util.tree_map(lambda p, g: p - 0.01 * g, parameters, gradients), value

    shape = f"Linear {HEADLINE_INPUTS}-{case.C}, neuron, Linear {case.C}-{HEADLINE_CLASSES}, mean over time"
    return Program(step, (parameters, x, labels, jax.random.key(0)), f"{shape}, gradient descent; neuron: {work}")
