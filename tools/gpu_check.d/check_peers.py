"""Peers on the same GPU in the same session, their rows beside ours in the record: CUB's DeviceScan::InclusiveScanByKey
with a recurrence operator (bench/peers/cub_scan.cu), and by bench/peers, where Python has them, Spyx's associative_scan
formulation in JAX, PyTorch step by step and torch.compile of it."""

import json

import check_frameworks
from check_session import NotRun, find_nvcc

COMPILE_SECONDS, CUB_SECONDS, PYTHON_SECONDS = 90, 20, 100
# Many rows, few rows and one row of docs/cuda.md's table.
SHAPES = ((256, 1024, 512), (1, 1000000, 64), (1, 1000000, 1))
PYTHON_PEERS = ("jax-associative-scan", "torch-loop", "torch-compile")
SERIES = ("suite", "time_vs_length")  # the layers are a part of their own


def program(settings):
    return settings.build_dir / "cub_scan"


def compile_command(settings, compiler="nvcc"):
    source = settings.root / "bench" / "peers" / "cub_scan.cu"
    return [compiler, "-O3", "-std=c++20", f"-arch=sm_{settings.architecture}", "-o", program(settings), source]


def cub_command(settings, shape):
    return [program(settings), *map(str, shape)]


def commands(settings):
    return [compile_command(settings), *(cub_command(settings, shape) for shape in SHAPES),
            check_frameworks.command(settings, settings.build_dir / "peers.json", PYTHON_PEERS, PYTHON_SECONDS,
                                     SERIES)]


def cub_row(shape, measured):
    """A row of bench/record.schema.json. CUB makes V alone: 4 bytes read and 4 written an element."""
    batch, time, channels = shape
    elements = batch * time * channels
    seconds = measured["median_seconds"]
    return {
        "name": f"peer/cub/forward/lif/{batch}x{time}x{channels}/cuda",
        "pass": "forward",
        "recurrence": "lif",
        "rule": None,
        "dtype": "float32",
        "spikes": None,
        "B": batch,
        "T": time,
        "C": channels,
        "backend": "cuda",
        "device": measured["device"],
        "median_seconds": seconds,
        "spread": measured["spread"],
        "samples": measured["samples"],
        "bytes": 8 * elements,
        "copy_bytes_per_second": measured["copy_bytes_per_second"],
        "share_of_copy": 8 * elements / seconds / measured["copy_bytes_per_second"],
        "elements_per_second": elements / seconds,
        "firing_rate": None,
        "peer": f"CUB {measured['cub']} DeviceScan::InclusiveScanByKey, V alone",
    }


def peers(session):
    compiler = find_nvcc()
    if compiler is None:
        raise NotRun("no nvcc on this machine")
    session.settings.build_dir.mkdir(parents=True, exist_ok=True)
    session.must(compile_command(session.settings, compiler), COMPILE_SECONDS)
    for shape in SHAPES:
        done = session.must(cub_command(session.settings, shape), CUB_SECONDS)
        session.rows.append(cub_row(shape, json.loads(done.output)))
    try:
        rows, sentence = check_frameworks.measure(session, "peers", PYTHON_PEERS, PYTHON_SECONDS, SERIES)
    except NotRun as reason:
        rows, sentence = 0, f"not run: {reason}"
    return {"cub_rows": len(SHAPES), "python_rows": rows, "python": sentence}
