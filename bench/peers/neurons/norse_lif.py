"""Norse's LIF over a sequence: a current and a membrane, resets when it fires, deterministic."""

import norse.torch as norse
import torch

from peers import host_torch, inputs


def version():
    return host_torch.version("norse")


def build(case, device):
    beta, alpha = (float(decay.mean()) for decay in inputs.decays(case))
    parameters = norse.LIFParameters(
        tau_syn_inv=torch.tensor((1 - alpha) / 1e-3),
        tau_mem_inv=torch.tensor((1 - beta) / 1e-3),
        v_th=torch.tensor(0.1),  # it scales the current by 1 - beta
    )
    layer = norse.LIF(p=parameters).to(device)
    work = "norse.torch.LIF over the sequence: current and membrane, reset, step function with SuperSpike surrogate"
    return host_torch.build(case, device, ([], lambda x: layer(x)[0]), f"{work}; no random draw, no gradient of decays")
