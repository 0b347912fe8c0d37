"""What is measured beside other libraries. One case is one pass of one layer at one shape."""

import dataclasses

# Batch 16, 500 steps: the shape of the published comparisons of spiking frameworks.
COMMUNITY_BATCH, COMMUNITY_TIME, COMMUNITY_CHANNELS = 16, 500, (512, 4096, 16384)
# Speech as in SHD has 100 to 1000 steps.
HEADLINE_TIMES = (100, 250, 1000, 2500, 10_000)
HEADLINE_BATCH, HEADLINE_INPUTS, HEADLINE_CHANNELS, HEADLINE_CLASSES = 16, 70, 128, 20
# Few rows, so that the longest fits: B * C = 64.
LENGTHS = (100, 1000, 10_000, 100_000, 1_000_000)
LENGTH_CHANNELS = 64
BETA, ALPHA = 0.9, 0.8


@dataclasses.dataclass(frozen=True)
class Case:
    """layer: "neuron", "linear" (C to C), "linear_neuron", or None for the headline's network.

    layout: "ours" is [B, T, C]; "own" the peer's, where that is another; "own_with_transpose" starts and ends at ours.
    """

    series: str
    pass_name: str
    layer: str | None
    recurrence: str | None
    B: int
    T: int
    C: int
    layout: str = "ours"

    @property
    def elements(self):
        return self.B * self.T * self.C

    @property
    def effort(self):
        """Relative cost: elements, and the Linear's multiplications at 100 times their speed."""
        passes = 1 if self.pass_name == "forward" else 3
        width = 0 if self.layer in ("neuron", None) else self.C
        return passes * self.elements * (1 + width / 100)

    @property
    def tier(self):
        """What a report cannot do without comes before what rounds it off."""
        if self.series == "suite":
            return 0 if self.recurrence == "lif" and self.layout != "own_with_transpose" else 2
        if self.series == "layer_ablation":
            return 0 if self.C <= COMMUNITY_CHANNELS[0] else 3
        return 0 if self.T <= 10_000 else 1 if self.T <= 100_000 else 2

    def name(self, slug, backend):
        parts = ("peers", self.series, self.pass_name, self.layer or "network", self.recurrence or "-")
        return "/".join((*parts, f"{self.B}x{self.T}x{self.C}", self.layout, slug, backend))


def _lengths(recurrence, layout, lengths):
    for T in lengths:
        for pass_name in ("forward", "forward_backward"):
            yield Case("time_vs_length", pass_name, "neuron", recurrence, 1, T, LENGTH_CHANNELS, layout)


def _suite(recurrence, layout, shape):
    for pass_name in ("forward", "forward_backward"):
        yield Case("suite", pass_name, "neuron", recurrence, *shape, layout)


def _ablation(layers, recurrence, layout, channels, batch, time):
    for layer in layers:
        for C in channels:
            for pass_name in ("forward", "backward", "forward_backward"):
                kind = None if layer == "linear" else recurrence
                yield Case("layer_ablation", pass_name, layer, kind, batch, time, C, layout)


def _headline(recurrence, layout, lengths):
    for T in lengths:
        yield Case("headline", "train_step", None, recurrence, HEADLINE_BATCH, T, HEADLINE_CHANNELS, layout)


def cases_of(peer, tiny=False, series=None):
    """The cases of one peer (registry.Peer), in the order of their tiers, the cheap ones first.

    tiny: shapes for tests, where figures mean nothing. series: names of those wanted, or None for all.
    """
    lengths = (32, 64) if tiny else LENGTHS
    shape = (2, 48, 8) if tiny else (64, 1024, 512)
    community = ((8,), 2, 40) if tiny else (COMMUNITY_CHANNELS, COMMUNITY_BATCH, COMMUNITY_TIME)
    own = "ours" if peer.layout == "ours" else "own"
    found = []
    for recurrence in peer.recurrences:
        if "time_vs_length" in peer.series and recurrence == peer.recurrences[0]:
            found += _lengths(recurrence, own, lengths)
        if "suite" in peer.series:
            found += _suite(recurrence, own, shape)
            if own == "own":
                found += [
                    case for case in _suite(recurrence, "own_with_transpose", shape) if case.pass_name != "forward"
                ]
    main = peer.recurrences[0] if peer.recurrences else None
    if "layer_ablation" in peer.series:
        found += _ablation(peer.layers, main, own, *community)
    if peer.headline:
        found += _headline(peer.headline, own, (32, 64) if tiny else HEADLINE_TIMES)
    found = [case for case in found if series is None or case.series in series]
    return sorted(found, key=lambda case: (case.tier, case.effort, case.T))
