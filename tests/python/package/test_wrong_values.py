"""Whatever an argument does not take is refused by one sentence that names it; every argument of every function is tried."""

import inspect
import re

import numpy as np
import pytest

import spikescan as sk
from spikescan import Neuron, decays
from spikescan._checks import shown

X = np.full((2, 8, 3), 0.3, np.float32)
BETA = np.full(3, 0.5, np.float32)
NAN, HUGE = float("nan"), 10**5000  # an integer that Python does not even write
STRUCTURE = np.full(3, 0.5, [("a", "f4")])  # of one field, which NumPy would read as numbers
STRUCTURES = np.full((2, 3), 0.5, STRUCTURE.dtype)
MASKED = np.ma.array([0.5, 0.5, 0.5], mask=[0, 1, 0])
# By kind of argument.
WRONG = {
    "flag": (None, "a", 1, [True], np.ones(2)),
    "number": ("a", "0.5", b"1", 1j, [0.5, 0.5], 10**400, NAN, object()),
    "numbers": ("a", b"1", 1j, ["a"], [[1], [2, 3]], [NAN], 10**400, NAN, np.full(2, NAN), np.array(["a"]), object()),
    "positive": ("a", None, 1j, 0, -1.0, 10**400, NAN),
    "integer": (None, "a", 1.5, -1, ["a"], HUGE, np.ones(2)),
    "integer or none": ("a", 1.5, -1, ["a"], HUGE),
    "count": ("a", 0, -1, 1.5, 3, HUGE),
    "name": (5, 1.5, "gru", b"lif", ["lif"], {}, np.ones(2)),
    "dtype": (1, "int8", ["uint8"], {}, np.ones(2)),
    "decay": (None, "a", "0.5", ["a"], {}, 1j, [[1], [2, 3]], np.ones((2, 2), np.float32), object()),
    "decay or none": ("a", ["a"], {}, object(), 0.5),
    "array": ("a", 1.5, ["a"], {}, object(), np.ones((2, 2), np.float32), np.array(["a"]), STRUCTURES),
    "array or tuple": ("a", 1.5, {}, object(), X, np.array(["a"]), STRUCTURES, (STRUCTURES,)),
    "shape": (None, "a", 1.5, -1, (3, -1), (3, "a"), {}, HUGE),
    "origin": (None, 5, "abc", (0, 0), (0, "a", 0), (0, -1, 0), (0, 0, HUGE)),
    "object": ("a", 1.5, ["a"], {}, object(), np.ones(2)),
}
NUMBERS = dict.fromkeys(("threshold", "k", "max_prob"), "number")
OPTIONS = {"neuron": "object", "recurrence": "name", "rule": "name"} | NUMBERS
SURROGATE = {"surrogate": "name", "gradient": "name"}
OUTPUTS = {"spikes": "dtype", "membrane": "dtype"}
SERIES = {"x": "values", "beta": "decay", "alpha": "decay or none"}
KEY = {"seed": "integer", "stream": "integer", "origin": "origin"}


def arrays():
    given = {"x": X, "beta": BETA}
    flags = dict.fromkeys(("final_state", "save", "time_first"), "flag")
    rest = {"uniforms": "array", "initial_state": "array or tuple", "out": "object", "cuda_stream": "integer"}
    yield sk.scan, given, SERIES | OPTIONS | SURROGATE | KEY | OUTPUTS | flags | rest
    gradients = dict.fromkeys(("grad_spikes", "grad_membrane"), "array") | {"grad_final_state": "array or tuple"}
    rest = {"saved": "array", "initial_state": "array or tuple", "wanted": "object", "out": "object"}
    last = {"time_first": "flag", "cuda_stream": "integer"}
    saved = {"saved": np.empty(0, np.uint8)}
    yield sk.scan_backward, given | saved, SERIES | OPTIONS | SURROGATE | gradients | rest | last

    def stream(x=X, uniforms=None, spikes=True, membrane=False, **options):
        return sk.SequenceStream(**options)(x, uniforms=uniforms, spikes=spikes, membrane=membrane)

    made = {"neuron": Neuron(), "beta": BETA}
    last = {"neuron": "object", "uniforms": "array", "time_first": "flag", "cuda_stream": "integer"}
    yield stream, made, SERIES | KEY | OUTPUTS | last
    kinds = {"shape": "shape", "dtype": "name", "backend": "name", "shared_decay": "flag", "time_first": "flag"}
    yield sk.describe_plan, {"shape": X.shape}, kinds | OPTIONS | SURROGATE


