"""What bench/kernel_model says of made-up kernels, and that it finds all its sources."""

import pytest
from kernel_model import limits, occupancy, page, sources
from kernel_model.sources import Measured, Pass, Usage

FORWARD = Pass("forward", "lif", "float32", "bits32")
COUNTS = dict.fromkeys(("memory", "shared", "float", "special", "double", "wide", "multiply", "logic", "control"), 0.0)


def residence(registers, threads, shared_bytes):
    used = {sources.kernel_name("rows", FORWARD): Usage(registers, threads)}
    return occupancy.residence("rows", FORWARD, used, {"threads": str(threads), "shared_bytes": str(shared_bytes)})


def test_blocks_are_as_many_as_the_scarcest_thing_allows():
    assert residence(128, 128, 1024)[3:5] == (4, "registers")
    assert residence(129, 128, 1024)[3:5] == (3, "registers")  # a warp's registers come in pieces of 256
    assert residence(32, 128, 75 * 1024)[3:5] == (3, "shared memory")  # the system's 1 KiB of each block counts
    assert residence(16, 512, 0)[3:5] == (4, "threads")
    assert residence(128, 128, 1024).bytes_under_way == 4 * 128 * 16 * 4


class Machine:
    processors = 100
    machine = {"wide_multiplies_per_second": 32 * 100 * limits.CLOCK}


def limits_of(**counts):
    found = {**COUNTS, **counts}
    return limits.limits(FORWARD, {**found, "total": sum(found.values())}, 1e9, Machine, 1e12)


def test_limits_are_the_times_of_their_units():
    found = limits_of(logic=64, wide=16, special=1)
    clocks = 1e9 / (limits.CLOCK * 100)
    assert found.bytes == pytest.approx(4.125e-3)
    assert found.issue == pytest.approx(81 / 128 * clocks)
    assert found.pipes["logic"] == pytest.approx(clocks)
    assert found.pipes["multiply"] == pytest.approx(0.5 * clocks)
    assert found.slowest_pipe() == "logic"


def test_a_prediction_fills_as_many_slots_and_passes_no_memory():
    then, now = limits_of(float=200), limits_of(float=100)
    measured = Measured(2 * then.issue, 1e12)
    found = limits.prediction(now, then, measured, memory_share=2.0)
    assert found.filled == pytest.approx(0.5)
    assert found.share == pytest.approx(2 * found.measured_share)
    assert limits.prediction(now, then, measured, memory_share=0.1).share == found.measured_share


def test_every_pass_of_the_page_is_counted_compiled_and_measured():
    now, then, used, record = sources.counts(sources.COUNTS), sources.counts(sources.COUNTS_OF_RECORD), sources.usage(), sources.Record()
    for one in page.AIMS:
        assert ("rows", one) in now and ("rows", one) in then
        assert sources.kernel_name("rows", one) in used and sources.kernel_name("tiles", one) in used
        assert record.measured(one, page.SHAPE)
    assert record.measured(FORWARD, (1, 2, 3)) is None


def test_a_page_without_its_marks_is_refused():
    with pytest.raises(ValueError, match="no mark for limits, occupancy"):
        page.filled("# A page\n", "plan_of")
