"""spikescan-bench as its users meet it: refusals in a sentence, no progress line in a pipe, builds compared.
SPIKESCAN_BENCH_BUILD names a build folder; without one there is nothing to test here."""

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest
import record as records

BUILD = os.environ.get("SPIKESCAN_BENCH_BUILD")
pytestmark = pytest.mark.skipif(BUILD is None, reason="no build of spikescan-bench was named")
ONE_CASE = ("--shapes=1x64x32", "--filter=scan/forward/lif/heaviside/float32/bits32", "--min-time=0.001", "--backend=cpu")
NAME = "scan/forward/lif/heaviside/float32/bits32/1x64x32/cpu"


def run(*arguments, **options):
    command = [Path(BUILD) / "bench" / "spikescan-bench", *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=300, **{"stderr": subprocess.PIPE, **options})


def test_a_table_and_no_progress_in_a_pipe():
    done = run(*ONE_CASE)
    assert (done.returncode, done.stderr) == (0, "")
    head, row = done.stdout.splitlines()
    assert head.split()[0] == "case" and row.split()[0] == NAME


def test_progress_on_a_terminal():
    ours, theirs = pty.openpty()
    done = run(*ONE_CASE, stderr=theirs)
    os.close(theirs)
    shown = os.read(ours, 10000).decode()
    os.close(ours)
    assert done.returncode == 0 and f"[1/1] {NAME}" in shown and NAME in done.stdout


def test_json_becomes_a_row(tmp_path):
    out = tmp_path / "run.json"
    assert run("run", *ONE_CASE, "--no-copy", "--json", out).returncode == 0
    made = json.loads(out.read_text())
    row = records.row_of(made["benchmarks"][0], made["context"])
    assert (row["name"], row["series"]) == (NAME, "suite")
    assert row["p20_seconds"] <= row["median_seconds"] <= row["p80_seconds"] and row["samples"] >= 5
    # x, packed spikes, decays: the forward call's scratch on a CPU is none.
    assert row["peak_bytes"] >= 64 * 32 * 4 + 2 * 32 * 4 + 32 * 4


def test_the_budget_leaves_cases_out(tmp_path):
    out = tmp_path / "run.json"
    assert run("--shapes=1x64x32", "--recurrences=lif", "--seconds=1e-9", "--backend=cpu", "--json", out).returncode == 0
    made = json.loads(out.read_text())
    rows = [records.row_of(entry, made["context"]) for entry in made["benchmarks"]]
    assert len(rows) > 5 and sum(row["median_seconds"] is not None for row in rows) <= 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--shapes", "1x2"], "'1x2' is not BxTxC"),
        (["--filter", "("], "'(' is no regular expression"),
        (["--dtypes", "float64"], "float64"),
        (["--filter", "no such case"], "no case matches"),
        (["compare", "/dev/null", "/dev/null"], "'/dev/null' is no record"),
        (["compare", "nowhere.json", "nowhere.json"], "nowhere.json"),
    ],
)
def test_refusals_say_why(arguments, sentence):
    done = run(*arguments)
    assert done.returncode != 0 and sentence in done.stderr


@pytest.mark.skipif(os.path.exists("/dev/nvidiactl"), reason="this machine has a GPU")
def test_sweep_refuses_without_a_gpu():
    done = run("sweep")
    assert done.returncode == 2 and "launch plans are the GPU's" in done.stderr


def test_comparing_records(tmp_path):
    def write(name, seconds):
        path = tmp_path / name
        path.write_text(json.dumps({"rows": [{"name": "a", "median_seconds": seconds, "spread": 0.1, "samples": 9}]}))
        return path

    done = run("compare", write("a.json", 1.0), write("b.json", 0.5))
    assert done.returncode == 0 and "0.500  faster" in done.stdout
    assert "noise in 1" in run("compare", write("a.json", 1.0), write("b.json", 1.05)).stdout
    bad = tmp_path / "bad.json"
    bad.write_text("{")
    assert "holds no measurements" in run("compare", bad, bad).stderr


def test_comparing_a_build_with_its_own_library():
    """Two processes a round; of equal builds each case is in both."""
    library = Path(BUILD) / "libspikescan.so"
    done = run("compare", BUILD, library, "--rounds=2", *ONE_CASE[:3])
    assert done.returncode == 0, done.stderr
    assert "1 cases in both" in done.stdout and "only in A 0, only in B 0" in done.stdout
