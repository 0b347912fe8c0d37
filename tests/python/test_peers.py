"""The harness around other libraries: budgets, interleaving, environments, what a row says. Two workers run for real at
tiny shapes where their frameworks and a built package are at hand; SPIKESCAN_PACKAGE may name its folder."""

import dataclasses
import importlib.util
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import cheap_xla
import jsonschema
import pytest
from peers import cases, client, environments, gather, measure, registry
from report import load

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "bench" / "record.schema.json").read_text())
NEURONS = ROOT / "bench" / "peers" / "neurons"


def package_folder():
    """Where a built spikescan package lies, or None: as named, as importable, or the newest under build/."""
    if "SPIKESCAN_PACKAGE" in os.environ:
        return os.environ["SPIKESCAN_PACKAGE"]
    spec = importlib.util.find_spec("spikescan")
    if spec:
        return str(Path(spec.origin).parents[1])
    built = (ROOT / "build").glob("*/python/spikescan/libspikescan.so")
    newest = max(built, key=lambda path: path.stat().st_mtime, default=None)
    return newest and str(newest.parents[1])


# ---- Who and what --------------------------------------------------------------------------------------------------


def test_every_peer_is_whole():
    slugs = [peer.slug for peer in registry.PEERS]
    assert len(slugs) == len(set(slugs))
    for peer in (registry.OURS, *registry.PEERS):
        assert (NEURONS / f"{peer.module}.py").is_file(), peer
        assert peer.environment is None or (environments.LISTS / f"{peer.environment}.txt").is_file(), peer
        assert peer.layout in ("ours", "own") and set(peer.series) <= set(registry.ALL_SERIES)


def test_no_neuron_is_left_out():
    used = {peer.module for peer in (registry.OURS, *registry.PEERS)}
    assert used == {path.stem for path in NEURONS.glob("*.py")} - {"__init__"}


def test_the_peers_that_were_asked_for_are_there():
    wanted = {
        "jax-associative-scan", "jax-fft", "spyx-0.1", "spyx-1.0", "torch-loop", "torch-compile", "snntorch",
        "spikingjelly", "norse", "accelerated-scan", "mamba-ssm", "fla-hgrn",
    }  # fmt: skip
    assert wanted <= {peer.slug for peer in registry.PEERS}


@pytest.mark.parametrize("slug", ["brian", "spikescan"])
def test_an_unknown_peer_is_refused(slug):
    """Ours is no peer: it is measured beside each of them."""
    with pytest.raises(KeyError, match=f"no peer is called {slug}; there are spikescan.jax, "):
        gather.gather("package", only=["torch-loop", slug])


def test_requirements_are_pinned():
    for path in environments.LISTS.glob("*.txt"):
        for line in path.read_text().splitlines():
            assert line.startswith("#") or "==" in line, (path.name, line)
    assert environments.stack("snntorch") == ["snntorch", "torch"]
    assert environments.stack("spyx-1.0") == ["spyx-1.0"]


def test_cases_cover_the_shapes():
    found = cases.cases_of(registry.find("torch-loop"))
    lengths = [case.T for case in found if case.series == "time_vs_length" and case.pass_name == "forward"]
    assert lengths == [100, 1000, 10_000, 100_000, 1_000_000]
    assert {case.C for case in found if case.series == "layer_ablation"} == {512, 4096, 16384}
    assert {(case.B, case.T) for case in found if case.series == "layer_ablation"} == {(16, 500)}
    assert {case.T for case in found if case.series == "headline"} >= {100, 1000, 10_000}
    assert {case.layout for case in found if case.series == "suite"} == {"own", "own_with_transpose"}
    # Names tell rows apart: two equal ones would be one line in a record.
    names = [case.name("torch-loop", "cpu") for case in found]
    assert len(names) == len(set(names))
    assert {load.slug({"name": name}) for name in names} == {"torch-loop"}


def test_what_matters_and_is_cheap_comes_first():
    found = [(case.tier, case.effort) for case in cases.cases_of(registry.find("jax-associative-scan"))]
    assert found == sorted(found) and {tier for tier, _ in found} == {0, 1, 2, 3}


