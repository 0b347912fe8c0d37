"""Settings that must come before JAX is imported, and what the tests of the package share."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[2]
sys.path.insert(0, str(FOLDER))
# Eight CPU devices, for the sharding tests.
os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=8")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "agg")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)
