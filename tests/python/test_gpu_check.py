"""tools/gpu_check without a GPU: the record is written whatever happens, parts can be chosen, the budget holds."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import check_bundle
import check_frameworks
import check_layers
import check_limits
import check_overhead
import check_parts
import check_peers
import check_python
import check_sanitizers
import check_session
import jsonschema
import pytest
from check_session import Done, Failed, NotRun, Session, Settings

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "gpu_check"
VALIDATOR = jsonschema.Draft202012Validator(json.loads((ROOT / "bench" / "record.schema.json").read_text()))
GPU = {"name": "Fake GPU 9000", "driver": "1.2.3", "memory": "8 MiB"}


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def settings(tmp_path):
    return Settings(
        root=tmp_path,
        parts=["build", "tests", "hashes"],
        out=tmp_path / "record.json",
        minutes=1.0,
        architecture="90",
        build_dir=tmp_path / "build",
        bundle_dir=tmp_path / "bundle",
    )


def run(settings, parts, clock=time.monotonic):
    status = Session(settings, GPU, parts, clock).run()
    record = json.loads(settings.out.read_text())
    VALIDATOR.validate(record)
    return status, record


def refuse(error):
    def part(session):
        raise error

    return part


def test_passed_failed_broken_and_not_run_are_told_apart(settings):
    settings.parts = ["good", "bad", "broken", "absent"]
    parts = {
        "good": lambda session: {"answer": 42},
        "bad": refuse(Failed("bits differ", {"differing": 3})),
        "broken": refuse(ZeroDivisionError("oh")),
        "absent": refuse(NotRun("no nvcc on this machine")),
        "unchosen": refuse(AssertionError("must not be called")),
    }
    status, record = run(settings, parts)
    assert status == 1
    assert {name: entry["status"] for name, entry in record["parts"].items()} == {
        "good": "passed", "bad": "failed", "broken": "failed", "absent": "not run", "unchosen": "not run",
    }
    assert record["parts"]["good"]["figures"] == {"answer": 42}
    assert record["parts"]["bad"]["figures"] == {"differing": 3}
    assert "ZeroDivisionError" in record["parts"]["broken"]["reason"]
    assert record["parts"]["absent"]["reason"] == "no nvcc on this machine"
    assert record["parts"]["unchosen"]["reason"] == "not chosen"
    assert record["machine"]["name"] == "fake-gpu-9000" and record["devices"]["cuda"] == GPU


def test_parts_that_do_not_run_are_no_failure(settings):
    settings.parts = ["absent"]
    status, _ = run(settings, {"absent": refuse(NotRun("no GoogleTest here"))})
    assert status == 0


def test_what_does_not_fit_the_budget_is_not_run(settings):
    clock = Clock()

    def slow(session):
        clock.now += 58.0
        return {}

    settings.parts = ["first", "second"]
    _, record = run(settings, {"first": slow, "second": lambda session: {}}, clock)
    assert record["parts"]["first"]["status"] == "passed"
    assert record["parts"]["second"] == {
        "status": "not run", "reason": "the time budget was used up", "seconds": None, "figures": {},
    }


def test_a_command_ends_with_its_children_at_the_limit(settings):
    session = Session(settings, GPU, {})
    started = time.monotonic()
    # The grandchild holds the pipe open: killing only the shell would wait for it.
    done = session.command(["sh", "-c", "echo begun; sleep 600 & sleep 600"], 0.5)
    assert done.timed_out and "begun" in done.output
    assert time.monotonic() - started < 300
    with pytest.raises(Failed, match="sleep was stopped"):
        session.must(["sleep", "600"], 0.2)
    with pytest.raises(Failed, match="sh ended with 7"):
        session.must(["sh", "-c", "exit 7"], 60)
    with pytest.raises(NotRun, match="cannot be started"):
        session.command(["/no/such/program"], 60)


def test_a_command_gets_what_is_left_of_the_budget(settings, monkeypatch):
    clock = Clock()
    session = Session(settings, GPU, {}, clock)
    limits = []
    monkeypatch.setattr(check_session, "run_command", lambda command, seconds: limits.append(seconds) or Done(0, "", 0))
    clock.now += 50.0
    session.command(["true"], 30)
    assert limits == [60.0 - 50.0 - check_session.TIDY_SECONDS]
    clock.now += 6.0
    with pytest.raises(NotRun, match="budget"):
        session.command(["true"], 30)


def test_a_stop_from_outside_leaves_the_record(tmp_path):
    program = f"""
