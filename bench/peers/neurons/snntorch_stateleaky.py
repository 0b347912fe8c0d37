"""snnTorch's StateLeaky: no reset, V by a depthwise convolution over the whole length."""

import torch
from snntorch._neurons.stateleaky import StateLeaky

from peers import host_torch, inputs


def version():
    return host_torch.version("snntorch")


def build(case, device):
    # It decays by exp(-(1 - beta)): the beta that gives our decay.
    beta = 1 + torch.log(torch.from_numpy(inputs.decays(case)[0]))
    layer = StateLeaky(beta=beta, channels=case.C, threshold=inputs.THRESHOLD, learn_beta=True).to(device)
    work = "StateLeaky: V by causal conv1d with a kernel as long as the sequence, step function with arctan surrogate"
    return host_torch.build(case, device, ([], lambda x: layer(x)[0]), f"{work}; no random draw, no gradient of beta")
