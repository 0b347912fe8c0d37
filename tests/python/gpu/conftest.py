"""Tests of the Python package on a real GPU, which tools/gpu_check runs (its part `python`). Without one each is skipped.

With one GPU nothing here shows that a call leaves another current device alone: that test wants two.
"""

import os

import pytest

# JAX would take most of a GPU's memory at once, and PyTorch and CuPy want some.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")


def why_not():
    try:
        import spikescan
    except ImportError as error:
        return f"spikescan cannot be imported: {error}"
    return None if spikescan.device_count("cuda") else "no CUDA device that the library can use"


REASON = why_not()


@pytest.fixture(autouse=True)
def gpu():
    if REASON:
        pytest.skip(REASON)
