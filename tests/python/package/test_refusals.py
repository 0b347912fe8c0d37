"""Every wrong shape, dtype, device or key is refused by a sentence that names it; nothing is computed."""

import numpy as np
import pytest

import spikescan as sk
from spikescan import Neuron

X = np.zeros((2, 8, 3), np.float32)
BETA = np.full(3, 0.5, np.float32)
READ_ONLY = np.zeros_like(X)
READ_ONLY.flags.writeable = False
OTHER_ORDER = X.astype(X.dtype.newbyteorder())


MASKED = np.ma.masked_array(X)
WIDE = np.zeros(6, np.float32)
OUT = sk.ScanResult(np.empty_like(X), None, None, None)
PACKED = OUT._replace(spikes=np.empty((2, 1, 3), np.uint32))
CUBA = Neuron("cuba_lif")


class OnDevice:
    """An array on another kind of device, as its producer announces it."""

    def __init__(self, kind, array=X):
        self.kind, self.array = kind, array

    def __dlpack__(self, **_):
        return self.array.__dlpack__()

    def __dlpack_device__(self):
        return self.kind, 0


def backward(**options):
    return sk.scan_backward(X, BETA, saved=np.empty(0, np.uint8), **options)


@pytest.mark.parametrize(
    "call, kind, words",
    (
        (lambda: sk.scan([[1.0]], BETA), TypeError, "x is a list"),
        (lambda: sk.scan(X[0, 0], BETA), ValueError, r"x has shape \(3,\); it must be \[batch, time"),
        (lambda: sk.scan(X.astype(np.float64), BETA), TypeError, "x has dtype float64"),
        (lambda: sk.scan(X.astype(np.int32), BETA), TypeError, "x has dtype int32"),
        (lambda: sk.scan(OTHER_ORDER, BETA), ValueError, "byte order"),
        (lambda: sk.scan(np.zeros((2, 8, 6), np.float32)[:, :, ::2], BETA), ValueError, "must be contiguous"),
        (lambda: sk.scan(X[:, ::-1], BETA), ValueError, r"\(24, -3, 1\); its strides must be at least 0. Pass a"),
        (lambda: sk.scan(X[::-1], BETA), ValueError, r"\(-24, 3, 1\); its strides must be at least 0. Pass a"),
        (lambda: sk.scan(MASKED, BETA), TypeError, "x is a MaskedArray, whose mask is not read; it must be"),
        (lambda: sk.scan(X, MASKED[0, 0]), TypeError, "beta is a MaskedArray, whose mask is not read"),
        (lambda: sk.scan(X, BETA[:2]), ValueError, r"beta has shape \(2,\); it must be \(3,\)"),
        (lambda: sk.scan(X, BETA.astype(np.complex64)), TypeError, "beta is .*; it must be a number or an array"),
        (lambda: sk.scan(X, BETA.astype(object)), TypeError, "beta is .*; it must be a number or an array of numbers"),
        (lambda: sk.scan(OnDevice(2), OnDevice(2, BETA.astype(float))), TypeError, "beta has dtype float64"),
        (lambda: sk.scan(OnDevice(2), 0.5), TypeError, "beta is a float; it must be a NumPy array or have __dlpack__"),
        (lambda: sk.scan(X, BETA, BETA), ValueError, "alpha is given; lif has none"),
        (lambda: sk.scan(X, BETA, recurrence="cuba_lif"), ValueError, "alpha is missing"),
        (lambda: sk.scan(X, BETA, CUBA), TypeError, "alpha is Neuron.*; it must be a decay, and .* as neuron="),
        (lambda: sk.scan(X, BETA, spikes=np.int8), ValueError, "spikes is 'int8'; it must be one of 'float32'"),
        (lambda: sk.scan(X, BETA, spikes=np.dtype(">f4")), ValueError, "spikes is '>f4'; it must be one of"),
        (lambda: sk.scan(X, BETA, membrane=np.uint8), ValueError, "membrane is 'uint8'; it must be one of"),
        (lambda: sk.scan_backward(X, BETA, saved=None), TypeError, "saved is None; it must be the `saved` of a forward"),
        (lambda: sk.scan(X, BETA, recurrence="gru"), ValueError, "recurrence is 'gru'; it must be one of 'lif'"),
        (lambda: sk.scan(X, BETA, rule="fire"), ValueError, "rule is 'fire'"),
        (lambda: sk.scan(X, BETA, k=0), ValueError, "k is 0.0; it must be from 2"),
        (lambda: sk.scan(X, BETA, k=[1, 2, 3]), TypeError, "k is .*one number"),
        (lambda: sk.scan(X, BETA, threshold=float("nan")), ValueError, "threshold is nan"),
        (lambda: sk.scan(X, BETA, max_prob=1.5), ValueError, "max_prob is 1.5"),
        (lambda: Neuron(surrogate="step"), ValueError, "surrogate is 'step'"),
        (lambda: Neuron(gradient="exact"), ValueError, "gradient is 'exact'"),
        (lambda: sk.scan(X, BETA, neuron=Neuron(), k=3.0), ValueError, "either a neuron or its options"),
        (lambda: sk.scan(X, BETA, seed=-1), ValueError, "seed is -1"),
        (lambda: sk.scan(X, BETA, seed=1 << 64), ValueError, "seed is 18446744073709551616"),
        (lambda: sk.scan(X, BETA, stream=1 << 32), ValueError, "stream is 4294967296"),
        (lambda: sk.scan(X, BETA, seed=0.5), TypeError, "seed is 0.5; it must be an integer"),
        (lambda: sk.scan(X, BETA, origin=(0, 1)), ValueError, "three indices"),
        (lambda: sk.scan(X, BETA, origin=(0, -1, 0)), ValueError, "origin's time is -1"),
        (lambda: sk.scan(X, BETA, origin=(-1, 0, 0)), ValueError, "origin's batch is -1"),
        (lambda: sk.scan(X, BETA, origin=(0, 0, -1)), ValueError, "origin's channel is -1"),
        (lambda: sk.scan(X, BETA, origin=(0, (1 << 34) - 4, 0)), ValueError, "origin's time is 17179869180"),
        (lambda: sk.scan(X, BETA, origin=(0, 5, 0), spikes="bits32"), ValueError, "multiple of 32"),
        (lambda: sk.scan(X, BETA, spikes="int8"), ValueError, "spikes is 'int8'"),
        (lambda: sk.scan(X, BETA, rule="none", spikes="uint8"), ValueError, "a floating dtype"),
        (lambda: sk.scan(X, BETA, rule="none", out=PACKED), TypeError, "out.spikes has dtype uint32; with the rule"),
        (lambda: sk.scan(X, BETA, out=OUT._replace(spikes=X.astype(int))), TypeError, "out.spikes has .* or uint32"),
        (lambda: sk.scan(X, BETA, membrane="uint8"), ValueError, "membrane is 'uint8'"),
        (lambda: sk.scan(X, BETA, membrane="garbage", out=OUT), ValueError, "membrane is 'garbage'"),
        (lambda: sk.scan(X, BETA, spikes="int99", out=OUT), ValueError, "spikes is 'int99'"),
        (lambda: sk.scan(X, BETA, final_state=1, out=OUT), TypeError, "final_state is 1"),
        (lambda: sk.scan(X, BETA, save="a", out=OUT), TypeError, "save is 'a'"),
        (lambda: sk.scan(X, BETA, uniforms=X[:, :4]), ValueError, "uniforms has shape"),
        (lambda: sk.scan(X, BETA, uniforms=X.astype(np.float16)), TypeError, "uniforms has dtype float16"),
        (lambda: sk.scan(X, BETA, initial_state=X[:, 0].T), ValueError, "initial_state.0. has shape"),
        (lambda: sk.scan(X, BETA, initial_state=(X[:, 0], X[:, 0])), ValueError, "initial_state has 2 arrays"),
        (lambda: sk.scan(X, BETA, out=sk.ScanResult(READ_ONLY, None, None, None)), ValueError, "read-only"),
        (lambda: sk.scan(X, BETA, out=sk.ScanResult(X, None, None, None)), ValueError, "spikes"),
        (lambda: sk.scan(X, OnDevice(2, BETA)), ValueError, "beta is on cuda:0, x on cpu:0; it must be on x's device"),
        (lambda: sk.scan(OnDevice(7), BETA), ValueError, "DLPack type 7"),
        (lambda: backward(grad_spikes=X[:1]), ValueError, "grad_spikes has shape"),
        (lambda: backward(grad_spikes=X.astype(np.uint8)), TypeError, "grad_spikes has dtype uint8"),
        (lambda: backward(wanted=("y",)), ValueError, "wanted is 'y'"),
        (lambda: backward(wanted=("y",), out=sk.Gradients(None, None, None, None)), ValueError, "wanted is 'y'"),
        (lambda: backward(out=sk.Gradients(None, WIDE[::2], None, None)), ValueError, "out.beta has .* be contiguous"),
        (lambda: sk.scan(X, BETA, out=OUT._replace(final_state=np.empty((2, 3)))), TypeError, "out.* dtype float64"),
        (lambda: backward(out=sk.Gradients(None, None, np.empty(3, np.float32), None)), ValueError, "out.alpha is"),
        (lambda: sk.SequenceStream(Neuron(), BETA, seed=-2), ValueError, "seed is -2"),
        (lambda: sk.SequenceStream(Neuron(), "a"), TypeError, "beta is 'a'; it must be a number or an array"),
        (lambda: sk.SequenceStream(CUBA, BETA, np.array(["a"])), TypeError, "alpha is .*; it must be a number or"),
        (lambda: sk.SequenceStream(CUBA, BETA), ValueError, "alpha is missing; cuba_lif needs it"),
        (lambda: sk.SequenceStream(Neuron(), BETA, BETA), ValueError, "alpha is given; lif has none"),
        (lambda: sk.device_count("tpu"), ValueError, "backend is 'tpu'"),
        (lambda: sk.describe_plan((3,)), ValueError, r"shape is \(3,\); it must be \[batch, time, channels...\]"),
        (lambda: sk.describe_plan((3,), time_first=True), ValueError, r"shape is \(3,\); it must be \[time, batch, "),
        (lambda: sk.describe_plan((2, 8, 1 << 33)), ValueError, "channels is 8589934592"),
        (lambda: sk.describe_plan((2, 8, 3), dtype=np.uint8), ValueError, "dtype is 'uint8'; it must be one of"),
        (lambda: sk.describe_plan((2, 8, 3), dtype="uint8"), ValueError, "dtype is 'uint8'; it must be one of"),
    ),
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_refused(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


def test_saved_of_another_shape_is_refused():
    x = np.zeros((2, 2000, 3), np.float32)
    saved = sk.scan(x, BETA, save=True).saved
    assert saved.size
    with pytest.raises(ValueError, match="saved has shape"):
        sk.scan_backward(x[:1], BETA, saved=saved, grad_spikes=x[:1])


def test_saved_with_gaps_is_refused():
    x = np.zeros((2, 2000, 3), np.float32)
    saved = sk.scan(x, BETA, save=True).saved
    gaps = np.repeat(saved, 2)[::2]
    with pytest.raises(ValueError, match="saved has .*must be contiguous"):
        sk.scan_backward(x, BETA, saved=gaps, grad_spikes=x)
    with pytest.raises(ValueError, match="out.saved has .*must be contiguous"):
        sk.scan(x, BETA, out=OUT._replace(spikes=None, saved=gaps))


def test_plans_of_cuda_without_a_cuda_device():
    if sk.device_count("cuda"):
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(sk.BackendUnavailableError):
        sk.describe_plan((2, 8, 3), backend="cuda")


def test_cuda_arrays_without_a_cuda_device():
    if sk.device_count("cuda"):
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(sk.BackendUnavailableError):
        sk.scan(OnDevice(2), OnDevice(2, BETA))