# ---- Measuring -----------------------------------------------------------------------------------------------------


def test_summary():
    figures = measure.summary([3.0, 1.0, 2.0, 4.0, 5.0])
    assert (figures["median_seconds"], figures["samples"]) == (3.0, 5)
    # Ranks 0.8 and 3.2 of 0..4, linear in between.
    assert figures["p20_seconds"] == pytest.approx(1.8) and figures["p80_seconds"] == pytest.approx(4.2)
    assert figures["spread"] == pytest.approx((4.6 - 1.4) / 3)
    few = measure.summary([1.0, 2.0])
    assert few["median_seconds"] == 1.5 and few["spread"] is few["p20_seconds"] is None
    assert measure.summary([])["median_seconds"] is None


@pytest.mark.parametrize("once, samples", [(1e-4, 15), (0.5, 3), (0.9, 3), (1.5, 1), (30.0, 1)])
def test_samples_fit_the_budget(once, samples):
    assert measure.samples_for(once, 1.0, 15) == samples


class FakeClient:
    def __init__(self, name, log):
        self.name, self.log = name, log

    def sample(self, repeats, _):
        self.log.append(self.name)
        return 0.001 * repeats


def test_peer_and_ours_alternate():
    log = []
    theirs, mine = measure.alternate(FakeClient("peer", log), 1.0, FakeClient("ours", log), 1.0, 4.0, settle=0)
    assert log == ["peer", "ours"] * 4 and len(theirs) == len(mine) == 4
    theirs, mine = measure.alternate(FakeClient("peer", log), 1.0, None, None, 4.0, settle=0)
    assert len(theirs) == 4 and mine == []


def length_case(T, layer="neuron"):
    return cases.Case("time_vs_length", "forward", layer, "lif", 1, T, 64)


def test_growth_predicts():
    growth = measure.Growth()
    assert growth.predict(length_case(1000)) is None
    growth.add(length_case(1000), 0.1)
    assert growth.predict(length_case(10_000)) == pytest.approx(1.0)
    growth.add(length_case(10_000), 10.0)  # quadratic
    assert growth.predict(length_case(100_000)) == pytest.approx(1000.0)
    assert growth.predict(length_case(100_000, "linear_neuron")) is None  # another kind


# ---- A run with peers that need no library ---------------------------------------------------------------------------

NEURON = """
import time
def version():
    return "1.2"
class Program:
    held_bytes, work = 4096, "counts to a thousand"
    def compile(self):
        return None
    enqueued = waits = 0
    def enqueue(self):
        Program.enqueued += 1
        sum(range(1000))
    def wait(self):
        Program.waits += 1
    def firing_rate(self):
        return 0.25
def build(case, device):
{body}
    return Program()
"""
BODIES = {
    "good": "    pass",
    "refusing": "    if case.pass_name != 'forward': raise NotImplementedError('it has no gradient')",
    "failing": "    raise ValueError('bad luck')",
    "dying": "    import os; os._exit(9)",
    "sleeping": "    time.sleep(60)",
    "counting": "    Program.work = f'{Program.enqueued} enqueued, {Program.waits} waits'",
    "slow": "    Program.enqueue = lambda self: time.sleep(0.004 * case.T)",
}


@pytest.fixture
def fake_peers(monkeypatch, tmp_path):
    """Peers whose neurons are the texts above, beside 'ours', which is a good one."""
    folder = tmp_path / "fakes"
    folder.mkdir()
    for name, body in BODIES.items():
        (folder / f"{name}.py").write_text(NEURON.replace("{body}", body))
    (folder / "broken.py").write_text("import no_such_library\n")
    # The workers find them in the package of neurons.
    (folder / "sitecustomize.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT / 'bench')!r})\n"
        f"import peers.neurons\npeers.neurons.__path__.append({str(folder)!r})\n"
    )
    names = (*BODIES, "broken")
    made = tuple(registry.Peer(name, name, name, series=("time_vs_length",)) for name in names)
    monkeypatch.setattr(registry, "PEERS", made)
    monkeypatch.setattr(registry, "OURS", registry.Peer("spikescan", "spikescan", "good", ours=True))
    return folder