import sys
sys.path[:0] = [{str(ROOT / "bench")!r}, {str(ROOT / "tools" / "gpu_check.d")!r}]
import time
from pathlib import Path
from check_session import Session, Settings
def wait(session):
    print("waiting", flush=True)
    time.sleep(600)
settings = Settings(root=Path({str(tmp_path)!r}), parts=["done", "wait"], out=Path({str(tmp_path / "r.json")!r}), minutes=9,
                    architecture="90", build_dir=Path("b"), bundle_dir=Path("g"))
sys.exit(Session(settings, {GPU!r}, {{"done": lambda session: {{"n": 1}}, "wait": wait}}).run())
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    while "waiting" not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=120) == 1
    process.stdout.close()
    record = json.loads((tmp_path / "r.json").read_text())
    VALIDATOR.validate(record)
    assert record["parts"]["done"]["figures"] == {"n": 1}
    assert record["parts"]["wait"]["reason"] == "interrupted"


def tool(*arguments, path="/usr/bin:/bin"):
    environment = {**os.environ, "PATH": path}
    return subprocess.run([sys.executable, TOOL, *arguments], capture_output=True, text=True, env=environment, timeout=120)


@pytest.mark.skipif(check_session.find_gpu() is not None, reason="this machine has a GPU")
def test_without_a_gpu_it_says_so_and_writes_nothing(tmp_path):
    done = tool("--out", tmp_path / "record.json")
    assert done.returncode == 2 and "no usable NVIDIA GPU" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_with_a_gpu_every_part_is_in_the_record(tmp_path):
    """A stand-in nvidia-smi, and an empty build folder: nothing can run, and the record says why of each part."""
    fake = tmp_path / "nvidia-smi"
    fake.write_text("#!/bin/sh\necho 'Fake GPU 9000, 580.1, 81559 MiB'\n")
    fake.chmod(0o755)
    parts = "tests,hashes,sanitizers,bench"
    done = tool("--parts", parts, "--out", tmp_path / "r.json", "--build-dir", tmp_path / "none", "--bundle-dir",
                tmp_path / "none", "--commit", "0123abc", path=f"{tmp_path}:/usr/bin:/bin")
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "r.json").read_text())
    VALIDATOR.validate(record)
    assert set(record["parts"]) == set(check_parts.PARTS)
    assert {entry["status"] for entry in record["parts"].values()} == {"not run"}
    assert record["parts"]["hashes"]["reason"] == "bench/hash_outputs was not built"
    assert record["parts"]["build"]["reason"] == "not chosen"


def test_unknown_parts_and_budgets_are_refused():
    done = tool("--parts", "build,speed")
    assert done.returncode == 2 and "'speed' is no part; parts: build,tests,hashes" in done.stderr
    assert tool("--minutes", "0").returncode == 2


def test_a_dry_run_names_the_commands_of_the_chosen_parts(tmp_path):
    done = tool("--dry-run", "--parts", "hashes,bench", "--build-dir", tmp_path)
    assert done.returncode == 0
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["hashes", "hashes", "bench"]
    assert list(tmp_path.iterdir()) == []


