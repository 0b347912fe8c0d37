"""Faults planted in copies of the kernels' headers, each behind a switch, and what has to see each of them.

planted_faults.py --list                     name,test,expected for CMake, one fault a line
planted_faults.py KERNELS_DIR OUTPUT_DIR     writes the headers with all faults into OUTPUT_DIR/kernels/cuda
planted_faults.py --self-test KERNELS_DIR    every fault still finds its place in the kernels, and a lost one does not

The program built over those headers (kernel_race_test.cpp) has the one fault that SPIKESCAN_PLANTED names, or none.
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
    place: str  # stands exactly once in the header, with whatever blanks and line ends
    old: str  # stands exactly once in `place`: a statement, with its semicolon, or an expression
    new: str  # what is in its place
    test: str  # of kernel_race_test.cpp
    expected: str  # RACE, or what the run prints


def replaced(header, old, new, test, expected):
    """What stands nowhere else in the header."""
    return Fault(header, old, old, new, test, expected)


def missing_barrier(header, before, after, test, barrier="__syncthreads();"):
    """`before` and `after` stand on either side of the barrier, with its comment if it has one."""
    return Fault(header, f"{before} {barrier} {after}".strip(), barrier, "", test, RACE)


def missing_warp_barrier(header, comment, test):
    return missing_barrier(header, "", f"// {comment}", test, "__syncwarp();")


FAULTS = {
    # ---- Inside a block ----
    "chain_before_segments_end": missing_barrier(
        "tile_scan.h", "scan_segment(values);", "begin_phase();", "ForwardOverRows/lif"),
    "respond_before_chain_ends": missing_barrier(
        "tile_scan.h", "if (pass.ends_with(first_state)) return false;", "", "ForwardOverRows/lif"),
    "second_scan_starts_early": missing_barrier(
        "neuron_tile.h", "", "// the first scan's shared memory", "ForwardOverRows/psu_lif"),
    "half_word_read_early": missing_barrier("forward_tile.h", "= float_of(bits);", "", "ForwardOverChunks/lif"),
    "next_tile_starts_early": missing_barrier(
        "tile_queue.h", "", "// the tile before is done with the shared memory", "ForwardOverRows/lif"),
    "decision_read_early": missing_barrier(
        "tile_queue.h", "", "// the others read the first thread's decision", "ForwardOverChunks/lif"),
    "neighbours_state_read_early": missing_barrier(
        "backward_tile.h", "", "// a thread's first step looks at its neighbour's last", "BackwardOverRows/lif"),
    "next_batch_starts_early": missing_barrier(
        "backward_tile.h", "if (done_ > 0)", "", "BackwardWithoutDecaysOverRows/lif"),
    "sums_read_early": missing_barrier(
        "backward_tile.h", "sums.hand_over(shared_, place_);", "", "BackwardOverRows/lif"),
    "sums_halved_early": missing_barrier("decay_reduction.h", "", "if (lane < half)", "BackwardOverRows/lif"),
    "last_lane_not_in_the_mask": Fault(
        "look_back.h", "__ballot_sync(kAll, special)", "kAll", "0x7fffffffu", "ForwardOverChunks/lif",
        "simt: wrong mask.*cudaErrorLaunchFailure"),
    "other_lanes_not_waited_for": missing_warp_barrier(
        "look_back.h", "the leaders read what the other lanes fetched", "ForwardOverChunks/lif"),
    # ---- Inside a fine tile ----
    "fine_chain_before_segments_end": missing_barrier(
        "fine_scan.h", "join_segment();", "Map<N> to_segment;", "ForwardOverFineTiles/lif"),
    "fine_respond_before_chain_ends": missing_barrier(
        "fine_scan.h", "return false;", "if (!usually(threadIdx.x >= 32))", "ForwardOverFineTiles/lif"),
    "fine_turn_read_early": missing_barrier(
        "tile_queue.h", "reverse, index);", "if (turn.link < 0)", "ForwardOverFineTiles/lif"),
    "fine_memory_taken_over_early": missing_barrier(
        "tile_queue.h", "", "// before another one takes the memory", "ForwardOverFineTiles/lif"),
    "fine_sums_of_another_channel": Fault(
        "tile.h", "lane_of_warp() + behind * place.rows", "behind * place.rows", "behind",
        "BackwardOverFineTiles/lif", "elements differ"),
    # ---- Down rows ----
    "fetched_over_what_is_read": missing_warp_barrier(
        "row_ring.h", "every lane has read the oldest", "BackwardByRows/lif"),
    "slopes_over_x_of_other_lanes": missing_warp_barrier(
        "row_ring.h", "they are wider than what other lanes may still be reading", "BackwardByHalfRows/psu_lif"),
    "copies_of_other_lanes_not_waited_for": missing_warp_barrier(
        "row_ring.h", "the other lanes' copies", "ForwardByRows/lif"),
    "copies_waited_for_too_little": replaced(
        "row_ring.h", "await_copies<kPending>();", "await_copies<kPending + 1>();", "ForwardByRows/lif",
        "elements differ"),
    "times_made_early": missing_warp_barrier(
        "row_generator.h", "the times before are read, by lanes that may not have met since", "ForwardByRows/lif"),
    "shared_tables_read_early": missing_barrier(
        "backward_row.h", "", "// the other warps read them", "BackwardByRows/lif"),
    "short_piece_leaves_its_block": Fault(
        "row_lane.h", "segment < first_segment + kChunkSegments", "first_segment + kChunkSegments", "end_segment",
        "ForwardByPieces/lif", "simt: .*cudaErrorLaunchFailure"),
    "gradients_of_another_piece_asked_for": Fault(
        "backward_row.h", "segment < (kPieces ? lane_.first_segment : 0)", "lane_.first_segment", "0",
        "BackwardInPlaceByPieces/lif", RACE),
    # ---- From kernel to kernel ----
    "one_buffer_for_all_turns": replaced("chunk_chain.h", "++turn_;", "", "ForwardByPieces/lif", RACE),
    "runs_stay_apart": Fault(
        "chunk_chain.h", "moved = run_ > 0 && take(-columns_);", "run_ > 0 && take(-columns_)", "false",
        "ForwardByPieces/lif", "elements differ"),
    "chained_from_the_first_chunk": Fault(
        "phase.h", "reverse ? plan.chunks - 1 - link : link", "plan.chunks - 1 - link", "link", "BackwardByPieces/lif",
        "elements differ"),
    "short_chunk_taken_for_a_whole_one": Fault(
        "chunk_chain.h", "run_ == 0 && length != kChunkSteps ? power(map, length) : whole_chunk_", "power(map, length)",
        "whole_chunk_", "BackwardByPieces/lif", "elements differ"),
    # ---- Between blocks ----
    "published_with_a_plain_store": replaced(
        "look_back.h", "DeviceAtomic<Word>(word).store(value, cuda::std::memory_order_relaxed);", "word = value;",
        "ForwardOverChunks/lif", ATOMIC_RACE),
    "looked_at_with_a_plain_load": replaced(
        "look_back.h", "DeviceAtomic<Word>(word).load(cuda::std::memory_order_relaxed)", "word",
        "ForwardOverChunks/lif", ATOMIC_RACE),
    "nothing_published": replaced(
        "look_back.h", "put(*this->aggregate(n, tile_.link()), word_of(aggregate[n]));", "", "ForwardOverChunks/lif",
        HANG),
    "carry_replayed_twice": replaced(
        "look_back.h", "(end - i * 32 - (__ffs(static_cast<int>(lanes)) - 1)) * kCarrySpacing",
        "(end - i * 32 - (__ffs(static_cast<int>(lanes)) - 1)) * kCarrySpacing - 1", "ForwardOverChunks/lif",
        "elements differ"),
    "no_tickets": replaced(
        "tile_queue.h", "plan_.strategy == kTiles && plan_.chunks > 1", "plan_.chunks > plan_.tiles",
        "ForwardOverChunks/lif", HANG),
    "backward_starts_at_the_first_chunk": replaced(
        "tile_queue.h", "chunk_of_link(plan, turn.link, reverse)", "turn.link", "BackwardOverChunks/lif",
        "elements differ"),
    "replay_rounds_every_chunk": Fault(
        "look_back.h", "advance_chunk(whole_chunk, carry, aggregate, false)", "false", "true",
        "ForwardOverChunks/lif", "elements differ"),
}


# The switches, as the planted headers read them.
PLANTED_H = """// Written by planted_faults.py: the fault that this run has.
#pragma once