def run_fakes(folder, names, device="cpu", series=None, **limits):
    limits = {"seconds": 60, "case_seconds": 0.5, "most_samples": 3, "prepare_seconds": 20, **limits}
    return gather.gather(
        folder, device, "some processor", gather.Limits(**limits), names, tiny=True, threads=1, series=series
    )


def counts_before_the_second_case(folder, device):
    """(runs, waits) of the first case: two when it is prepared, then one sample of many."""
    rows, _ = run_fakes(folder, ["counting"], device, case_seconds=0.0)
    _, second, *_ = [row["work"] for row in rows if row["peer"]]
    return [int(words.split()[0]) for words in second.split(", ")]


def test_a_gpus_runs_are_waited_for_together(fake_peers):
    runs, waits = counts_before_the_second_case(fake_peers, "cpu")
    assert waits == runs + 1
    runs, waits = counts_before_the_second_case(fake_peers, "cuda")
    assert waits == 3 and runs > 3


def test_on_a_gpu_every_process_starts_before_the_first_is_measured(fake_peers, monkeypatch):
    launched = []
    launch = client.Client.launch
    monkeypatch.setattr(client.Client, "launch", lambda self: launched.append(self.command[2]) or launch(self))
    monkeypatch.setattr(client.Client, "prepare", lambda self, case, seconds: {"unsupported": f"{len(launched)} started"})
    _, absent = run_fakes(fake_peers, ["slow", "good", "broken"], "cuda")
    assert launched == ["slow", "good", "broken", "good"]  # the last one is ours
    assert [one["peer"] for one in absent] == ["slow", "good", "broken"]
    assert absent[0]["reason"].startswith("4 started")


def test_series_that_are_not_wanted_are_left_out(fake_peers):
    assert run_fakes(fake_peers, ["good"], series=["layer_ablation"]) == ([], [])


def test_a_run_and_its_rows(fake_peers):
    rows, absent = run_fakes(fake_peers, ["good"])
    assert absent == []
    theirs = [row for row in rows if row["peer"]]
    ours = [row for row in rows if row["peer"] is None]
    # Two lengths, two passes, of either.
    assert len(theirs) == len(ours) == 4
    for row in rows:
        assert row["samples"] == 3 and 0 < row["p20_seconds"] <= row["median_seconds"] <= row["p80_seconds"]
        assert row["work"] == "counts to a thousand" and row["firing_rate"] == 0.25 and row["peak_bytes"] >= 4096
        assert row["compile_seconds"] is None and row["series"] == "time_vs_length"
    assert theirs[0]["peer"] == "good (1.2)"


def test_rows_fit_the_schema(fake_peers):
    fields = SCHEMA["$defs"]["row"]["properties"]
    if "series" not in fields:
        pytest.skip("the schema has no fields for peers yet")
    validator = jsonschema.Draft202012Validator({**SCHEMA["$defs"]["row"], "$defs": SCHEMA["$defs"]})
    rows, _ = run_fakes(fake_peers, ["good"])
    for row in rows:
        assert [error.message for error in validator.iter_errors(row)] == [], row["name"]
    assert list(validator.iter_errors({**rows[0], "series": "speed"})) != []


@pytest.mark.parametrize(
    "name, reason",
    [
        ("refusing", "it has no gradient: time_vs_length forward_backward neuron from 1x32x64 on"),
        ("failing", "ValueError: bad luck"),
        ("dying", "its process ended with 9"),
        ("broken", "ModuleNotFoundError: No module named 'no_such_library'"),
    ],
)
def test_failures_are_reasons(fake_peers, name, reason):
    rows, absent = run_fakes(fake_peers, [name])
    (entry,) = absent
    assert entry["peer"] == name and reason in entry["reason"]
    measured = {row["pass"] for row in rows if row["peer"]}
    assert measured == ({"forward"} if name == "refusing" else set())


def test_a_case_that_takes_too_long_is_ended(fake_peers):
    rows, (entry,) = run_fakes(fake_peers, ["sleeping"], prepare_seconds=0.5)
    assert rows == [] and "ended after" in entry["reason"]


