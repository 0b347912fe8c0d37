#!/usr/bin/env python3
"""Peak memory of forward + backward at 64 x 1024 x 512 float32, beside Spyx's formulation in JAX and a PyTorch loop.

  PYTHONPATH=build/cpu/python python bench/python/peak_memory.py [--json FILE]

With two losses, whose values are asked for so that both passes run: `squares`, the mean of the squared spikes, keeps the
spikes as a layer after them would; `rates`, from the mean over time, keeps nothing of that size. Each peer and loss has a
process of its own; the figure is x and what the process's high-water mark rose by during one step, after one that warmed
it up.
"""

import argparse
import functools
import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # bench: the peers' formulations
os.environ.setdefault("JAX_PLATFORMS", "cpu")
SHAPE = (64, 1024, 512)
X_BYTES = 4 * SHAPE[0] * SHAPE[1] * SHAPE[2]
MIB = 1 << 20


LOSSES = {
    "squares": lambda spikes: (spikes**2).mean(),
    "rates": lambda spikes: ((spikes.mean(1) - 0.1) ** 2).mean(),
}


def inputs():
    import numpy as np

    return np.random.default_rng(0).standard_normal(SHAPE, np.float32), np.full(SHAPE[2:], 0.9, np.float32)


def peak_of(step):
    from peers.worker import ProcessMemory

    step()  # compiles, loads, makes threads
    memory = ProcessMemory(X_BYTES)
    step()
    return memory.peak()


# ---- PyTorch -------------------------------------------------------------------------------------------------------


def torch_step(scan, loss_of, is_compiled=False):
    import torch

    leaves = [torch.from_numpy(a).requires_grad_() for a in inputs()]
    forward = lambda x, beta: loss_of(scan(x, beta))  # noqa: E731
    if is_compiled:
        forward = torch.compile(forward, fullgraph=True)

    def step():
        loss = forward(*leaves)
        return loss.item(), torch.autograd.grad(loss, leaves)

    return peak_of(step)


def torch_ours(loss_of, is_compiled=False, **options):
    import spikescan.torch as st

    return torch_step(lambda x, beta: st.scan(x, beta, key=1, **options).spikes, loss_of, is_compiled)


def torch_loop(loss_of):
    from peers.neurons.torch_loop import stochastic

    return torch_step(lambda x, beta: stochastic(x.transpose(0, 1), beta).transpose(0, 1), loss_of)


# ---- JAX -----------------------------------------------------------------------------------------------------------


def jax_step(scan, loss_of):
    import jax
    import jax.numpy as jnp

    x, beta = (jnp.asarray(a) for a in inputs())
    step = jax.jit(jax.value_and_grad(lambda x, beta, key: loss_of(scan(key, x, beta)), (0, 1)))
    return peak_of(lambda: jax.block_until_ready(step(x, beta, jax.random.key(0))))


def jax_ours(loss_of, **options):
    import spikescan.jax as sj

    return jax_step(lambda key, x, beta: sj.scan(x, beta, key=key, k=10.0, **options).spikes, loss_of)


def jax_associative_scan(loss_of):
    from peers.neurons.jax_associative_scan import accumulate, fire

    return jax_step(lambda key, x, beta: fire(accumulate(beta, x), key), loss_of)


PEERS = {
    "spikescan.torch": torch_ours,
    "spikescan.torch, gradient_in_place": functools.partial(torch_ours, gradient_in_place=True),
    "spikescan.torch, torch.compile": functools.partial(torch_ours, is_compiled=True),
    "spikescan.torch, torch.compile, gradient_in_place": functools.partial(
        torch_ours, is_compiled=True, gradient_in_place=True
    ),
    "PyTorch loop over time": torch_loop,
    "spikescan.jax": jax_ours,
    "spikescan.jax, gradient_in_place": functools.partial(jax_ours, gradient_in_place=True),
    "Spyx's associative_scan in JAX": jax_associative_scan,
}


def measured(peer, loss):
    command = [sys.executable, __file__, "--peer", peer, "--loss", loss]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ)
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1]}
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    parser.add_argument("--peer", choices=PEERS, help="run this one here and print its figure")
    parser.add_argument("--loss", choices=LOSSES, default="squares", help="with --peer")
    options = parser.parse_args()
    if options.peer:
        print(json.dumps({"peak_bytes": PEERS[options.peer](LOSSES[options.loss])}))
        return
    found = {peer: {loss: measured(peer, loss) for loss in LOSSES} for peer in PEERS}
    print(f"forward + backward of {' x '.join(map(str, SHAPE))} float32; x is {X_BYTES // MIB} MiB\n")
    print("| | loss | peak, MiB | in sizes of x |\n|---|---|---|---|")
    for peer, losses in found.items():
        for loss, figures in losses.items():
            peak = figures.get("peak_bytes")
            shown = f"{peak / MIB:.0f} | {peak / X_BYTES:.1f}" if peak else f"{figures.get('error', 'not measured')} | "
            print(f"| {peer} | {loss} | {shown} |")
    if options.json:
        options.json.write_text(json.dumps({"shape": SHAPE, "peers": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
