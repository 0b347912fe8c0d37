"""mamba-ssm's selective scan as a leaky integrator: state size 1, step 1, A = log(beta) (GPU only)."""

import torch
from mamba_ssm.ops.selective_scan_interface import selective_scan_fn

from peers import host_torch, inputs


def version():
    return host_torch.version("mamba-ssm")


def build(case, device):
    def apply(x, beta):
        """x: [B, C, T], as it wants it."""
        ones = torch.ones(x.shape[0], 1, x.shape[2], device=x.device)
        return selective_scan_fn(x, torch.ones_like(x), beta.clamp(1e-6, 1).log()[:, None], ones, ones)

    beta = [torch.from_numpy(inputs.decays(case)[0])]
    work = "V alone, by mamba's selective_scan_fn with one state a channel; no firing"
    program = host_torch.build(case, device, (beta, apply), work, order=(0, 2, 1))
    program.firing_rate = lambda: None
    return program
