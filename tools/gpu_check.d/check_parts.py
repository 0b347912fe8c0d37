"""The parts of the GPU check. Each takes the session and returns its figures, or raises NotRun or Failed."""

import json
import os
import re
import shutil
import sys
from pathlib import Path

import check_layers
import check_limits
import check_overhead
import check_peers
import check_python
import check_sanitizers
from check_session import Failed, NotRun, find_nvcc

SELECTION = ("-L", "gpu")  # of ctest: the tests that need a GPU
HASH_REPEATS = 3
BENCH_TAIL_SECONDS = 20  # a case begun at the last moment still ends
TEST_SECONDS, HASH_SECONDS, BUILD_SECONDS, BENCH_SECONDS = 150, 90, 240, 150


def system_has(config):
    folders = ("/usr/lib", "/usr/local/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu")
    return any((Path(folder) / "cmake" / config).is_dir() for folder in folders)


def has_package(settings, config):
    """GoogleTest ('GTest') or Google Benchmark ('benchmark'), from the bundle or the system."""
    return any((settings.bundle_dir / "usr").glob(f"lib/**/cmake/{config}")) or system_has(config)


def configure_command(settings):
    on = {True: "ON", False: "OFF"}
    prefixes = [settings.bundle_dir / "usr", settings.bundle_dir / "curand"]
    command = [
        "cmake",
        "-S",
        settings.root,
        "-B",
        settings.build_dir,
        *(["-G", "Ninja"] if shutil.which("ninja") else []),
        "-DCMAKE_BUILD_TYPE=Release",
        "-DSPIKESCAN_CUDA=ON",
        "-DSPIKESCAN_LANE_FLAGS=-O1",  # the CPU's speed is not measured here, and its passes take minutes at -O3
        f"-DCMAKE_CUDA_ARCHITECTURES={settings.architecture}",
        f"-DSPIKESCAN_TESTS={on[has_package(settings, 'GTest')]}",
        f"-DSPIKESCAN_BENCH={on[has_package(settings, 'benchmark')]}",
        "-DSPIKESCAN_EXAMPLES=OFF",
        f"-DPython3_EXECUTABLE={sys.executable}",
        "-DCMAKE_PREFIX_PATH=" + ";".join(str(prefix.resolve()) for prefix in prefixes if prefix.is_dir()),
    ]
    if find_nvcc():
        command.append(f"-DCMAKE_CUDA_COMPILER={find_nvcc()}")
    return command


def build_command(settings):
    """Goes on after an error: what can be built still serves the other parts."""
    keep_going = ["-k", "0"] if shutil.which("ninja") else ["-k"]
    return ["cmake", "--build", settings.build_dir, "--target", "gpu_check_programs", "--parallel",
            str(len(os.sched_getaffinity(0))), "--", *keep_going]


def ctest_command(settings):
    report = settings.build_dir / "gpu_tests.xml"
    return ["ctest", "--test-dir", settings.build_dir, *SELECTION, "--output-on-failure", "--timeout", "120",
            "--output-junit", report, "-j", "8"]


def recorded_hashes(settings):
    return settings.root / "tests" / "vectors" / "output_hashes.txt"


def cpu_hashes(settings):
    """What this machine's CPU makes."""
    return settings.build_dir / "cpu_hashes.txt"


def hash_command(settings, backend, *flags):
    return [settings.build_dir / "bench" / "hash_outputs", f"--backend={backend}", *flags]


def bench_command(settings, out, seconds=BENCH_SECONDS - BENCH_TAIL_SECONDS):
    # The peers' share: they need their frameworks to load, and compile.
    peers = ["--peers", f"{0.6 * seconds:.0f}"] if settings.peers else []
    seconds = 0.4 * seconds if settings.peers else seconds
    return [sys.executable, settings.root / "bench" / "run.py", "--build", settings.build_dir, "--backends", "cuda",
            "--seconds", str(seconds), "--min-time", "0.02", *peers, "--out", out]


def built(session, *path):
    program = session.settings.build_dir.joinpath(*path)
    if not program.is_file():
        raise NotRun(f"{Path(*path)} was not built")
    return program


def lines_with(done, pattern):
    return [line for line in done.output.splitlines() if re.search(pattern, line, re.IGNORECASE)]


def build(session):
    if find_nvcc() is None:
        raise NotRun("no nvcc on this machine")
    settings = session.settings
    configured = session.must(configure_command(settings), BUILD_SECONDS)
    made = session.command(build_command(settings), BUILD_SECONDS)
    if made.code != 0:
        reason = f"the build was stopped after {made.seconds:.0f} s" if made.timed_out else f"the build ended with {made.code}"
        raise Failed(reason, {"errors": lines_with(made, r"\berror\b|\bundefined reference\b")[:20], "output": made.tail()})
    warnings = lines_with(made, r"\bwarning\b")
    figures = {
        "configure_seconds": round(configured.seconds, 3),
        "build_seconds": round(made.seconds, 3),
        "architecture": settings.architecture,
        "googletest": has_package(settings, "GTest"),
        "google_benchmark": has_package(settings, "benchmark"),
        "warnings": warnings[:20],
    }
    if warnings:
        raise Failed(f"{len(warnings)} lines of warnings", figures)
    return figures


