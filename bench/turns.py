"""Rows measured in turns, so that a busy moment hits all alike."""

import statistics


def medians(rows, turns, seconds_of):
    """The median of each row, a function by name, over the turns; the first turn warms up (compiles) and is left out."""
    times = {name: [] for name in rows}
    for turn in range(turns + 1):
        for name, function in rows.items():
            taken = seconds_of(function)
            if turn > 0:
                times[name].append(taken)
    return {name: statistics.median(values) for name, values in times.items()}
