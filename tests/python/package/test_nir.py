"""NIR graphs: a neuron goes out and comes back, NIR's own equation gives our membrane, the rest is refused."""

import numpy as np
import pytest

nir = pytest.importorskip("nir", reason="nir is not installed")

import spikescan as sk  # noqa: E402
from spikescan import Neuron  # noqa: E402
from spikescan.nir import from_nir, to_nir  # noqa: E402

BETA = np.array([0.0, 0.5, 0.9, 0.999], np.float32)
ALPHA = np.array([0.3, 0.1, 0.8, 0.0], np.float32)
THRESHOLD = Neuron("lif", "heaviside", 0.75, 3.0, surrogate="tanh")


@pytest.mark.parametrize("recurrence", ("lif", "spsn", "cuba_lif"))
@pytest.mark.parametrize("rule", ("heaviside", "none"))
def test_there_and_back_through_a_file(tmp_path, recurrence, rule):
    neuron = Neuron(recurrence, rule, 0.75 if rule == "heaviside" else 0.0, 3.0, surrogate="tanh")
    alpha = ALPHA if neuron.has_alpha else None
    # At beta 0 the gains of lif and spsn are one and the same, for every channel: leave it out here.
    beta = BETA[1:] if recurrence == "spsn" else BETA
    nir.write(tmp_path / "graph.nir", to_nir(neuron, beta, alpha, dt=0.001))
    again, beta_again, alpha_again = from_nir(nir.read(tmp_path / "graph.nir"), dt=0.001)
    if rule == "heaviside":
        assert again == neuron
    else:
        assert (again.recurrence, again.rule, again.threshold) == (recurrence, "none", 0.0)
    assert np.array_equal(beta_again, beta) and beta_again.dtype == np.float32
    assert alpha is None and alpha_again is None or np.array_equal(alpha_again, alpha)


@pytest.mark.parametrize("recurrence", ("lif", "spsn", "cuba_lif"))
def test_nirs_equation_stepped_by_euler_is_our_membrane(rng, recurrence):
    neuron = Neuron(recurrence, "none", 0.0)
    alpha = ALPHA if neuron.has_alpha else None
    dt = 0.001
    node = to_nir(neuron, BETA, alpha, dt=dt).nodes["integrator"]
    x = rng.normal(size=(1, 200, 4)).astype(np.float32)
    V, current, rows = np.zeros(4), np.zeros(4), []
    for now in x[0].astype(np.float64):
        drive = now
        if recurrence == "cuba_lif":
            current = current + dt / node.tau_syn * (-current + node.w_in * now)
            drive = current
        tau = node.tau_mem if recurrence == "cuba_lif" else node.tau
        V = V + dt / tau * (node.v_leak - V + node.r * drive)
        rows.append(V)
    ours = sk.scan(x, BETA, alpha, neuron=neuron).spikes[0]
    np.testing.assert_allclose(ours, rows, rtol=0, atol=1e-5 * np.abs(rows).max())


def test_shared_decays_are_spread_and_raw_ones_clipped():
    graph = to_nir(Neuron("lif", "none", 0.0), -0.25, shape=(2, 3), dt=2.0)
    assert graph.nodes["integrator"].tau.shape == (2, 3)
    assert np.all(from_nir(graph, dt=2.0)[1] == 0)


def test_foreign_graphs_take_surrogate_and_slope_from_the_call():
    graph = to_nir(THRESHOLD, BETA)
    graph.nodes["threshold"].metadata.clear()
    assert from_nir(graph)[0] == Neuron("lif", "heaviside", 0.75)
    assert from_nir(graph, surrogate="superspike", k=25)[0] == Neuron(
        "lif", "heaviside", 0.75, 25, surrogate="superspike"
    )


def test_spyxs_export_of_its_psu_lif_reads_back_as_spsn():
    """It writes r = 1 for V_t = beta V_(t-1) + x_t, which by NIR's equation scales x by 1 - beta."""
    graph = graph_of(li(tau=1 / (1 - 0.75), r=1.0), nir.Threshold(np.ones(3)))
    assert from_nir(graph)[0] == Neuron("spsn", "heaviside", 1.0)
    (node,) = (n for n in graph.nodes.values() if isinstance(n, nir.LI))
    node.r = node.tau / 1.0
    neuron, beta, _ = from_nir(graph)
    assert neuron == Neuron("lif", "heaviside", 1.0) and np.all(beta == 0.75)


def li(tau=2.0, r=2.0, v_leak=0.0):
    return nir.LI(tau=np.full(3, tau), r=np.full(3, r), v_leak=np.full(3, v_leak))


def graph_of(*nodes):
    return nir.NIRGraph.from_list(*nodes)


def remembering(**metadata):
    return graph_of(li(), nir.Threshold(np.ones(3), metadata=metadata))


def test_what_is_given_goes_before_the_metadata():
    graph = remembering(spikescan_k="abc", spikescan_surrogate="step")
    assert from_nir(graph, k=3.0, surrogate="tanh")[0] == Neuron("lif", "heaviside", 1.0, 3.0, surrogate="tanh")