def tests(session):
    if not has_package(session.settings, "GTest"):
        raise NotRun("no GoogleTest here and no bundle (tools/gpu_check bundle makes one)")
    built(session, "CTestTestfile.cmake")
    done = session.command(ctest_command(session.settings), TEST_SECONDS)
    # Failures are not everywhere counted where there are none.
    counts = re.search(r"(\d+)% tests passed(?:, (\d+) tests? failed)? out of (\d+)", done.output)
    if done.timed_out:
        raise Failed(f"ctest was stopped after {done.seconds:.0f} s", {"output": done.tail()})
    if counts is None:
        if "No tests were found" not in done.output:
            raise Failed("ctest's last line was not understood", {"output": done.tail()})
        raise NotRun("no test is labelled gpu")
    skipped = len(re.findall(r"\*\*\*Skipped", done.output))  # ctest names them once more at the end
    figures = {"selection": " ".join(SELECTION), "run": int(counts[3]), "failed": int(counts[2] or 0), "skipped": skipped}
    if figures["failed"] or done.code != 0:
        raise Failed(f"{figures['failed']} of {figures['run']} tests failed", {**figures, "output": done.tail()})
    if figures["run"] == skipped:
        raise Failed("every test was skipped, on a machine with a GPU", figures)
    return figures


def hash_figures(session, backend, *flags):
    done = session.command(hash_command(session.settings, backend, *flags), HASH_SECONDS)
    counts = re.search(r"configurations=(\d+) differing=(\d+) unstable=(\d+) runs=(\d+)", done.output)
    if counts is None:
        reason = "was stopped at its time limit" if done.timed_out else f"ended with {done.code}"
        raise Failed(f"hash_outputs --backend={backend} {reason}", {"output": done.tail()})
    names = ("configurations", "differing", "unstable", "runs")
    figures = {name: int(counts[i + 1]) for i, name in enumerate(names)}
    if done.code != 0:
        figures["output"] = done.tail()
    return figures


def hashes(session):
    """This machine's CPU against the recorded bits; CUDA against this CPU, several times, beside a busy stream too."""
    built(session, "bench", "hash_outputs")
    made = session.must(hash_command(session.settings, "cpu"), HASH_SECONDS)
    cpu_hashes(session.settings).write_text(made.output)
    recorded, of_cpu = (f"--check={path(session.settings)}" for path in (recorded_hashes, cpu_hashes))
    repeats = f"--repeats={HASH_REPEATS}"
    figures = {"cuda": hash_figures(session, "cuda", of_cpu, repeats)}
    figures["cuda_beside_a_busy_stream"] = hash_figures(session, "cuda", of_cpu, repeats, "--busy")
    if recorded_hashes(session.settings).is_file():
        figures["cpu_as_recorded"] = hash_figures(session, "cpu", recorded)
    else:
        raise Failed("tests/vectors/output_hashes.txt is missing", figures)
    wrong = [name for name, counts in figures.items() if counts["differing"] or counts["unstable"]]
    if wrong:
        raise Failed(f"bits differ: {', '.join(wrong)}", figures)
    return figures


def bench(session):
    built(session, "bench", "spikescan-bench")
    out = session.settings.build_dir / "gpu_bench.json"
    out.unlink(missing_ok=True)
    whole = session.remaining() if session.settings.peers else min(BENCH_SECONDS, session.remaining())
    # A peer's case begun at the last moment may be long as well.
    seconds = whole - BENCH_TAIL_SECONDS * (3 if session.settings.peers else 1)
    if seconds <= 0:
        raise NotRun("the time budget was used up")
    session.must(bench_command(session.settings, out, seconds), whole)
    made = json.loads(out.read_text())
    session.rows += made["rows"]
    session.devices |= made["devices"]
    session.absent_peers = made.get("absent_peers")
    shares = [row["share_of_copy"] for row in made["rows"] if row["share_of_copy"] is not None]
    not_run = sum(row["median_seconds"] is None for row in made["rows"])
    return {"rows": len(made["rows"]), "rows_not_run": not_run, "best_share_of_copy": max(shares, default=None)}


PARTS = {
    "build": build,
    "tests": tests,
    "hashes": hashes,
    "sanitizers": check_sanitizers.sanitizers,
    "limits": check_limits.limits,
    "bench": bench,
    "python": check_python.python,
    "overhead": check_overhead.overhead,
    "layers": check_layers.layers,
    "peers": check_peers.peers,
}


def plan(settings):
    """The commands of the chosen parts, as text."""
    commands = {
        "build": [configure_command(settings), build_command(settings)],
        "tests": [ctest_command(settings)],
        "hashes": [
            hash_command(settings, "cpu", f"--check={recorded_hashes(settings)}"),
            hash_command(settings, "cuda", f"--check={cpu_hashes(settings)}", f"--repeats={HASH_REPEATS}"),
        ],
        "sanitizers": check_sanitizers.commands(settings),
        "limits": check_limits.commands(settings),
        "bench": [bench_command(settings, settings.build_dir / "gpu_bench.json")],
        "python": [check_python.command(settings)],
        "overhead": [check_overhead.command(settings)],
        "layers": [check_layers.command(settings)],
        "peers": check_peers.commands(settings),
    }
    return [f"{name}: {' '.join(map(str, command))}" for name in settings.parts for command in commands[name]]
