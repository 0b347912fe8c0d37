"""Pictures: what is drawn, read back from Matplotlib."""

import warnings

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


def test_psu_lif_is_drawn_by_what_its_rule_sees(rng):
    neuron = sk.PSU_LIF(0.2)
    x = rng.normal(0.3, 3, (1, 80, 2)).astype(np.float32)
    spikes, V, _, _ = sk.scan(x, 0.9, neuron=neuron, membrane=True)
    M = sk.scan(x, 0.9, neuron=Neuron("psu_lif", "none", 0.0)).spikes
    ax = plot.membrane(V[0], neuron=neuron, M=M[0], spikes=spikes[0])
    assert np.allclose(ax.lines[0].get_ydata(), M[0, :, 0]) and ax.get_ylabel() == "V - R"
    marks = [line for line in ax.lines if line.get_marker() == "o"]
    heights = np.concatenate([line.get_ydata() for line in marks])
    assert len(heights) == spikes.sum() > 0 and np.all(heights > 0.2)
    with pytest.raises(ValueError, match="M is missing; it must be given for psu_lif, whose rule sees V - R"):
        plot.membrane(V[0], neuron=neuron)
    for other in (None, NEURON):
        with pytest.raises(ValueError, match="M is given; it must come with a neuron of psu_lif"):
            plot.membrane(V[0], neuron=other, M=M[0])
    with pytest.raises(ValueError, match="M has shape .*; it must be V's"):
        plot.membrane(V[0], neuron=neuron, M=M[0, :5])
    plt.close("all")


def test_marks_lie_on_what_is_drawn_at_their_time(run):
    spikes, V = (series[:, 0] for series in run)
    (at,) = np.nonzero(spikes)
    for drawn, options in ((V, {}), (V - 2, {"M": V - 2, "neuron": sk.PSU_LIF(0.5)})):
        ax = plot.membrane(V, spikes=spikes, dt=0.5, **options)
        (marks,) = (line for line in ax.lines if line.get_marker() == "o")
        assert np.allclose(marks.get_xdata(), at * 0.5) and np.allclose(marks.get_ydata(), drawn[at])


def test_a_second_membrane_on_the_same_axes(run):
    spikes, V = run
    ax = plot.membrane(V[:, :1], neuron=NEURON)
    plot.membrane(3 * V[:60, 1:2], ax, neuron=NEURON)
    assert len(ax.images) == 1 and [line.get_label() for line in ax.lines].count("threshold") == 1
    drawn = [line for line in ax.lines if line.get_label() != "threshold"]
    heights = np.concatenate([line.get_ydata() for line in drawn])
    low, high = ax.get_ylim()
    assert low < heights.min() and high > heights.max() and ax.get_xlim() == (-0.5, 79.5)
    assert tuple(ax.images[0].get_extent()) == (0, 1, low, high)  # along time from end to end of the axes


def test_the_rule_is_the_last_neurons(run):
    _, V = run
    ax = plot.membrane(V, neuron=NEURON)
    plot.membrane(V, ax, neuron=Neuron(threshold=1.5))
    (line,) = (line for line in ax.lines if line.get_label() == "threshold")
    assert set(line.get_ydata()) == {1.5}


def test_time_axes_line_up(run):
    spikes, V = run
    figure, (top, bottom) = plt.subplots(2, 1)
    plot.raster(spikes, top, dt=0.5)
    plot.membrane(V, bottom, neuron=NEURON, spikes=spikes, dt=0.5)
    assert top.get_xlim() == bottom.get_xlim() == (-0.25, 39.75)
    assert bottom.get_xlabel() == "time" and plot.membrane(V).get_xlabel() == "time step"


def test_colours_of_the_callers(run):
    spikes, _ = run
    for style in ({"color": "red"}, {"c": "red"}):
        ax = plot.raster(spikes, **style)
        assert ax.collections[0].get_edgecolor()[0].tolist() == [1, 0, 0, 1]


def test_packed_spikes_are_no_picture(run):
    packed = sk.scan(np.zeros((1, 80, 4), np.float32), 0.9, neuron=NEURON, seed=1, spikes="bits32").spikes[0]
    for draw in (plot.raster, plot.spike_counts, lambda s: plot.membrane(np.zeros((3, 4)), spikes=s)):
        with pytest.raises(TypeError, match="spikes has dtype uint32, as packed ones have; it must be one value"):
            draw(packed)


def test_tensors_of_pytorch_with_a_gradient_or_their_sign_apart_and_of_16_bits(run):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    spikes, V = run
    given = torch.from_numpy(spikes).requires_grad_()
    for tensor in (given, given.to(torch.bfloat16), torch.from_numpy(spikes).half()):
        assert len(plot.raster(tensor).collections[0].get_offsets()) == spikes.sum()
    for tensor in (torch.from_numpy(V).requires_grad_(), torch._neg_view(torch.from_numpy(-V))):
        ax = plot.membrane(tensor, neuron=NEURON, spikes=given)
        assert np.allclose(ax.lines[0].get_ydata(), V[:, 0])
    p = plot.spike_probability(NEURON, torch.from_numpy(V).requires_grad_())
    assert np.array_equal(p, plot.spike_probability(NEURON, V))


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


def test_probability_at_the_threshold_and_far_from_it():
    assert plot.spike_probability(Neuron(rule="heaviside", threshold=0.5), [0.5, 0.51]).tolist() == [0, 1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        far = plot.spike_probability(Neuron(k=100.0, max_prob=1.0), [-1e4, 1e4])
    np.testing.assert_allclose(far, [0, 1], atol=1e-12)


def test_refused(run):
    spikes, V = run
    with pytest.raises(ValueError, match=r"spikes has shape \(1, 2, 3\); it must be \[T\] or \[T, N\]"):
        plot.raster(np.zeros((1, 2, 3)))
    with pytest.raises(ValueError, match="it must be V's"):
        plot.membrane(V, spikes=spikes[:5])
    with pytest.raises(ValueError, match="no probability"):
        plot.spike_probability(Neuron("lif", "none"), V)


def test_a_shorter_picture_does_not_cut_one_that_shares_its_time():
    figure, (above, below) = plt.subplots(2, 1, sharex=True)
    plot.raster(np.ones((80, 2)), above)
    plot.membrane(np.zeros((40, 2)), below)
    assert above.get_xlim() == below.get_xlim() == (-0.5, 79.5)


@pytest.mark.parametrize("shaded_first", (False, True))
def test_shading_reaches_over_all_that_is_drawn(shaded_first):
    small, large = np.linspace(-1, 1, 40), np.linspace(-9, 12, 40)
    ax = plot.membrane(small if shaded_first else large, neuron=Neuron(k=3.0) if shaded_first else None)
    plot.membrane(large if shaded_first else small, ax, neuron=None if shaded_first else Neuron(k=3.0), dt=2.0)
    low, high = ax.get_ylim()
    assert low < -9 and high > 12
    (shade,) = ax.images
    left, right, bottom, top = shade.get_extent()
    assert (left, right) == (0, 1) and (bottom, top) == (low, high)  # from one end of the axes to the other
