"""A sequence in pieces: the state and the time origin travel from call to call."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikescan import _memory
from spikescan._arguments import check_alpha, check_key, check_neuron
from spikescan._checks import as_flag, as_real_array
from spikescan._memory import Array
from spikescan._neuron import Neuron
from spikescan._shapes import PACKED_STEPS, batch_and_time
from spikescan.arrays import ScanResult, scan


class SequenceStream:
    """Continues one sequence over many calls, each on the next piece of x.

    Random numbers depend on (seed, stream, b, t, c) alone, so every cut draws what one long call would have drawn.
    Bits: where all pieces but the last are multiples of ``spikescan.time_units()[0]`` steps long, spikes, V and
    state equal those of one call bit for bit. At other cuts V may differ in its last bits, since the carry of the scan
    is rounded to float32 at the cut (and a spike then differs only where p and the uniform tie within that rounding).

    Args:
      neuron: what to compute.
      beta, alpha: decays, as in `scan`.
      seed, stream, time_first, cuda_stream: as in `scan`.
      origin: (batch, time, channel) of the first piece's first element.

    Attributes:
      state: the state after the last piece, one [B, channels...] float32 array for each of ``neuron.states``; None
        before the first. Assign it to go on from a stored state.
      time: global index of the next step.
    """

    def __init__(
        self,
        neuron: Neuron,
        beta: Any,
        alpha: Any = None,
        *,
        seed: int = 0,
        stream: int = 0,
        origin: tuple[int, int, int] = (0, 0, 0),
        time_first: bool = False,
        cuda_stream: int = 0,
    ) -> None:
        check_neuron(neuron)
        check_alpha(neuron, alpha)
        _check_numbers("beta", beta)
        if alpha is not None:
            _check_numbers("alpha", alpha)
        seed, stream, origin = check_key(seed, stream, origin)
        self.neuron, self.beta, self.alpha = neuron, beta, alpha
        self.seed, self.stream, self.cuda_stream = seed, stream, cuda_stream
        self.time_first = as_flag("time_first", time_first)
        self._origin = origin
        self.state: tuple[Array, ...] | None = None
        self.time = origin[1]

    def __call__(self, x: Array, *, uniforms: Array = None, spikes: Any = True, membrane: Any = False) -> ScanResult:
        """Runs the next piece; arguments and result as in `scan`. "bits32" wants pieces of whole 32 steps."""
        if isinstance(spikes, str) and spikes == "bits32" and self.time % PACKED_STEPS:
            raise ValueError(
                f"spikes is 'bits32'; the piece must begin at a multiple of 32 steps, and the next step is {self.time}"
            )
        result = scan(
            x,
            self.beta,
            self.alpha,
            neuron=self.neuron,
            seed=self.seed,
            stream=self.stream,
            origin=(self._origin[0], self.time, self._origin[2]),
            uniforms=uniforms,
            initial_state=self.state,
            spikes=spikes,
            membrane=membrane,
            final_state=True,
            time_first=self.time_first,
            cuda_stream=self.cuda_stream,
        )
        self.state = result.final_state
        self.time += batch_and_time(_memory.view("x", x, self.cuda_stream).shape, self.time_first)[1]
        return result

    def reset(self) -> None:
        """Back to a zero state at the first step."""
        self.state, self.time = None, self._origin[1]


def _check_numbers(name: str, decay: Any) -> None:
    """Before there is an x to say where the decay must lie: another library's array is the first call's to check."""
    if isinstance(decay, np.ndarray) or not hasattr(decay, "__dlpack__"):
        as_real_array(name, decay)
