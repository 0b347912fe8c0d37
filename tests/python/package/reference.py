"""The contract (docs/model.md) in sequential float64 NumPy, written for reading. Arrays are [B, T, C]."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def philox(counter, key):
    """Philox4x32-10 of uint64 arrays counter[4] and a key of two words; four uint64 arrays below 2^32."""
    c0, c1, c2, c3 = (np.asarray(c, np.uint64) for c in counter)
    k0, k1 = np.uint64(key[0]), np.uint64(key[1])
    low = np.uint64(0xFFFFFFFF)
    shift = np.uint64(32)
    for _ in range(10):
        a, b = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = (b >> shift) ^ c1 ^ k0, b & low, (a >> shift) ^ c3 ^ k1, a & low
        k0, k1 = (k0 + np.uint64(0x9E3779B9)) & low, (k1 + np.uint64(0xBB67AE85)) & low
    return c0, c1, c2, c3


def uniforms(shape, seed, stream=0, origin=(0, 0, 0)):
    b, t, c = np.meshgrid(*(np.arange(n, dtype=np.uint64) + np.uint64(o) for n, o in zip(shape, origin)), indexing="ij")
    words = philox((t // np.uint64(4), c, b, np.full_like(t, stream)), (seed & 0xFFFFFFFF, seed >> 32))
    word = np.choose((t % np.uint64(4)).astype(int), words)
    return (word >> np.uint64(8)).astype(np.float64) * 2.0**-24


def membrane(recurrence, x, beta, alpha, initial):
    """(series of each state, M): V, and I or R where there is one, [B, T, C]."""
    b = np.clip(np.asarray(beta, np.float64), 0, 1)
    a = None if alpha is None else np.clip(np.asarray(alpha, np.float64), 0, 1)
    x = np.asarray(x, np.float64)
    state = [np.asarray(s, np.float64) for s in initial]
    series = [np.empty(x.shape) for _ in state]
    for t in range(x.shape[1]):
        if recurrence == "spsn":
            state[0] = b * state[0] + (1 - b) * x[:, t]
        elif recurrence == "cuba_lif":
            state[1] = a * state[1] + x[:, t]
            state[0] = b * state[0] + state[1]
        else:
            state[0] = b * state[0] + x[:, t]
            if recurrence == "psu_lif":
                state[1] = b * state[1] + sigmoid(state[0])
        for s, values in zip(state, series):
            values[:, t] = s
    return series, series[0] - series[1] if recurrence == "psu_lif" else series[0]


def probability(neuron, M):
    u = M - neuron.threshold
    if neuron.rule == "sigmoid_bernoulli":
        return neuron.max_prob * sigmoid(neuron.k * u)
    if neuron.rule == "refractory_sigmoid_bernoulli":
        return np.maximum(np.cos(2 * np.pi * neuron.threshold * u) * sigmoid(neuron.k * u), 0)
    return (u > 0).astype(np.float64)


def slope(neuron, M):
    """dS/dM that the backward pass uses."""
    u = M - neuron.threshold
    z = neuron.k * u
    if neuron.rule == "none":
        return np.ones_like(M)
    if neuron.rule == "heaviside":
        return {
            "arctan": lambda: 1 / ((1 + (np.pi * z) ** 2) * np.pi),
            "superspike": lambda: 1 / (1 + np.abs(z)) ** 2,
            "triangular": lambda: np.maximum(0, 1 - np.abs(z)),
            "boxcar": lambda: 0.5 * (np.abs(z) <= 1),
            "tanh": lambda: 1 - np.tanh(z) ** 2,
        }[neuron.surrogate]()
    p = probability(neuron, M)
    if neuron.gradient == "probability":
        return p
    if neuron.rule == "sigmoid_bernoulli":
        return neuron.k * p * (1 - sigmoid(z))
    w = 2 * np.pi * neuron.threshold
    s = sigmoid(z)
    return np.where(p > 0, -w * np.sin(w * u) * s + np.cos(w * u) * neuron.k * s * (1 - s), 0)


def backward(neuron, x, beta, alpha, initial, grad_S, grad_V, grad_final):
    """(dx, dbeta [C], dalpha [C] or None, gradients of the initial states)."""
    b = np.clip(np.asarray(beta, np.float64), 0, 1)
    x = np.asarray(x, np.float64)
    series, M = membrane(neuron.recurrence, x, beta, alpha, initial)
    before = [np.concatenate([np.asarray(s, np.float64)[:, None], v[:, :-1]], 1) for s, v in zip(initial, series)]
    h = grad_S * slope(neuron, M)
    G, other = np.asarray(grad_final[0], np.float64), np.asarray(grad_final[-1], np.float64)
    first = True
    dx, dbeta, dalpha = np.empty(x.shape), np.zeros(x.shape[2]), np.zeros(x.shape[2])
    for t in reversed(range(x.shape[1])):
        if neuron.recurrence == "psu_lif":
            A = (other if first else b * other) - h[:, t]
            s = sigmoid(series[0][:, t])
            G = (G if first else b * G) + h[:, t] + grad_V[:, t] + s * (1 - s) * A
            dbeta += (G * before[0][:, t] + A * before[1][:, t]).sum(0)
            other, dx[:, t] = A, G
        else:
            G = (G if first else b * G) + h[:, t] + grad_V[:, t]
            drive = before[0][:, t] - x[:, t] if neuron.recurrence == "spsn" else before[0][:, t]
            dbeta += (G * drive).sum(0)
            dx[:, t] = (1 - b) * G if neuron.recurrence == "spsn" else G
            if neuron.recurrence == "cuba_lif":
                a = np.clip(np.asarray(alpha, np.float64), 0, 1)
                other = G + (other if first else a * other)
                dalpha += (other * before[1][:, t]).sum(0)
                dx[:, t] = other
        first = False
    back = [b * G]
    if neuron.recurrence == "cuba_lif":
        back.append(np.clip(np.asarray(alpha, np.float64), 0, 1) * other)
    if neuron.recurrence == "psu_lif":
        back.append(b * other)
    return dx, dbeta, dalpha if neuron.has_alpha else None, back
