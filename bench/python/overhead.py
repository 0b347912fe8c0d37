#!/usr/bin/env python3
"""What a call from Python costs above the C ABI, at a shape so small that nothing else counts.

  PYTHONPATH=build/cpu/python python bench/python/overhead.py [--json FILE] [--device cuda]

Prints a Markdown table. Absent frameworks are left out. All rows are measured in turns, so that a busy moment hits them
alike; a row is the median over the turns. On a GPU a row is the host's time, the calls of a turn being enqueued one after
the other and waited for once; what a framework takes for doing nothing stands beside ours.
"""

import argparse
import ctypes
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import numpy as np  # noqa: E402
import record  # noqa: E402
from turns import medians  # noqa: E402

import spikescan as sk  # noqa: E402
from spikescan import Neuron, ScanResult, _abi, _memory  # noqa: E402
from spikescan._problem import problem  # noqa: E402

SHAPE = (1, 16, 8)
NEURON = Neuron("lif", "sigmoid_bernoulli", 1.0, 10.0)
CALLS, TURNS = 200, 60


# ---- The C ABI with everything made beforehand ---------------------------------------------------------------------


def take(array, device):
    """A copy of a NumPy array in the backend's memory."""
    made = _memory.empty(array.shape, array.dtype.name, (device, 0))
    source, size = array.ctypes.data, array.nbytes
    _abi.check(_abi.lib.spikescan_copy(_abi.BACKENDS[device], _memory.view("", made).pointer, source, size, None))
    return made


