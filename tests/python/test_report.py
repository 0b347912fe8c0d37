"""Reports and the figures that documents quote: every figure is its record's, and what was not measured says so."""

import csv
import json
import re
from pathlib import Path

import jsonschema
import pytest

pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
from report import change, fill, layers, lengths, load, memory, style  # noqa: E402
from report.figure import NOT_MEASURED  # noqa: E402
from report.write import all_figures, write  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
VALIDATOR = jsonschema.Draft202012Validator(json.loads((ROOT / "bench" / "record.schema.json").read_text()))
STEMS = ("time_vs_length", "share_of_copy", "peak_memory", "error", "roofline", "layer_ablation", "headline")


def row(name, pass_name="forward", median=1e-3, **fields):
    """A row as bench/run.py and bench/peers write it."""
    made = {
        "name": name, "pass": pass_name, "recurrence": "lif", "rule": "sigmoid_bernoulli", "dtype": "float32",
        "spikes": "float32" if pass_name == "forward" else None, "B": 64, "T": 1024, "C": 512, "backend": "cpu",
        "device": "Some Processor", "median_seconds": median, "spread": 0.1, "samples": 9, "bytes": 2.7e8,
        "share_of_copy": None, "peer": None,
    }  # fmt: skip
    if median is not None:
        made.update(p20_seconds=median * 0.95, p80_seconds=median * 1.05)
    return {**made, **fields}


def peer_row(slug, series, pass_name, median, layer="neuron", T=1000, B=1, C=64, **fields):
    name = f"peers/{series}/{pass_name}/{layer or 'network'}/lif/{B}x{T}x{C}/ours/{slug}/cpu"
    peer = None if slug.startswith("spikescan") else f"{slug} (1.0)"
    facts = {
        "series": series,
        "layer": layer,
        "layout": "ours",
        "T": T,
        "B": B,
        "C": C,
        "work": "a loop",
        "bytes": None,
    }
    return row(name, pass_name, median, peer=peer, **facts, **fields)


def made_record(folder):
    """One row at least for every figure."""
    rows = []
    for kind in ("forward", "backward"):
        name = f"scan/{kind}/lif/sigmoid_bernoulli/float32/-/64x1024x512/cpu"
        speeds = {"share_of_copy": 0.25, "copy_bytes_per_second": 5e10, "elements_per_second": 6e8}
        rows.append(row(name, kind, 0.05, series="suite", **speeds))
        rows.append(
            row(
                name.replace("64x1024x512", "1x1000x64"),
                kind,
                0.001,
                B=1,
                T=1000,
                C=64,
                series="time_vs_length",
                **speeds,
            )
        )
        rows.append(row(name.replace("64x", "8x"), kind, 0.01, B=8, series="share_vs_rows", **speeds))
    for T in (100, 1000, 10_000):
        for slug, speed in (("spikescan", 1e-6), ("torch-loop", 1e-4)):
            for kind in ("forward", "forward_backward"):
                rows.append(peer_row(slug, "time_vs_length", kind, T * speed, T=T, peak_bytes=T * 1024))
        for slug, kind, speed in (("spikescan.jax", "spsn", 1e-5), ("torch-loop", "lif", 1e-3)):
            rows.append(peer_row(slug, "headline", "train_step", T * speed, None, T, 16, 128, recurrence=kind))
    for slug, peak in (("spikescan", 2**20), ("torch-loop", 2**23)):
        rows.append(peer_row(slug, "suite", "forward_backward", 0.1, T=1024, B=64, C=512, peak_bytes=peak))
    for slug, layer in (("jax-linear", "linear"), ("spikescan.jax", "neuron"), ("spikescan.jax", "linear_neuron")):
        for kind in ("forward", "backward", "forward_backward"):
            made = peer_row(
                slug, "layer_ablation", kind, 0.02, layer, 500, 16, 512, compile_seconds=0.5, peak_bytes=2**20
            )
            rows.append({**made, "recurrence": None if layer == "linear" else "lif"})
    rows.append(row("error/lif/0.9/cpu", "forward", None, T=1000, series="error", decay=0.9, error_units=1.5))
    rows.append(
        row("limits/generator/cpu", "generator", 1e-3, elements_per_second=1e9, series="limits", recurrence=None)
    )
    made = {
        "schema": 1, "kind": "bench", "quick": True,
        "machine": {"name": "some-processor", "system": "Linux", "processor": "Some Processor", "cores": 2},
        "commit": "0" * 40, "dirty": False, "date": "2026-02-01T00:00:00Z", "versions": {},
        "devices": {"cpu": {"device": "Some Processor"}}, "rows": rows,
        "absent_peers": [{"peer": "mamba-ssm", "version": None, "reason": "it has no wheel"}],
    }  # fmt: skip
    path = folder / "record.json"
    path.write_text(json.dumps(made))
    return load.load(path)


@pytest.fixture
def record(tmp_path):
    return made_record(tmp_path)


