"""Runs every neuron of one Spyx version beside the drop-in, on the same parameters and uniforms; prints JSON.

usage: python spyx_comparison.py 0.1|1.0 (in the peer's environment)
"""

import json
import sys

import jax
import jax.numpy as jnp
import numpy as np

SHAPE = (4, 48, 32)
TIE = 1e-5  # |u - p| below which either spike is right: float32 rounding of V times the slope


def difference(ours, theirs):
    """Largest difference over the largest value."""
    ours, theirs = (np.asarray(a, np.float64) for a in (ours, theirs))
    return float(np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-30))


def compare(theirs, ours, parameters, x, uniforms, neuron, membrane_of):
    """Both are functions (parameters, x) -> (S, V) or S; the uniforms are those that theirs drew itself."""
    rng = np.random.default_rng(1)
    weights = [jnp.asarray(rng.normal(size=SHAPE), jnp.float32) for _ in range(2)]

    def loss(f):
        def total(parameters, x):
            out = f(parameters, x)
            outs = out if isinstance(out, tuple) else (out,)
            return sum((o * w).sum() for o, w in zip(outs, weights)), outs

        return jax.jit(jax.value_and_grad(total, (0, 1), has_aux=True))

    their_out = jax.jit(theirs)(parameters, x)
    their_out = their_out if isinstance(their_out, tuple) else (their_out,)
    (_, our_out), our_gradients = loss(ours)(parameters, x)
    # V and gradients are held against Spyx in float64: its float32 associative scan rounds V by itself, which slopes of
    # 25 to 100 turn into 3e-5 of the gradient. Its spikes, drawn in float32, are the float32 run's.
    with jax.enable_x64(True):
        wide = jax.tree_util.tree_map(lambda a: jnp.asarray(a, jnp.float64), (parameters, x))
        (_, wide_out), wide_gradients = loss(theirs)(*wide)
    S_theirs, S_ours = (np.asarray(out[0], np.float64) for out in (their_out, our_out))
    result = {"rate": float(S_theirs.mean())}
    if neuron is None:  # S is no spike but a real number
        result["S"] = difference(S_ours, wide_out[0])
        result.update(differ=0, ties=0)
    else:
        differ = S_ours != S_theirs
        distance = np.abs(tie_distance(neuron, membrane_of(parameters, x), uniforms))
        result.update(differ=int(differ.sum()), ties=int((differ & (distance < TIE)).sum()), spikes=int(differ.size))
    if len(our_out) > 1:
        result["V"] = difference(our_out[1], wide_out[1])
    names = [jax.tree_util.keystr(p) for p, _ in jax.tree_util.tree_flatten_with_path(our_gradients)[0]]
    pairs = zip(jax.tree_util.tree_leaves(our_gradients), jax.tree_util.tree_leaves(wide_gradients))
    result["gradients"] = {name: difference(a, b) for name, (a, b) in zip(names, pairs)}
    return result


def tie_distance(neuron, M, uniforms):
    """How far the deciding comparison was from a tie."""
    import reference

    if neuron.rule == "heaviside":
        return np.asarray(M, np.float64) - neuron.threshold
    return np.asarray(uniforms, np.float64) - reference.probability(neuron, np.asarray(M, np.float64))


def membrane(neuron):
    """The rule's M by our own NumPy face, for counting ties."""
    import spikescan as sk

    def M(parameters, x):
        decays = {name: np.asarray(a) for p in jax.tree_util.tree_flatten_with_path(parameters)[0]
                  for name, a in [(jax.tree_util.keystr(p[0]), p[1])]}  # fmt: skip
        beta = next(a for name, a in decays.items() if "beta" in name)
        alpha = next((a for name, a in decays.items() if "alpha" in name), None)
        from spikescan import Neuron

        plain = Neuron(neuron.recurrence, "none", 0.0)
        return sk.scan(np.asarray(x), beta, alpha, neuron=plain).spikes

    return M


def quiet(name, x):
    """An input that keeps V within a few thresholds: two integrators in a row make far more of it than one, and at k =
    100 the float32 rounding of a large V alone is 3e-5 of the gradient."""
    return (x - 0.2) * 0.3 if "CuBa" in name else x


def haiku():
    import haiku as hk
    import spikescan as sk
    import spikescan.experimental as ours
    import spyx.experimental as theirs

    x = jnp.asarray(np.random.default_rng(0).normal(0.2, 1.0, SHAPE), jnp.float32)
    key = jax.random.PRNGKey(3)
    uniforms = jax.random.uniform(key, SHAPE)

    def build(module, name, **options):
        def run(*arguments, **keywords):
            shape = (1,) if name == "SPSN" else SHAPE[2:]
            layer = getattr(module, name)(shape, **options)
            if name == "SPSN" and module is theirs:  # as released it passes (key, V) the wrong way round
                fire = layer.spike
                layer.spike = lambda key, V: fire(V, key)
            return layer(*arguments, **keywords)

        return hk.without_apply_rng(hk.transform(run))

    results = {}
    for name, options, neuron in (
        ("PSU_LIF", {"threshold": 0.1}, sk.PSU_LIF(0.1)),
        ("PSU_LIF", {"spike": False}, None),
        ("StochasticAssociativeLIF", {}, sk.StochasticAssociativeLIF()),
        ("StochasticAssociativeLIF", {"spike": False}, None),
        ("StochasticAssociativeCuBaLIF", {}, sk.StochasticAssociativeCuBaLIF()),
        ("SPSN", {"threshold": 0.3}, sk.SPSN(0.3)),
    ):
        arguments = () if name == "PSU_LIF" else (key,)
        keywords = {} if name == "PSU_LIF" else {"uniforms": uniforms}
        their_f, our_f = (build(module, name, **options) for module in (theirs, ours))
        their_p, our_p = (f.init(jax.random.PRNGKey(0), *arguments, x) for f in (their_f, our_f))
        same = jax.tree_util.tree_map(lambda a, b: bool(np.array_equal(a, b)), their_p, our_p)
        result = compare(
            lambda p, x: their_f.apply(p, *arguments, x),
            lambda p, x: our_f.apply(p, *arguments, x, **keywords),
            our_p, quiet(name, x), uniforms, neuron, membrane(neuron) if neuron else None,
        )  # fmt: skip
        result["same_parameters"] = all(jax.tree_util.tree_leaves(same))
        results[f"{name} {options or ''}".strip()] = result
    results.update(activations(theirs, ours))
    return results


