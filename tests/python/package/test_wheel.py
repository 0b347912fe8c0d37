"""`pip install .` in a fresh virtual environment: one py3-none wheel with both libraries, which runs by itself."""

import os
import subprocess
import sys

import pytest
from places import ROOT

# Without CUDA and without the compiler's minutes at -O3: the wheel is the same but for the library's code, which the
# tests compile elsewhere.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {
    "CMAKE_ARGS": "-DSPIKESCAN_CUDA=OFF -DSPIKESCAN_LANE_FLAGS=-O0"
}
PROGRAM = """
import numpy as np, spikescan as sk
x = np.random.default_rng(0).normal(size=(2, 50, 3)).astype(np.float32)
result = sk.scan(x, 0.9, seed=1, save=True)
sk.scan_backward(x, 0.9, saved=result.saved, grad_spikes=x)
print(sk.__file__, float(result.spikes.sum()))
"""


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    done = subprocess.run(
        [python, "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--no-compile", "."],
        cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True,
    )  # fmt: skip
    if "No matching distribution found" in done.stderr or "Failed to establish a new connection" in done.stderr:
        pytest.skip("PyPI cannot be reached: scikit-build-core and NumPy cannot be installed")
    assert done.returncode == 0, done.stdout + done.stderr
    return python


def test_the_installed_package_runs_by_itself(fresh, tmp_path):
    done = subprocess.run([fresh, "-c", PROGRAM], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert str(fresh.parent.parent) in done.stdout
    doctor = subprocess.run(
        [fresh, "-m", "spikescan", "doctor"], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True
    )
    assert doctor.returncode == 0 and "not installed (spikescan.jax needs it)" in doctor.stdout


def test_its_first_call_may_be_jax(fresh, tmp_path):
    """The handlers need the library, which in a wheel has no versioned name that the loader would look for."""
    jax = pytest.importorskip("jax")
    program = f"""
import sys
sys.path.append({os.path.dirname(os.path.dirname(jax.__file__))!r})  # this environment's JAX, the wheel's spikescan
import spikescan.jax as sj
print(sj.__file__, sj.scan([[[1.0]] * 8], 0.9, key=1).spikes.shape)
"""
    environment = ENVIRONMENT | {"JAX_PLATFORMS": "cpu"}
    done = subprocess.run([fresh, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert str(fresh.parent.parent) in done.stdout


def test_it_holds_libraries_types_and_no_extension_module(fresh):
    program = """
import importlib.metadata
made = importlib.metadata.distribution("spikescan")
print(made.read_text("WHEEL"), *made.files, sep="\\n")
"""
    done = subprocess.run([fresh, "-c", program], env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    listed = done.stdout.splitlines()
    for name in ("libspikescan.so", "libspikescan_xla.so", "py.typed", "jax/_ffi.py", "torch/_operators.py"):
        assert f"spikescan/{name}" in listed
    libraries = {name for name in listed if name.endswith(".so")}
    assert libraries == {"spikescan/libspikescan.so", "spikescan/libspikescan_xla.so"}
    assert any(line.startswith("Tag: py3-none-") for line in listed) and "Root-Is-Purelib: false" in listed


def test_the_build_asks_for_no_framework():
    text = (ROOT / "pyproject.toml").read_text()
    requires = text.split("requires = [")[1].split("]")[0]
    assert requires.strip() == '"scikit-build-core>=0.10"'
    assert 'dependencies = ["numpy>=1.24"]' in text


def test_the_libraries_need_nothing_but_the_system(fresh):
    found = list(fresh.parent.parent.glob("lib/python3*/site-packages/spikescan/*.so"))
    allowed = {
        "libc.so",
        "libm.so",
        "libstdc++.so",
        "libgcc_s.so",
        "libgomp.so",
        "ld-linux-x86-64.so",
        "libspikescan.so",
    }
    allowed |= {"libpthread.so", "libdl.so", "librt.so", "ld-linux-aarch64.so"}
    assert len(found) == 2
    for library in found:
        dynamic = subprocess.run(["readelf", "-d", library], capture_output=True, text=True, check=True).stdout
        needed = {line.split("[")[1].split("]")[0] for line in dynamic.splitlines() if "(NEEDED)" in line}
        assert {name.split(".so")[0] + ".so" for name in needed} <= allowed, needed
