"""accelerated-scan: a gated recurrence alone. On a CPU its reference in PyTorch, on a GPU its warp kernel."""

import torch

from peers import host_torch, inputs


def version():
    return host_torch.version("accelerated-scan")


def build(case, device):
    if device == "cuda":
        from accelerated_scan.warp import scan
    else:
        from accelerated_scan.ref import scan
    kind = "warp kernel" if device == "cuda" else "ref (PyTorch)"

    def apply(x, beta):
        """x: [B, C, T], as it wants it."""
        gates = beta.clamp(0, 1)[None, :, None].expand_as(x).contiguous()
        return scan(gates, x)

    beta = [torch.from_numpy(inputs.decays(case)[0])]
    program = host_torch.build(
        case, device, (beta, apply), f"V alone, by accelerated_scan's {kind}; no firing", order=(0, 2, 1)
    )
    program.firing_rate = lambda: None
    return program
