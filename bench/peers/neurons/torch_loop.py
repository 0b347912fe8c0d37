"""A PyTorch eager loop, a step at a time. In the headline's network a LIF neuron that is reset when it fires."""

import torch

from peers import host_torch, inputs


def stochastic(x, beta):
    """x: [T, B, C]."""
    beta, V, spikes = beta.clamp(0, 1), torch.zeros_like(x[0]), []
    for x_t in x.unbind(0):
        V = beta * V + x_t
        spikes.append(host_torch.Fire.apply(V))
    return torch.stack(spikes)


def with_reset(x, beta):
    V, spikes = torch.zeros_like(x[0]), []
    for x_t in x.unbind(0):
        V = beta * V + x_t
        S = host_torch.StepFunction.apply(V - inputs.THRESHOLD)
        V = V - S * inputs.THRESHOLD
        spikes.append(S)
    return torch.stack(spikes)


def version():
    return host_torch.version()


def build(case, device):
    beta = [torch.from_numpy(inputs.decays(case)[0])]
    if case.series == "headline":
        work = "LIF with reset by subtraction, step function with an arctan surrogate, a Python loop over steps"
        return host_torch.build(case, device, (beta, with_reset), work)
    return host_torch.build(case, device, (beta, stochastic), "the same neuron in a Python loop over steps, eager")
