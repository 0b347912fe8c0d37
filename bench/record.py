"""Measurement records: what bench/run.py and tools/gpu_check write (bench/record.schema.json). Standard library only."""

import json
import math
import os
import platform
import re
import subprocess
import time
from pathlib import Path

SCHEMA = 1
FEWEST_SAMPLES_FOR_SPREAD = 3


def slug(text):
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "unknown"


def cpuinfo(path=Path("/proc/cpuinfo")):
    """What the system says of its first processor."""
    facts = {}
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return facts
    for line in lines:
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    return facts


def processor_name(facts=None):
    facts = cpuinfo() if facts is None else facts
    return facts.get("model name") or platform.processor() or platform.machine()


def processor(facts=None):
    """Its name, with family and model where they are told: virtual machines call processors of different years alike."""
    facts = cpuinfo() if facts is None else facts
    told = [f"{key.removeprefix('cpu ')} {facts[key]}" for key in ("cpu family", "model") if key in facts]
    return ", ".join([processor_name(facts), *told])


def machine(device=None):
    """`device` (a GPU's name) names the machine where there is one, else its processor and cores do."""
    cores = len(os.sched_getaffinity(0))
    name = device or f"{processor()} {cores} cores"
    return {
        "name": slug(name),
        "system": platform.platform(),
        "processor": processor(),
        "cores": cores,
    }


def commit_of(root):
    """(commit, dirty); (None, None) where there is no git, no repository or no commit."""

    def git(*arguments):
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=30)
        return done.stdout.strip() if done.returncode == 0 else None

    try:
        commit = git("rev-parse", "HEAD")
        if commit is None or not re.fullmatch(r"[0-9a-f]{40}", commit):
            return None, None
        status = git("status", "--porcelain")
        return commit, None if status is None else bool(status)
    except (OSError, subprocess.TimeoutExpired):
        return None, None


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def positive(value):
    """Absent figures are null: a zero, a NaN or an infinity is no measurement."""
    if not isinstance(value, (int, float)) or not math.isfinite(value) or value <= 0:
        return None
    return value


SERIES = (
    "time_vs_length", "constant_elements", "share_vs_rows", "share_vs_channels", "share_vs_steps",
    "steps_time_first", "few_rows", "with_membrane", "steep", "silent"
)  # fmt: skip
MEASURED = (
    "bytes", "share_of_copy", "copy_bytes_per_second", "elements_per_second", "peak_bytes", "p20_seconds", "p80_seconds"
)  # fmt: skip
OF_SERIES = {
    "with_membrane": "; V is written as well",
    "steps_time_first": "; the tensors are [T, B, C] in memory",
    "steep": "; k = 100",
    "silent": "; x is 0 but in 4 of 256 steps",
}
CALLS = {
    "forward": "one spikescan_forward",
    "backward": "one spikescan_backward: gradients of x and of the decays from x, the saved states and the gradient of the spikes",
    "forward_backward": "one spikescan_forward with its states saved, then one spikescan_backward",
}


def from_name(name):
    """The fields that the name of a case tells. Raises ValueError where it is none of ours."""
    parts = name.split("/")
    series = parts.pop(0) if parts[0] in SERIES else "suite"
    row = {key: None for key in ("recurrence", "rule", "dtype", "spikes", "B", "T", "C", "layer", "layout")}
    if parts[0] == "scan" and len(parts) == 8:
        _, row["pass"], row["recurrence"], row["rule"], row["dtype"], spikes, shape, row["backend"] = parts
        row |= {"spikes": None if spikes == "-" else spikes, "layer": "neuron", "layout": "ours", "work": CALLS[row["pass"]]}
        if row["pass"] != "backward" and "bernoulli" in row["rule"]:
            row["work"] += "; each spike is drawn from its own counter"
        row["work"] += OF_SERIES.get(series, "")
    elif parts[0] == "copy" and len(parts) == 4:
        row |= {"pass": "copy", "backend": parts[3], "work": f"a {parts[1]} copy of {parts[2]} by all threads"}
        return row | {"series": "limits"}
    elif parts[0] == "error" and len(parts) == 5:
        _, row["recurrence"], decay, shape, row["backend"] = parts
        row |= {"pass": "forward", "rule": "none", "dtype": "float32", "layer": "neuron", "layout": "ours"}
        row |= {"decay": float(decay), "work": "V of one spikescan_forward against a sequential long double scan"}
        series = "error"
    elif parts[:2] == ["limits", "generator"] and len(parts) == 4:
        row |= {"pass": "generator", "backend": parts[3], "work": f"{parts[2]} words alone, on all threads, in registers"}
        return row | {"series": "limits"}
    else:
        raise ValueError(f"benchmark name not understood: {name}")
    row["B"], row["T"], row["C"] = (int(size) for size in shape.split("x"))
    return row | {"series": series}


def number(value):
    return value if isinstance(value, (int, float)) and math.isfinite(value) else None


def row_of(benchmark, context):
    """One row from one entry of Google Benchmark's JSON. Raises ValueError where the name is none of ours."""
    name = benchmark["name"].split("/iterations:")[0].split("/min_time:")[0].removesuffix("/manual_time")
    row = from_name(name)
    samples = positive(benchmark.get("samples"))
    enough = samples is not None and samples >= FEWEST_SAMPLES_FOR_SPREAD
    figures = {key: positive(benchmark.get(key)) for key in MEASURED}
    if not enough:
        figures |= {"p20_seconds": None, "p80_seconds": None}
    return {
        "name": name,
        **row,
        "device": context.get(f"{row['backend']}_device") or None,
        "median_seconds": positive(benchmark.get("median_seconds")),
        "spread": number(benchmark.get("spread")) if enough else None,
        "samples": None if samples is None else int(samples),
        **figures,
        "firing_rate": number(benchmark.get("firing_rate")),
        **({"error_units": number(benchmark.get("error_units"))} if row["series"] == "error" else {}),
        "peer": None,
    }


def devices_of(context):
    devices = {}
    for key, value in context.items():
        backend, _, field = key.partition("_")
        if backend in ("cpu", "cuda") and field and isinstance(value, str):
            devices.setdefault(backend, {})[field] = value
    return devices


def tool_version(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    if done.returncode != 0 or not lines:
        return None
    release = [line for line in lines if "release" in line]
    return (release or lines)[0]


def versions():
    return {
        "python": platform.python_version(),
        "c++": tool_version(["c++", "--version"]),
        "cmake": tool_version(["cmake", "--version"]),
        "nvcc": tool_version(["nvcc", "--version"]) or tool_version(["/usr/local/cuda/bin/nvcc", "--version"]),
    }


def default_path(root, record):
    commit = (record["commit"] or "uncommitted")[:12]
    day = record["date"][:10]
    suffix = "-gpu_check" if record["kind"] == "gpu_check" else ""
    return Path(root) / "bench" / "results" / record["machine"]["name"] / f"{day}-{commit}{suffix}.json"


def write(path, record):
    """Whole or not at all: a reader never sees half a record."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(record, indent=1, allow_nan=False) + "\n")
    partial.replace(path)
