"""What ``python -m spikescan doctor`` says: versions, backends, device, driver, frameworks, and the one thing to fix."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from spikescan import _abi

# The driver that CUDA 13's runtime needs, as the CUDA version that it reports and as NVIDIA names its releases.
NEEDED_CUDA, NEEDED_DRIVER = 13000, "580"
# (package, oldest version that works, what it is for)
FRAMEWORKS = (
    ("numpy", "1.24", "arrays"),
    ("jax", "0.5.0", "spikescan.jax"),
    ("jaxlib", "0.5.0", "spikescan.jax"),
    ("dm-haiku", "0", "spikescan.experimental"),
    ("flax", "0.12", "spikescan.nnx"),
    ("torch", "2.5", "spikescan.torch"),
    ("nir", "1.0", "spikescan.nir"),
    ("matplotlib", "3.5", "spikescan.plot"),
)


@dataclass
class Report:
    """Lines to print, and what is wrong, most important first."""

    lines: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def say(self, label: str, text: str) -> None:
        self.lines.append(f"{label:<12}{text}")


def _version_tuple(version: str) -> tuple[int, ...]:
    numbers = []
    for part in version.split("+")[0].split("."):
        digits = part[: next((i for i, c in enumerate(part) if not c.isdigit()), len(part))]
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)


def _installed(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cuda_name(number: int) -> str:
    return f"{number // 1000}.{number % 1000 // 10}"


def _driver_fault(driver: int, runtime: int) -> str | None:
    """The driver reports the newest CUDA that it serves; 0 means that there is none."""
    if driver == 0 or driver >= runtime or driver >= NEEDED_CUDA:
        return None
    return (
        f"the NVIDIA driver serves CUDA {_cuda_name(driver)}, the library needs CUDA {_cuda_name(runtime)}: install driver "
        f"{NEEDED_DRIVER} or newer"
    )


def check_library(report: Report) -> bool:
    """The library itself; False where it does not load, which ends the examination."""
    try:
        report.say("spikescan", f"{_abi.version()} ({_abi.LIBRARY})")
    except ImportError as error:
        report.faults.append(str(error))
        report.say("spikescan", "its library does not load")
        return False
    cpu = _abi.query_device("cpu")
    name = cpu.name.decode().strip()
    report.say("CPU", f"{name}, {cpu.processors} threads, {cpu.instruction_set.decode()} code path")
    return True


def check_xla(report: Report, installed: Callable[[str], str | None] = _installed) -> None:
    """The library of JAX's custom calls, where there is a JAX to make them."""
    if installed("jax") is None:
        return
    try:
        _abi.open_library("spikescan.jax's library", _abi.XLA_LIBRARY)
    except ImportError as error:
        report.faults.append(str(error))
        report.say("XLA", "the library of its custom calls does not load")
    else:
        report.say("XLA", "the library of its custom calls loads")


def check_cuda(report: Report) -> None:
    if not _abi.backend_built("cuda"):
        report.say("CUDA", "not built into this library")
        if _has_nvidia_device():
            report.faults.append(
                "this machine has an NVIDIA GPU, but the library was built without nvcc: install the CUDA Toolkit 13 and "
                "run `pip install --force-reinstall --no-cache-dir .`"
            )
        return
    try:
        _check_devices(report)
    except _abi.SpikescanError as error:
        report.say("CUDA", "built in; its runtime refuses a call")
        advice = f"; install driver {NEEDED_DRIVER} or newer" if "cudaErrorInsufficientDriver" in str(error) else ""
        report.faults.insert(0, f"CUDA does not work on this machine: {error}{advice}")


def _check_devices(report: Report) -> None:
    count = _abi.device_count("cuda")
    if count == 0:
        report.say("CUDA", "built in; no usable device")
        if _has_nvidia_device():
            report.faults.append(
                f"this machine has an NVIDIA GPU that the CUDA runtime cannot use: install driver {NEEDED_DRIVER} or newer"
            )
        return
    for device in range(count):
        info = _abi.query_device("cuda", device)
        memory = info.memory_bytes / 2**30
        report.say("CUDA", f"{device}: {info.name.decode()}, {info.instruction_set.decode()}, {memory:.0f} GiB")
        report.say(
            "driver", f"serves CUDA {_cuda_name(info.driver_version)}; runtime {_cuda_name(info.runtime_version)}"
        )
        fault = _driver_fault(info.driver_version, info.runtime_version)
        if fault:
            report.faults.append(fault)


def _has_nvidia_device() -> bool:
    return Path("/dev/nvidiactl").exists() or Path("/dev/dxg").exists()


def check_frameworks(report: Report, installed: Callable[[str], str | None] = _installed) -> None:
    for package, oldest, purpose in FRAMEWORKS:
        version = installed(package)
        if version is None:
            report.say(package, f"not installed ({purpose} needs it)")
            continue
        report.say(package, version)
        if _version_tuple(version) < _version_tuple(oldest):
            report.faults.append(f"{package} is {version}; {purpose} needs {oldest} or newer: pip install -U {package}")


def examine() -> Report:
    """Looks at everything; imports no framework, so a broken one cannot stop it."""
    report = Report()
    report.say("Python", f"{platform.python_version()} ({sys.executable}) on {platform.platform()}")
    if check_library(report):
        check_cuda(report)
        check_xla(report)
    check_frameworks(report)
    return report


def main() -> int:
    """Prints the report; 1 where something has to be fixed."""
    report = examine()
    print("\n".join(report.lines))
    print()
    if not report.faults:
        print("Nothing to fix.")
        return 0
    print(f"Fix this first: {report.faults[0]}")
    return 1
