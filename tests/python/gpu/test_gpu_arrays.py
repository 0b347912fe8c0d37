"""spikescan.scan on arrays of a GPU: CuPy's and PyTorch's by DLPack, without copies, on their own streams."""

import gpu_problem
import numpy as np
import pytest
import spikescan as sk
from gpu_problem import ORIGIN, RECURRENCES, SEED, STREAM, same_bits
from spikescan import Gradients, ScanResult


def both_passes(p, take, cuda_stream):
    """Outputs and gradients as DeviceArrays."""
    x, *decays = (take(a) for a in (p.x, p.beta, p.alpha) if a is not None)
    initial = tuple(take(s) for s in p.initial)
    forward = sk.scan(
        x, *decays, neuron=p.neuron, seed=SEED, stream=STREAM, origin=ORIGIN, initial_state=initial, membrane=True,
        final_state=True, save=True, cuda_stream=cuda_stream,
    )  # fmt: skip
    back = sk.scan_backward(
        x, *decays, neuron=p.neuron, saved=forward.saved, grad_spikes=take(p.grad_spikes),
        grad_membrane=take(p.grad_membrane), grad_final_state=tuple(take(g) for g in p.grad_final),
        initial_state=initial, cuda_stream=cuda_stream,
    )  # fmt: skip
    gradients = [g for g in back[:3] if g is not None] + list(back.initial_state)
    return [forward.spikes, forward.membrane, *forward.final_state], gradients


@pytest.mark.parametrize("recurrence", RECURRENCES)
def test_cupys_arrays_give_the_cpus_bits(recurrence):
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed")
    p = gpu_problem.make(recurrence)
    stream = cupy.cuda.Stream(non_blocking=True)
    with stream:
        outputs, gradients = both_passes(p, cupy.asarray, stream.ptr)
        taken = [[cupy.from_dlpack(a) for a in arrays] for arrays in (outputs, gradients)]
        ours = [[cupy.asnumpy(a) for a in arrays] for arrays in taken]
    assert [a.data.ptr for a in taken[0]] == [a.pointer for a in outputs]  # taken over, not copied
    for made, expected in zip(ours, gpu_problem.of_cpu(p)):
        same_bits(made, expected)


def test_results_go_into_cupys_memory():
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed")
    p = gpu_problem.make("lif")
    stream = cupy.cuda.Stream(non_blocking=True)
    with stream:
        x, beta = cupy.asarray(p.x), cupy.asarray(p.beta)
        spikes, grad_x, grad_beta = cupy.full_like(x, 7), cupy.full_like(x, 7), cupy.full_like(beta, 7)
        saved = sk.scan(x, beta, neuron=p.neuron, seed=SEED, save=True, cuda_stream=stream.ptr).saved
        out = ScanResult(spikes, None, None, None)
        assert sk.scan(x, beta, neuron=p.neuron, seed=SEED, out=out, cuda_stream=stream.ptr).spikes is spikes
        sk.scan_backward(
            x, beta, neuron=p.neuron, saved=saved, grad_spikes=cupy.asarray(p.grad_spikes),
            out=Gradients(grad_x, grad_beta, None, None), cuda_stream=stream.ptr,
        )  # fmt: skip
        ours = [cupy.asnumpy(a) for a in (spikes, grad_x, grad_beta)]
    forward = sk.scan(p.x, p.beta, neuron=p.neuron, seed=SEED, save=True)
    back = sk.scan_backward(p.x, p.beta, neuron=p.neuron, saved=forward.saved, grad_spikes=p.grad_spikes)
    same_bits(ours, [forward.spikes, back.x, back.beta])


def test_a_stream_of_pieces_keeps_its_state_on_the_gpu():
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed")
    split = sk.time_units()[0]
    x = np.random.default_rng(0).normal(size=(1, 2 * split, 2)).astype(np.float32)
    beta = np.full(2, 0.999, np.float32)
    pieces = sk.SequenceStream(sk.Neuron(), cupy.asarray(beta), seed=1)
    made = [cupy.asnumpy(cupy.from_dlpack(pieces(cupy.asarray(x[:, at : at + split])).spikes)) for at in (0, split)]
    same_bits([np.concatenate(made, axis=1)], [sk.scan(x, beta, neuron=sk.Neuron(), seed=1).spikes])


def test_pytorchs_tensors_by_dlpack():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    p = gpu_problem.make("cuba_lif")
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        made = both_passes(p, lambda a: torch.from_numpy(a).cuda(), stream.cuda_stream)
        ours = [[torch.from_dlpack(a).cpu() for a in arrays] for arrays in made]
    for arrays, expected in zip(ours, gpu_problem.of_cpu(p)):
        same_bits(arrays, expected)


@pytest.mark.parametrize("shared", ("beta", "alpha"))
def test_one_shared_decay_is_spread_on_the_callers_stream(shared):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    p = gpu_problem.make("cuba_lif")
    decays = {"beta": p.beta, "alpha": p.alpha, shared: getattr(p, shared)[:1]}
    given = [p.x, decays["beta"], decays["alpha"], p.grad_spikes]

    def both(x, beta, alpha, gradient, cuda_stream=0):
        options = {"neuron": p.neuron, "cuda_stream": cuda_stream}
        forward = sk.scan(x, beta, alpha, seed=SEED, save=True, **options)
        back = sk.scan_backward(x, beta, alpha, saved=forward.saved, grad_spikes=gradient, **options)
        return [forward.spikes, *back[:3]]

    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        made = both(*(torch.from_numpy(a).cuda() for a in given), stream.cuda_stream)
        ours = [torch.from_dlpack(a).cpu() for a in made]
    same_bits(ours, both(*given))


def test_memory_of_two_places_is_refused():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    with pytest.raises(ValueError, match="beta is on cpu:0, x on cuda:0; it must be on x's device"):
        sk.scan(torch.zeros(1, 8, 2, device="cuda"), np.full(2, 0.9, np.float32))
