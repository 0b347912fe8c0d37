"""What the C library refuses is said in the words of Python: of arguments, not of members of C structs."""

import numpy as np
import pytest

import spikescan as sk

X, BETA = np.zeros((2, 8, 3), np.float32), np.full(3, 0.5, np.float32)
OUT = sk.ScanResult(None, None, None, None)
GRADIENTS = sk.Gradients(None, None, None, None)
STATE = X[:, 0].copy()
# Of a key in memory: (origin, the stream's upper half, spikes) and the sentence.
KEYS = (
    ((2**32 - 1, 0, 0), 0, True, "key's batch origin is 4294967295; it must be at least 0, and with x's batch (2) at most"),
    ((0, 2**34 - 4, 0), 0, True, "key's time origin is 17179869180; it must be at least 0, and with x's time (8) at most"),
    ((0, 0, 2**32 - 1), 0, True, "key's channel origin is 4294967295; it must be at least 0, and with x's channels (3)"),
    ((0, 5, 0), 0, "bits32", "key's time origin is 5; with spikes 'bits32' it must be a multiple of 32"),
    ((0, 0, 0), 1, True, "the upper half of key's stream is 1; it must be 0"),
)


def off(array):
    """The same numbers one byte off their alignment."""
    return np.frombuffer(b"\0" + array.tobytes(), np.uint8)[1:].view(array.dtype).reshape(array.shape)


def same_memory(array):
    return np.lib.stride_tricks.as_strided(array.copy(), array.shape, (0, *array.strides[1:]))


def backward(**options):
    return sk.scan_backward(X, BETA, saved=np.empty(0, np.uint8), **{"grad_spikes": X.copy(), **options})


@pytest.mark.parametrize(
    "call, words",
    (
        (lambda: sk.scan(X, BETA, origin=(2**32 - 1, 0, 0)), "origin's batch is 4294967295; .* with x's batch .2. at most"),
        (lambda: sk.scan(X, BETA, origin=(0, 5, 0), spikes="bits32"), "origin's time is 5; with spikes 'bits32' it must be"),
        (lambda: sk.scan(X, BETA, out=OUT._replace(spikes=X)), r"out.spikes \(from .* and x \(from .* share memory"),
        (
            lambda: sk.scan(X, BETA, initial_state=STATE, out=OUT._replace(final_state=(STATE,))),
            r"out.final_state\[0\] \(from .* and initial_state\[0\] \(from .* share memory",
        ),
        (lambda: backward(out=GRADIENTS._replace(x=X)), r"out.x \(from .* and x \(from .* share memory"),
        (lambda: backward(out=GRADIENTS._replace(beta=BETA)), r"out.beta \(from .* and beta \(from .* share memory"),
        (lambda: backward(grad_membrane=X, out=GRADIENTS._replace(x=X)), r"out.x \(from .* and (x|grad_membrane) \(from"),
        (lambda: sk.scan(X, BETA, out=OUT._replace(spikes=same_memory(X))), "out.spikes's stride along batch is 0 and out"),
        (lambda: sk.scan(off(X), BETA), "x's memory begins at 0x.*; it must begin at a multiple of 4"),
        (lambda: sk.scan(X, BETA, uniforms=off(X)), "uniforms's memory begins at 0x.*; it must begin at a multiple of 4"),
    ),
)
def test_of_arrays(call, words):
    with pytest.raises(ValueError, match=f"^{words}"):
        call()


def test_of_a_backend():
    if sk.device_count("cuda"):
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(sk.BackendUnavailableError, match="backend is 'cuda'; .*, so it must be 'cpu' or 'auto'"):
        sk.describe_plan((2, 8, 3), backend="cuda")


@pytest.mark.parametrize("origin, upper, spikes, words", KEYS)
def test_of_keys_in_pytorch(origin, upper, spikes, words):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    import spikescan.torch as st

    key = st.make_key(1, origin=origin)
    key[1] += upper << 32
    with pytest.raises(ValueError) as error:
        st.scan(torch.from_numpy(X), 0.5, key=key, spikes=spikes)
    assert str(error.value).startswith(words)


@pytest.mark.parametrize("origin, upper, spikes, words", KEYS)
def test_of_keys_in_jax(origin, upper, spikes, words):
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    import spikescan.jax as sj

    key = sj.make_key(1, origin=origin).at[3].set(upper)
    # Of a call that has run before JAX raises the one, of a new one the other.
    with pytest.raises((ValueError, jax.errors.JaxRuntimeError)) as error:
        sj.scan(X, 0.5, key=key, spikes=spikes).spikes.block_until_ready()
    assert f"spikescan: {words}" in str(error.value)
