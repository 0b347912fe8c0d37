"""Pictures: what is drawn, read back from Matplotlib."""

import numpy as np
import pytest

plt = pytest.importorskip("matplotlib.pyplot", reason="Matplotlib is not installed")

import spikescan as sk  # noqa: E402
from spikescan import Neuron, plot  # noqa: E402

NEURON = Neuron("lif", "sigmoid_bernoulli", 0.5, 4.0)


@pytest.fixture
def run(rng):
    x = rng.normal(0.3, 0.5, (1, 80, 4)).astype(np.float32)
    result = sk.scan(x, 0.9, neuron=NEURON, seed=1, membrane=True)
    yield result.spikes[0], result.membrane[0]
    plt.close("all")


def test_raster_draws_a_mark_for_each_spike(run):
    spikes, _ = run
    ax = plot.raster(spikes, dt=0.5)
    drawn = {(t, n) for t, n in np.asarray(ax.collections[0].get_offsets())}
    assert drawn == {(t * 0.5, n) for t, n in zip(*np.nonzero(spikes))} and drawn
    assert ax.get_ylabel() == "neuron"


def test_membrane_draws_v_threshold_probability_and_spikes(run):
    spikes, V = run
    _, ax = plt.subplots()
    assert plot.membrane(V, ax, neuron=NEURON, spikes=spikes) is ax
    for n in range(4):
        assert np.allclose(ax.lines[n].get_ydata(), V[:, n])
    assert any(line.get_label() == "threshold" and set(line.get_ydata()) == {0.5} for line in ax.lines)
    shade = np.asarray(ax.images[0].get_array())[:, 0]
    low, high = ax.images[0].get_extent()[2:]
    assert low < V.min() and high > V.max()
    # p at the lower and the upper edge of the picture.
    edges = plot.spike_probability(NEURON, np.array([low, high]))
    assert np.allclose(shade[[0, -1]], edges) and shade[-1] > 0.5 > shade[0]
    marks = [line for line in ax.lines if line.get_marker() == "o"]
    assert sum(len(line.get_xdata()) for line in marks) == spikes.sum()


def test_spike_counts(run):
    spikes, _ = run
    ax = plot.spike_counts(spikes)
    assert [bar.get_height() for bar in ax.patches] == list(spikes.sum(0))


def test_packed_spikes_unpack(rng):
    x = rng.normal(0.3, 0.5, (1, 75, 4)).astype(np.float32)
    packed = sk.scan(x, 0.9, neuron=NEURON, seed=1, spikes="bits32").spikes[0]
    assert np.array_equal(plot.unpack(packed, 75), sk.scan(x, 0.9, neuron=NEURON, seed=1).spikes[0])


@pytest.mark.parametrize("rule", ("sigmoid_bernoulli", "refractory_sigmoid_bernoulli", "heaviside"))
def test_probability_is_the_models(rule):
    import reference

    neuron = Neuron("lif", rule, 0.7, 5.0)
    V = np.linspace(-3, 3, 101)
    assert np.allclose(plot.spike_probability(neuron, V), reference.probability(neuron, V))


def test_refused(run):
    spikes, V = run
    with pytest.raises(ValueError, match=r"spikes has shape \(1, 2, 3\); it must be \[T\] or \[T, N\]"):
        plot.raster(np.zeros((1, 2, 3)))
    with pytest.raises(ValueError, match="it must be V's"):
        plot.membrane(V, spikes=spikes[:5])
    with pytest.raises(ValueError, match="no probability"):
        plot.spike_probability(Neuron("lif", "none"), V)
