"""What this GPU allows: the floor of an empty kernel, launched and replayed from a graph, and the speed of reading;
and what the library's kernels take: registers, stack and shared memory (RELIABILITY R16)."""

import json
import re

from check_session import Failed, NotRun, find_cuda_tool, find_nvcc

COMPILE_SECONDS, RUN_SECONDS = 60, 40


def program(settings):
    return settings.build_dir / "machine_limits"


def compile_command(settings, compiler="nvcc"):
    source = settings.root / "tools" / "gpu_check.d" / "machine_limits.cu"
    return [compiler, "-O3", f"-arch=sm_{settings.architecture}", "-o", program(settings), source]


def library(settings):
    found = sorted(settings.build_dir.rglob("libspikescan.so*"))
    return found[-1] if found else None


def resource_command(settings):
    return [find_cuda_tool("cuobjdump") or "cuobjdump", "--dump-resource-usage", library(settings) or "libspikescan.so"]


def commands(settings):
    return [compile_command(settings), [program(settings)], resource_command(settings)]


def kernel_resources(text):
    """{kernel: {'REG': 40, 'STACK': 0, ...}} from cuobjdump's text."""
    kernels = {}
    name = None
    for line in text.splitlines():
        function = re.match(r"\s*Function (.+):\s*$", line)
        if function:
            name = function[1]
        elif name and "REG:" in line:
            kernels[name] = {key: int(value) for key, value in re.findall(r"\b([A-Z]+(?:\[\d+\])?):(\d+)", line)}
            name = None
    return kernels


def limits(session):
    compiler = find_nvcc()
    if compiler is None:
        raise NotRun("no nvcc on this machine")
    session.settings.build_dir.mkdir(parents=True, exist_ok=True)
    session.must(compile_command(session.settings, compiler), COMPILE_SECONDS)
    measured = session.must([program(session.settings)], RUN_SECONDS)
    figures = {"machine": json.loads(measured.output)}
    figures["kernels"] = "not run: the library was not built"
    if library(session.settings) is not None:
        done = session.command(resource_command(session.settings), RUN_SECONDS)
        kernels = kernel_resources(done.output)
        if not kernels:
            raise Failed("cuobjdump names no kernel of the library", {**figures, "output": done.tail()})
        figures["kernels"] = kernels
    return figures
