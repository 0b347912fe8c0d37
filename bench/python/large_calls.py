#!/usr/bin/env python3
"""Time of a pass over large tensors through each framework, whose outputs are fresh memory at every call.

  PYTHONPATH=build/cpu/python python bench/python/large_calls.py [--json FILE]

Prints a Markdown table: medians at 64 x 1024 x 512 float32, the rows measured in turns. The base is a call into arrays that
are at hand. Absent frameworks are left out.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import numpy as np  # noqa: E402
from turns import medians  # noqa: E402

import spikescan as sk  # noqa: E402
from spikescan import Neuron  # noqa: E402

SHAPE = (64, 1024, 512)
NEURON = Neuron("lif", "sigmoid_bernoulli", 1.0, 10.0)
BASE = {"forward": "NumPy, into arrays at hand: forward", "both": "NumPy, into arrays at hand: forward + backward"}


def inputs():
    x = np.random.default_rng(0).standard_normal(SHAPE, np.float32)
    return x, np.full(SHAPE[2], 0.9, np.float32), np.ones(SHAPE, np.float32)


def numpy_rows():
    x, beta, gradient = inputs()
    kept = sk.scan(x, beta, neuron=NEURON, seed=1, save=True)
    gradients = sk.scan_backward(x, beta, neuron=NEURON, saved=kept.saved, grad_spikes=gradient)
    into = kept._replace(saved=None)

    def at_hand():
        sk.scan(x, beta, neuron=NEURON, seed=1, out=kept)
        sk.scan_backward(x, beta, neuron=NEURON, saved=kept.saved, grad_spikes=gradient, out=gradients)

    def fresh():
        saved = sk.scan(x, beta, neuron=NEURON, seed=1, save=True).saved
        sk.scan_backward(x, beta, neuron=NEURON, saved=saved, grad_spikes=gradient)

    return {
        BASE["forward"]: lambda: sk.scan(x, beta, neuron=NEURON, seed=1, out=into),
        BASE["both"]: at_hand,
        "NumPy: forward": lambda: sk.scan(x, beta, neuron=NEURON, seed=1),
        "NumPy: forward + backward": fresh,
    }


def torch_rows():
    import torch

    import spikescan.torch as st

    x, beta, gradient = map(torch.from_numpy, inputs())
    leaves = x.clone().requires_grad_(), beta.clone().requires_grad_()
    scan = lambda x, beta: st.scan(x, beta, neuron=NEURON, key=1).spikes  # noqa: E731
    return {
        "PyTorch: forward": lambda: scan(x, beta),
        "PyTorch: forward + backward": lambda: torch.autograd.grad(scan(*leaves), leaves, gradient),
    }


def jax_rows():
    import jax
    import jax.numpy as jnp

    import spikescan.jax as sj

    x, beta, gradient = map(jnp.asarray, inputs())
    key = sj.make_key(1)
    forward = jax.jit(lambda x, beta: sj.scan(x, beta, neuron=NEURON, key=key).spikes)

    @jax.jit
    def both(x, beta, gradient):
        spikes, pull = jax.vjp(forward, x, beta)
        return spikes, pull(gradient)

    return {
        "jax.jit: forward": lambda: forward(x, beta).block_until_ready(),
        "jax.jit: forward + backward": lambda: jax.block_until_ready(both(x, beta, gradient)),
    }


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    parser.add_argument("--turns", type=int, default=21)
    options = parser.parse_args()
    rows = {}
    for make in (numpy_rows, torch_rows, jax_rows):
        try:
            rows |= make()
        except ImportError as error:
            print(f"left out: {error}", file=sys.stderr)
    found = medians(rows, options.turns, seconds)
    print("| call | ms | times its base |\n|---|---|---|")
    for name, taken in found.items():
        base = found[BASE["both" if name.endswith("backward") else "forward"]]
        print(f"| {name} | {taken * 1e3:.1f} | {taken / base:.2f} |")
    if options.json:
        options.json.write_text(json.dumps({"shape": SHAPE, "seconds": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
