"""A call on the CPU takes as many threads as PyTorch does, also where the library's OpenMP is another than PyTorch's."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

PROGRAM = """
import os
import numpy as np, torch, spikescan.torch as st

def threads():
    return len(os.listdir("/proc/self/task"))

torch.set_num_threads(4)
ones = torch.from_numpy(np.ones((16, 1024, 256), np.float32))  # PyTorch's own work would start its threads
x = ones.detach().requires_grad_()
before = threads()
for wanted in (1, 2, 7):  # rising: a thread that has started stays
    # As where PyTorch's wheel has an OpenMP of its own, which alone its set_num_threads reaches.
    torch.get_num_threads = lambda: wanted
    spikes = st.scan(x, 0.9, key=1).spikes
    forward = threads() - before
    torch.autograd.grad(spikes, x, ones)
    print(wanted, forward, threads() - before)
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="this system does not list a process's threads")
def test_pytorchs_number_of_threads_counts():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "4"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    more = {int(wanted): tuple(map(int, counts)) for wanted, *counts in map(str.split, done.stdout.splitlines())}
    assert more == {1: (0, 0), 2: (1, 1), 7: (3, 3)}