#include <cstdlib>
#include <string_view>

namespace planted {
inline const char* const name = std::getenv("SPIKESCAN_PLANTED");
inline bool is(std::string_view fault) {
  return name != nullptr && fault == name;
}
SWITCHES
inline const bool known = name == nullptr || (NAMES) || (std::abort(), false);
}  // namespace planted
"""


def with_both(name):
    """The old text and the new, behind the fault's switch."""
    old, new = FAULTS[name].old, FAULTS[name].new
    if not old.endswith(";"):
        return f"(planted::{name} ? {new} : {old})"
    return f"{{ if (planted::{name}) {{ {new} }} else {{ {old} }} }}"


def place_of(name, text):
    """Where the header's text has what the fault replaces: its first character and the one after its last."""
    fault = FAULTS[name]
    assert fault.place.count(fault.old) == 1
    before, after = fault.place.split(fault.old)
    parts = [r"\s*".join(map(re.escape, part.split())) for part in (before, fault.old, after)]
    found = list(re.finditer(r"{}\s*({})\s*{}".format(*parts), text))
    if len(found) != 1:
        raise ValueError(f"{name}: its place stands {len(found)} times in {fault.header}, not once")
    return found[0].span(1)


def plant(header, text):
    """The header's text with all of its faults."""
    places = sorted((*place_of(name, text), name) for name, fault in FAULTS.items() if fault.header == header)
    planted, done = ['#include "kernels/cuda/planted.h"\n'], 0
    for first, end, name in places:
        if first < done:
            raise ValueError(f"{name}: its place overlaps another fault's in {header}")
        planted += [text[done:first], with_both(name)]
        done = end
    return "".join(planted) + text[done:]