class Abi:
    """Both passes on prepared structs; on a GPU on the legacy default stream, which is PyTorch's current one, too."""

    def __init__(self, device):
        rng = np.random.default_rng(0)
        self.prob = problem(NEURON, *SHAPE, "float32", device, 0, False)
        arrays = {n: rng.normal(size=SHAPE).astype(np.float32) for n in ("x", "spikes", "grad_spikes", "grad_x")}
        arrays |= {"beta": np.full(SHAPE[2], 0.9, np.float32), "grad_beta": np.zeros(SHAPE[2], np.float32)}
        size = max(self.prob.forward_workspace, self.prob.backward_workspace)
        self.arrays = {name: take(array, device) for name, array in arrays.items()}
        self.arrays["workspace"] = _memory.empty((size + 256,), "uint8", (device, 0))
        self.forward_args = _abi.ForwardArgs(struct_size=ctypes.sizeof(_abi.ForwardArgs), seed=1)
        self.backward_args = _abi.BackwardArgs(struct_size=ctypes.sizeof(_abi.BackwardArgs))
        for args, size in (
            (self.forward_args, self.prob.forward_workspace),
            (self.backward_args, self.prob.backward_workspace),
        ):
            args.x, args.beta = self.tensor("x"), self.pointer("beta")
            args.workspace, args.workspace_bytes = -(-self.pointer("workspace") // 256) * 256 if size else None, size
        self.forward_args.spikes = self.tensor("spikes")
        self.backward_args.grad_spikes, self.backward_args.grad_x = self.tensor("grad_spikes"), self.tensor("grad_x")
        self.backward_args.grad_beta = self.pointer("grad_beta")
        self.description = ctypes.byref(self.prob.description)

    def pointer(self, name):
        return _memory.view(name, self.arrays[name]).pointer

    def tensor(self, name):
        return _abi.Tensor(self.pointer(name), 0, SHAPE[1] * SHAPE[2], SHAPE[2])

    def forward(self):
        _abi.lib.spikescan_forward(self.description, self.forward_args, None)

    def both(self):
        self.forward()
        _abi.lib.spikescan_backward(self.description, self.backward_args, None)


# ---- Rows: name -> function of one call ----------------------------------------------------------------------------


# Each maker of rows returns them with a function that waits until their work is done.


def nothing():
    pass


def abi_rows(device):
    abi = Abi(device)
    rows = {
        "an empty foreign call (ctypes)": lambda: _abi.lib.spikescan_version_number(),
        "C ABI forward": abi.forward,
        "C ABI forward + backward": abi.both,
    }
    return rows, lambda: _abi.check(_abi.lib.spikescan_stream_synchronize(_abi.BACKENDS[device], None))


def array_rows(device):
    """NumPy's arrays; on a GPU memory of the library's own, as any that speaks DLPack, but for the capsules."""
    x, beta = (take(a, device) for a in (np.zeros(SHAPE, np.float32), np.full(SHAPE[2], 0.9, np.float32)))
    name = "NumPy" if device == "cpu" else "arrays"
    out = ScanResult(take(np.zeros(SHAPE, np.float32), device), None, None, None)
    rows = {
        f"{name} forward": lambda: sk.scan(x, beta, neuron=NEURON, seed=1),
        f"{name} forward, into an array at hand": lambda: sk.scan(x, beta, neuron=NEURON, seed=1, out=out),
    }
    return rows, nothing  # on the stream of abi_rows


def torch_rows(device):
    import torch

    import spikescan.torch as st

    x, beta = torch.zeros(SHAPE, device=device), torch.full(SHAPE[2:], 0.9, device=device)
    key, gradient = st.make_key(1, device=device), torch.ones(SHAPE, device=device)
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
    grad = torch.autograd.grad
    rows = {
        "PyTorch forward, integer key": lambda: scan(x, beta, key=1),
        "PyTorch forward, key tensor": lambda: scan(x, beta, key=key),
        "PyTorch forward, default generator": lambda: scan(x, beta),
        "PyTorch forward + backward": lambda: grad(scan(*leaves, key=1), leaves, gradient),
        "PyTorch forward + backward, into leaves": lambda: scan(*leaves, key=1).backward(gradient),
        "torch.sigmoid forward": lambda: torch.sigmoid(x),
        "torch.sigmoid forward + its backward": lambda: grad(torch.sigmoid(leaves[0]), leaves[0], gradient),
        "an empty autograd.Function, forward + backward": lambda: grad(Identity.apply(*leaves), leaves, gradient),
        "an empty autograd.Function, into leaves": lambda: Identity.apply(*leaves).backward(gradient),
    }
    return rows, torch.cuda.synchronize if device == "cuda" else nothing


def handlers():
    """The custom calls of identity_call.cpp, compiled now."""
    import jax

    folder = Path(tempfile.mkdtemp())
    source = Path(__file__).with_name("identity_call.cpp")
    command = ["g++", "-O2", "-std=c++17", "-shared", "-fPIC", f"-I{jax.ffi.include_dir()}", source, "-o"]
    subprocess.run([*command, folder / "identity.so"], check=True)
    return ctypes.CDLL(str(folder / "identity.so"))


def jax_rows(device):
    import jax
    import jax.numpy as jnp

    import spikescan.jax as sj

    name, platform = {"cpu": ("identity", "cpu"), "cuda": ("nothing", "CUDA")}[device]
    handler = getattr(handlers(), f"spikescan_{name}")
    jax.ffi.register_ffi_target("spikescan_base", jax.ffi.pycapsule(handler), platform=platform)
    x, beta, key = jnp.zeros(SHAPE), jnp.full(SHAPE[2:], 0.9), sj.make_key(1)
    ours = jax.jit(lambda x, beta, key: sj.scan(x, beta, neuron=NEURON, key=key).spikes)
    kind = jax.ShapeDtypeStruct(SHAPE, jnp.float32)
    base = jax.jit(lambda x, beta, key: jax.ffi.ffi_call("spikescan_base", kind)(x))
    # The CPU's call is over when it returns; a GPU's is waited for with the others.
    finish = (lambda array: array.block_until_ready()) if device == "cpu" else (lambda array: None)
    rows = {
        "jax.jit forward": lambda: finish(ours(x, beta, key)),
        "jax.jit custom call": lambda: finish(base(x, beta, key)),
    }
    return rows, lambda: ours(x, beta, key).block_until_ready()


# ---- Measuring -----------------------------------------------------------------------------------------------------


def microseconds(function, wait):
    wait()
    start = time.perf_counter()
    for _ in range(CALLS):
        function()
    seconds = time.perf_counter() - start
    wait()
    return seconds / CALLS * 1e6


def gather(device):
    rows, waits = {}, []
    for make in (abi_rows, array_rows, torch_rows, jax_rows):
        try:
            made, wait = make(device)
        except (ImportError, subprocess.CalledProcessError) as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        rows |= made
        waits.append(wait)

    def wait():
        for one in waits:
            one()

    return rows, wait


def base_of(name, found):
    """What a row is measured against: the C ABI without ctypes' share, or for JAX another custom call."""
    empty = found["an empty foreign call (ctypes)"]
    if name.startswith("jax.jit forward"):
        return found["jax.jit custom call"]
    if name.startswith(("NumPy", "arrays", "PyTorch")):
        passes = 2 if "backward" in name else 1
        return found["C ABI forward" + " + backward" * (passes - 1)] - passes * empty
    return None


def processor():
    return f"{record.processor_name()}, {os.cpu_count()} threads"


def device_name(device):
    return processor() if device == "cpu" else f"{_abi.query_device(device).name.decode()}, host {processor()}"


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    parser.add_argument("--turns", type=int, default=TURNS)
    return parser.parse_args()


def main():
    options = parse()
    # Read when JAX is imported and when the library loads.
    os.environ.setdefault("JAX_PLATFORMS", options.device)
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    rows, wait = gather(options.device)
    found = medians(rows, options.turns, lambda function: microseconds(function, wait))
    name = device_name(options.device)
    print(f"{name}; [B, T, C] = {list(SHAPE)}, float32; median of {options.turns} turns of {CALLS} calls\n")
    print("| call | microseconds | above its base |\n|---|---|---|")
    for row, value in found.items():
        base = base_of(row, found)
        print(f"| {row} | {value:.1f} | {'' if base is None else f'{value - base:.1f}'} |")
    if options.json:
        numbers = {"device": name, "shape": SHAPE, "microseconds": found}
        numbers["above_base"] = {n: v - base_of(n, found) for n, v in found.items() if base_of(n, found) is not None}
        options.json.write_text(json.dumps(numbers, indent=1) + "\n")


if __name__ == "__main__":
    main()