def test_bench_alone_shares_the_time_with_the_peers(tmp_path):
    done = tool("--dry-run", "--bench", "--build-dir", tmp_path)
    assert done.returncode == 0
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["build", "build", "bench"]
    bench = done.stdout.splitlines()[-1]
    assert "--peers 78" in bench and "--seconds 52.0" in bench
    assert "--peers" not in tool("--dry-run", "--parts", "bench", "--build-dir", tmp_path).stdout


def test_the_bundle_holds_the_libraries_that_set_up_installs():
    """What a build needs of Debian, but for the demo's own, which the check does not build."""
    listed = re.search(r"apt_packages=\((.*?)\)", (ROOT / "tools" / "setup").read_text(), re.DOTALL)[1].split()
    libraries = {name for name in listed if name.startswith("lib")} - {"libsndfile1-dev"}
    assert "libhwy-dev" in libraries and libraries <= set(check_bundle.PACKAGES)


def test_the_build_is_of_what_the_check_runs_and_goes_on_after_an_error(settings):
    words = list(map(str, check_parts.build_command(settings)))
    assert words[words.index("--target") + 1] == "gpu_check_programs" and "-k" in words
    listed = re.search(r"foreach\(program (.*?)\)", (ROOT / "CMakeLists.txt").read_text())[1].split()
    assert {"hash_outputs", "graph_calls", "spikescan-bench", "ops_cuda", "cross_cuda", "spikescan_python"} <= set(listed)


def test_a_build_that_fails_names_its_errors(settings, monkeypatch):
    monkeypatch.setattr(check_parts, "find_nvcc", lambda: "nvcc")
    said = "a.cpp:6: fatal error: b.h: No such file\n" + "[9/9] Linking\n" * 1000
    with pytest.raises(Failed, match="the build ended with 1") as failure:
        check_parts.build(Answers(settings, Done(0, "", 1.0), Done(1, said, 60.0)))
    assert failure.value.figures["errors"] == ["a.cpp:6: fatal error: b.h: No such file"]
    with pytest.raises(Failed, match="the build was stopped after 240 s"):
        check_parts.build(Answers(settings, Done(0, "", 1.0), Done(None, said, 240.0)))
    with pytest.raises(Failed, match="1 lines of warnings"):
        check_parts.build(Answers(settings, Done(0, "", 1.0), Done(0, "a.cpp:1: warning: b", 60.0)))
    assert check_parts.build(Answers(settings, Done(0, "", 1.0), Done(0, "Linking", 60.0)))["warnings"] == []


class Answers:
    """A session whose commands give prepared answers."""

    def __init__(self, settings, *answers, seconds=500.0):
        self.settings, self.answers, self.asked, self.seconds = settings, list(answers), [], seconds
        self.rows, self.absent_peers, self.gpu = [], None, GPU

    def remaining(self):
        return self.seconds

    def command(self, command, seconds, **options):
        self.asked.append([str(word) for word in command])
        return self.answers.pop(0)

    must = command


PASSES, SKIPS, FAILS = "", '<skipped message="no CuPy"/>', '<failure message="bits"/>'
SKIPPED_FILE = """<skipped message="collection skipped">('a.py', 6, "Skipped: no JAX")</skipped>"""


def junit(*results):
    cases = "".join(f'<testcase name="test_{i}">{result}</testcase>' for i, result in enumerate(results))
    return f"<testsuites><testsuite>{cases}</testsuite></testsuites>"


class Pytest(Answers):
    """Writes the report that pytest was asked for."""

    def command(self, command, seconds, environment):
        self.environment = environment
        done, report = self.answers.pop(0)
        if report:
            check_python.report(self.settings).write_text(report)
        return done