def activations(theirs, ours):
    """The two functions on their own, of a given membrane."""
    from spikescan import Neuron

    V = jnp.asarray(np.random.default_rng(0).normal(1.0, 0.5, SHAPE), jnp.float32)
    key = jax.random.PRNGKey(4)
    uniforms = jax.random.uniform(key, SHAPE)
    results = {}
    for name in ("sigmoid_bernoulli", "refractory_sigmoid_bernoulli"):
        their_f, our_f = getattr(theirs, name)(), getattr(ours, name)()
        results[name] = compare(
            lambda _, V: their_f(V, key), lambda _, V: our_f(V, key, uniforms=uniforms),
            {}, V, uniforms, Neuron("lif", name), lambda _, V: V,
        )  # fmt: skip
        results[name]["same_parameters"] = True
    return results


def flax():
    import spikescan as sk
    import spikescan.nnx as ours
    import spyx.axn as axn
    import spyx.experimental as theirs
    from flax import nnx

    x = jnp.asarray(np.random.default_rng(0).normal(0.2, 1.0, SHAPE), jnp.float32)
    key = jax.random.PRNGKey(3)
    uniforms = jax.random.uniform(key, SHAPE)

    def sides(name, options, call):
        """(parameters, function of them) of both."""
        pair = []
        for module in (theirs, ours):
            own = {k: v[0 if module is theirs else 1] if isinstance(v, tuple) else v for k, v in options.items()}
            graph, state = nnx.split(getattr(module, name)(SHAPE[2:], **own, rngs=nnx.Rngs(0)))
            pair.append((state, lambda p, x, graph=graph, module=module: call(nnx.merge(graph, p), x, module is ours)))
        return pair

    def parallel(layer, x, _):
        return layer.parallel(x.swapaxes(0, 1)).swapaxes(0, 1)

    def steps(layer, x, _):
        def step(V, now):
            S, V = layer(now, V)
            return V, (S, V)

        S, V = jax.lax.scan(step, layer.initial_state(SHAPE[0]), x.swapaxes(0, 1))[1]
        return S.swapaxes(0, 1), V.swapaxes(0, 1)

    def stochastic(layer, x, own):
        return layer(key, x, uniforms=uniforms) if own else layer(key, x)

    lif = sk.Neuron("lif", "heaviside", 1.0, 25.0, surrogate="superspike")
    arctan = {"activation": (axn.arctan(2), ours.Surrogate("arctan", 2))}
    results = {}
    for label, name, options, call, neuron in (
        ("PSU_LIF.parallel", "PSU_LIF", {}, parallel, lif),
        ("PSU_LIF arctan", "PSU_LIF", arctan, parallel, lif),
        ("PSU_LIF foreign activation", "PSU_LIF", {"activation": axn.triangular(2)}, parallel, lif),
        ("PSU_LIF steps", "PSU_LIF", {}, steps, lif),
        ("AssociativeLIF", "AssociativeLIF", {"beta": 0.8}, parallel, lif),
        ("StochasticAssociativeLIF", "StochasticAssociativeLIF", {}, stochastic, sk.StochasticAssociativeLIF()),
        ("StochasticAssociativeLIF V", "StochasticAssociativeLIF", {"spike": False}, stochastic, None),
        (
            "StochasticAssociativeCuBaLIF",
            "StochasticAssociativeCuBaLIF",
            {},
            stochastic,
            sk.StochasticAssociativeCuBaLIF(),
        ),
        ("SPSN", "SPSN", {"threshold": 0.3}, stochastic, sk.SPSN(0.3)),
    ):
        (their_p, their_f), (our_p, our_f) = sides(name, options, call)
        # The same parameters in either's own container: the state trees have equal leaves in equal order.
        flat_theirs, flat_ours = (jax.tree_util.tree_leaves(p) for p in (their_p, our_p))
        structure = jax.tree_util.tree_structure(their_p)

        def with_theirs(p, x, f=their_f, structure=structure):
            return f(jax.tree_util.tree_unflatten(structure, jax.tree_util.tree_leaves(p)), x)

        result = compare(
            with_theirs, our_f, our_p, quiet(name, x), uniforms, neuron, membrane(neuron) if neuron else None
        )  # fmt: skip
        result["same_parameters"] = len(flat_theirs) == len(flat_ours) and all(
            np.array_equal(a, b) for a, b in zip(flat_theirs, flat_ours)
        )
        results[label] = result
    results.update(activations(theirs, ours))
    return results


if __name__ == "__main__":
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parent))
    print(json.dumps({"0.1": haiku, "1.0": flax}[sys.argv[1]]()))
