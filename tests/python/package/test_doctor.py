"""python -m spikescan doctor: a healthy machine, and each fault with its cure."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import spikescan
from spikescan import doctor


def run(arguments, stage=None):
    environment = {**os.environ}
    if stage is not None:
        environment["PYTHONPATH"] = str(stage)
    return subprocess.run(
        [sys.executable, "-m", "spikescan", *arguments], capture_output=True, text=True, env=environment
    )


def test_a_report_names_everything():
    done = run(["doctor"])
    assert done.returncode in (0, 1), done.stderr
    for word in ("Python", f"spikescan   {spikescan.__version__}", "CPU", "CUDA", "numpy", "jax", "torch", "nir"):
        assert word in done.stdout
    assert ("Nothing to fix." in done.stdout) == (done.returncode == 0)


def test_other_words_give_the_usage():
    for arguments in ([], ["cure"]):
        done = run(arguments)
        assert done.returncode == 2 and "usage: python -m spikescan doctor" in done.stderr


def test_help_and_version_are_no_mistakes():
    for arguments in (["--help"], ["-h"]):
        done = run(arguments)
        assert done.returncode == 0 and done.stdout.startswith("usage: python -m spikescan doctor") and not done.stderr
    done = run(["--version"])
    assert (done.returncode, done.stdout) == (0, f"spikescan {spikescan.__version__}\n")


def test_a_library_that_does_not_load_is_the_thing_to_fix(tmp_path):
    package = tmp_path / "spikescan"
    source = Path(spikescan.__file__).parent
    shutil.copytree(source, package, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    missing = run(["doctor"], tmp_path)
    assert missing.returncode == 1 and "its library does not load" in missing.stdout
    assert "Fix this first: spikescan's library does not load" in missing.stdout and "pip install ." in missing.stdout
    (package / "libspikescan.so").write_bytes(b"not a library")
    assert "Fix this first: spikescan's library does not load" in run(["doctor"], tmp_path).stdout


def test_a_library_of_custom_calls_that_does_not_load_is_the_thing_to_fix(tmp_path):
    pytest.importorskip("jax", reason="JAX is not installed")
    package = tmp_path / "spikescan"
    source = Path(spikescan.__file__).parent
    shutil.copytree(source, package, ignore=shutil.ignore_patterns("libspikescan_xla.so", "__pycache__"))
    for _ in range(2):
        done = run(["doctor"], tmp_path)
        assert done.returncode == 1 and "its custom calls does not load" in done.stdout
        assert "Fix this first: spikescan.jax's library does not load" in done.stdout and "pip install ." in done.stdout
        (package / "libspikescan_xla.so").write_bytes(b"not a library")
    report = doctor.Report()
    doctor.check_xla(report, {}.get)
    assert not report.lines and not report.faults  # without JAX nothing needs it


@pytest.mark.parametrize(
    "driver, runtime, words",
    (
        (0, 13000, None),
        (13000, 13000, None),
        (13010, 13020, None),  # CUDA's minor versions serve each other
        (12080, 13000, "serves CUDA 12.8, the library needs CUDA 13.0: install driver 580 or newer"),
        (12090, 12080, None),
    ),
)
def test_old_drivers(driver, runtime, words):
    fault = doctor._driver_fault(driver, runtime)
    assert fault is None if words is None else words in fault


def test_old_frameworks_are_named():
    report = doctor.Report()
    doctor.check_frameworks(report, {"jax": "0.4.38", "numpy": "2.1.0", "torch": "2.13.0+cpu"}.get)
    assert report.faults == ["jax is 0.4.38; spikescan.jax needs 0.5.0 or newer: pip install -U jax"]
    assert any("haiku" in line and "not installed" in line for line in report.lines)


def test_the_oldest_frameworks_that_work_are_no_fault():
    report = doctor.Report()
    doctor.check_frameworks(report, {package: oldest for package, oldest, _ in doctor.FRAMEWORKS}.get)
    assert report.faults == []


@pytest.mark.parametrize("broken", ("device_count", "query_device"))
def test_cuda_that_fails_is_the_thing_to_fix(monkeypatch, capsys, broken):
    from spikescan import _abi

    def refuse(*_):
        raise _abi.CudaError("cudaGetDeviceCount: system not yet initialized (802)")

    query = _abi.query_device
    monkeypatch.setattr(_abi, "backend_built", lambda backend: True)
    monkeypatch.setattr(_abi, "device_count", refuse if broken == "device_count" else lambda backend: 1)
    monkeypatch.setattr(_abi, "query_device", lambda backend, device=0: query("cpu") if backend == "cpu" else refuse())
    assert doctor.main() == 1
    said = capsys.readouterr().out
    assert "Fix this first: CUDA does not work on this machine: cudaGetDeviceCount: system not yet initialized" in said
    assert "numpy" in said  # the examination goes on


def test_a_driver_too_old_for_the_runtime_says_which_one_to_install(monkeypatch):
    from spikescan import _abi

    def refuse(_):
        raise _abi.CudaError("cudaGetDeviceCount failed: cudaErrorInsufficientDriver (...)")

    report = doctor.Report()
    monkeypatch.setattr(_abi, "backend_built", lambda backend: True)
    monkeypatch.setattr(_abi, "device_count", refuse)
    doctor.check_cuda(report)
    assert "cudaErrorInsufficientDriver (...); install driver 580 or newer" in report.faults[0]


def test_a_gpu_that_the_library_was_not_built_for(monkeypatch):
    from spikescan import _abi

    report = doctor.Report()
    monkeypatch.setattr(doctor, "_has_nvidia_device", lambda: True)
    monkeypatch.setattr(_abi, "backend_built", lambda backend: backend == "cpu")
    doctor.check_cuda(report)
    assert "built without nvcc" in report.faults[0]
    report = doctor.Report()
    monkeypatch.setattr(_abi, "backend_built", lambda backend: True)
    monkeypatch.setattr(_abi, "device_count", lambda backend: 0)
    doctor.check_cuda(report)
    assert "install driver 580" in report.faults[0]
