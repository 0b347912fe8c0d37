"""Rows that are measured in turns."""

from turns import medians


def test_the_first_turn_warms_up_and_rows_take_turns():
    called = []
    rows = {name: lambda name=name: called.append(name) for name in ("a", "b")}
    clock = iter((100, 100, 1, 5, 3, 6, 2, 4))

    def seconds_of(function):
        function()
        return next(clock)

    assert medians(rows, 3, seconds_of) == {"a": 2, "b": 5}
    assert called == ["a", "b"] * 4
