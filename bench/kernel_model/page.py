"""The model's tables, as docs/cuda.md shows them."""

import re

from kernel_model import limits, occupancy
from kernel_model.sources import COUNTS, COUNTS_OF_RECORD, Pass, Record, counts, plan, usage

SHAPE = (256, 1024, 512)
TILE_SHAPE = (1, 4096, 2048)
FINE_SHAPE = (1, 1024, 512)
AIMS = {  # of the shape
    Pass("forward", "lif", "float32", "float32"): 0.95,
    Pass("forward", "spsn", "float32", "float32"): 0.95,
    Pass("forward", "cuba_lif", "float32", "float32"): 0.90,
    Pass("forward", "psu_lif", "float32", "float32"): 0.90,
    Pass("forward", "lif", "bfloat16", "bfloat16"): 0.92,
    Pass("forward", "lif", "float32", "bits32"): 0.92,
    Pass("forward", "lif", "bfloat16", "bits32"): 0.75,
    Pass("backward", "lif", "float32"): 0.93,
    Pass("backward", "spsn", "float32"): 0.93,
    Pass("backward", "cuba_lif", "float32"): 0.90,
    Pass("backward", "psu_lif", "float32"): 0.90,
    Pass("backward", "lif", "bfloat16"): 0.92,
}
MARK = re.compile(r"<!--model (?P<name>\w+)-->.*?<!--/model-->", re.DOTALL)


def title(one):
    return f"{one.direction} `{one.recurrence}`, {one.dtype}" + (f" to {one.spikes}" if one.spikes else "")


def table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |", "|---" + "|--:" * (len(head) - 1) + "|"]
                     + ["| " + " | ".join(row) + " |" for row in rows])


def occupancy_table(program):
    used, rows = usage(), []
    for kind, shape in (("rows", SHAPE), ("tiles", TILE_SHAPE), ("fine tiles", FINE_SHAPE)):
        for one in AIMS:
            if kind != "rows" and (one.dtype, one.spikes) not in (("float32", "float32"), ("float32", "")):
                continue  # a tile's kernel serves all dtypes
            at = occupancy.residence(kind, one, used, plan(program, one, shape))
            rows.append([f"{kind}, {title(one)}", str(at.threads), str(at.registers), f"{at.shared_bytes / 1024:.1f}",
                         str(at.blocks), at.limit, str(at.warps), f"{at.bytes_under_way / 1024:.0f}"])
    return table(["kernel", "threads of a block", "registers", "shared KiB", "blocks", "limited by", "warps of 64",
                  "KiB under way"], rows)


def limits_table(_program):
    record, now, then = Record(), counts(COUNTS), counts(COUNTS_OF_RECORD)
    elements = SHAPE[0] * SHAPE[1] * SHAPE[2]
    measured = {one: record.measured(one, SHAPE) for one in AIMS}

    def limits_of(table_of_counts, one):
        return limits.limits(one, table_of_counts["rows", one], elements, record, measured[one].copy_bytes_per_second)

    best = {}
    for one in AIMS:
        share = limits_of(then, one).bytes / measured[one].seconds
        best[one.direction] = max(best.get(one.direction, 0.0), share)
    rows = []
    for one, aim in AIMS.items():
        count, bounds = now["rows", one], limits_of(now, one)
        predicted = limits.prediction(bounds, limits_of(then, one), measured[one], best[one.direction])
        pipe = bounds.slowest_pipe()
        rows.append([title(one), f"{one.bytes_an_element():g}", f"{count['float']:.0f}",
                     f"{count['logic'] + count['multiply'] + count['wide']:.0f}", f"{count['special']:.1f}",
                     f"{count['double']:.1f}", f"{count['total']:.0f}", f"{bounds.bytes / bounds.issue:.2f}",
                     f"{pipe} {bounds.bytes / bounds.pipes[pipe]:.2f}", f"{predicted.filled:.2f}",
                     f"{predicted.measured_share:.2f}", f"{predicted.share:.2f}", f"{aim:.2f}"])
    return table(["pass", "bytes", "float", "integer", "special", "double", "all", "if every slot issued",
                  "slowest unit alone", "slots filled, record", "share, record", "share, *predicted*", "aim"], rows)


TABLES = {"occupancy": occupancy_table, "limits": limits_table}


def filled(text, program):
    """The page with every table made anew."""
    missing = set(TABLES) - {mark["name"] for mark in MARK.finditer(text)}
    if missing:
        raise ValueError(f"the page has no mark for {', '.join(sorted(missing))}")
    return MARK.sub(lambda mark: f"<!--model {mark['name']}-->\n\n{TABLES[mark['name']](program)}\n\n<!--/model-->", text)
