"""Settings that must come before JAX is imported, and what the tests of the package share."""

import os
import sys
import sysconfig
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
# What inductor vectorises for is the processor's own; that the compiler knows it would be tried by compiling for each.
os.environ.setdefault("TORCHINDUCTOR_VEC_ISA_OK", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """PyTorch's inductor compiles against Python's own headers."""
    if (Path(sysconfig.get_paths()["include"]) / "Python.h").exists():
        return
    skip = pytest.mark.skip(reason="Python.h is not installed (Debian: python3-dev): inductor compiles nothing here")
    for item in items:
        if "inductor" in item.name:
            item.add_marker(skip)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)
