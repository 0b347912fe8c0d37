"""Faults planted one at a time in copies of the kernels' headers, and what has to see each of them.

planted_faults.py --list                       name,unit,test,expected for CMake, one fault a line
planted_faults.py NAME KERNELS_DIR OUTPUT_DIR  writes the header with the fault into OUTPUT_DIR/kernels/cuda
planted_faults.py --self-test KERNELS_DIR      every fault still finds its place in the kernels, and a lost one does not
"""

import pathlib
import re
import sys
from typing import NamedTuple

RACE = "race"  # ThreadSanitizer reports it, at a line of the kernels
HANG = "simt: hang.*cudaErrorLaunchFailure"  # the harness's sentence, then the library's


class Fault(NamedTuple):
    header: str
    old: str  # stands exactly once in the header, with whatever blanks and line ends
    new: str
    unit: str  # the .cu that is compiled with it
    test: str  # of kernel_race_test.cpp
    expected: str  # RACE, or what the run prints


def missing_barrier(header, before, after, unit, test):
    """`before` and `after` stand on either side of the barrier, with its comment if it has one."""
    return Fault(header, f"{before} __syncthreads(); {after}", f"{before} \n{after}", unit, test, RACE)


FAULTS = {
    # ---- Inside a block ----
    "chain_before_segments_end": missing_barrier(
        "tile_scan.h", "", "if (threadIdx.x < 32) chain_segments(source, sink);", "forward", "ForwardOverRows/lif"),
    "respond_before_chain_ends": missing_barrier(
        "tile_scan.h", "", "respond_to_carry(output);", "forward", "ForwardOverRows/lif"),
    "second_scan_starts_early": missing_barrier(
        "neuron_tile.h", "", "// the first scan's shared memory", "forward", "ForwardOverRows/psu_lif"),
    "half_word_read_early": missing_barrier("forward_tile.h", "] = bits;", "", "forward", "ForwardOverChunks/lif"),
    "next_tile_starts_early": missing_barrier(
        "forward.h", "", "// the next tile takes the shared memory over", "forward", "ForwardOverRows/lif"),
    "ticket_read_early": missing_barrier("tile.h", "", "const auto index", "forward", "ForwardOverChunks/lif"),
    "neighbours_state_read_early": missing_barrier(
        "backward_tile.h", "", "// a segment's first step looks at its neighbour's last", "backward",
        "BackwardOverRows/lif"),
    "next_batch_starts_early": missing_barrier(
        "backward_tile.h", "", "// the next batch takes the shared memory over", "backward",
        "BackwardWithoutDecaysOverRows/lif"),
    "sums_read_early": missing_barrier("backward_tile.h", "] = sums[p]; }", "", "backward", "BackwardOverRows/lif"),
    "sums_halved_early": missing_barrier("backward.h", "", "if (lane < half)", "backward", "BackwardOverRows/lif"),
    "last_lane_not_in_the_mask": Fault(
        "look_back.h", "__ballot_sync(0xffffffffu,", "__ballot_sync(0x7fffffffu,", "forward", "ForwardOverChunks/lif",
        "simt: wrong mask.*cudaErrorLaunchFailure"),
    # ---- Between blocks ----
    "flag_without_release": Fault(
        "look_back.h", "memory_order_release", "memory_order_relaxed", "forward", "ForwardOverChunks/lif", RACE),
    "flag_without_acquire": Fault(
        "look_back.h", "memory_order_acquire", "memory_order_relaxed", "forward", "ForwardOverChunks/lif", RACE),
    "flag_before_the_other_channel": Fault(
        "look_back.h", "__syncwarp(); if (threadIdx.x == 0)", "if (threadIdx.x == 0)", "forward",
        "ForwardOverChunks/lif", RACE),
    "other_lanes_flags_not_waited_for": Fault(
        "look_back.h", "is read from here on. __syncwarp();", "is read from here on.", "forward",
        "ForwardOverChunks/lif", RACE),
    "no_tickets": Fault(
        "tile.h", "ticket_(plan.chunks > 1 ?", "ticket_(plan.chunks > plan.tiles ?", "forward",
        "ForwardOverChunks/lif", HANG),
    "backward_starts_at_the_first_chunk": Fault(
        "tile.h", "reverse_ ? plan_.chunks - 1 - turn : turn", "turn", "backward", "BackwardOverChunks/lif",
        HANG),
    "aggregate_taken_for_carry": Fault(
        "look_back.h", "await(mine) == kCarry", "await(mine) >= kAggregate", "forward",
        "ForwardOverChunks/lif", "elements differ"),
    "replay_rounds_every_chunk": Fault(
        "look_back.h", "Scan::leaves_split(chunk)", "true", "forward", "ForwardOverChunks/lif", "elements differ"),
}


def plant(name, kernels):
    """The header's text with the fault in it."""
    fault = FAULTS[name]
    text = (kernels / fault.header).read_text()
    pattern = r"\s+".join(re.escape(word) for word in fault.old.split())
    planted, count = re.subn(pattern, lambda match: fault.new, text)
    if count != 1:
        raise ValueError(f"{name}: its place stands {count} times in {fault.header}, not once")
    return planted


def self_test(kernels):
    lost = []
    for name in FAULTS:
        try:
            plant(name, kernels)
        except ValueError as error:
            lost.append(str(error))
    FAULTS["lost"] = Fault("tile.h", "what no header holds", "", "forward", "", RACE)
    try:
        plant("lost", kernels)
        lost.append("a fault without a place was planted all the same")
    except ValueError:
        pass
    if lost:
        sys.exit("\n".join(lost))


def main(arguments):
    if arguments == ["--list"]:
        for name, fault in FAULTS.items():
            print(",".join([name, fault.unit, fault.test, fault.expected]))
    elif len(arguments) == 2 and arguments[0] == "--self-test":
        self_test(pathlib.Path(arguments[1]))
    else:
        name, kernels, output = arguments
        target = pathlib.Path(output) / "kernels" / "cuda" / FAULTS[name].header
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(plant(name, pathlib.Path(kernels)))


if __name__ == "__main__":
    main(sys.argv[1:])
