"""A sequence in pieces: at multiples of the split length the bits of one call, elsewhere the same random numbers."""

import numpy as np
import pytest
import reference

import spikescan as sk
from spikescan import Neuron

SPLIT = sk.time_units()[0]


def pieces(stream, x, cuts, **options):
    edges = [0, *cuts, x.shape[1]]
    return [stream(x[:, a:b], membrane=True, **options) for a, b in zip(edges, edges[1:])]


@pytest.mark.parametrize("recurrence", ("lif", "spsn", "cuba_lif", "psu_lif"))
def test_cut_at_split_lengths_the_bits_are_those_of_one_call(rng, recurrence):
    x = rng.normal(size=(1, 2 * SPLIT + 70, 2)).astype(np.float32)
    alpha = 0.7 if recurrence == "cuba_lif" else None
    neuron = Neuron(recurrence, "sigmoid_bernoulli", 0.5, 3.0)
    whole = sk.scan(x, 0.999, alpha, neuron=neuron, seed=9, stream=3, membrane=True, final_state=True)
    stream = sk.SequenceStream(neuron, 0.999, alpha, seed=9, stream=3)
    parts = pieces(stream, x, (SPLIT, 2 * SPLIT))
    assert np.array_equal(np.concatenate([p.spikes for p in parts], 1), whole.spikes)
    assert np.array_equal(np.concatenate([p.membrane for p in parts], 1), whole.membrane)
    for ours, theirs in zip(stream.state, whole.final_state):
        assert np.array_equal(ours, theirs)
    assert stream.time == x.shape[1]


def test_cut_anywhere_the_random_numbers_are_the_same(rng):
    """V differs in its last bits at most; a spike where the uniform lies within that of p at most."""
    x = rng.normal(size=(2, 5000, 4)).astype(np.float32)
    neuron = Neuron("lif", "sigmoid_bernoulli", 0.5, 3.0)
    whole = sk.scan(x, 0.99, neuron=neuron, seed=9, membrane=True)
    parts = pieces(sk.SequenceStream(neuron, 0.99, seed=9), x, (1, 3, 1027, 4096, 4999))
    V = np.concatenate([p.membrane for p in parts], 1)
    # 8 units of 2^-24 of sum beta^n |x| (at most 100 * max |x|) for either of the two.
    np.testing.assert_allclose(V, whole.membrane, rtol=0, atol=16 * 2.0**-24 * 100 * np.abs(x).max())
    differ = np.concatenate([p.spikes for p in parts], 1) != whole.spikes
    ties = np.abs(reference.uniforms(x.shape, 9) - reference.probability(neuron, whole.membrane.astype(np.float64)))
    assert np.all(ties[differ] < 1e-4)
    # The draws themselves: with V fixed (decay 0) every cut gives the same spikes.
    memoryless = pieces(sk.SequenceStream(neuron, 0.0, seed=9), x, (1, 3, 1027, 4096, 4999))
    assert np.array_equal(
        np.concatenate([p.spikes for p in memoryless], 1), sk.scan(x, 0.0, neuron=neuron, seed=9).spikes
    )


def test_a_stream_begins_at_its_origin(rng):
    x, place = rng.normal(size=(2, 64, 4)).astype(np.float32), {"seed": 1, "stream": 2, "origin": (3, 32, 5)}
    parts = pieces(sk.SequenceStream(Neuron(), 0.0, **place), x, (32,))
    assert np.array_equal(np.concatenate([p.spikes for p in parts], 1), sk.scan(x, 0.0, **place).spikes)


def test_a_stream_takes_uniforms_piece_by_piece(rng):
    x, own = rng.normal(size=(2, 64, 4)).astype(np.float32), rng.random((2, 64, 4), dtype=np.float32)
    stream = sk.SequenceStream(Neuron(), 0.0, seed=1)
    parts = [stream(x[:, at], uniforms=own[:, at]).spikes for at in (slice(0, 32), slice(32, 64))]
    assert np.array_equal(np.concatenate(parts, 1), sk.scan(x, 0.0, uniforms=own).spikes)


def test_reset_starts_again_and_time_first_follows_its_axis(rng):
    x = rng.normal(size=(30, 2, 4)).astype(np.float32)
    stream = sk.SequenceStream(Neuron(), 0.9, seed=1, time_first=True, origin=(0, 64, 0))
    first = stream(x).spikes
    assert stream.time == 94
    second = stream(x).spikes
    assert not np.array_equal(first, second)
    stream.reset()
    assert stream.time == 64 and np.array_equal(stream(x).spikes, first)


def test_packed_pieces_begin_at_whole_words(rng):
    x = rng.normal(size=(1, 40, 4)).astype(np.float32)
    stream = sk.SequenceStream(Neuron(), 0.9, seed=1)
    stream(x, spikes="bits32")
    with pytest.raises(ValueError, match="spikes is 'bits32'; .* at a multiple of 32 steps, and the next step is 40"):
        stream(x, spikes="bits32")
    assert stream.time == 40 and stream(x).spikes.shape == x.shape


def test_packed_pieces_of_whole_words(rng):
    x = rng.normal(size=(1, 96, 4)).astype(np.float32)
    stream = sk.SequenceStream(Neuron(), 0.9, seed=1)
    parts = pieces(stream, x, (32,), spikes="bits32")
    assert np.array_equal(np.concatenate([p.spikes for p in parts], 1), sk.scan(x, 0.9, seed=1, spikes="bits32").spikes)