def test_lengths_stop_where_the_limit_is(fake_peers):
    """T = 32 takes 0.13 s, so that T = 64 is not tried under a limit of 0.2 s."""
    rows, (entry,) = run_fakes(fake_peers, ["slow"], run_seconds=0.2)
    assert {row["T"] for row in rows if row["peer"]} == {32}
    assert "the limit is 0.2 s" in entry["reason"] and "from 1x64x64 on" in entry["reason"]


def test_the_budget_ends_a_run(fake_peers):
    rows, absent = run_fakes(fake_peers, ["good", "slow"], seconds=0.0)
    assert rows == [] and {entry["peer"] for entry in absent} == {"good", "slow"}
    assert all(gather.TIME_OVER in entry["reason"] for entry in absent)


def test_what_needs_a_gpu_says_so(monkeypatch, fake_peers):
    lonely = dataclasses.replace(registry.PEERS[0], needs_gpu="its kernels are CUDA's")
    monkeypatch.setattr(registry, "PEERS", (lonely,))
    rows, absent = run_fakes(fake_peers, None)
    assert rows == [] and absent == [{"peer": "good", "version": None, "reason": "its kernels are CUDA's"}]


def test_an_environment_that_cannot_be_made(monkeypatch, fake_peers, tmp_path):
    (tmp_path / "none.txt").write_text("no-such-package-of-this-name==1.0\n")
    monkeypatch.setattr(environments, "LISTS", tmp_path)
    monkeypatch.setattr(environments, "FOLDER", tmp_path / "made")
    failing = [sys.executable, "-c", "import sys; sys.exit('ERROR: No matching distribution found')"]
    real = subprocess.run
    monkeypatch.setattr(environments.subprocess, "run", lambda command, **options: real(failing, **options))
    monkeypatch.setattr(registry, "PEERS", (dataclasses.replace(registry.PEERS[0], environment="none"),))
    rows, (entry,) = run_fakes(fake_peers, None)
    assert rows == [] and entry["reason"] == "cannot be installed here: pip says: ERROR: No matching distribution found"
    assert not (tmp_path / "made" / "none" / "requirements.txt").exists()


def test_a_process_that_stops_answering_is_ended(fake_peers):
    talker = client.Client("good", "cpu", 1, environments.variables([], fake_peers, 1, "cpu"))
    try:
        talker.start()
        process = talker.process
        with pytest.raises(client.Stopped, match="ended after"):
            talker.ask({"do": "sample", "repeats": 10**9}, 0.3) if talker.prepare(length_case(32), 20) else None
        assert process.poll() is not None
    finally:
        talker.stop()


# ---- Real ones -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "slug, framework", [("spikescan.jax", "jax"), ("jax-associative-scan", "jax"), ("torch-loop", "torch")]
)
def test_real_peers(slug, framework):
    """Where the framework and a build of the package are at hand; nothing is installed."""
    package = package_folder()
    if package is None:
        pytest.skip("no built spikescan package")
    peer, folders = registry.find(slug), []
    ready = importlib.util.find_spec(framework)
    if not ready:
        folders = [environments.FOLDER / framework]
        if not (folders[0] / framework).is_dir():
            pytest.skip(f"{framework} is not installed")
    # No sample is looked at.
    variables = {**environments.variables(folders, package, 1, "cpu"), "XLA_FLAGS": cheap_xla.FLAGS}
    talker = client.Client(peer.module, "cpu", 1, variables)
    seen = set()
    try:
        for case in itertools.islice(cases.cases_of(peer, tiny=True), 8):
            answer = talker.prepare(case, 120)
            assert "unsupported" not in answer, answer
            seen.add(case.pass_name)
            if answer["firing_rate"] is not None:
                # Neurons that never or always fire would time another path than is used.
                assert 0.01 < answer["firing_rate"] < 0.99, (case, answer)
            assert talker.sample(1, 60) > 0
    finally:
        talker.stop()
    assert {"forward", "forward_backward"} <= seen