def test_the_python_package_is_tested_where_it_was_built(settings):
    passed, failed = Done(0, "passed", 1.0), Done(1, "what differs", 1.0)
    with pytest.raises(NotRun, match="not built"):
        check_python.python(Pytest(settings))
    place(settings, "python", "spikescan", "libspikescan.so")
    session = Pytest(settings, (passed, junit(PASSES, SKIPS, PASSES, SKIPPED_FILE)))
    figures = check_python.python(session)
    assert (figures["run"], figures["failed"], figures["skipped"]) == (4, 0, 2)
    assert figures["reasons"] == {"no CuPy": 1, "no JAX": 1}
    settings.parts = ["python"]
    _, record = run(settings, {"python": lambda session: figures})
    record["parts"]["python"]["figures"]["failed"] = "none"
    assert not VALIDATOR.is_valid(record)
    assert session.environment["PYTHONPATH"] == str(settings.build_dir / "python")
    with pytest.raises(Failed, match="1 of 2 tests failed") as failure:
        check_python.python(Pytest(settings, (failed, junit(PASSES, FAILS))))
    assert failure.value.figures["failures"] == {"test_1": "bits"} and failure.value.figures["output"] == "what differs"
    with pytest.raises(Failed, match="every test was skipped"):
        check_python.python(Pytest(settings, (passed, junit(SKIPS, SKIPS))))
    with pytest.raises(NotRun, match="has no pytest"):
        check_python.python(Pytest(settings, (Done(1, "python3: No module named pytest", 1.0), None)))
    with pytest.raises(Failed, match="stopped after 200 s"):
        check_python.python(Pytest(settings, (Done(None, "half", 200.0), None)))
    with pytest.raises(Failed, match="pytest ended with 4"):
        check_python.python(Pytest(settings, (Done(4, "usage", 1.0), None)))


class Wrote(Answers):
    """Writes figures where it was told to."""

    def must(self, command, seconds, environment):
        done, figures = self.answers.pop(0)
        if figures:
            check_overhead.out(self.settings).write_text(json.dumps(figures))
        return done


def test_overhead_is_what_the_command_wrote(settings):
    with pytest.raises(NotRun, match="not built"):
        check_overhead.overhead(Wrote(settings))
    place(settings, "python", "spikescan", "libspikescan.so")
    done = Done(0, "left out: No module named 'jax'\n| call |", 1.0)
    figures = check_overhead.overhead(Wrote(settings, (done, {"microseconds": {"C ABI forward": 5.0}})))
    assert figures == {"microseconds": {"C ABI forward": 5.0}, "left_out": ["left out: No module named 'jax'"]}
    settings.parts = ["overhead"]
    _, record = run(settings, {"overhead": lambda session: figures})
    record["parts"]["overhead"]["figures"]["microseconds"]["C ABI forward"] = 0.0
    assert not VALIDATOR.is_valid(record)
    with pytest.raises(Failed, match="wrote no figures"):
        check_overhead.overhead(Wrote(settings, (done, None)))


class ByTool:
    """Commands of compute-sanitizer's tools, which run side by side; any other command gets `otherwise`."""

    def __init__(self, settings, otherwise, answers):
        self.settings, self.otherwise, self.answers = settings, otherwise, answers

    def command(self, command, seconds, **options):
        return self.answers[command[command.index("--tool") + 1]].pop(0) if "--tool" in command else self.otherwise

    must = command


def place(settings, *path):
    program = settings.build_dir.joinpath(*path)
    program.parent.mkdir(parents=True, exist_ok=True)
    program.touch()


def test_hashes_fail_on_one_differing_configuration(settings):
    place(settings, "bench", "hash_outputs")
    good = Done(0, "configurations=208 differing=0 unstable=0 runs=3", 1.0)
    bad = Done(1, "differs: 007/lif\nconfigurations=208 differing=1 unstable=0 runs=3", 1.0)
    crashed = Done(1, "spikescan_forward: SPIKESCAN_CUDA_ERROR", 1.0)
    made = Done(0, "000/lif spikes=0\n", 1.0)
    with pytest.raises(Failed, match="output_hashes.txt is missing"):
        check_parts.hashes(Answers(settings, made, good, good))
    check_parts.recorded_hashes(settings).parent.mkdir(parents=True)
    check_parts.recorded_hashes(settings).touch()
    assert check_parts.hashes(Answers(settings, made, good, good, good))["cuda"]["configurations"] == 208
    assert check_parts.cpu_hashes(settings).read_text() == made.output
    with pytest.raises(Failed, match="bits differ: cuda$"):
        check_parts.hashes(Answers(settings, made, bad, good, good))
    with pytest.raises(Failed, match="bits differ: cpu_as_recorded$"):
        check_parts.hashes(Answers(settings, made, good, good, bad))
    with pytest.raises(Failed, match="--backend=cuda ended with 1"):
        check_parts.hashes(Answers(settings, made, crashed))