def neurons():
    yield Neuron, {}, {name: kind for name, kind in (OPTIONS | SURROGATE).items() if name != "neuron"}
    for preset in (sk.SPSN, sk.PSU_LIF, sk.StochasticAssociativeLIF, sk.StochasticAssociativeCuBaLIF):
        yield preset, {}, {"threshold": "number", "k": "number"}
    yield sk.device_count, {}, {"backend": "name"}
    yield decays.from_time_constant, {"tau": 2.0}, {"tau": "positive", "dt": "positive"}
    yield decays.from_spikingjelly, {"tau": 2.0}, {"tau": "positive", "decay_input": "flag"}
    yield decays.from_norse, {"tau_mem_inv": 100.0}, {"tau_mem_inv": "numbers", "dt": "positive"}
    yield decays.from_norse_synapse, {"tau_syn_inv": 100.0}, {"tau_syn_inv": "numbers", "dt": "positive"}
    for function in (decays.from_snntorch_leaky, decays.from_snntorch_stateleaky):
        yield function, {}, {"beta": "numbers"}


def nir():
    module = pytest.importorskip("spikescan.nir")
    neuron = {"neuron": Neuron("lif", "heaviside"), "beta": BETA}
    kinds = {"neuron": "object", "beta": "values", "alpha": "decay or none", "dt": "positive"}
    yield module.to_nir, neuron, kinds | {"shape": "shape or none"}
    graph = {"graph": module.to_nir(**neuron)}
    yield module.from_nir, graph, {"graph": "object", "dt": "positive", "surrogate": "name", "k": "number"}


def plot():
    module = pytest.importorskip("spikescan.plot")
    values, picture = np.zeros((9, 3)), {"ax": "object", "dt": "positive"}
    yield module.unpack, {"packed": np.zeros((2, 3), np.uint32), "time": 40}, {"packed": "array", "time": "integer"}
    yield module.spike_probability, {"neuron": Neuron(), "membrane": values}, {"neuron": "object", "membrane": "values"}
    yield module.raster, {"spikes": values}, {"spikes": "values"} | picture
    kinds = {"V": "values", "neuron": "object", "spikes": "values", "M": "values"}
    yield module.membrane, {"V": values, "neuron": sk.PSU_LIF(), "M": values}, kinds | picture
    yield module.spike_counts, {"spikes": values}, {"spikes": "values", "ax": "object"}


def torch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    st = pytest.importorskip("spikescan.torch")
    x, beta = torch.from_numpy(X), torch.from_numpy(BETA)
    flags = dict.fromkeys(("final_state", "time_first", "gradient_in_place"), "flag")
    rest = {"key": "integer or none", "generator": "object", "uniforms": "array", "initial_state": "array or tuple"}
    yield st.scan, {"x": x, "beta": beta}, SERIES | OPTIONS | SURROGATE | OUTPUTS | flags | rest
    yield st.make_key, {"seed": 1}, KEY | {"seed": "integer or none", "device": "object"}
    yield st.shift_key, {"key": st.make_key(1)}, dict.fromkeys(("key", "batch", "time", "channel"), "integer")
    yield st.sigmoid_bernoulli, {}, dict.fromkeys(("k", "threshold", "max_prob"), "number")
    yield st.refractory_sigmoid_bernoulli, {}, dict.fromkeys(("k", "threshold"), "number")
    fire = {"V": "array", "key": "integer or none", "generator": "object", "uniforms": "array"}
    yield st.sigmoid_bernoulli(), {"V": x}, fire
    flags = dict.fromkeys(("spike", "membrane", "time_first", "keep_state", "gradient_in_place"), "flag")
    kinds = {"hidden_shape": "shape", "threshold": "number", "k": "number"} | flags
    for layer in (st.SPSN, st.PSU_LIF, st.StochasticAssociativeLIF, st.StochasticAssociativeCuBaLIF):
        yield layer, {"hidden_shape": 3}, kinds | {"device": "object", "generator": "object"}
        made = layer(3)
        call = {"x": "array", "key": "integer or none", "uniforms": "array"}
        yield made.forward, {"x": x}, call
    given = {"x": x, "beta": beta, "neuron": Neuron(), "key": 1}
    kinds = SERIES | OUTPUTS | {"neuron": "object", "key": "integer", "uniforms": "array", "blocks": "count"}
    yield st.scan_time_sharded, given, kinds | {"time_first": "flag"}


