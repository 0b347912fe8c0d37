#!/usr/bin/env python3
"""What a call from Python costs above the C ABI, at a shape so small that nothing else counts.

  PYTHONPATH=build/cpu/python python bench/python/overhead.py [--json FILE]

Prints a Markdown table. Absent frameworks are left out. All rows are measured in turns, so that a busy moment hits them
alike; a row is the median over the turns.
"""

import argparse
import ctypes
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np  # noqa: E402

import spikescan as sk  # noqa: E402
from spikescan import Neuron, _abi  # noqa: E402
from spikescan._problem import problem  # noqa: E402

SHAPE = (1, 16, 8)
NEURON = Neuron("lif", "sigmoid_bernoulli", 1.0, 10.0)
CALLS, TURNS = 200, 60


# ---- The C ABI with everything made beforehand ---------------------------------------------------------------------


class Abi:
    """Both passes on prepared structs."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.prob = problem(NEURON, *SHAPE, "float32", "cpu", False)
        arrays = {n: rng.normal(size=SHAPE).astype(np.float32) for n in ("x", "spikes", "grad_spikes", "grad_x")}
        arrays |= {"beta": np.full(SHAPE[2], 0.9, np.float32), "grad_beta": np.zeros(SHAPE[2], np.float32)}
        scratch = np.empty(max(self.prob.forward_workspace, self.prob.backward_workspace) + 256, np.uint8)
        workspace = -(-scratch.ctypes.data // 256) * 256
        self.keep = arrays, scratch
        tensor = lambda name: _abi.Tensor(arrays[name].ctypes.data, 0, SHAPE[1] * SHAPE[2], SHAPE[2])  # noqa: E731
        self.forward_args = _abi.ForwardArgs(struct_size=ctypes.sizeof(_abi.ForwardArgs), seed=1)
        self.backward_args = _abi.BackwardArgs(struct_size=ctypes.sizeof(_abi.BackwardArgs))
        for args, size in (
            (self.forward_args, self.prob.forward_workspace),
            (self.backward_args, self.prob.backward_workspace),
        ):
            args.x, args.beta = tensor("x"), arrays["beta"].ctypes.data
            args.workspace, args.workspace_bytes = workspace if size else None, size
        self.forward_args.spikes = tensor("spikes")
        self.backward_args.grad_spikes, self.backward_args.grad_x = tensor("grad_spikes"), tensor("grad_x")
        self.backward_args.grad_beta = arrays["grad_beta"].ctypes.data
        self.description = ctypes.byref(self.prob.description)

    def forward(self):
        _abi.lib.spikescan_forward(self.description, self.forward_args, None)

    def both(self):
        self.forward()
        _abi.lib.spikescan_backward(self.description, self.backward_args, None)


# ---- Rows: name -> function of one call ----------------------------------------------------------------------------


def numpy_rows():
    x, beta = np.zeros(SHAPE, np.float32), np.full(SHAPE[2], 0.9, np.float32)
    return {"NumPy forward": lambda: sk.scan(x, beta, neuron=NEURON, seed=1)}


def torch_rows():
    import torch

    import spikescan.torch as st

    x, beta = torch.zeros(SHAPE), torch.full(SHAPE[2:], 0.9)
    key, gradient = st.make_key(1), torch.ones(SHAPE)
    leaves = x.clone().requires_grad_(), beta.clone().requires_grad_()

    class Identity(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, beta):
            ctx.save_for_backward(x, beta)
            return torch.empty_like(x)

        @staticmethod
        def backward(ctx, g):
            x, beta = ctx.saved_tensors
            return g, beta

    scan = lambda *given, **options: st.scan(*given, neuron=NEURON, **options).spikes  # noqa: E731
    rows = {
        "PyTorch forward, integer key": lambda: scan(x, beta, key=1),
        "PyTorch forward, key tensor": lambda: scan(x, beta, key=key),
        "PyTorch forward, default generator": lambda: scan(x, beta),
        "PyTorch forward + backward": lambda: torch.autograd.grad(scan(*leaves, key=1), leaves, gradient),
        "an empty autograd.Function, forward + backward": lambda: torch.autograd.grad(
            Identity.apply(*leaves), leaves, gradient
        ),
    }
    return rows


def identity_handler():
    """The custom call of identity_call.cpp, compiled now."""
    import jax

    folder = Path(tempfile.mkdtemp())
    source = Path(__file__).with_name("identity_call.cpp")
    command = ["g++", "-O2", "-std=c++17", "-shared", "-fPIC", f"-I{jax.ffi.include_dir()}", source, "-o"]
    subprocess.run([*command, folder / "identity.so"], check=True)
    return ctypes.CDLL(str(folder / "identity.so")).spikescan_identity


def jax_rows():
    import jax
    import jax.numpy as jnp

    import spikescan.jax as sj

    jax.ffi.register_ffi_target("spikescan_identity", jax.ffi.pycapsule(identity_handler()), platform="cpu")
    x, beta, key = jnp.zeros(SHAPE), jnp.full(SHAPE[2:], 0.9), sj.make_key(1)
    ours = jax.jit(lambda x, beta, key: sj.scan(x, beta, neuron=NEURON, key=key).spikes)
    kind = jax.ShapeDtypeStruct(SHAPE, jnp.float32)
    identity = jax.jit(lambda x, beta, key: jax.ffi.ffi_call("spikescan_identity", kind)(x))
    return {
        "jax.jit forward": lambda: ours(x, beta, key).block_until_ready(),
        "jax.jit identity custom call": lambda: identity(x, beta, key).block_until_ready(),
    }


# ---- Measuring -----------------------------------------------------------------------------------------------------


def microseconds(function):
    start = time.perf_counter()
    for _ in range(CALLS):
        function()
    return (time.perf_counter() - start) / CALLS * 1e6


def medians(rows, turns):
    times = {name: [] for name in rows}
    for function in rows.values():
        microseconds(function)
    for _ in range(turns):
        for name, function in rows.items():
            times[name].append(microseconds(function))
    return {name: statistics.median(values) for name, values in times.items()}


def gather():
    abi = Abi()
    rows = {
        "an empty foreign call (ctypes)": lambda: _abi.lib.spikescan_version_number(),
        "C ABI forward": abi.forward,
        "C ABI forward + backward": abi.both,
    }
    for make in (numpy_rows, torch_rows, jax_rows):
        try:
            rows |= make()
        except ImportError as error:
            print(f"left out: {error}", file=sys.stderr)
    return rows


def base_of(name, found):
    """What a row is measured against: the C ABI without ctypes' share, or for JAX another custom call."""
    empty = found["an empty foreign call (ctypes)"]
    if name.startswith("jax.jit forward"):
        return found["jax.jit identity custom call"]
    if name.startswith(("NumPy", "PyTorch")):
        passes = 2 if "backward" in name else 1
        return found["C ABI forward" + " + backward" * (passes - 1)] - passes * empty
    return None


def processor():
    info = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} threads"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    parser.add_argument("--turns", type=int, default=TURNS)
    options = parser.parse_args()
    found = medians(gather(), options.turns)
    print(f"{processor()}; [B, T, C] = {list(SHAPE)}, float32; median of {options.turns} turns of {CALLS} calls\n")
    print("| call | microseconds | above its base |\n|---|---|---|")
    for name, value in found.items():
        base = base_of(name, found)
        print(f"| {name} | {value:.1f} | {'' if base is None else f'{value - base:.1f}'} |")
    if options.json:
        record = {"machine": processor(), "shape": SHAPE, "microseconds": found}
        record["above_base"] = {n: v - base_of(n, found) for n, v in found.items() if base_of(n, found) is not None}
        options.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