def test_tests_must_really_run(settings):
    (settings.bundle_dir / "usr" / "lib" / "cmake" / "GTest").mkdir(parents=True)
    place(settings, "CTestTestfile.cmake")
    none = Done(0, "No tests were found!!!", 0.1)
    passed = Done(0, "100% tests passed, 0 tests failed out of 2", 0.1)
    failed = Done(8, "50% tests passed, 1 tests failed out of 2", 0.1)
    line, summary = "1/1 Test #1: a ...***Skipped 0.1 sec", "The following tests did not run:\n\t  1 - a (Skipped)"
    skipped = Done(0, f"{line}\n100% tests passed, 0 tests failed out of 1\n\n{summary}\n", 0.1)
    assert check_parts.tests(Answers(settings, passed))["run"] == 2
    assert check_parts.tests(Answers(settings, Done(0, "100% tests passed out of 2", 0.1)))["failed"] == 0
    with pytest.raises(Failed, match="not understood"):
        check_parts.tests(Answers(settings, Done(0, "All is well", 0.1)))
    with pytest.raises(NotRun, match="no test is labelled gpu"):
        check_parts.tests(Answers(settings, none))
    with pytest.raises(Failed, match="1 of 2"):
        check_parts.tests(Answers(settings, failed))
    with pytest.raises(Failed, match="skipped"):
        check_parts.tests(Answers(settings, skipped))


def test_a_sanitizer_has_to_see_its_planted_fault(settings, monkeypatch):
    monkeypatch.setattr(check_sanitizers, "find_sanitizer", lambda: "compute-sanitizer")
    place(settings, "bench", "hash_outputs")
    compiled, seen, clean = Done(0, "", 1.0), Done(check_sanitizers.FAULT_CODE, "1 error", 1.0), Done(0, "0 errors", 1.0)
    blind = Done(0, "Device not supported", 1.0)

    def answers(**of_tools):
        """Two commands a tool: its planted fault, then the library."""
        return ByTool(settings, compiled, {tool: of_tools.get(tool, [seen, clean]) for tool in check_sanitizers.TOOLS})

    figures = check_sanitizers.sanitizers(answers(racecheck=[blind]))
    assert figures["memcheck"]["status"] == "passed"
    assert figures["racecheck"]["status"] == "not run" and "Device not supported" in figures["racecheck"]["reason"]
    stopped = Done(None, "", 50.0)
    assert check_sanitizers.sanitizers(answers(initcheck=[seen, stopped]))["initcheck"]["reason"] == "stopped after 50 s"
    with pytest.raises(NotRun, match="no tool worked"):
        check_sanitizers.sanitizers(answers(**{tool: [blind] for tool in check_sanitizers.TOOLS}))
    with pytest.raises(Failed, match="reports from racecheck"):
        check_sanitizers.sanitizers(answers(racecheck=[seen, seen]))


def test_registers_are_read_from_cuobjdump():
    text = """Fatbin elf code:
 Function _Z5emptyv:
  REG:8 STACK:0 SHARED:0 LOCAL:0 CONSTANT[0]:896 TEXTURE:0 SURFACE:0 SAMPLER:0
 Function _Z4scanv:
  REG:64 STACK:16 SHARED:1024 LOCAL:0 CONSTANT[0]:1024 TEXTURE:0 SURFACE:0 SAMPLER:0
"""
    kernels = check_limits.kernel_resources(text)
    assert kernels["_Z4scanv"]["REG"] == 64 and kernels["_Z4scanv"]["STACK"] == 16
    assert set(kernels) == {"_Z5emptyv", "_Z4scanv"}


