"""Samples of a peer with samples of our own library between them, and what is made of them."""

import math
import statistics
import time

# A sample is long enough that the clock and one call of the worker do not show.
SAMPLE_SECONDS = 2e-3
MOST_REPEATS = 500
FEWEST_FOR_SPREAD = 3
# Thread pools of the process just asked go to sleep first.
SETTLE_SECONDS = 4e-3


def percentile(samples, share):
    """Linear between the two nearest."""
    ordered = sorted(samples)
    place = share * (len(ordered) - 1)
    low, high = math.floor(place), math.ceil(place)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def summary(samples):
    """The row's figures; spreads want 3 samples."""
    if not samples:
        return dict.fromkeys(("median_seconds", "spread", "samples", "p20_seconds", "p80_seconds"))
    enough, median = len(samples) >= FEWEST_FOR_SPREAD, statistics.median(samples)
    return {
        "median_seconds": median,
        "spread": (percentile(samples, 0.9) - percentile(samples, 0.1)) / median if enough else None,
        "samples": len(samples),
        "p20_seconds": percentile(samples, 0.2) if enough else None,
        "p80_seconds": percentile(samples, 0.8) if enough else None,
    }


def repeats_for(once):
    return max(1, min(MOST_REPEATS, int(SAMPLE_SECONDS / max(once, 1e-9))))


def samples_for(once, seconds, most):
    """How many: as many as fit, three where that is not far beyond, else one."""
    fit = int(seconds / max(once * repeats_for(once), 1e-9))
    return min(most, max(fit, FEWEST_FOR_SPREAD if once * FEWEST_FOR_SPREAD < 3 * seconds else 1))


def alternate(peer, peer_once, ours, ours_once, seconds, most=15, settle=SETTLE_SECONDS):
    """(samples of the peer, samples of ours): one of each in turn. `ours` may be None."""
    theirs, mine = [], []
    for _ in range(samples_for(peer_once, seconds, most)):
        time.sleep(settle)
        theirs.append(peer.sample(repeats_for(peer_once), 60 + 10 * peer_once))
        if ours is not None:
            time.sleep(settle)
            mine.append(ours.sample(repeats_for(ours_once), 60 + 10 * ours_once))
    return theirs, mine


class Growth:
    """What the next length of a kind of case will take: linear growth, or faster where the last two grew faster."""

    def __init__(self):
        self.seen = {}

    @staticmethod
    def key(case):
        return (case.series, case.pass_name, case.layer, case.recurrence, case.layout)

    @staticmethod
    def size(case):
        """Linear layers grow with the square of C."""
        return case.elements * (case.C if case.layer in ("linear", "linear_neuron") else 1)

    def add(self, case, once):
        self.seen.setdefault(self.key(case), []).append((self.size(case), once))

    def predict(self, case):
        """Seconds, or None where nothing of the kind was measured."""
        known = sorted(self.seen.get(self.key(case), []))
        if not known or known[-1][0] >= self.size(case):
            return None
        size, once = known[-1]
        power = 1.0  # the last two may be dominated by what a call costs
        if len(known) > 1 and known[-2][0] < size and once > 0.01:
            power = min(2.0, max(1.0, math.log(once / known[-2][1]) / math.log(size / known[-2][0])))
        return once * (self.size(case) / size) ** power
