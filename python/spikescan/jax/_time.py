"""A sequence cut in time over devices, inside ``shard_map``: each device hands its state on to the next."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from spikescan._arguments import as_blocks, check_neuron, check_x, spike_dtype
from spikescan._checks import as_integer, shown
from spikescan._neuron import Neuron
from spikescan._shapes import check_packed_pieces
from spikescan.jax._arrays import as_array, as_uniforms
from spikescan.jax._keys import as_key, shift_key
from spikescan.jax._scan import ScanResult, scan
from spikescan.jax._varying import vary, varying_axes


def scan_time_sharded(
    x: Any,
    beta: Any,
    alpha: Any = None,
    *,
    axis_name: str,
    axis_size: int,
    neuron: Neuron,
    key: Any = None,
    uniforms: Any = None,
    blocks: int | None = None,
    spikes: Any = True,
    membrane: Any = False,
) -> ScanResult:
    """`scan` of a sequence whose time axis is split over the mesh axis `axis_name`; call it inside ``shard_map``.

    The batch is cut into `blocks` pieces that run through the devices as through a pipeline: device i works on block m
    while device i + 1 works on block m - 1, and only the [B / blocks, C] states travel (jax.lax.ppermute). Cut at
    multiples of ``spikescan.time_units()[0]`` steps, spikes and V are those of one device, bit for bit; at other cuts
    the random numbers are. Gradients flow back through the same exchange.

    Args:
      x: this device's [B, T / axis_size, channels...]; for "bits32" spikes on several devices a multiple of 32 steps.
      axis_name, axis_size: the mesh axis that splits the time, and its number of devices; any other than
        ``jax.lax.psum(1, axis_name)`` is refused.
      key: the whole sequence's key, the same on every device.
      uniforms: this device's piece.
      blocks: how many pieces the batch is cut into; a divisor of B, by default B.

    Returns:
      This device's piece of spikes and V; no final state.
    """
    check_neuron(neuron)
    if not isinstance(axis_name, str):
        raise TypeError(f"axis_name is {shown(axis_name)}; it must be the name of a mesh axis")
    x = as_array("x", x)
    check_x(x.shape, x.dtype.name, False)
    batch, time = x.shape[:2]
    blocks = as_blocks(blocks, batch)
    if uniforms is not None:
        uniforms = as_uniforms(uniforms, x)
    rows = batch // blocks
    try:
        devices = jax.lax.psum(1, axis_name)
    except NameError:
        raise ValueError(f"axis_name is {axis_name!r}; it must be a mesh axis of a shard_map around the call") from None
    if as_integer("axis_size", axis_size) != devices:
        raise ValueError(f"axis_size is {shown(axis_size)}; it must be that of the mesh axis {axis_name!r}, {devices}")
    check_packed_pieces(time, devices, spike_dtype(spikes, x.dtype.name, neuron))
    device = jax.lax.axis_index(axis_name)
    if key is not None:
        key = shift_key(as_key(key), time=device * time)
    onward = [(i, i + 1) for i in range(axis_size - 1)]

    def cut(array: Any, block: Any) -> Any:
        return jax.lax.dynamic_slice_in_dim(array, block * rows, rows) if array is not None else None

    def step(state: Any, turn: Any) -> Any:
        block = jnp.clip(turn - device, 0, blocks - 1)
        result = scan(
            cut(x, block),
            beta,
            alpha,
            neuron=neuron,
            key=None if key is None else shift_key(key, batch=block * rows),
            uniforms=cut(uniforms, block),
            initial_state=state,
            spikes=spikes,
            membrane=membrane,
            final_state=True,
        )
        # Devices without a sender receive zeros: the first one starts every block from a zero state.
        handed = tuple(jax.lax.ppermute(s, axis_name, onward) for s in result.final_state)
        return handed, (result.spikes, result.membrane)

    given = [a for a in (x, beta, alpha, key, uniforms) if isinstance(a, jax.Array)]
    axes = varying_axes(*given) | varying_axes(device)
    state = tuple(vary(jnp.zeros((rows, *x.shape[2:]), jnp.float32), axes) for _ in neuron.states)
    turns = blocks + axis_size - 1
    _, series = jax.lax.scan(step, state, jnp.arange(turns))

    def own(stacked: Any) -> Any:
        """This device's blocks are the turns from its own number on."""
        if stacked is None:
            return None
        mine = jax.lax.dynamic_slice_in_dim(stacked, device, blocks)
        return mine.reshape(batch, *mine.shape[2:])

    return ScanResult(own(series[0]), own(series[1]), None)
