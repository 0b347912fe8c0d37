"""The same loop with its step compiled by torch.compile (the whole loop would be unrolled into one graph a length)."""

import torch

from peers import host_torch, inputs


def step(V, x_t, beta):
    V = beta * V + x_t
    return V, host_torch.Fire.apply(V)


def version():
    return host_torch.version()


def build(case, device):
    torch._dynamo.reset()  # each case compiles what it needs, and dispatches over nothing else
    compiled = torch.compile(step, fullgraph=True, dynamic=False)

    def loop(x, beta):
        beta, V, spikes = beta.clamp(0, 1), torch.zeros_like(x[0]), []
        for x_t in x.unbind(0):
            V, S = compiled(V, x_t, beta)
            spikes.append(S)
        return torch.stack(spikes)

    beta = [torch.from_numpy(inputs.decays(case)[0])]
    work = "the same neuron in a Python loop over steps, each step compiled by torch.compile (fullgraph)"
    return host_torch.build(case, device, (beta, loop), work, compiles=True)
