"""Our own calls on plain arrays, with buffers made once: NumPy on the CPU, PyTorch's tensors by DLPack on a GPU."""

import numpy as np
import spikescan
from spikescan import Gradients, Neuron, ScanResult

from peers import inputs


class Arrays:
    """Where arrays are made and how a pass is waited for."""

    def __init__(self, device):
        self.device, self.stream = device, 0
        if device == "cuda":
            import torch

            self.torch, self.stream = torch, torch.cuda.current_stream().cuda_stream

    def take(self, array):
        return self.torch.from_numpy(array).cuda() if self.device == "cuda" else array

    def empty(self, shape, dtype):
        if self.device == "cuda":
            return self.torch.empty(shape, dtype=getattr(self.torch, dtype), device="cuda")
        return np.empty(shape, dtype)

    def wait(self):
        if self.device == "cuda":
            self.torch.cuda.synchronize()


class HeldMemory:
    """On a GPU: the buffers. A pass allocates nothing, and its scratch is a thousandth of them."""

    def __init__(self, program):
        self.program = program

    def peak(self):
        return self.program.held_bytes


class Program:
    def __init__(self, case, device):
        self.case, self.arrays = case, Arrays(device)
        self.kind = Neuron(case.recurrence, "sigmoid_bernoulli", inputs.THRESHOLD, inputs.K, inputs.MAX_PROB)
        x = inputs.sequence(case, case.recurrence)
        beta, alpha = inputs.decays(case)
        self.decays = [self.arrays.take(a) for a in ((beta, alpha) if self.kind.has_alpha else (beta,))]
        self.x = self.arrays.take(x)
        self.g = self.S = self.saved = self.gradients = None
        if case.pass_name != "forward":
            self.g = self.arrays.take(inputs.cotangent(case))
        self.work = "spikescan.scan on arrays, buffers made once: scan, Philox draws and firing in one pass"
        if self.g is not None:
            self.work += "; gradients of x and decays"

    @property
    def held_bytes(self):
        """All buffers: they stay from run to run."""
        held = (self.x, self.g, self.S, self.saved, self.gradients and self.gradients.x)
        return sum(array.nbytes for array in held if array is not None)

    def compile(self):
        """Nothing is compiled; the buffers are made by the first call."""

    def forward(self, save):
        out = None if self.S is None else ScanResult(self.S, None, None, self.saved)
        made = spikescan.scan(
            self.x, *self.decays, neuron=self.kind, seed=1, save=save, out=out, cuda_stream=self.arrays.stream
        )
        if self.S is None:
            self.S, self.saved = made.spikes, made.saved

    def backward(self):
        if self.saved is None:
            self.forward(save=True)
        if self.gradients is None:
            beta, *alpha = (self.arrays.empty((self.case.C,), "float32") for _ in self.decays)
            x = self.arrays.empty(tuple(self.x.shape), "float32")
            self.gradients = Gradients(x, beta, alpha[0] if alpha else None, None)
        spikescan.scan_backward(
            self.x, *self.decays, saved=self.saved, grad_spikes=self.g, neuron=self.kind, out=self.gradients,
            cuda_stream=self.arrays.stream,
        )  # fmt: skip

    def enqueue(self):
        if self.case.pass_name in ("forward", "forward_backward"):
            self.forward(save=self.case.pass_name == "forward_backward")
        if self.case.pass_name in ("backward", "forward_backward"):
            self.backward()

    def wait(self):
        self.arrays.wait()

    def memory(self):
        return HeldMemory(self)

    def firing_rate(self):
        if self.S is None:
            return None
        return float(np.from_dlpack(self.S).mean()) if self.arrays.device == "cpu" else None
