"""compute-sanitizer's four tools over small cases. Each tool has to find a planted fault first: one that cannot is
'not run', whatever it says of the library."""

from concurrent.futures import ThreadPoolExecutor

from check_session import Failed, NotRun, find_cuda_tool, find_nvcc

TOOLS = ("memcheck", "racecheck", "initcheck", "synccheck")
FAULT_CODE = 86  # compute-sanitizer's exit status when it has something to report
PLANT_SECONDS, TOOL_SECONDS, COMPILE_SECONDS = 25, 50, 60
# Every recurrence and rule at T = 1 .. 33, and nothing large: racecheck slows a kernel some thousand times.
SMALL = ("--first=80", "--most_elements=1000")


def find_sanitizer():
    return find_cuda_tool("compute-sanitizer")


def planted_program(settings):
    return settings.build_dir / "planted_fault"


def compile_command(settings, compiler="nvcc"):
    source = settings.root / "tools" / "gpu_check.d" / "planted_fault.cu"
    return [compiler, f"-arch=sm_{settings.architecture}", "-lineinfo", "-o", planted_program(settings), source]


def sanitizer_command(tool, *program):
    return [find_sanitizer() or "compute-sanitizer", "--tool", tool, "--error-exitcode", str(FAULT_CODE), *program]


def library_command(settings, tool):
    program = settings.build_dir / "bench" / "hash_outputs"
    return sanitizer_command(tool, program, "--backend=cuda", *SMALL)


def commands(settings):
    return [compile_command(settings)] + [library_command(settings, tool) for tool in TOOLS]


def one_tool(session, tool):
    planted = session.command(sanitizer_command(tool, planted_program(session.settings), tool), PLANT_SECONDS)
    if planted.code != FAULT_CODE:
        return {"status": "not run", "reason": f"it did not see its planted fault: {planted.output.strip()[-300:]}"}
    done = session.command(library_command(session.settings, tool), TOOL_SECONDS)
    if done.timed_out:
        return {"status": "not run", "reason": f"stopped after {done.seconds:.0f} s"}
    if done.code != 0:
        return {"status": "failed", "reason": f"ended with {done.code}", "output": done.tail()}
    return {"status": "passed", "reason": None, "seconds": round(done.seconds, 3)}


def result_of(session, tool):
    try:
        return one_tool(session, tool)
    except NotRun as error:
        return {"status": "not run", "reason": str(error)}


def sanitizers(session):
    if find_sanitizer() is None:
        raise NotRun("no compute-sanitizer on this machine")
    if not (session.settings.build_dir / "bench" / "hash_outputs").is_file():
        raise NotRun("bench/hash_outputs was not built")
    session.must(compile_command(session.settings, find_nvcc() or "nvcc"), COMPILE_SECONDS)
    # Side by side: a tool's time goes into patching kernels on one core, and the GPU has next to nothing to do.
    with ThreadPoolExecutor(len(TOOLS)) as threads:
        figures = dict(zip(TOOLS, threads.map(lambda tool: result_of(session, tool), TOOLS)))
    failed = [tool for tool, result in figures.items() if result["status"] == "failed"]
    if failed:
        raise Failed(f"reports from {', '.join(failed)}", figures)
    if all(result["status"] == "not run" for result in figures.values()):
        raise NotRun(f"no tool worked; memcheck: {figures['memcheck']['reason']}")
    return figures
