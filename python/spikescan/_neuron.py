"""`Neuron`: a recurrence, a firing rule and their numbers (docs/model.md, section 1), checked once and hashable."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from spikescan import _abi
from spikescan._checks import as_number, choose, shown

# What Spyx gives each rule where no slope is asked for.
_DEFAULT_K = {"sigmoid_bernoulli": 10.0, "refractory_sigmoid_bernoulli": 50.0, "heaviside": 2.0, "none": 1.0}
LARGEST = 2.0**128 - 2.0**104  # of float32, which the library computes in


def _number(name: str, value: object) -> float:
    if not isinstance(value, (int, float)) and getattr(value, "requires_grad", False) is True:
        raise TypeError(
            f"{name} is {shown(value)}; it must be a number or a tensor that requires no gradient, since the scan has "
            f"none for {name}"
        )
    return as_number(name, value, "one number that is known now: neither one a channel nor traced (in JAX: static)")


@dataclasses.dataclass(frozen=True)
class Neuron:
    """What a scan computes, apart from shapes and data. Immutable and hashable: usable as a static argument.

    Attributes:
      recurrence: "lif", "spsn", "cuba_lif" or "psu_lif".
      rule: "sigmoid_bernoulli", "refractory_sigmoid_bernoulli", "heaviside" or "none" (the output is M - threshold).
      threshold: in the units of the membrane.
      k: slope of the sigmoid or of the surrogate; None takes the rule's usual one (10, 50, 2).
      max_prob: highest probability of "sigmoid_bernoulli".
      surrogate: dS/dM of "heaviside": "arctan", "superspike", "triangular", "boxcar" or "tanh".
      gradient: dS/dM of the Bernoulli rules: "probability" (p itself, as Spyx has it) or "derivative" (dp/dM).
      text: all of these as one string, made when the neuron is; no field, so that `Neuron` takes all of its fields.
    """

    recurrence: str = "lif"
    rule: str = "sigmoid_bernoulli"
    threshold: float = 1.0
    k: float = None  # type: ignore[assignment]  # becomes the rule's
    max_prob: float = 0.8
    surrogate: str = "arctan"
    gradient: str = "probability"
    text: ClassVar[str]

    def __post_init__(self) -> None:
        choose("recurrence", self.recurrence, _abi.RECURRENCES)
        choose("rule", self.rule, _abi.RULES)
        choose("surrogate", self.surrogate, _abi.SURROGATES)
        choose("gradient", self.gradient, _abi.GRADIENTS)
        given = _DEFAULT_K[self.rule] if self.k is None else self.k
        object.__setattr__(self, "k", _number("k", given))
        object.__setattr__(self, "threshold", _number("threshold", self.threshold))
        object.__setattr__(self, "max_prob", _number("max_prob", self.max_prob))
        if not abs(self.threshold) <= LARGEST:
            raise ValueError(f"threshold is {self.threshold}; it must be finite in float32")
        if not 2.0**-120 <= self.k <= 2.0**120:
            raise ValueError(f"k is {self.k}; it must be from 2^-120 to 2^120")
        if not 0 <= self.max_prob <= 1:
            raise ValueError(f"max_prob is {self.max_prob}; it must be in [0, 1]")
        # By format: of a float that changes from call to call torch.compile makes a symbol, which str() cannot take.
        object.__setattr__(self, "text", " ".join(f"{getattr(self, field.name)}" for field in dataclasses.fields(self)))

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the state: ("V",), ("V", "I") for cuba_lif or ("V", "R") for psu_lif."""
        return {"cuba_lif": ("V", "I"), "psu_lif": ("V", "R")}.get(self.recurrence, ("V",))

    @property
    def has_alpha(self) -> bool:
        return self.recurrence == "cuba_lif"

    @property
    def stochastic(self) -> bool:
        """Whether the rule reads random numbers."""
        return self.rule in ("sigmoid_bernoulli", "refractory_sigmoid_bernoulli")


# ---- Presets: Spyx's four classes ----------------------------------------------------------------------------------


def StochasticAssociativeLIF(threshold: float = 1.0, k: float = 100.0) -> Neuron:
    """`lif` with `sigmoid_bernoulli`."""
    return Neuron("lif", "sigmoid_bernoulli", threshold, k)


def StochasticAssociativeCuBaLIF(threshold: float = 1.0, k: float = 100.0) -> Neuron:
    """`cuba_lif` with `refractory_sigmoid_bernoulli`."""
    return Neuron("cuba_lif", "refractory_sigmoid_bernoulli", threshold, k)


def SPSN(threshold: float = 1.0, k: float = 10.0) -> Neuron:
    """`spsn` with `sigmoid_bernoulli`."""
    return Neuron("spsn", "sigmoid_bernoulli", threshold, k)


def PSU_LIF(threshold: float = 1.0, k: float = 2.0) -> Neuron:
    """`psu_lif` with `heaviside` and the arctan surrogate (Spyx 0.1's)."""
    return Neuron("psu_lif", "heaviside", threshold, k)
