"""Settings that must come before JAX is imported, and what the tests of the package share."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[3] / "bench"))  # the peers: their formulations and environments
# Eight CPU devices, for the sharding tests.
os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=8")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "agg")
# Several test processes share few cores: threads that spin at barriers would take them from each other.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)