@pytest.fixture(scope="module")
def whole_report(tmp_path_factory):
    """The path of a report of that record, which several tests read."""
    folder = tmp_path_factory.mktemp("report")
    return write(made_record(folder), folder / "report")


def test_the_record_of_these_tests_is_one(record):
    plain = {key: value for key, value in record.items() if key != "path"}
    assert [error.message for error in VALIDATOR.iter_errors(plain)] == []


# ---- Reports -------------------------------------------------------------------------------------------------------


def test_a_report_has_every_picture_with_its_data(whole_report):
    text, folder = whole_report.read_text(), whole_report.parent
    for stem in STEMS:
        stem = f"{stem}_cpu"
        for kind in ("png", "svg", "json", "csv"):
            assert (folder / f"{stem}.{kind}").stat().st_size > 60, (stem, kind)
        assert f"]({stem}.png)" in text and f"]({stem}.csv)" in text
        points = json.loads((folder / f"{stem}.json").read_text())
        with open(folder / f"{stem}.csv") as lines:
            assert len(list(csv.DictReader(lines))) == len(points) > 0
    assert "mamba selective scan (V alone): it has no wheel" in text
    assert "- PyTorch loop, torch-loop (1.0): a loop." in text
    assert "Change: not measured." in text and not (folder / "change.png").exists()


def test_every_link_of_a_report_leads_somewhere(whole_report):
    targets = re.findall(r"\]\(([^)]+)\)", whole_report.read_text())
    assert len(targets) > 20
    assert [target for target in targets if not (whole_report.parent / target).exists()] == []


def test_an_empty_record_measures_nothing(record, tmp_path):
    text = write({**record, "rows": [], "absent_peers": []}, tmp_path / "report").read_text()
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == ["README.md"]
    assert text.lower().count(NOT_MEASURED) >= len(STEMS)