MACHINE_ANSWER = '{"empty_kernel_seconds": 2e-6, "empty_kernel_in_graph_seconds": 1e-6}'


def graph_answer(**nodes):
    """What graph_calls prints, of a shape whose calls are one kernel a pass unless `nodes` says otherwise."""
    passes = {}
    for name, kernels in {"forward": 1, "backward": 1, "forward_backward": 2}.items():
        passes[name] = {"kernels": kernels, "memsets": 0, "other_nodes": 0, "seconds": 4e-6, "rotated_seconds": 5e-6}
        passes[name] |= nodes.get(name, {})
    return Done(0, json.dumps({"B": 1, "T": 1024, "C": 64, "calls": 200, "samples": 31, **passes}) + "\n", 1.0)


def limits_of(settings, monkeypatch, *graph_answers):
    monkeypatch.setattr(check_limits, "find_nvcc", lambda: "nvcc")
    place(settings, "bench", "graph_calls")
    session = Answers(settings, Done(0, "", 1.0), Done(0, MACHINE_ANSWER, 1.0), *graph_answers)
    return check_limits.limits(session), session


def test_calls_in_graphs_stand_beside_empty_kernels(settings, monkeypatch):
    row = graph_answer(forward={"memsets": 1}, backward={"kernels": 2, "memsets": 1})
    figures, session = limits_of(settings, monkeypatch, graph_answer(), row)
    assert [command[-3:] for command in session.asked[-2:]] == [["1", "1024", "64"], ["1", "1000000", "1"]]
    tiny, one_row = figures["graph_calls"]
    assert tiny["forward"]["above_empty_kernels_seconds"] == pytest.approx(3e-6)
    assert tiny["forward_backward"]["above_empty_kernels_seconds"] == pytest.approx(2e-6)
    assert one_row["backward"]["above_empty_kernels_seconds"] == pytest.approx(2e-6)
    settings.parts = ["limits"]
    _, record = run(settings, {"limits": lambda session: figures})
    record["parts"]["limits"]["figures"]["graph_calls"][0]["forward"].pop("memsets")
    assert not VALIDATOR.is_valid(record)


@pytest.mark.parametrize("name", ["forward", "backward", "forward_backward"])
@pytest.mark.parametrize("kind", ["kernels", "memsets", "other_nodes"])
def test_a_tiny_call_of_more_than_one_node_fails_and_keeps_its_figures(settings, monkeypatch, name, kind):
    crowded = graph_answer(**{name: {kind: 3}})
    with pytest.raises(Failed, match=f"one graph node a pass: {name}$") as failure:
        limits_of(settings, monkeypatch, crowded, graph_answer())
    assert failure.value.figures["graph_calls"][0][name][kind] == 3


def test_limits_without_the_built_programs_say_so(settings, monkeypatch):
    monkeypatch.setattr(check_limits, "find_nvcc", lambda: "nvcc")
    figures = check_limits.limits(Answers(settings, Done(0, "", 1.0), Done(0, MACHINE_ANSWER, 1.0)))
    assert figures["graph_calls"] == "not run: bench/graph_calls was not built"
    settings.parts = ["limits"]
    run(settings, {"limits": lambda session: figures})


