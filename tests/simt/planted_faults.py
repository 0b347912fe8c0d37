"""Faults planted one at a time in copies of the kernels' headers, and what has to see each of them.

planted_faults.py --list                       name,unit,test,expected for CMake, one fault a line
planted_faults.py NAME KERNELS_DIR OUTPUT_DIR  writes the header with the fault into OUTPUT_DIR/kernels/cuda
planted_faults.py --self-test KERNELS_DIR      every fault still finds its place in the kernels, and a lost one does not
"""

import pathlib
import re
import sys
from typing import NamedTuple

RACE = "race"  # ThreadSanitizer reports it, at a line of the kernels or in a copy that one of them issued
ATOMIC_RACE = "SUMMARY: ThreadSanitizer: data race"  # whose later access may be inside the atomic's own header
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
        "tile_scan.h", "scan_segment(values);", "begin_phase();", "lif", "ForwardOverRows/lif"),
    "respond_before_chain_ends": missing_barrier(
        "tile_scan.h", "", "begin_phase(); respond_to_carry(scan, values, carries, emit);", "lif", "ForwardOverRows/lif"),
    "second_scan_starts_early": missing_barrier(
        "neuron_tile.h", "", "// the first scan's shared memory", "psu_lif", "ForwardOverRows/psu_lif"),
    "half_word_read_early": missing_barrier(
        "forward_tile.h", "= float_of(bits);", "", "lif", "ForwardOverChunks/lif"),
    "next_tile_starts_early": missing_barrier(
        "tile_queue.h", "", "// the tile before is done with the shared memory", "lif", "ForwardOverRows/lif"),
    "decision_read_early": missing_barrier(
        "tile_queue.h", "", "// the others read the first thread's decision", "lif", "ForwardOverChunks/lif"),
    "neighbours_state_read_early": missing_barrier(
        "backward_tile.h", "", "// a segment's first step looks at its neighbour's last", "lif",
        "BackwardOverRows/lif"),
    "next_batch_starts_early": Fault(
        "backward_tile.h", "if (in_group_ > 0) __syncthreads();", "", "lif",
        "BackwardWithoutDecaysOverRows/lif", RACE),
    "sums_read_early": missing_barrier("backward_tile.h", "= sums[p]; }", "", "lif", "BackwardOverRows/lif"),
    "sums_halved_early": missing_barrier(
        "decay_reduction.h", "", "if (lane < half)", "backward", "BackwardOverRows/lif"),
    "last_lane_not_in_the_mask": Fault(
        "look_back.h", "__ballot_sync(kAll, special)", "__ballot_sync(0x7fffffffu, special)", "lif",
        "ForwardOverChunks/lif", "simt: wrong mask.*cudaErrorLaunchFailure"),
    "other_lanes_not_waited_for": Fault(
        "look_back.h", "__syncwarp(); // the leaders read what the other lanes fetched", "", "lif",
        "ForwardOverChunks/lif", RACE),
    # ---- Down rows ----
    "fetched_over_what_is_read": Fault(
        "row_ring.h", "__syncwarp(); // every lane has read the oldest", "", "lif", "BackwardByRows/lif", RACE),
    "slopes_over_x_of_other_lanes": Fault(
        "row_ring.h", "__syncwarp(); // they are wider than what other lanes may still be reading", ";", "psu_lif",
        "BackwardByHalfRows/psu_lif", RACE),
    "copies_of_other_lanes_not_waited_for": Fault(
        "row_ring.h", "__syncwarp(); // the other lanes' copies", "", "lif", "ForwardByRows/lif", RACE),
    "copies_waited_for_too_little": Fault(
        "row_ring.h", "await_copies<kPending>();", "await_copies<kPending + 1>();", "lif", "ForwardByRows/lif",
        "elements differ"),
    "times_made_early": Fault(
        "row_generator.h", "__syncwarp(); // the times before are read, by lanes that may not have met since", "",
        "lif", "ForwardByRows/lif", RACE),
    "shared_tables_read_early": Fault(
        "backward_row.h", "if (kColumns < kRowThreads) __syncthreads(); // the other warps read them", "", "lif",
        "BackwardByRows/lif", RACE),
    "short_piece_leaves_its_block": Fault(
        "row_lane.h", "segment < first_segment + kChunkSegments", "segment < end_segment", "lif",
        "ForwardByPieces/lif", "simt: .*cudaErrorLaunchFailure"),
    # ---- From kernel to kernel ----
    "one_buffer_for_all_turns": Fault(
        "chunk_chain.h", "++turn_;", "", "chunk_chain", "ForwardByPieces/lif", RACE),
    "runs_stay_apart": Fault(
        "chunk_chain.h", "moved = run_ > 0 && take(-columns_);", "moved = false;", "chunk_chain",
        "ForwardByPieces/lif", "elements differ"),
    "chained_from_the_first_chunk": Fault(
        "phase.h", "reverse ? plan.chunks - 1 - link : link", "link", "chunk_chain", "BackwardByPieces/lif",
        "elements differ"),
    "short_chunk_taken_for_a_whole_one": Fault(
        "chunk_chain.h", "run_ == 0 && length != kChunkSteps ? power(map, length) : whole_chunk_", "whole_chunk_",
        "chunk_chain", "BackwardByPieces/lif", "elements differ"),
    # ---- Between blocks ----
    "published_with_a_plain_store": Fault(
        "look_back.h", "DeviceAtomic<Word>(word).store(value, cuda::std::memory_order_relaxed);", "word = value;",
        "lif", "ForwardOverChunks/lif", ATOMIC_RACE),
    "looked_at_with_a_plain_load": Fault(
        "look_back.h", "return DeviceAtomic<Word>(word).load(cuda::std::memory_order_relaxed);", "return word;",
        "lif", "ForwardOverChunks/lif", ATOMIC_RACE),
    "nothing_published": Fault(
        "look_back.h", "put(*this->aggregate(", "if (n > N) put(*this->aggregate(", "lif", "ForwardOverChunks/lif",
        HANG),
    "carry_replayed_twice": Fault(
        "look_back.h", "(__ffs(static_cast<int>(lanes)) - 1)) * kCarrySpacing",
        "(__ffs(static_cast<int>(lanes)) - 1)) * kCarrySpacing - 1", "lif", "ForwardOverChunks/lif",
        "elements differ"),
    "no_tickets": Fault(
        "tile_queue.h", "plan_.strategy == kTiles && plan_.chunks > 1", "plan_.chunks > plan_.tiles", "lif",
        "ForwardOverChunks/lif", HANG),
    "backward_starts_at_the_first_chunk": Fault(
        "tile_queue.h", "chunk_of_link(plan_, turn.link, reverse_)", "turn.link", "lif", "BackwardOverChunks/lif",
        "elements differ"),
    "replay_rounds_every_chunk": Fault(
        "look_back.h", "advance_chunk(whole_chunk, carry, aggregate, false)",
        "advance_chunk(whole_chunk, carry, aggregate, true)", "lif", "ForwardOverChunks/lif", "elements differ"),
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
    FAULTS["lost"] = Fault("tile.h", "what no header holds", "", "lif", "", RACE)
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
