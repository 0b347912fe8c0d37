"""How much of a kernel fits a multiprocessor, and what it has under way to memory there."""

from typing import NamedTuple

from kernel_model.sources import kernel_name

REGISTERS, SHARED_BYTES, THREADS = 65536, 228 * 1024, 2048  # of a multiprocessor of compute capability 9.0
SYSTEM_SHARED_BYTES = 1024  # of each block
WARP_REGISTERS = 256  # a warp's come in pieces of so many
SCHEDULERS = 4  # each with a quarter of the registers
# Steps of x, and of the gradient of spikes, that a thread has under way. Down a row they come in segments of 16: forward's
# ring has one (kForwardRingSlots in kernels/row_layout.h), backward's four (kBackwardRingSlots), with one of the gradient
# in registers. A tile's thread loads its own of each.
STEPS_UNDER_WAY = {("rows", "forward"): 16, ("rows", "backward"): 80, ("tiles", "forward"): 16, ("tiles", "backward"): 32,
                   ("fine tiles", "forward"): 4, ("fine tiles", "backward"): 8}


class Residence(NamedTuple):
    threads: int
    registers: int
    shared_bytes: int
    blocks: int
    limit: str  # what keeps one more block out
    bytes_under_way: int

    @property
    def warps(self):
        return self.blocks * self.threads // 32


def residence(kind, one, usage, plan):
    registers = usage[kernel_name(kind, one)].registers
    threads, shared_bytes = int(plan["threads"]), int(plan["shared_bytes"])
    warp = -(-registers * 32 // WARP_REGISTERS) * WARP_REGISTERS
    warps = threads // 32
    limits = {
        "registers": REGISTERS // SCHEDULERS // warp * SCHEDULERS // warps,
        "shared memory": SHARED_BYTES // (shared_bytes + SYSTEM_SHARED_BYTES),
        "threads": THREADS // threads,
    }
    limit = min(limits, key=limits.get)
    under_way = STEPS_UNDER_WAY[kind, one.direction] * (4 if one.dtype == "float32" else 2)
    return Residence(threads, registers, shared_bytes, limits[limit], limit, limits[limit] * threads * under_way)