def test_decays_of_pytorch_with_a_gradient_and_of_16_bits():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    beta = torch.full((3,), 0.5)
    for given in (torch.nn.Parameter(beta), beta.to(torch.bfloat16), beta.to(torch.bfloat16).requires_grad_()):
        assert np.array_equal(from_nir(to_nir(THRESHOLD, given))[1], np.full(3, 0.5, np.float32))


def wired(*edges, **more):
    """A graph of an input, an LI, a Threshold and an output, joined as `edges` say: "i" by its first letters."""
    nodes = {
        "input": nir.Input({"input": np.array([3])}),
        "li": li(),
        "threshold": nir.Threshold(np.ones(3)),
        "output": nir.Output({"output": np.array([3])}),
        **more,
    }
    names = {name[0]: name for name in ("input", "li", "threshold", "output")} | {name: name for name in more}
    return nir.NIRGraph(nodes, [(names[a], names[b]) for a, b in edges], type_check=False)


CHAIN = ("il", "lt", "to")


def test_a_chain_is_taken_in_any_order_of_its_edges():
    assert from_nir(wired(*CHAIN))[0] == from_nir(wired(*reversed(CHAIN)))[0] == Neuron("lif", "heaviside", 1.0)


@pytest.mark.parametrize(
    "edges",
    (
        ("il", "lt", "lo"),  # the Threshold leads nowhere
        (*CHAIN, "lo"),  # what comes out is both
        (*CHAIN, "it"),
        (*CHAIN, "lt"),
        (*CHAIN, "ll"),
        (*CHAIN, "tl"),
        (*CHAIN, "io"),
        ("lt", "to"),  # nothing comes in
        ("il", "lt"),  # nothing comes out
        ("it", "tl", "lo"),
    ),
)
def test_a_graph_that_is_no_chain_is_refused(edges):
    with pytest.raises(ValueError, match="the NIR graph's edges are .*; they must be one chain, .'input', 'li'"):
        from_nir(wired(*edges))


def test_several_inputs_or_outputs_are_refused():
    size = np.array([3])
    for edge, node in ((("x", "l"), nir.Input({"input": size})), (("t", "x"), nir.Output({"output": size}))):
        with pytest.raises(ValueError, match=f"has 2 nodes of {type(node).__name__}, .*; it must have one"):
            from_nir(wired(*CHAIN, edge, x=node))


@pytest.mark.parametrize(
    "call, words",
    (
        (lambda: to_nir(Neuron("lif"), BETA), "no stochastic firing rule; sigmoid_bernoulli"),
        (lambda: to_nir(Neuron("psu_lif", "heaviside"), BETA), "no node for psu_lif"),
        (lambda: to_nir(Neuron("lif", "none", 1.0), BETA), "at threshold 1.0"),
        (lambda: to_nir(THRESHOLD, np.ones(3)), "beta is 1 in some channel"),
        (lambda: to_nir(THRESHOLD, 0.5), "give shape"),
        (lambda: to_nir(THRESHOLD, BETA, ALPHA), "alpha is given"),
        (lambda: to_nir(Neuron("cuba_lif", "heaviside"), BETA), "alpha is missing"),
        (lambda: to_nir(Neuron("cuba_lif", "heaviside"), BETA, ALPHA[:2]), "alpha has shape .2,.; it must be .4,., or"),
        (lambda: to_nir(THRESHOLD, BETA[:1], shape=(4,)), "beta has shape .1,.; it must be .4,., or .. for one decay"),
        (lambda: from_nir(graph_of(li(v_leak=0.5))), "v_leak"),
        (lambda: from_nir(graph_of(li(r=0.7))), "scales its input"),
        (lambda: from_nir(graph_of(li(r=2.0002))), "scales its input"),
        (lambda: from_nir(graph_of(li(tau=0.5))), "below dt"),
        (lambda: from_nir(graph_of(li(tau=np.nan, r=1.0))), "tau is nan in some channel; a time constant must be"),
        (lambda: from_nir(graph_of(li(), nir.Threshold(np.array([1.0, 2.0, 3.0])))), "3 different values"),
        (lambda: from_nir(remembering(spikescan_k="abc")), "spikescan_k in .*metadata is 'abc'; it must be a number"),
        (lambda: from_nir(remembering(spikescan_k=-1.0)), "spikescan_k in .*metadata is -1.0; it must be a number"),
        (lambda: from_nir(remembering(spikescan_k=[2, 3])), "spikescan_k in .*metadata is .2, 3.; it must be a number"),
        (lambda: from_nir(remembering(spikescan_surrogate=b"step")), "spikescan_surrogate in .* is 'step'; it must"),
        (lambda: from_nir(graph_of(li()), k=-1), "k is -1.0; it must be from"),
        (lambda: from_nir(graph_of(li()), surrogate="nonsense"), "surrogate is 'nonsense'; it must be one of 'arctan'"),
        (lambda: from_nir(graph_of(li(), li())), "one LI or CubaLI"),
        (lambda: from_nir(graph_of(nir.Threshold(np.ones(3)), li())), "must be one chain"),
        (
            lambda: from_nir(graph_of(nir.LIF(np.ones(3), np.ones(3), np.zeros(3), np.ones(3)))),
            "reset their membrane",
        ),
    ),
)
def test_what_nir_cannot_say_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