def jax():
    pytest.importorskip("jax", reason="JAX is not installed")
    sj = pytest.importorskip("spikescan.jax")
    import jax
    from jax.sharding import Mesh, PartitionSpec

    flags = dict.fromkeys(("final_state", "time_first", "gradient_in_place"), "flag")
    rest = {"key": "integer or none", "uniforms": "array", "initial_state": "array or tuple"}
    yield sj.scan, {"x": X, "beta": BETA, "key": 1}, SERIES | OPTIONS | SURROGATE | OUTPUTS | flags | rest
    yield sj.make_key, {"seed": 1}, KEY
    yield sj.shift_key, {"key": sj.make_key(1)}, dict.fromkeys(("key", "batch", "time", "channel"), "integer")
    shard_map = getattr(jax, "shard_map", None)
    if shard_map is None:
        return
    mesh = Mesh(np.array(jax.devices()[:1]), ("time",))

    def sharded(**options):
        piece = PartitionSpec(None, "time")
        function = lambda x: sj.scan_time_sharded(**{"x": x, **options}).spikes  # noqa: E731
        return shard_map(function, mesh=mesh, in_specs=piece, out_specs=piece)(X)

    # Decays and outputs are `scan`'s to refuse, as above: each traces a pipeline first.
    given = {"beta": BETA, "axis_name": "time", "axis_size": 1, "neuron": Neuron(), "key": 1}
    kinds = {"neuron": "object", "key": "integer or none", "uniforms": "array", "blocks": "count", "axis_size": "count"}
    yield sharded, given, {"x": "values"} | kinds


def layers_of_spyx():
    pytest.importorskip("jax", reason="JAX is not installed")
    nnx = pytest.importorskip("flax.nnx", reason="Flax is not installed")
    module = pytest.importorskip("spikescan.nnx")
    rngs = {"rngs": nnx.Rngs(0)}
    made, kinds = {"hidden_shape": (3,)} | rngs, {"hidden_shape": "shape", "threshold": "number", "rngs": "object"}
    yield module.SPSN, made, kinds | {"k": "number"}
    yield module.StochasticAssociativeCuBaLIF, made, kinds | {"k": "number"}
    yield module.StochasticAssociativeLIF, made, kinds | {"k": "number", "spike": "flag"}
    yield module.PSU_LIF, made, kinds | {"beta": "value", "activation": "object"}
    yield module.Surrogate, {}, {"name": "name", "k": "number"}
    layer = module.PSU_LIF((3,), **rngs)
    yield layer.__call__, {"x": X[:, 0], "V": X[:, 0]}, {"x": "values", "V": "values"}
    yield layer.parallel, {}, {"x": "values"}
    yield layer.initial_state, {}, {"batch_size": "integer"}
    call = {"key": "integer", "x": "values", "uniforms": "array"}
    yield module.SPSN((3,), **rngs).__call__, {"key": 1, "x": X}, call
    u = {"u" if name == "x" else name: kind for name, kind in call.items()}
    yield module.StochasticAssociativeCuBaLIF((3,), **rngs).__call__, {"key": 1, "u": X}, u
    activation = module.sigmoid_bernoulli()
    yield activation, {"x": X, "key": 1}, {"x": "values", "key": "integer", "uniforms": "array"}


def haiku():
    pytest.importorskip("jax", reason="JAX is not installed")
    hk = pytest.importorskip("haiku", reason="Haiku is not installed")
    module = pytest.importorskip("spikescan.experimental")
    import jax

    def network(kind, call):
        def apply(**options):
            given = options.pop("x", options.pop("u", X))
            made = hk.transform(lambda: kind(**options)(*call, given))
            return made.init(jax.random.key(0))

        return apply

    # Haiku writes the arguments down, and fails at an integer that Python does not write.
    kinds = {"hidden_shape": "writable shape", "threshold": "number", "k": "number"}
    for layer, call, rest in (
        (module.PSU_LIF, (), {"x": "values", "spike": "flag"}),
        (module.SPSN, (1,), {"x": "values"}),
        (module.StochasticAssociativeLIF, (1,), {"x": "values", "spike": "flag"}),
        (module.StochasticAssociativeCuBaLIF, (1,), {"u": "values"}),
    ):
        yield network(layer, call), {"hidden_shape": (3,)}, kinds | rest


WRONG["shape or none"] = tuple(value for value in WRONG["shape"] if value is not None)
WRONG["writable shape"] = tuple(value for value in WRONG["shape"] if value is not HUGE)
WRONG["value"] = tuple(value for value in WRONG["number"] if value is not NAN)
WRONG["values"] = ("a", ["a"], {}, 1j, object(), [[1], [2, 3]])
for kind in ("numbers", "decay", "values"):
    WRONG[kind] += (STRUCTURE,)
for kind in ("decay", "values"):
    WRONG[kind] += (MASKED,)
