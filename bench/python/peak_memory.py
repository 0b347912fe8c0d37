#!/usr/bin/env python3
"""Peak memory of forward + backward at 64 x 1024 x 512 float32, beside Spyx's formulation in JAX and a PyTorch loop.

  PYTHONPATH=build/cpu/python python bench/python/peak_memory.py [--json FILE]

Each peer runs in a process of its own. The figure is that process's high-water mark (ru_maxrss) less what it held
before x was made; it so counts x, its gradient, all that is kept between the passes, and in JAX what compiling took.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # bench: the peers' formulations
os.environ.setdefault("JAX_PLATFORMS", "cpu")
SHAPE = (64, 1024, 512)
MIB = 1 << 20


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# ---- PyTorch -------------------------------------------------------------------------------------------------------


def torch_step(scan):
    import torch

    torch.manual_seed(0)
    scan(torch.randn(1, 4, 8), torch.full((8,), 0.9))  # the library loads here
    start = resident()
    x = torch.randn(SHAPE).requires_grad_()
    beta = torch.full(SHAPE[2:], 0.9).requires_grad_()
    scan(x, beta).mean().backward()  # the cheapest loss: what it keeps is the neuron's alone
    return start


def torch_ours():
    import spikescan.torch as st

    return torch_step(lambda x, beta: st.scan(x, beta, key=1).spikes)


def torch_loop():
    from peers.neurons.torch_loop import stochastic

    return torch_step(lambda x, beta: stochastic(x.transpose(0, 1), beta))


# ---- JAX -----------------------------------------------------------------------------------------------------------


def jax_step(scan):
    import jax
    import jax.numpy as jnp

    key = jax.random.key(0)
    jax.block_until_ready(jax.jit(lambda x: scan(key, x, jnp.full(8, 0.9)))(jnp.zeros((1, 4, 8))))
    start = resident()
    x = jax.random.normal(key, SHAPE)
    beta = jnp.full(SHAPE[2:], 0.9)
    step = jax.jit(jax.grad(lambda x, beta, key: scan(key, x, beta).mean(), (0, 1)))
    jax.block_until_ready(step(x, beta, key))
    return start


def jax_ours():
    import spikescan.jax as sj

    return jax_step(lambda key, x, beta: sj.scan(x, beta, key=key, k=10.0).spikes)


def jax_associative_scan():
    from peers.neurons.jax_associative_scan import accumulate, fire

    return jax_step(lambda key, x, beta: fire(accumulate(beta, x), key))


PEERS = {
    "spikescan.torch": torch_ours,
    "PyTorch loop over time": torch_loop,
    "spikescan.jax": jax_ours,
    "Spyx's associative_scan in JAX": jax_associative_scan,
}


def measured(peer):
    done = subprocess.run([sys.executable, __file__, "--peer", peer], capture_output=True, text=True, env=os.environ)
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1]}
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    parser.add_argument("--peer", choices=PEERS, help="run this one here and print its figures")
    options = parser.parse_args()
    if options.peer:
        start = PEERS[options.peer]()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"above_start": peak - start, "high_water": peak}))
        return
    x_bytes = 4 * SHAPE[0] * SHAPE[1] * SHAPE[2]
    found = {peer: measured(peer) for peer in PEERS}
    print(f"forward + backward of {' x '.join(map(str, SHAPE))} float32; x is {x_bytes // MIB} MiB\n")
    print("| | MiB above the start | in sizes of x | high-water mark, MiB |\n|---|---|---|---|")
    for peer, figures in found.items():
        if "error" in figures:
            print(f"| {peer} | {figures['error']} | | |")
            continue
        above, high = figures["above_start"], figures["high_water"]
        print(f"| {peer} | {above / MIB:.0f} | {above / x_bytes:.1f} | {high / MIB:.0f} |")
    if options.json:
        options.json.write_text(json.dumps({"shape": SHAPE, "peers": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
