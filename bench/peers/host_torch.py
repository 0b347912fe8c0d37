"""From a PyTorch neuron to a timed pass. A neuron is (parameters, apply(x) -> S), both in its own layout."""

import os
import time

import torch

from peers import inputs
from peers.cases import HEADLINE_CLASSES, HEADLINE_INPUTS

torch.set_num_threads(int(os.environ.get("SPIKESCAN_PEER_THREADS", "1")))


def version(*packages):
    """'PyTorch 2.13.0', or with further packages 'snntorch 1.0.0 on PyTorch 2.13.0'."""
    from importlib.metadata import version as of

    before = ", ".join(f"{package} {of(package)}" for package in packages)
    return f"{before} on PyTorch {torch.__version__}" if before else f"PyTorch {torch.__version__}"


class Fire(torch.autograd.Function):
    """Spyx's sigmoid_bernoulli: the gradient of a spike is p itself."""

    @staticmethod
    def forward(ctx, V):
        p = inputs.MAX_PROB * torch.sigmoid(inputs.K * (V - inputs.THRESHOLD))
        ctx.save_for_backward(p)
        return torch.bernoulli(p)

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0]


class StepFunction(torch.autograd.Function):
    """Heaviside with an arctan surrogate."""

    @staticmethod
    def forward(ctx, U):
        ctx.save_for_backward(U)
        return (U > 0).to(U.dtype)

    @staticmethod
    def backward(ctx, g):
        return g / (torch.pi * (1 + (2 * torch.pi * ctx.saved_tensors[0]) ** 2))


def tensor(array, device, order=(0, 1, 2)):
    return torch.from_numpy(array).permute(order).contiguous().to(device)


class Program:
    """`compiles`: the first pass compiles, which is timed apart."""

    def __init__(self, case, device, layer, leaves, x, g, work, compiles):
        self.case, self.device, self.layer, self.leaves = case, device, layer, leaves
        self.x, self.g, self.work, self.compiles = x, g, work, compiles
        self.held_bytes = sum(t.numel() * t.element_size() for t in (x, *leaves, *([] if g is None else [g])))
        self.kept = None

    def wait(self):
        if self.device == "cuda":
            torch.cuda.synchronize()

    def forward(self):
        with torch.no_grad():
            return self.layer(self.x)

    def forward_backward(self):
        S = self.layer(self.x)
        return S, torch.autograd.grad(S, (self.x, *self.leaves), self.g, allow_unused=True)

    def backward(self):
        if self.kept is None:
            self.kept = self.layer(self.x)
        return torch.autograd.grad(self.kept, (self.x, *self.leaves), self.g, retain_graph=True, allow_unused=True)

    def enqueue(self):
        getattr(self, self.case.pass_name)()

    def seconds_once(self):
        started = time.perf_counter()
        self.enqueue()
        self.wait()
        return time.perf_counter() - started

    def compile(self):
        if not self.compiles:
            return None
        took = self.seconds_once() - self.seconds_once()
        return took if took > 0.05 else None  # less: it was compiled for an earlier case of these sizes

    def firing_rate(self):
        if self.case.layer == "linear" or self.case.pass_name == "train_step":
            return None
        return float(self.forward().float().mean())

    def memory(self):
        return DeviceMemory()


class DeviceMemory:
    """PyTorch's own account of a GPU, inputs included."""

    def __init__(self):
        torch.cuda.reset_peak_memory_stats()

    @staticmethod
    def peak():
        return torch.cuda.max_memory_allocated()


def build(case, device, neuron, work, order=(1, 0, 2), compiles=False):
    """`neuron` is (parameters, apply) or None for the Linear alone; `order` makes the peer's layout of [B, T, C]."""
    leaves, apply = neuron or ((), None)
    leaves = [leaf.to(device).requires_grad_() for leaf in leaves]
    if case.pass_name == "train_step":
        return TrainStep(case, device, apply, leaves, work, order)
    back = sorted(range(3), key=order.__getitem__)
    swap = case.layout == "own_with_transpose"
    W = tensor(inputs.weights(case.C, case.C)[None], device)[0] if case.layer != "neuron" else None

    def layer(x):
        x = x.permute(order).contiguous() if swap else x
        x = x @ W if W is not None else x
        x = apply(x, *leaves) if apply else x
        return x.permute(back).contiguous() if swap else x

    own = order if case.layout == "own" else (0, 1, 2)
    x = tensor(inputs.sequence(case, case.recurrence), device, own)
    g, wanted = None, leaves + ([W] if W is not None else [])
    if case.pass_name != "forward":
        g = tensor(inputs.cotangent(case), device, own)
        for leaf in (x, *wanted):
            leaf.requires_grad_()
        work = f"{work}; gradients of x and all parameters"
    return Program(case, device, layer, wanted, x, g, work, compiles)


class TrainStep(Program):
    """Linear, neuron, Linear, mean over time, cross-entropy, one step of gradient descent."""

    def __init__(self, case, device, apply, leaves, work, order):
        x, labels = inputs.headline_data(case)
        first = tensor(inputs.weights(HEADLINE_INPUTS, case.C)[None] * 3.0, device)[0].requires_grad_()
        last = tensor(inputs.weights(case.C, HEADLINE_CLASSES)[None], device)[0].requires_grad_()
        self.labels, self.apply, self.order = torch.from_numpy(labels).to(device), apply, order
        self.first, self.last, self.neuron = first, last, leaves
        shape = f"Linear {HEADLINE_INPUTS}-{case.C}, neuron, Linear {case.C}-{HEADLINE_CLASSES}, mean over time"
        work = f"{shape}, gradient descent; neuron: {work}"
        super().__init__(case, device, None, [first, last, *leaves], tensor(x, device, order), None, work, False)

    def train_step(self):
        S = self.apply(self.x @ self.first, *self.neuron)
        logits = (S @ self.last).mean(dim=self.order.index(1))
        loss = torch.nn.functional.cross_entropy(logits, self.labels)
        gradients = torch.autograd.grad(loss, self.leaves, allow_unused=True)
        with torch.no_grad():
            for leaf, gradient in zip(self.leaves, gradients):
                if gradient is not None:
                    leaf -= 0.01 * gradient