FACES = (arrays, neurons, nir, plot, torch, jax, layers_of_spyx, haiku)
# The state of a layer is named as `scan` names it; a group is PyTorch's to refuse.
OTHERWISE = {"group", "state"}


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.__name__)
def test_a_wrong_value_is_named(face):
    silent = []
    for function, given, kinds in face():
        for name, kind in kinds.items():
            for value in WRONG[kind]:
                call = f"{getattr(function, '__qualname__', function)}({name}={shown(value)})"
                try:
                    function(**{**given, name: value})
                except (TypeError, ValueError) as error:
                    if not re.match(rf"{name}(\[\d\]|'s \w+)? (is|are|has) .*(must|gives|only|give )", str(error)):
                        silent.append(f"{call}: {error}")
                except Exception as error:  # one of a library below
                    silent.append(f"{call}: {type(error).__name__}: {error}")
                else:
                    silent.append(f"{call} is taken")
    assert not silent, "\n".join(silent)


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.__name__)
def test_every_argument_is_tried(face):
    for function, _, kinds in face():
        parameters = inspect.signature(function).parameters.values()
        names = {p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
        assert names - OTHERWISE <= set(kinds), f"{function}: {names - OTHERWISE - set(kinds)} not tried"


def test_nothing_is_written_where_a_call_is_refused():
    out = sk.ScanResult(np.full_like(X, 7), np.full_like(X, 7), (np.full((2, 3), 7, np.float32),), None)
    gradients = sk.Gradients(np.full_like(X, 7), np.full(3, 7, np.float32), None, (np.full((2, 3), 7, np.float32),))
    saved = np.empty(0, np.uint8)
    for wrong in ({"beta": "a"}, {"cuda_stream": 5}, {"initial_state": 1.5}, {"k": 10**400}):
        with pytest.raises((TypeError, ValueError)):
            sk.scan(X, out=out, **{"beta": BETA, **wrong})
        with pytest.raises((TypeError, ValueError)):
            sk.scan_backward(X, saved=saved, grad_spikes=X, out=gradients, **{"beta": BETA, **wrong})
    with pytest.raises(TypeError, match="out.saved is a float"):
        sk.scan(X, BETA, out=out._replace(saved=1.5))
    with pytest.raises(TypeError, match="saved is a str"):
        sk.scan_backward(X, BETA, saved="a", grad_spikes=X, out=gradients)
    written = (*out[:2], *out.final_state, *gradients[:2], *gradients.initial_state)
    assert all((array == 7).all() for array in written)


@pytest.mark.parametrize(
    "call, words",
    (
        (lambda: Neuron(k=1e300), r"k is 1e\+300; it must be from 2\^-120 to 2\^120"),
        (lambda: Neuron(k=1e-37), r"k is 1e-37; it must be from 2\^-120 to 2\^120"),
        (lambda: Neuron(threshold=-1e300), r"threshold is -1e\+300; it must be finite in float32"),
        (lambda: sk.scan(X, BETA, cuda_stream=5), "cuda_stream is 5; it must be 0 where x is on the CPU"),
        (lambda: sk.scan(X, BETA, membrane="uint8"), "membrane is 'uint8'; it must be one of .*, or True or False"),
        (lambda: sk.scan(X, BETA, seed=HUGE), "seed is of type int; it must be from 0 to"),
        (lambda: sk.scan(np.zeros((2, 8, 3), "V0"), BETA), "x has dtype void"),
    ),
)
def test_refused(call, words):
    with pytest.raises((TypeError, ValueError), match=words):
        call()


def test_what_is_not_used_is_refused_all_the_same():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    st = pytest.importorskip("spikescan.torch")
    x, heaviside = torch.from_numpy(X), Neuron("lif", "heaviside")
    for given in ({"generator": 5, "key": 1}, {"key": "a", "uniforms": x}, {"key": -1, "neuron": heaviside}):
        with pytest.raises((TypeError, ValueError), match=f"{next(iter(given))} is "):
            st.scan(x, 0.5, **given)


def test_memory_that_a_library_hands_out_to_nobody():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    with pytest.raises(ValueError, match="x hands out no memory through DLPack: .*detach"):
        sk.scan(torch.from_numpy(X.copy()).requires_grad_(), BETA)


def test_what_was_looked_up_as_true_is_refused_all_the_same():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    st = pytest.importorskip("spikescan.torch")
    x = torch.from_numpy(X)
    st.scan(x, 0.5, spikes=True, membrane=True)
    for name in ("spikes", "membrane"):
        with pytest.raises(TypeError, match=f"{name} is 1; it must be one of"):
            st.scan(x, 0.5, **{name: 1})
