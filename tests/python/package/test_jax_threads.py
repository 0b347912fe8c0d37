"""Under JAX a CPU call runs on XLA's threads: OpenMP starts none of its own."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("jax", reason="JAX is not installed")

PROGRAM = """
import os
import jax, jax.numpy as jnp, numpy as np
import spikescan, spikescan.jax

def threads():
    return len(os.listdir("/proc/self/task"))

x = jnp.ones((16, 1024, 256), jnp.float32)
beta = jnp.full((256,), 0.9, jnp.float32)
run = jax.jit(lambda x, beta: spikescan.jax.scan(x, beta, key=spikescan.jax.make_key(1)).spikes)
jax.block_until_ready(jax.jit(lambda a: (a @ a.T).sum())(jnp.ones((2000, 2000))))  # XLA's threads are there now
before = threads()
jax.block_until_ready(run(x, beta))
under_jax = threads() - before
spikescan.scan(np.ones((16, 1024, 256), np.float32), np.full(256, 0.9, np.float32), seed=1)
alone = threads() - before
print(under_jax, alone)
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="this system does not list a process's threads")
def test_xlas_threads_are_used_and_openmps_are_not():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "7", "JAX_PLATFORMS": "cpu"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    under_jax, alone = map(int, done.stdout.split())
    assert alone == 6, "NumPy's call should have started OpenMP's threads: nothing was tested"
    assert under_jax == 0
