"""SpikingJelly's LIFNode in multi-step mode: resets when it fires, deterministic."""

from peers import host_torch, inputs
from spikingjelly.activation_based import functional, neuron, surrogate


def version():
    return host_torch.version("spikingjelly")


def build(case, device):
    tau = float(1 / (1 - inputs.decays(case)[0].mean()))
    layer = neuron.LIFNode(
        tau, decay_input=False, v_threshold=inputs.THRESHOLD, surrogate_function=surrogate.ATan(), step_mode="m"
    )

    def apply(x):
        functional.reset_net(layer)
        return layer(x)

    # It chooses its kernels itself (Triton on a GPU where there is one, else PyTorch).
    work = "LIFNode in multi-step mode: hard reset, step function with arctan surrogate"
    return host_torch.build(case, device, ([], apply), f"{work}; no random draw, no gradient of tau")
