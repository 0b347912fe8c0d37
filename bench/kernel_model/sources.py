"""Where the model's numbers come from: the compiler's tables, the plans, and a record of the machine with the counts of
the code that it measured."""

import json
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT / "bench/results/nvidia-h200/2026-11-27-cd063acba01a-gpu_check.json"
COUNTS_OF_RECORD = ROOT / "bench/results/nvidia-h200/2026-11-27-cd063acba01a-sass_counts.txt"
COUNTS = ROOT / "tests/stub/sass_counts.txt"
USAGE = ROOT / "tests/stub/resource_usage.txt"
RECURRENCES = ("lif", "spsn", "cuba_lif", "psu_lif")
DTYPES = ("float32", "float16", "bfloat16", "uint8", "bits32")


class Pass(NamedTuple):
    """A pass whose loop was counted. `spikes`: forward's, else ''."""

    direction: str
    recurrence: str
    dtype: str
    spikes: str = ""

    def bytes_an_element(self):
        """The fewest that it can move, without states and parameters."""
        wide = {"float32": 4, "float16": 2, "bfloat16": 2, "uint8": 1, "bits32": 1 / 8}
        return 3 * wide[self.dtype] if self.direction == "backward" else wide[self.dtype] + wide[self.spikes]


def counts(path):
    """{(kind of kernel, pass): {class of instruction: instructions an element}}"""
    lines = Path(path).read_text().splitlines()
    classes = lines[1].split(": ")[1].split()
    found = {}
    for line in lines[2:]:
        name, numbers = line.split(": ")
        kernel, *rest = name.split()
        direction, kind = kernel.split("_")
        found[kind, Pass(direction, *rest)] = dict(zip(classes, map(float, numbers.split())))
    return found


class Usage(NamedTuple):
    registers: int
    threads: int


def usage(path=USAGE):
    """{kernel's name as the compiler's table has it: its registers and most threads}"""
    found = {}
    for line in Path(path).read_text().splitlines():
        if not line.startswith("#"):
            name, registers, threads, *_ = line.rsplit(" ", 4)
            found[name] = Usage(int(registers), int(threads))
    return found


def kernel_name(kind, one):
    """The kernel that such a call runs, as the compiler's table has it."""
    recurrence = f"(spikescan_recurrence){RECURRENCES.index(one.recurrence)}"
    if kind == "tiles":
        return f"spikescan::{one.direction}_tiles_kernel<{recurrence},false>"
    if kind == "fine tiles":
        return f"spikescan::{one.direction}_fine_tiles_kernel<{recurrence}>"
    dtypes = ",".join(f"(spikescan_dtype){DTYPES.index(dtype)}" for dtype in (one.dtype, one.spikes) if dtype)
    if one.direction == "forward":
        return f"spikescan::forward_rows_kernel<{recurrence},false,spikescan::DrawnSpikes<{dtypes}>>"
    return f"spikescan::backward_rows_kernel<{recurrence},32,(spikescan::RowWork)0,spikescan::SpikesGradient<{dtypes}>>"


def plan(program, one, shape):
    """What host/plan.cpp decides for an H200: {name: value}. `program`: tests/host/plan_of.cpp's."""
    line = subprocess.run([program, one.direction, one.recurrence, one.dtype, "x".join(map(str, shape))], check=True,
                          text=True, stdout=subprocess.PIPE).stdout
    return dict(re.findall(r"(\w+)=(\S+)", line))


class Measured(NamedTuple):
    seconds: float
    copy_bytes_per_second: float


class Record:
    """The passes of a record at one shape, and what it says of the machine."""

    def __init__(self, path=RECORD):
        self.record = json.loads(Path(path).read_text())
        self.machine = self.record["parts"]["limits"]["figures"]["machine"]
        self.processors = int(self.record["devices"]["cuda"]["processors"])

    def measured(self, one, shape):
        """None where it has no such row."""
        for row in self.record["rows"]:
            if (row["series"] == "suite" and row["rule"] == "sigmoid_bernoulli" and row["pass"] == one.direction
                    and row["recurrence"] == one.recurrence and row["dtype"] == one.dtype
                    and (row["spikes"] or "") == one.spikes and (row["B"], row["T"], row["C"]) == shape):
                return Measured(row["median_seconds"], row["copy_bytes_per_second"])
        return None
