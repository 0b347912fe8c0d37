"""Layers with learnable decays, in the habits of snnTorch and SpikingJelly, and the firing functions alone."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor, nn

from spikescan import _neuron
from spikescan._arguments import check_layer_channels, check_uniforms
from spikescan._checks import as_flag, as_shape
from spikescan._neuron import Neuron
from spikescan._shapes import batch_and_time, output_shapes, single_steps
from spikescan.torch._check import FLOATING, NAMES, check_generator, check_tensor, name_of
from spikescan.torch._device import as_device
from spikescan.torch._keys import as_key, shift_key
from spikescan.torch._scan import scan


def _fire(neuron: Neuron, V: Tensor, key: Any, generator: Any, uniforms: Any) -> Tensor:
    """The firing rule on given membranes of any shape, element by element."""
    check_tensor("V", V)
    if V.dtype not in NAMES:
        raise TypeError(f"V has dtype {name_of(V.dtype)}; it must be one of {', '.join(FLOATING)}")
    steps = single_steps(V.shape)
    if uniforms is not None:
        check_tensor("uniforms", uniforms)
        check_uniforms(tuple(uniforms.shape), name_of(uniforms.dtype), tuple(V.shape), "V")
        uniforms = uniforms.reshape(steps)
    result = scan(V.reshape(steps), 0.0, neuron=neuron, key=key, generator=generator, uniforms=uniforms)
    return result.spikes.reshape(V.shape)


@dataclasses.dataclass(frozen=True)
class Bernoulli:
    """Firing function (V, key=None) -> spikes of a Bernoulli rule; `neuron` holds the rule and its numbers."""

    neuron: Neuron

    def __call__(self, V: Tensor, key: Any = None, *, generator: Any = None, uniforms: Any = None) -> Tensor:
        return _fire(self.neuron, V, key, generator, uniforms)

    def __hash__(self) -> int:
        # Dynamo of PyTorch 2.11 hashes what a compiled function makes before it has its field.
        return hash(getattr(self, "neuron", None))


def sigmoid_bernoulli(k: float = 10, threshold: float = 1.0, max_prob: float = 0.8) -> Bernoulli:
    """Firing function (V, key=None) -> spikes: Bernoulli(max_prob sigmoid(k (V - threshold))), gradient g * p.

    Of V [..., C] the element at row r of the leading axes and at c draws the number of (batch r, time 0, channel c).
    """
    return Bernoulli(Neuron("lif", "sigmoid_bernoulli", threshold, k, max_prob))


def refractory_sigmoid_bernoulli(k: float = 50, threshold: float = 1) -> Bernoulli:
    """Firing function (V, key=None) -> spikes: Bernoulli(max(cos(2 pi threshold U) sigmoid(k U), 0)), U = V - threshold

    Places as in `sigmoid_bernoulli`.
    """
    return Bernoulli(Neuron("lif", "refractory_sigmoid_bernoulli", threshold, k))


def _silent(neuron: Neuron) -> Neuron:
    """Whose spikes are what the rule sees, less the threshold."""
    return Neuron(neuron.recurrence, "none", neuron.threshold)


def _check_once(what: str, moved: str, instead: str) -> None:
    """Activation checkpointing runs a layer again within the backward pass, when `moved` is no longer what it was."""
    if not torch.compiler.is_compiling() and torch._C._current_graph_task_id() != -1:
        raise RuntimeError(
            f"a layer with {what} cannot be run in a backward pass, where checkpointing runs it again and its {moved} "
            f"has moved on; hand {instead} in"
        )


class _Layer(nn.Module):
    """x [B, T, channels...], or [T, B, channels...] if `time_first` -> (S, state), or S alone if `keep_state`.

    Args:
      hidden_shape: the channels, each with a decay of its own; () for one decay for all.
      threshold, k: of the firing rule.
      rule, max_prob, surrogate, gradient: as of `Neuron`, where they are to be others than the class's.
      spike: False returns V in the place of S (`PSU_LIF`: V - R - threshold).
      membrane: also returns V: (S, V) in the place of S.
      time_first: the order of x's first two axes (snnTorch's and SpikingJelly's multi-step order).
      keep_state: the layer keeps its state from call to call, until `reset` (snnTorch: init_hidden); `detach` cuts its
        history. The state follows the layer to another device, is no part of `state_dict`, and is cut from its history
        in copies and pickles. A key that is given is that of the whole sequence: the layer shifts it by `time`, the
        steps that it has run with a key since `reset` or since a state was handed in, which begins a sequence.
      gradient_in_place: see `scan`.
      generator: where seeds are drawn from in calls without a key, see `scan`.
      device: of the decays.

    The decays start from a truncated normal with mean 0.5 and standard deviation 0.25.
    """

    _decays: tuple[str, ...] = ("beta",)
    beta: nn.Parameter
    gradient_in_place = False  # of layers that were pickled before there was one
    time: Tensor | None = None  # likewise

    def __init__(
        self,
        hidden_shape: int | tuple[int, ...],
        neuron: Neuron,
        spike: bool,
        *,
        membrane: bool = False,
        time_first: bool = False,
        keep_state: bool = False,
        gradient_in_place: bool = False,
        rule: str | None = None,
        max_prob: float | None = None,
        surrogate: str | None = None,
        gradient: str | None = None,
        generator: torch.Generator | None = None,
        device: Any = None,
    ) -> None:
        super().__init__()
        self.hidden_shape = as_shape("hidden_shape", hidden_shape)
        others = {"rule": rule, "max_prob": max_prob, "surrogate": surrogate, "gradient": gradient}
        given: dict[str, Any] = {name: value for name, value in others.items() if value is not None}
        self.neuron = dataclasses.replace(neuron, **given)
        self._silent = _silent(neuron)
        self.spike, self.membrane = as_flag("spike", spike), as_flag("membrane", membrane)
        self.time_first, self.keep_state = as_flag("time_first", time_first), as_flag("keep_state", keep_state)
        self.gradient_in_place = as_flag("gradient_in_place", gradient_in_place)
        if generator is not None:
            check_generator(generator)
        self.generator, device = generator, as_device(device)
        self.reset()
        for name in self._decays:
            self.register_parameter(name, nn.Parameter(torch.empty(self.hidden_shape, device=device)))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for name in self._decays:
            # Two standard deviations either side of the mean, as Spyx's initializer cuts it.
            nn.init.trunc_normal_(getattr(self, name), 0.5, 0.25, 0.0, 1.0)

    def reset(self) -> None:
        """Forgets the kept state."""
        self.state: tuple[Tensor, ...] | None = None
        self.time = None

    def detach(self) -> None:
        """Cuts the kept state from the graph, for truncated backpropagation through time."""
        if self.state is not None:
            self.state = tuple(s.detach() for s in self.state)

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        result = super()._apply(fn, recurse)
        if self.state is not None and self.state[0].device != self.beta.device:
            if self.state[0].is_meta:  # to_empty(): there is nothing to take along
                self.reset()
            else:  # float32 whatever the parameters become
                self.state = tuple(s.to(self.beta.device) for s in self.state)
                self.time = None if self.time is None else self.time.to(self.beta.device)
        return result

    def __getstate__(self) -> dict[str, Any]:
        kept = None if self.state is None else tuple(s.detach() for s in self.state)
        return {**self.__dict__, "state": kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Of layers that were pickled before there was one.
        super().__setstate__({"_silent": _silent(state["neuron"]), **state})

    def forward(self, x: Tensor, state: Any = None, *, key: Any = None, uniforms: Tensor | None = None) -> Any:
        """`state`: one [B, channels...] tensor for each of ``neuron.states``; absent: the kept one, or zero."""
        if isinstance(x, Tensor) and not x.is_nested:  # others `scan` refuses
            check_layer_channels("x", x.shape, self.hidden_shape)
        time = None
        if self.keep_state and state is None:
            state, time = self._kept(x), self.time
        if key is not None and time is not None:
            key = shift_key(as_key(key, time.device), time=time)
        draws = self.spike and self.neuron.stochastic and key is None and uniforms is None
        if draws and self.generator is not None:  # checkpointing puts the default generators back, and no other
            _check_once("a generator of its own", "generator", "a key")
        is_difference = self.neuron.recurrence == "psu_lif"
        result = scan(
            x,
            self.beta,
            self.alpha if "alpha" in self._decays else None,
            neuron=self.neuron if self.spike else self._silent,
            key=key,
            generator=self.generator if key is None else None,
            uniforms=uniforms,
            initial_state=state,
            spikes=self.spike or is_difference,
            membrane=self.membrane or not (self.spike or is_difference),
            final_state=True,
            time_first=self.time_first,
            gradient_in_place=self.gradient_in_place,
        )
        output = result.membrane if result.spikes is None else result.spikes
        if self.membrane:
            output = output, result.membrane
        if not self.keep_state:
            return output, result.final_state
        # Not before: a call that is refused changes nothing.
        self.state, self.time = result.final_state, time if key is None else self._counted(time, x)
        return output

    def _kept(self, x: Any) -> tuple[Tensor, ...] | None:
        _check_once("keep_state=True", "state", "the state")
        kept = self.state
        if kept is not None and isinstance(x, Tensor) and not x.is_nested and x.dim() >= 2:  # others `scan` refuses
            shape, own = output_shapes(x.shape, self.time_first, None).state, tuple(kept[0].shape)
            if own != shape:  # `scan` would name an initial state, which the caller has not given
                raise ValueError(
                    f"x has shape {tuple(x.shape)}; its batch and channels must be those of the layer's kept state, "
                    f"{own}, which reset() forgets"
                )
        return kept

    def _counted(self, time: Tensor | None, x: Tensor) -> Tensor:
        """In a tensor: numbers that a layer holds are constants to a compiler, which would start anew at each call."""
        _, steps = batch_and_time(x.shape, self.time_first)
        return torch.full((1,), steps, dtype=torch.int64, device=x.device) if time is None else time + steps

    def extra_repr(self) -> str:
        n = self.neuron
        order = f"time_first={self.time_first}"
        return f"{self.hidden_shape}, threshold={n.threshold}, k={n.k}, spike={self.spike}, {order}"


class PSU_LIF(_Layer):
    __doc__ = f"Parallel spiking unit with a refractory trace R; deterministic. {_Layer.__doc__}"

    def __init__(
        self, hidden_shape: Any, threshold: float = 1, k: float = 2, spike: bool = True, **options: Any
    ) -> None:
        super().__init__(hidden_shape, _neuron.PSU_LIF(threshold, k), spike, **options)


class StochasticAssociativeLIF(_Layer):
    __doc__ = f"Leaky integrator with Bernoulli spikes. {_Layer.__doc__}"

    def __init__(
        self, hidden_shape: Any, threshold: float = 1, k: float = 100, spike: bool = True, **options: Any
    ) -> None:
        super().__init__(hidden_shape, _neuron.StochasticAssociativeLIF(threshold, k), spike, **options)


class StochasticAssociativeCuBaLIF(_Layer):
    __doc__ = f"Current-based leaky integrator with refractory Bernoulli spikes. {_Layer.__doc__}"
    _decays = ("beta", "alpha")

    def __init__(
        self, hidden_shape: Any, threshold: float = 1, k: float = 100, spike: bool = True, **options: Any
    ) -> None:
        super().__init__(hidden_shape, _neuron.StochasticAssociativeCuBaLIF(threshold, k), spike, **options)


class SPSN(_Layer):
    __doc__ = f"Stochastic parallelizable spiking neuron (arXiv:2306.12666). {_Layer.__doc__}"

    def __init__(
        self, hidden_shape: Any, threshold: float = 1, k: float = 10, spike: bool = True, **options: Any
    ) -> None:
        super().__init__(hidden_shape, _neuron.SPSN(threshold, k), spike, **options)
