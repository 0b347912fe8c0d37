"""One decay for all beside one a channel. The library wants both alike: here the one is spread over the channels, and the
gradients of the channels are added up to its own.

The library does both, in the order of the call's stream: that needs nothing of the library that an array is from, and gives
the same bits on the CPU and in CUDA.
"""

from __future__ import annotations

import ctypes

from spikescan import _abi
from spikescan._memory import Workspace
from spikescan._neuron import Neuron
from spikescan._problem import problem

_ITEM = _abi.ITEM_BYTES["float32"]
_SUM = Neuron("lif", "none", 0.0)  # V_t = beta V_(t-1) + x_t, which adds up x where beta is 1
_MORE_THAN_ONE = 0x40  # 0x40404040 is 3.0 as a float32, and a decay is clipped to 1


def spread(name: str, value: int, channels: int, device: tuple[str, int], cuda_stream: int) -> Workspace:
    """The float32 at the address `value` once a channel: copied once, then what is there copied behind itself."""
    memory = Workspace(channels * _ITEM, device, cuda_stream, name)
    done = 0
    while done < channels:
        source, more = (memory.pointer, min(done, channels - done)) if done else (value, 1)
        place = memory.pointer + done * _ITEM  # type: ignore[operator]  # there are channels, so there is memory
        _abi.check(_abi.lib.spikescan_copy(_abi.BACKENDS[device[0]], place, source, more * _ITEM, cuda_stream or None))
        done += more
    return memory


def room_for_gradients(channels: int, device: tuple[str, int], cuda_stream: int) -> Workspace:
    return Workspace(channels * _ITEM, device, cuda_stream, "decay gradients")


def add_up(gradients: Workspace, channels: int, total: int, device: tuple[str, int], cuda_stream: int) -> None:
    """Writes the sum of the channels' gradients to the address `total`: the last state of a scan over them."""
    one = Workspace(_ITEM, device, cuda_stream, "one")
    stream = cuda_stream or None
    _abi.check(_abi.lib.spikescan_fill(_abi.BACKENDS[device[0]], one.pointer, _MORE_THAN_ONE, _ITEM, stream))
    prob = problem(_SUM, 1, channels, 1, "float32", *device, True)
    args = _abi.ForwardArgs(struct_size=ctypes.sizeof(_abi.ForwardArgs), beta=one.pointer)
    # Without channels there is no memory; to the library null means absent.
    args.x = _abi.Tensor(gradients.pointer or one.pointer, _abi.DTYPES["float32"], 0, 1)
    args.final_state[0] = _abi.State(total, 0)
    workspace = Workspace(prob.forward_workspace, device, cuda_stream)
    args.workspace, args.workspace_bytes = workspace.pointer, workspace.size
    _abi.check(_abi.lib.spikescan_forward(prob.description, args, stream))
