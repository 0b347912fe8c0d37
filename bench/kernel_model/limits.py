"""What bounds a pass, and a prediction of its time from a record of older code.

An instruction-bound pass fills only a part of the issue slots, since its warps wait for each other's and their own
results. Which part, the record says of the code that it measured: its instructions, over its time. Today's pass is
taken to fill as many. A pass is never taken to be faster than memory let the fastest pass of its direction be.
"""

from typing import NamedTuple

CLOCK = 1.98e9  # an H200's
# Results a clock and multiprocessor, by compute capability 9.0's table in CUDA's programming guide; shared memory serves
# a warp a clock. The text's `control` and `memory` count as issued alone.
RATES = {"float": 128, "logic": 64, "multiply": 64, "double": 64, "special": 16, "shared": 32}
ISSUED = 128


class Limits(NamedTuple):
    """Seconds that a pass takes where nothing but this counted."""

    bytes: float
    issue: float
    pipes: dict  # of each kind of instruction

    def slowest_pipe(self):
        return max(self.pipes, key=self.pipes.get)


def limits(one, counts, elements, record, copy_bytes_per_second):
    processor_clocks = CLOCK * record.processors
    pipes = {kind: counts[kind] / rate for kind, rate in RATES.items()}
    wide_rate = record.machine["wide_multiplies_per_second"] / processor_clocks
    pipes["multiply"] += counts["wide"] / wide_rate  # the same unit makes both
    seconds = elements / processor_clocks
    return Limits(one.bytes_an_element() * elements / copy_bytes_per_second, counts["total"] / ISSUED * seconds,
                  {kind: clocks * seconds for kind, clocks in pipes.items()})


class Prediction(NamedTuple):
    filled: float  # part of the issue slots, in the record
    measured_share: float
    share: float


def prediction(now, then, measured, memory_share):
    """`now`, `then`: limits of today's code and of the record's. `memory_share`: the best of the direction's passes."""
    filled = then.issue / measured.seconds
    share = then.bytes / measured.seconds
    by_instructions = now.issue / filled
    return Prediction(filled, share, min(max(memory_share, share), now.bytes / by_instructions))
