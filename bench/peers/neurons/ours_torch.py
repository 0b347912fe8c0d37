"""This library through spikescan.torch, with its autograd."""

import torch

from peers import host_torch, inputs

try:
    import spikescan.torch as st
except ImportError as error:
    raise ImportError(f"this build of spikescan has no spikescan.torch ({error})") from error


def version():
    from spikescan import version as library_version

    return f"{library_version()} on {host_torch.version()}"


def build(case, device):
    from spikescan import Neuron

    kind = Neuron(case.recurrence, "sigmoid_bernoulli", inputs.THRESHOLD, inputs.K, inputs.MAX_PROB)
    beta, alpha = (torch.from_numpy(a) for a in inputs.decays(case))
    decays = [beta, alpha] if kind.has_alpha else [beta]
    work = "spikescan.torch.scan: scan, Philox draws and firing in one pass, eager"
    neuron = decays, lambda x, *decays: st.scan(x, *decays, neuron=kind, key=1).spikes
    return host_torch.build(case, device, neuron, work, order=(0, 1, 2))
