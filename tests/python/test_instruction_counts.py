"""bench/instruction_counts.py: what it reads from callgrind, and what it calls a regression."""

import json

import instruction_counts
import pytest


def test_the_total_is_read_from_callgrinds_file():
    assert instruction_counts.parse_total("events: Ir\n0 5\ntotals: 1234\n") == 1234


@pytest.mark.parametrize("text", ["events: Ir\n", "totals: 0\n"])
def test_a_count_of_nothing_is_no_count(text):
    with pytest.raises(SystemExit):
        instruction_counts.parse_total(text)


def test_more_instructions_or_no_record_is_a_regression():
    record = {"a": 10.0, "b": 10.0}
    assert instruction_counts.grown({"a": 10.05, "b": 9.0}, record) == []
    assert instruction_counts.grown({"a": 10.2, "b": 10.0, "c": 1.0}, record) == ["a", "c"]


def test_the_record_has_every_case():
    record = json.loads(instruction_counts.RECORD.read_text())
    assert set(record["instructions_an_element"]) == set(instruction_counts.CASES)
    assert all(value > 0 for value in record["instructions_an_element"].values())
