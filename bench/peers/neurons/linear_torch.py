"""The Linear alone in PyTorch: what a neuron's cost is held against."""

from peers import host_torch


def version():
    return host_torch.version()


def build(case, device):
    return host_torch.build(case, device, None, "x @ W alone, eager")
