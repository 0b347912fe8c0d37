"""What the kernels of cubin files use: registers, threads of a block at most, local memory, static shared memory.

resource_usage.py TABLE NVCC_VERSION CUBIN...          compares with the table that is checked in
resource_usage.py --write TABLE NVCC_VERSION CUBIN...  writes the table
resource_usage.py --self-test TABLE CUBIN...           planted differences are seen

Registers are compared where the table's compiler is at hand; other compilers may choose others. No kernel may use local
memory, and a block of the largest size must fit into the register file, whoever compiled it.
"""

import pathlib
import struct
import subprocess
import sys
from typing import NamedTuple

REGISTERS_OF_PROCESSOR = 65536
RESERVED_SHARED_BYTES = 1024  # the driver's own, since compute capability 8.0

# Attributes of .nv.info, in the low byte a format, in the next one the kind.
FRAME_SIZE = 0x1104  # symbol, bytes
REGISTERS = 0x2F04  # symbol, registers
MOST_THREADS = 0x0504  # x, y, z


class Usage(NamedTuple):
    registers: int
    threads: int
    local_bytes: int
    shared_bytes: int


class Cubin:
    """As much of an ELF file as it takes."""

    def __init__(self, data):
        self.data = data
        if data[:4] != b"\x7fELF" or data[4] != 2:
            raise ValueError("not a 64-bit ELF file")
        (offset,) = struct.unpack_from("<Q", data, 0x28)
        size, count, names = struct.unpack_from("<HHH", data, 0x3A)
        headers = [struct.unpack_from("<IIQQQQIIQQ", data, offset + size * i) for i in range(count)]
        self.sections = {}
        for header in headers:
            name = self.text_at(headers[names][4] + header[0])
            self.sections[name] = header
        self.symbols = self.symbol_names()

    def text_at(self, place):
        return self.data[place : self.data.index(b"\0", place)].decode()

    def symbol_names(self):
        _, _, _, _, start, bytes_, *_ = self.sections[".symtab"]
        strings = self.sections[".strtab"][4]
        return [self.text_at(strings + struct.unpack_from("<I", self.data, start + place)[0])
                for place in range(0, bytes_, 24)]

    def attributes(self, section):
        """(format and kind, payload) pairs of a .nv.info section."""
        _, _, _, _, place, bytes_, *_ = self.sections[section]
        end = place + bytes_
        while place < end:
            kind, size = struct.unpack_from("<HH", self.data, place)
            place += 4
            if kind & 0xFF == 4:
                yield kind, self.data[place : place + size]
                place += size

    def per_symbol(self, kind):
        found = {}
        for attribute, payload in self.attributes(".nv.info"):
            if attribute == kind:
                symbol, value = struct.unpack("<II", payload)
                found[self.symbols[symbol]] = value
        return found

    def usage(self):
        registers, frames = self.per_symbol(REGISTERS), self.per_symbol(FRAME_SIZE)
        kernels = {}
        for section in self.sections:
            if not section.startswith(".nv.info."):
                continue
            name = section[len(".nv.info."):]
            threads = 1024
            for attribute, payload in self.attributes(section):
                if attribute == MOST_THREADS:
                    x, y, z = struct.unpack("<III", payload)
                    threads = x * y * z
            shared = self.sections.get(".nv.shared." + name)
            shared_bytes = max(shared[5] - RESERVED_SHARED_BYTES, 0) if shared else 0
            kernels[name] = Usage(registers[name], threads, frames[name], shared_bytes)
        return kernels


def readable(names):
    """Demangled, without the parameters, the return type and blanks."""
    lines = subprocess.run(["c++filt"], input="\n".join(names), text=True, check=True, stdout=subprocess.PIPE).stdout
    out = []
    for line in lines.splitlines():
        depth, end = 0, len(line)
        for place, letter in enumerate(line):
            depth += (letter == "<") - (letter == ">")
            if letter == "(" and depth == 0:
                end = place
                break
        out.append(line[:end].removeprefix("void ").replace(" ", ""))
    return out


def read_cubins(paths):
    kernels = {}
    for path in paths:
        usage = Cubin(pathlib.Path(path).read_bytes()).usage()
        kernels.update(zip(readable(usage), usage.values()))
    return kernels


def parse_table(text):
    lines = text.splitlines()
    compiler = lines[0].removeprefix("# nvcc ").split()[0]
    kernels = {}
    for line in lines:
        if line and not line.startswith("#"):
            name, *numbers = line.split()
            kernels[name] = Usage(*map(int, numbers))
    return compiler, kernels


def format_table(compiler, kernels):
    head = [f"# nvcc {compiler} for sm_90. Every kernel of the library; target spikescan_write_resource_usage makes it.",
            "# kernel, registers, most threads of a block, local bytes, static shared bytes"]
    rows = [" ".join([name, *map(str, usage)]) for name, usage in sorted(kernels.items())]
    return "\n".join(head + rows) + "\n"


def problems(kernels, table, same_compiler):
    found = []
    for name in sorted(kernels.keys() - table.keys()):
        found.append(f"{name} is not in the table")
    for name in sorted(table.keys() - kernels.keys()):
        found.append(f"{name} is in the table only")
    for name, usage in sorted(kernels.items()):
        if usage.local_bytes:
            found.append(f"{name} uses {usage.local_bytes} bytes of local memory")
        allocated = (usage.registers + 7) // 8 * 8 * usage.threads
        if allocated > REGISTERS_OF_PROCESSOR:
            found.append(f"{name} with {usage.threads} threads of {usage.registers} registers does not fit")
        if same_compiler and name in table and usage != table[name]:
            found.append(f"{name}: {usage}, in the table {table[name]}")
    return found


def self_test(text, cubins):
    _, table = parse_table(text)
    kernels = read_cubins(cubins)
    name = sorted(kernels)[0]
    usage = kernels[name]
    planted = {
        "a kernel more": {**kernels, "another": usage},
        "a kernel less": {other: kernels[other] for other in kernels if other != name},
        "another register": {**kernels, name: usage._replace(registers=usage.registers + 1)},
        "local memory": {**kernels, name: usage._replace(local_bytes=8)},
        "a block too large": {**kernels, name: usage._replace(threads=1024, registers=72)},
    }
    unseen = [what for what, changed in planted.items() if not problems(changed, kernels, True)]
    if problems(kernels, kernels, True):
        unseen.append("equal tables do not compare equal")
    if not table:
        unseen.append("the table is empty")
    if unseen:
        sys.exit("not seen: " + "; ".join(unseen))


def main(arguments):
    if arguments[0] == "--self-test":
        self_test(pathlib.Path(arguments[1]).read_text(), arguments[2:])
    elif arguments[0] == "--write":
        pathlib.Path(arguments[1]).write_text(format_table(arguments[2], read_cubins(arguments[3:])))
    else:
        compiler, table = parse_table(pathlib.Path(arguments[0]).read_text())
        found = problems(read_cubins(arguments[2:]), table, compiler == arguments[1])
        if found:
            sys.exit("\n".join(found))


if __name__ == "__main__":
    main(sys.argv[1:])
