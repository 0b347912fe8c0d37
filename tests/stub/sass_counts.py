#!/usr/bin/env python3
"""Instructions an element of the kernels' loops, from the machine code of sass_paths.cu for sm_90.

sass_counts.py NVDISASM CUBIN            prints the table
sass_counts.py --write TABLE NVDISASM CUBIN
sass_counts.py --self-test               a made-up listing is counted right, a listing without a loop is refused

Counted is the text of a kernel's loop over tiles or segments, divided by the 16 elements of a thread's segment, of fine
tiles by the 4 of a quarter. Down a row segments come in groups of four, which backward enters segment by segment and
then goes back through: the text of the loops over segments is divided by 16 and that of the group around them by 64.
sass_paths.cu takes for granted what nearly every warp finds at nearly every segment (`usually` in
kernels/cuda/device.h), so that what only partial segments, draws too close to their probability, a tile's first warp,
the generator's times (made at every eighth segment), a carry into a chunk or a warp whose rows are of several batches
run is left out, and the tests for it are counted. What comes once a chunk is counted as if it came at each segment or group. nvdisasm comes
with the wheel nvidia-cuda-nvdisasm; the cubin is made by
  nvcc -cubin -arch=sm_90 -std=c++20 -O3 --expt-relaxed-constexpr --fmad=false --ftz=false --prec-div=true
    --prec-sqrt=true -I. -Iinclude -I(cuRAND's headers) tests/stub/sass_paths.cu
"""

import pathlib
import re
import subprocess
import sys

ELEMENTS = 16  # of a segment
FINE_ELEMENTS = 4  # of a quarter
SEGMENTS = 4  # of a group
RECURRENCES = ("lif", "spsn", "cuba_lif", "psu_lif")
DTYPES = ("float32", "float16", "bfloat16", "uint8", "bits32")
# The classes follow the throughputs of CUDA's programming guide for compute capability 9.0, in results a clock and
# multiprocessor: float 128; logic (integer, comparison, selection, conversion) and multiply 64; double 64; special 16.
# wide, a product of 64 bits, is in no such table: an H200 gave 24 (docs/cuda.md).
CLASSES = ("memory", "shared", "float", "special", "double", "wide", "multiply", "logic", "control")
# The loop whose text is counted: over tiles; over a row's groups of segments, in those over blocks of rows and,
# backward, batches. And the loops over segments inside it.
DEPTHS = {"forward_tiles": (0, 0), "backward_tiles": (0, 0), "forward_fine": (0, 0), "backward_fine": (0, 0),
          "forward_rows": (1, 1), "backward_rows": (2, 2)}
CONTROL = ("BRA", "BSSY", "BSYNC", "BAR", "EXIT", "WARPSYNC", "BPT", "CALL", "RET", "YIELD", "DEPBAR")
INSTRUCTION = re.compile(r"^\s*/\*([0-9a-f]{4,})\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9_.]*)\s*(.*)$")


def class_of(opcode):
    head = opcode.split(".")[0]
    if head in ("LDG", "STG", "LD", "ST", "CCTL", "ATOMG", "RED", "LDL", "STL"):
        return "memory"
    if head in ("LDS", "STS"):
        return "shared"
    if head in ("MUFU", "F2F", "F2I", "I2F", "FRND"):
        return "special"
    if head in ("DFMA", "DMUL", "DADD", "DSETP"):
        return "double"
    if head == "IMAD":
        return "wide" if ".WIDE" in opcode else "multiply"
    if head in ("FADD", "FMUL", "FFMA", "HFMA2"):
        return "float"
    return "control" if head in CONTROL else "logic"


def loops(lines):
    """(first, last) places of every backward branch and its target among a kernel's instructions."""
    labels, found, count = {}, [], 0
    for line in lines:
        label = re.match(r"^(\.L_x_\d+):", line)
        if label:
            labels[label[1]] = count
        instruction = INSTRUCTION.match(line)
        if instruction:
            target = re.search(r"`\((\.L_x_\d+)\)", instruction[3])
            if instruction[2].startswith("BRA") and target and target[1] in labels and labels[target[1]] < count:
                found.append((labels[target[1]], count))
            count += 1
    return found


def size(loop):
    return loop[1] - loop[0]


def inner_loop(found, depth):
    """The largest loop, or the largest inside that, and so on."""
    loop = max(found, key=size)
    for _ in range(depth):
        loop = max(inside(found, loop), key=size, default=None)
        if loop is None:
            raise ValueError("no loop so far inside")
    return loop


def inside(found, loop):
    return [one for one in found if one != loop and loop[0] <= one[0] and one[1] <= loop[1]]


def largest_apart(found, many):
    """The largest loops that have nothing in common."""
    chosen = []
    for one in sorted(found, key=size, reverse=True):
        if len(chosen) < many and all(one[1] < other[0] or other[1] < one[0] for other in chosen):
            chosen.append(one)
    return chosen