@pytest.mark.skipif(check_session.find_nvcc() is None, reason="no nvcc")
@pytest.mark.parametrize("part", [check_limits, check_peers])
def test_what_the_check_compiles_itself_compiles(settings, part):
    settings.root = ROOT
    settings.build_dir.mkdir()
    command = [*part.compile_command(settings, check_session.find_nvcc()), "-Werror", "all-warnings"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert part.program(settings).is_file()


CUB_ANSWER = (
    '{"median_seconds": 0.0005, "spread": 0.01, "samples": 31, "copy_bytes_per_second": 4e12, "device": "GPU",'
    ' "cub": "3.0.1"}'
)


def peer_session(settings, monkeypatch, *answers):
    monkeypatch.setattr(check_peers, "find_nvcc", lambda: "nvcc")
    return Answers(settings, Done(0, "", 1.0), *[Done(0, CUB_ANSWER, 1.0)] * len(check_peers.SHAPES), *answers)


def test_peers_rows_are_rows_of_a_record(settings, monkeypatch):
    session = peer_session(settings, monkeypatch)
    figures = check_peers.peers(session)
    assert figures["cub_rows"] == 3 and figures["python"].startswith("not run: bench/peers is not")
    schema = json.loads((ROOT / "bench" / "record.schema.json").read_text())["$defs"]["row"]
    for row in session.rows:
        assert set(schema["required"]) <= set(row) <= set(schema["properties"])
        assert row["peer"].startswith("CUB 3.0.1")
    assert session.rows[0]["share_of_copy"] == pytest.approx(8 * 256 * 1024 * 512 / 0.0005 / 4e12)


def with_python_peers(settings):
    (settings.root / "bench" / "peers").mkdir(parents=True)
    (settings.root / "bench" / "peers" / "__main__.py").touch()
    place(settings, "python", "spikescan", "libspikescan.so")


def test_python_peers_are_asked_where_they_are(settings, monkeypatch):
    with_python_peers(settings)
    session = peer_session(settings, monkeypatch, Done(1, "no JAX", 1.0))
    assert check_peers.peers(session)["python"] == "not run: bench/peers ended with 1: no JAX"
    assert "--device" in session.asked[-1] and "jax-associative-scan,torch-loop,torch-compile" in session.asked[-1]
    monkeypatch.setattr(check_peers, "find_nvcc", lambda: None)
    with pytest.raises(NotRun):
        check_peers.peers(session)


class Measured(Answers):
    """Writes what bench/peers would have."""

    made = {
        "rows": [{"name": "peers/layer_ablation/forward/neuron/lif/16x500x512/ours/spikescan.jax/cuda", "device": None}],
        "absent_peers": [{"peer": "spyx-0.1", "version": None, "reason": "No module named 'haiku'"}],
    }

    def command(self, command, seconds, **options):
        self.asked.append(list(map(str, command)))
        Path(self.asked[-1][-1]).write_text(json.dumps(self.made))
        return Done(0, "", 1.0)


def test_the_layers_are_rows_of_this_gpu_and_say_who_is_absent(settings):
    with pytest.raises(NotRun, match="bench/peers is not in this tree"):
        check_layers.layers(Measured(settings))
    with_python_peers(settings)
    session = Measured(settings)
    session.absent_peers = [{"peer": "norse", "version": None, "reason": "absent before"}]
    figures = check_layers.layers(session)
    assert figures == {"rows": 1, "peers": "spyx-0.1 not run: No module named 'haiku'"}
    assert [row["device"] for row in session.rows] == [GPU["name"]]
    assert [one["peer"] for one in session.absent_peers] == ["norse", "spyx-0.1"]
    (command,) = session.asked
    assert command[command.index("--series") + 1] == "layer_ablation"
    assert "spikescan.jax" in command[command.index("--only") + 1].split(",")
    session.made = {**Measured.made, "rows": []}
    with pytest.raises(NotRun, match="spyx-0.1 not run: No module named 'haiku'"):
        check_layers.layers(session)
    with pytest.raises(NotRun, match="budget"):
        check_layers.layers(Measured(settings, seconds=check_frameworks.START_SECONDS))


def test_the_layers_are_peers_that_there_are():
    from peers import registry

    for slug in (*check_layers.PEERS, *check_peers.PYTHON_PEERS):
        assert registry.find(slug)
