"""What this GPU allows: the floor of an empty kernel, launched and replayed from a graph, and the speed of reading;
small calls of the library in replayed graphs beside that floor; and what the library's kernels take: registers, stack and
shared memory."""

import json
import re

from check_session import Failed, NotRun, find_cuda_tool, find_nvcc

COMPILE_SECONDS, RUN_SECONDS = 60, 40
# The launch is most of the tiny call, which has to be one node a pass; one row is a chain from block to block.
TINY, ONE_ROW = (1, 1024, 64), (1, 1000000, 1)


def program(settings):
    return settings.build_dir / "machine_limits"


def compile_command(settings, compiler="nvcc"):
    source = settings.root / "tools" / "gpu_check.d" / "machine_limits.cu"
    return [compiler, "-O3", f"-arch=sm_{settings.architecture}", "-o", program(settings), source]


def library(settings):
    found = sorted(settings.build_dir.rglob("libspikescan.so*"))
    return found[-1] if found else None


def graph_program(settings):
    return settings.build_dir / "bench" / "graph_calls"


def graph_command(settings, shape):
    return [graph_program(settings), *map(str, shape)]


def resource_command(settings):
    return [find_cuda_tool("cuobjdump") or "cuobjdump", "--dump-resource-usage", library(settings) or "libspikescan.so"]


def commands(settings):
    graphs = [graph_command(settings, shape) for shape in (TINY, ONE_ROW)]
    return [compile_command(settings), [program(settings)], *graphs, resource_command(settings)]


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


def node_count(one_pass):
    return one_pass["kernels"] + one_pass["memsets"] + one_pass["other_nodes"]


def too_many_nodes(call):
    """The passes of a call that should be one graph node each, and are not."""
    allowed = {"forward": 1, "backward": 1, "forward_backward": 2}
    return [name for name, most in allowed.items() if node_count(call[name]) > most]


def graph_calls(session, empty_kernel):
    """What graph_calls measures, and the time of each pass beyond that of as many empty kernels in a graph."""
    calls = []
    for shape in (TINY, ONE_ROW):
        call = json.loads(session.must(graph_command(session.settings, shape), RUN_SECONDS).output)
        for name in ("forward", "backward", "forward_backward"):
            call[name]["above_empty_kernels_seconds"] = call[name]["seconds"] - call[name]["kernels"] * empty_kernel
        calls.append(call)
    return calls


def limits(session):
    compiler = find_nvcc()
    if compiler is None:
        raise NotRun("no nvcc on this machine")
    session.settings.build_dir.mkdir(parents=True, exist_ok=True)
    session.must(compile_command(session.settings, compiler), COMPILE_SECONDS)
    measured = session.must([program(session.settings)], RUN_SECONDS)
    figures = {"machine": json.loads(measured.output)}
    figures["graph_calls"] = "not run: bench/graph_calls was not built"
    if graph_program(session.settings).is_file():
        figures["graph_calls"] = graph_calls(session, figures["machine"]["empty_kernel_in_graph_seconds"])
        if crowded := too_many_nodes(figures["graph_calls"][0]):
            raise Failed(f"the tiny call is more than one graph node a pass: {', '.join(crowded)}", figures)
    figures["kernels"] = "not run: the library was not built"
    if library(session.settings) is not None:
        done = session.command(resource_command(session.settings), RUN_SECONDS)
        kernels = kernel_resources(done.output)
        if not kernels:
            raise Failed("cuobjdump names no kernel of the library", {**figures, "output": done.tail()})
        figures["kernels"] = kernels
    return figures
