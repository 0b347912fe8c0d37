"""Benchmark records: what run.py writes fits the schema, the schema refuses what it should, and every record in
bench/results/ is valid. SPIKESCAN_BENCH_BUILD names a build folder: the real programs then run too."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import record as records
import run as bench_run

ROOT = Path(__file__).resolve().parents[2]
FIXTURE = Path(__file__).parent / "fixtures" / "google_benchmark.json"
VALIDATOR = jsonschema.Draft202012Validator(json.loads((ROOT / "bench" / "record.schema.json").read_text()))
ROW_FIELDS = (
    "name pass recurrence rule dtype spikes B T C backend device median_seconds spread bytes share_of_copy peer".split()
)


@pytest.fixture
def made():
    source = json.loads(FIXTURE.read_text())
    rows = [records.row_of(entry, source["context"]) for entry in source["benchmarks"]]
    return bench_run.make_record(rows, records.devices_of(source["context"]), quick=True)


def complaints(record):
    return [error.message for error in VALIDATOR.iter_errors(record)]


def test_the_schema_itself_is_valid():
    jsonschema.Draft202012Validator.check_schema(VALIDATOR.schema)


def test_a_made_record_fits(made):
    assert complaints(made) == []
    json.dumps(made, allow_nan=False)


def test_rows_say_what_ran(made):
    forward, backward, copied = made["rows"][:3]
    assert forward["name"] == "scan/forward/lif/sigmoid_bernoulli/float32/bits32/1x1024x64/cpu"
    assert [forward[key] for key in ("pass", "recurrence", "rule", "dtype", "spikes", "B", "T", "C")] == [
        "forward", "lif", "sigmoid_bernoulli", "float32", "bits32", 1, 1024, 64,
    ]
    assert (forward["backend"], forward["device"], forward["bytes"]) == ("cpu", "Some Processor", 270336.0)
    # A firing rate of zero is a count, not a missing figure.
    assert forward["firing_rate"] == 0.0 and forward["peer"] is None
    assert (backward["pass"], backward["spikes"], backward["device"]) == ("backward", None, "Some GPU")
    assert backward["firing_rate"] is None
    assert copied["pass"] == "copy" and copied["recurrence"] is None and copied["share_of_copy"] is None
    assert copied["spread"] is None  # two samples have none
    assert set(made["devices"]) == {"cpu", "cuda"}


def test_rows_of_series_say_what_they_are_for(made):
    both, error, generator, late = made["rows"][3:]
    assert (both["series"], both["pass"], both["T"], both["peak_bytes"]) == ("time_vs_length", "forward_backward", 1000, 9e5)
    assert (both["p20_seconds"], both["p80_seconds"], both["layer"], both["layout"]) == (4e-5, 6e-5, "neuron", "ours")
    assert (error["series"], error["decay"], error["error_units"], error["median_seconds"]) == ("error", 0.999, 1.25, None)
    assert (generator["series"], generator["pass"], generator["elements_per_second"]) == ("limits", "generator", 2.5e9)
    assert (late["median_seconds"], late["spread"], late["p20_seconds"]) == (None, None, None)
    assert all(row["work"] for row in made["rows"])


@pytest.mark.parametrize("bad", [0, 0.0, -1.0, float("nan"), float("inf"), None, "fast"])
def test_what_is_no_measurement_becomes_null(bad):
    assert records.positive(bad) is None


def test_an_unknown_benchmark_is_refused():
    with pytest.raises(ValueError, match="not understood"):
        records.row_of({"name": "scan/forward/lif"}, {})


@pytest.mark.parametrize("field", ROW_FIELDS)
def test_each_row_field_is_required(made, field):
    del made["rows"][0][field]
    assert any(field in message for message in complaints(made))


# What a peer, a series or an error row adds, with a value that fits each field.
ADDED = {
    "p20_seconds": 1e-3, "p80_seconds": 2e-3, "peak_bytes": 1024, "compile_seconds": 0.5, "layer": "linear_neuron",
    "layout": "own_with_transpose", "series": "layer_ablation", "decay": 0.9, "error_units": 1.5, "work": "x @ W",
}  # fmt: skip


@pytest.mark.parametrize("name", ADDED)
def test_each_added_field_fits_measured_or_not(made, name):
    made["rows"][0][name] = ADDED[name]
    made["rows"][1][name] = None
    made["absent_peers"] = [{"peer": "norse", "version": None, "reason": "cannot be installed"}]
    assert complaints(made) == []


@pytest.mark.parametrize("name", ["forward_backward", "train_step", "generator"])
def test_each_added_pass_fits(made, name):
    made["rows"][0]["pass"] = name
    assert complaints(made) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record["rows"][0].update({"pass": "train"}),
        lambda record: record["rows"][0].update(p20_seconds=0),
        lambda record: record["rows"][0].update(p80_seconds=0),
        lambda record: record["rows"][0].update(peak_bytes=0),
        lambda record: record["rows"][0].update(compile_seconds=0.0),
        lambda record: record["rows"][0].update(layer="dense"),
        lambda record: record["rows"][0].update(layout="theirs"),
        lambda record: record["rows"][0].update(series="speed"),
        lambda record: record["rows"][0].update(decay=1.5),
        lambda record: record["rows"][0].update(error_units=-1.0),
        lambda record: record["rows"][0].update(work=""),
        lambda record: record["rows"][0].update(series="error", decay=0.5),  # and no error
        lambda record: record["rows"][0].update(series="error", decay=None, error_units=1.0),
        lambda record: record.update(absent_peers=[{"peer": "norse", "version": None, "reason": ""}]),
        lambda record: record.update(absent_peers=[{"peer": "norse", "reason": "no network"}]),
        lambda record: record.update(absent_peers=[{"peer": "", "version": None, "reason": "no network"}]),
        lambda record: record["rows"][0].update(median_seconds=0),
        lambda record: record["rows"][0].update(share_of_copy=0.0),
        lambda record: record["rows"][0].update(firing_rate=1.5),
        lambda record: record["rows"][0].update(recurrence="adlif"),
        lambda record: record["rows"][0].update(seconds=1.0),
        lambda record: record.update(commit="main"),
        lambda record: record.update(date="yesterday"),
        lambda record: record.update(rows=[]),
        lambda record: record.update(kind="gpu_check"),  # such a record has parts
        lambda record: record.update(
            kind="gpu_check",
            parts={"build": {"status": "not run", "reason": None, "seconds": None, "figures": {}}},
        ),
    ],
)
def test_the_schema_refuses(made, change):
    changed = copy.deepcopy(made)
    change(changed)
    assert complaints(changed) != []


def test_every_record_kept_is_valid():
    for path in sorted((ROOT / "bench" / "results").rglob("*.json")):
        record = json.loads(path.read_text())
        assert complaints(record) == [], path
        assert not record.get("quick"), f"{path}: a quick run's figures mean nothing"
        assert path.parent.name == record["machine"]["name"], path


def test_processors_of_one_name_are_told_apart(tmp_path):
    told = tmp_path / "cpuinfo"
    told.write_text("processor\t: 0\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: Some Processor\n\nmodel\t: 18\n")
    facts = records.cpuinfo(told)
    assert records.processor_name(facts) == "Some Processor"
    assert records.processor(facts) == "Some Processor, family 25, model 17"
    told.write_text("processor\t: 0\nCPU part\t: 0xd4f\n")
    assert records.processor(records.cpuinfo(told)) == records.processor_name({})
    assert records.cpuinfo(tmp_path / "absent") == {}


def fake_program(folder, exit_code=0):
    """A program that writes the fixture, as spikescan-bench does."""
    (folder / "bench").mkdir()
    program = folder / "bench" / "spikescan-bench"
    program.write_text(
        f"""#!{sys.executable}