def plant_all(kernels, output):
    target = output / "kernels" / "cuda"
    target.mkdir(parents=True, exist_ok=True)
    for header in {fault.header for fault in FAULTS.values()}:
        (target / header).write_text(plant(header, (kernels / header).read_text()))
    switches = "\n".join(f'inline const bool {name} = is("{name}");' for name in FAULTS)
    names = " || ".join(FAULTS)
    (target / "planted.h").write_text(PLANTED_H.replace("SWITCHES", switches).replace("NAMES", names))


def self_test(kernels):
    wrong = []
    for header in sorted({fault.header for fault in FAULTS.values()}):
        try:
            plant(header, (kernels / header).read_text())
        except ValueError as error:
            wrong.append(str(error))
    barrier = missing_barrier("some.h", "scan();", "read();", "")
    for second, text in (
        (None, "scan(); read();"),  # its place is gone
        (None, "scan(); __syncthreads(); read(); scan();\n__syncthreads();\nread();"),  # stands twice
        (barrier, "scan(); __syncthreads(); read();"),  # is another's too
    ):
        FAULTS.update({"lost": barrier, **({"second": second} if second else {})})
        try:
            plant("some.h", text)
            wrong.append(f"a fault without a place of its own was planted in {text!r}")
        except ValueError:
            pass
    if wrong:
        sys.exit("\n".join(wrong))


def main(arguments):
    if arguments == ["--list"]:
        for name, fault in FAULTS.items():
            print(",".join([name, fault.test, fault.expected]))
    elif len(arguments) == 2 and arguments[0] == "--self-test":
        self_test(pathlib.Path(arguments[1]))
    else:
        kernels, output = map(pathlib.Path, arguments)
        plant_all(kernels, output)


if __name__ == "__main__":
    main(sys.argv[1:])