def count_loop(lines, depth=0, segment_loops=0, elements=ELEMENTS):
    """{class: instructions an element}"""
    opcodes = [match[2] for match in map(INSTRUCTION.match, lines) if match]
    found = loops(lines)
    if not found:
        raise ValueError("no loop")
    first, last = inner_loop(found, depth)
    by_segment = largest_apart(inside(found, (first, last)), segment_loops)
    if len(by_segment) < segment_loops:
        raise ValueError("too few loops over segments")
    counts = dict.fromkeys(CLASSES, 0.0)
    for place in range(first, last + 1):
        if opcodes[place] == "NOP":
            continue
        once_a_group = segment_loops > 0 and not any(low <= place <= high for low, high in by_segment)
        counts[class_of(opcodes[place])] += 1 / elements / (SEGMENTS if once_a_group else 1)
    return counts


def kernels(listing):
    """{mangled name: lines}"""
    out, name = {}, None
    for line in listing.splitlines():
        section = re.match(r"^\.text\.(\S+):", line)
        if section:
            name = section[1]
            out[name] = []
        elif name and not line.lstrip().startswith(".section"):
            out[name].append(line)
        elif line.lstrip().startswith(".section"):
            name = None
    return out


def readable(name):
    kind = re.search("|".join(DEPTHS), name)[0]
    recurrence = re.search(r"spikescan_recurrence(\d)", name)
    numbers = [int(n) for n in re.search(r"spikescan_dtype(\d)E(?:LS\d*_(\d))?", name).groups() if n]
    return " ".join([kind, RECURRENCES[int(recurrence[1])], *(DTYPES[number] for number in numbers)])


def table(listing):
    head = [
        "# Instructions an element of the kernels' loops: nvcc 13.0 for sm_90, sass_counts.py --write.",
        "# kernel recurrence x [spikes]: " + " ".join(CLASSES) + " total",
    ]
    rows = []
    for name, lines in kernels(listing).items():
        if "reduce_" in name:  # not an element's work
            continue
        kind = readable(name).split()[0]
        counts = count_loop(lines, *DEPTHS[kind], FINE_ELEMENTS if kind.endswith("fine") else ELEMENTS)
        numbers = [counts[name] for name in CLASSES]
        rows.append(f"{readable(name)}: " + " ".join(f"{number:.1f}" for number in [*numbers, sum(numbers)]))
    return "\n".join(head + sorted(rows)) + "\n"


def self_test():
    listing = """
.text._ZN9spikescan12forward_rowsIL20spikescan_recurrence2EL15spikescan_dtype0ELS2_4EEEv:
        /*0000*/                   MOV R1, c[0x0][0x28] ;
.L_x_1:
        /*0010*/                   FFMA R1, R2, R3, R4 ;
        /*0020*/              @!P0 LDG.E R5, desc[UR4][R2.64] ;
        /*0030*/                   DFMA R6, R8, R10, R12 ;
        /*0040*/               @P1 BRA `(.L_x_1) ;
        /*0050*/                   EXIT ;
"""
    nested = """
.L_x_1:
        /*0000*/                   DFMA R6, R8, R10, R12 ;
.L_x_2:
        /*0010*/                   FFMA R1, R2, R3, R4 ;
        /*0020*/               @P1 BRA `(.L_x_2) ;
.L_x_3:
        /*0030*/                   LDS R1, [R2] ;
        /*0040*/               @P1 BRA `(.L_x_3) ;
        /*0050*/               @P1 BRA `(.L_x_1) ;
"""
    lines = kernels(listing)
    name = next(iter(lines))
    assert readable(name) == "forward_rows cuba_lif float32 bits32", readable(name)
    counts = count_loop(lines[name])
    wanted = {"float": 1, "memory": 1, "double": 1, "control": 1}
    assert counts == {**dict.fromkeys(CLASSES, 0.0), **{one: n / ELEMENTS for one, n in wanted.items()}}, counts
    counts = count_loop(nested.splitlines(), 0, 2)
    wanted = {"float": 1, "shared": 1, "control": 2 + 1 / SEGMENTS, "double": 1 / SEGMENTS}
    assert counts == {**dict.fromkeys(CLASSES, 0.0), **{one: n / ELEMENTS for one, n in wanted.items()}}, counts
    try:
        count_loop(["        /*0000*/                   EXIT ;"])
    except ValueError:
        return
    sys.exit("a listing without a loop was counted")


def main(arguments):
    if arguments == ["--self-test"]:
        self_test()
        return
    out = None
    if arguments[0] == "--write":
        out, arguments = pathlib.Path(arguments[1]), arguments[2:]
    listing = subprocess.run([arguments[0], "-c", arguments[1]], text=True, check=True, stdout=subprocess.PIPE).stdout
    if out:
        out.write_text(table(listing))
    else:
        print(table(listing), end="")


if __name__ == "__main__":
    main(sys.argv[1:])