import shutil, sys
for argument in sys.argv[1:]:
    if argument.startswith("--json="):
        shutil.copy({str(FIXTURE)!r}, argument.split("=", 1)[1])
        print("a table")
        print("a sentence of its own", file=sys.stderr)
        sys.exit({exit_code})
"""
    )
    program.chmod(0o755)


def run_bench(*arguments):
    return subprocess.run(
        [sys.executable, ROOT / "bench" / "run.py", *arguments], capture_output=True, text=True, timeout=300
    )


def test_run_writes_a_record_and_no_progress_into_a_pipe(tmp_path):
    fake_program(tmp_path)
    out = tmp_path / "deep" / "record.json"
    done = run_bench("--build", tmp_path, "--out", out)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "a table" in done.stdout and str(out) in done.stdout
    record = json.loads(out.read_text())
    assert complaints(record) == [] and len(record["rows"]) == 7
    assert [path.name for path in out.parent.iterdir()] == ["record.json"]


def test_run_fails_in_words(tmp_path):
    done = run_bench("--build", tmp_path, "--out", tmp_path / "record.json")
    assert done.returncode == 1 and "SPIKESCAN_BENCH=ON" in done.stderr
    fake_program(tmp_path, exit_code=3)
    done = run_bench("--build", tmp_path, "--out", tmp_path / "record.json")
    assert done.returncode == 1 and "ended with 3: a sentence of its own" in done.stderr
    assert not (tmp_path / "record.json").exists()


def test_an_error_that_was_not_measured_is_no_row():
    rows = [{"series": "error", "error_units": None}, {"series": "error", "error_units": 0.0}, {"series": "suite"}]
    assert bench_run.error_rows(rows) == rows[1:]


def test_peers_that_cannot_run_are_listed_with_the_reason(tmp_path, capsys):
    (tmp_path / "python" / "spikescan").mkdir(parents=True)  # empty: our own side of the comparison cannot be loaded
    rows, absent = bench_run.peers(tmp_path, "cpu", {}, seconds=5, quick=True)
    assert rows == [] and len(absent) > 5 and all(one["reason"] for one in absent)
    assert len({one["peer"] for one in absent}) == len(absent)
    assert "no peer was measured" in capsys.readouterr().err


def test_peers_want_the_package(tmp_path):
    fake_program(tmp_path)
    done = run_bench("--build", tmp_path, "--out", tmp_path / "record.json", "--peers", "1")
    assert done.returncode == 1 and "SPIKESCAN_PYTHON=ON" in done.stderr


@pytest.mark.skipif("SPIKESCAN_BENCH_BUILD" not in os.environ, reason="no build of the benchmark programs was named")
def test_the_real_programs(tmp_path):
    out = tmp_path / "record.json"
    done = run_bench("--build", os.environ["SPIKESCAN_BENCH_BUILD"], "--quick", "--backends", "cpu", "--out", out)
    assert done.returncode == 0, done.stderr
    record = json.loads(out.read_text())
    assert complaints(record) == []
    passes = {(row["pass"], row["recurrence"], row["spikes"]) for row in record["rows"]}
    assert {("forward", "lif", "bits32"), ("forward", "cuba_lif", "bfloat16"), ("backward", "lif", None)} <= passes
    assert {"copy", "generator"} <= {row["pass"] for row in record["rows"]}
    errors = [row for row in record["rows"] if row["series"] == "error"]
    # docs/model.md promises 8; a reference that followed the library's own rounding would show zeros.
    assert len(errors) == 5 and all(0 < row["error_units"] <= 8 for row in errors)
    for row in record["rows"]:
        if row["pass"] in ("generator",) or row["series"] == "error":
            continue
        assert row["median_seconds"] is not None and row["bytes"] is not None, row
        if row["pass"] == "forward":
            assert row["share_of_copy"] is not None
            # Inputs are chosen to fire on part of the steps: a rate at either end would time another path.
            assert 0.01 < row["firing_rate"] < 0.99, row