def fields(value, name=""):
    """Every field there is, by its path; a list's items have one path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"{name}.{key}"
            yield from fields(inner, f"{name}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from fields(inner, f"{name}[]")


def test_records_without_the_newer_fields_make_reports(tmp_path, monkeypatch):
    """Of all records with the same fields the oldest and the newest: each report takes seconds, and what is drawn for
    one kind of file is what is drawn for the other."""
    monkeypatch.setattr("report.figure.KINDS", ("png",))
    alike = {}
    for path in sorted((ROOT / "bench" / "results").rglob("*.json")):
        alike.setdefault(frozenset(fields(load.load(path))), []).append(path)
    assert len(alike) > 1
    for path in {path for paths in alike.values() for path in (paths[0], paths[-1])}:
        assert "# Measurements on" in write(load.load(path), tmp_path / path.stem).read_text()


def test_a_row_without_a_figure_is_no_point(record):
    for entry in record["rows"]:
        if load.slug(entry) == "torch-loop":
            entry["median_seconds"] = None
    table = "\n".join(lengths.figure(record, "cpu").table)
    assert "PyTorch loop" not in table and "spikescan" in table


def test_gaps_read_not_measured(record):
    record["rows"] = [e for e in record["rows"] if not (load.slug(e) == "torch-loop" and e["T"] == 10_000)]
    table = lengths.figure(record, "cpu").table
    (line,) = {line for line in table if line.startswith("| PyTorch loop") and "10 ms" in line}
    assert line == f"| PyTorch loop | 10 ms | 100 ms | {NOT_MEASURED} |"


def test_tables_have_the_figures(record):
    assert "| PyTorch loop (lif) | 8 MiB | 8.00 |" in memory.figure(record, "cpu").table
    assert any(
        "spikescan in JAX: Linear + neuron | 20 ms | 20 ms | 20 ms | 500 ms | 1 MiB" in line
        for line in layers.figure(record, "cpu").table
    )
    headline = next(figure for figure in all_figures(record) if figure.stem == "headline_cpu")
    assert any(line.startswith("| LIF: PyTorch loop | 100 ms (100.0x)") for line in headline.table)


def test_peers_look_the_same_everywhere_and_apart():
    """No two peers share colour, marker and dashes."""
    looks = [tuple(style.line(slug).values()) for slug in style.PEERS]
    assert len(looks) == len(set(looks))
    from peers import registry

    assert {peer.slug for peer in (registry.OURS, *registry.PEERS)} <= set(style.PEERS)


def test_durations_and_sizes():
    assert [style.seconds(s) for s in (2.5, 0.0123, 4.5e-5, 3e-8)] == ["2.5 s", "12.3 ms", "45 µs", "30 ns"]
    assert [style.sized(b) for b in (100, 2048, 3 * 2**20, 2**30)] == ["100 B", "2 KiB", "3 MiB", "1 GiB"]


# ---- Change --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "now, before, verdict",
    [
        ((1.0, 0.1), (1.05, 0.1), "noise"),
        ((1.0, 0.1), (1.2, 0.1), "faster"),
        ((1.2, 0.1), (1.0, 0.1), "slower"),
        ((1.0, 0.5), (1.4, 0.5), "noise"),
        ((1.0, None), (9.0, 0.1), "unknown"),
    ],
)
def test_what_is_noise(now, before, verdict):
    rows = [{"median_seconds": median, "spread": spread} for median, spread in (now, before)]
    assert change.judge(*rows) == verdict


def test_change_is_drawn(record, tmp_path):
    record["rows"] = record["rows"][:2]  # the other figures are not the matter here
    previous = json.loads(json.dumps(record))
    previous["rows"][0]["median_seconds"] *= 2
    text = write(record, tmp_path / "report", previous).read_text()
    assert "1 are faster, 0 slower" in text and "-50% time" in text
    assert (tmp_path / "report" / "change.svg").exists()


def test_the_record_before(record, tmp_path):
    folder = tmp_path / "results" / "some-processor"
    folder.mkdir(parents=True)
    for day, quick in (("2026-01-01", False), ("2026-01-02", False), ("2026-01-03", True), ("2026-03-01", False)):
        made = {"kind": "bench", "quick": quick, "date": f"{day}T00:00:00Z", "machine": record["machine"], "rows": []}
        (folder / f"{day}.json").write_text(json.dumps(made))
    assert load.earlier(record, tmp_path / "results")["date"] == "2026-01-02T00:00:00Z"


# ---- Figures in documents ------------------------------------------------------------------------------------------

DOCUMENTS = [path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))]
# A duration, a rate, a size or a ratio, written with a figure.
MEASURED = re.compile(r"\b\d[\d.,]*\s?(?:ns|µs|us|ms|s|GB/s|KiB|MiB|GiB|x|times)\b")


def unmarked(text):
    """Prose without what a script filled in, without code and links."""
    for pattern in (fill.RECORD, fill.FIGURE, fill.TABLE):
        text = pattern.sub("", text)
    return re.sub(r"```.*?```|`[^`]*`|\]\([^)]*\)", "", text, flags=re.DOTALL)


def marked(document):
    return fill.RECORD.search(document.read_text()) is not None


def test_the_page_of_measurements_has_marks():
    text = (ROOT / "docs" / "benchmarks.md").read_text()
    assert fill.record_of(text) and len(fill.TABLE.findall(text)) >= 5


@pytest.mark.parametrize("document", [path for path in DOCUMENTS if marked(path)], ids=lambda path: path.name)
def test_documents_say_what_their_record_says(document):
    text = document.read_text()
    path = ROOT / fill.record_of(text)
    assert path.is_file(), f"{document.name} names a record that is not kept: {path}"
    assert fill.filled(text, load.load(path), document) == text, f"run bench/report/fill.py {document}"


def test_the_page_of_measurements_has_no_figure_of_its_own():
    assert MEASURED.findall(unmarked((ROOT / "docs" / "benchmarks.md").read_text())) == []
    assert MEASURED.findall(unmarked("It takes 12 ms, 4.5 GB/s. `3 ms` <!--figure time x=1-->7 ms<!--/figure-->")) == [
        "12 ms", "4.5 GB/s",
    ]  # fmt: skip


def test_a_quoted_figure_that_is_not_in_the_record_is_found(record, tmp_path):
    """The checker's own failing case."""
    document = tmp_path / "page.md"
    key = "time series=time_vs_length pass=forward slug=torch-loop T=1000"
    blank = f"<!--record {record['path']}--><!--/record--> <!--figure {key}-->?<!--/figure-->"
    blank += " <!--table peak_memory_cpu--><!--/table-->"
    text = fill.filled(blank, record, document)
    assert ">100 ms<!--/figure-->" in text and "| PyTorch loop (lif) | 8 MiB" in text
    assert fill.filled(text, record, document) == text
    for wrong in (text.replace("100 ms", "90 ms"), text.replace("8 MiB", "7 MiB")):
        assert fill.filled(wrong, record, document) != wrong


@pytest.mark.parametrize(
    "key, shown",
    [
        ("time slug=spikescan series=time_vs_length pass=forward T=10000", "10 ms"),
        ("time slug=spikescan series=time_vs_length pass=forward T=77", NOT_MEASURED),
        ("share slug=spikescan.c++ series=suite pass=backward", "25%"),
        ("peak slug=torch-loop series=suite", "8 MiB"),
        ("error series=error decay=0.9", "1.5"),
        ("time_ratio slug=torch-loop series=headline T=1000 / slug=spikescan.jax series=headline T=1000", "100"),
        ("peak_ratio slug=torch-loop series=suite / slug=spikescan series=suite pass=forward_backward", "8.0"),
    ],
)
def test_figures_by_their_marks(record, key, shown):
    assert fill.value(record, key) == shown


@pytest.mark.parametrize(
    "key, complaint",
    [
        ("speed slug=spikescan", "no kind of figure"),
        ("time slug", "no condition"),
        ("time colour=red", "no field colour"),
        ("time slug=torch-loop series=time_vs_length", "fits 6 rows"),
        ("time_ratio slug=spikescan", "wants two rows"),
    ],
)
def test_unclear_marks_are_refused(record, key, complaint):
    with pytest.raises(fill.Unclear, match=complaint):
        fill.value(record, key)
