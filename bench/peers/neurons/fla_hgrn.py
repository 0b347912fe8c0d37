"""flash-linear-attention's HGRN: a gated recurrence alone, its Triton kernel (GPU only)."""

import torch
from fla.ops.hgrn import fused_recurrent_hgrn

from peers import host_torch, inputs


def version():
    return host_torch.version("flash-linear-attention")


def build(case, device):
    def apply(x, beta):
        return fused_recurrent_hgrn(x, beta.clamp(1e-6, 1).log()[None, None, :].expand_as(x).contiguous())[0]

    beta = [torch.from_numpy(inputs.decays(case)[0])]
    work = "V alone, by fla's fused_recurrent_hgrn; no firing"
    program = host_torch.build(case, device, (beta, apply), work, order=(0, 1, 2))
    program.firing_rate = lambda: None
    return program
