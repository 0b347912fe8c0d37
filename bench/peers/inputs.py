"""The same inputs for everyone, and the neuron's constants that are compared."""

import numpy as np

from peers.cases import ALPHA, BETA, HEADLINE_CLASSES, HEADLINE_INPUTS

THRESHOLD, K, MAX_PROB = 1.0, 10.0, 0.8
_BLOCK = 1 << 20
# Chosen so that neurons fire on part of the steps: with decay b, V has mean m / (1 - b) and is noisy.
_MEAN = {"cuba_lif": 0.012, "spsn": 0.8}
_SCALE = {"cuba_lif": 0.1, "spsn": 1.0}


def sequence(case, recurrence):
    """x: [B, T, C] float32, normal; one random block repeated, since the values do not change the time."""
    mean, scale = _MEAN.get(recurrence, 0.06), _SCALE.get(recurrence, 0.25)
    block = np.random.default_rng(1).normal(mean, scale, min(_BLOCK, case.elements)).astype(np.float32)
    return np.resize(block, (case.B, case.T, case.C))


def cotangent(case):
    """dL/dS, [B, T, C]."""
    block = np.random.default_rng(2).normal(0.0, 1.0, min(_BLOCK, case.elements)).astype(np.float32)
    return np.resize(block, (case.B, case.T, case.C))


def decays(case):
    """(beta, alpha), one a channel."""
    spread = np.linspace(-0.02, 0.02, case.C, dtype=np.float32)
    return BETA + spread, ALPHA + spread


def weights(inputs, outputs):
    """[inputs, outputs], normal; past 4 Mi of them a block repeated, as in `sequence`."""
    scale, count = 1.0 / np.sqrt(inputs), inputs * outputs
    block = np.random.default_rng(3).normal(0.0, scale, min(4 * _BLOCK, count)).astype(np.float32)
    return np.resize(block, (inputs, outputs))


def headline_data(case):
    """(x: [B, T, inputs], sparse like an audio spike train; labels: [B])."""
    rng = np.random.default_rng(4)
    x = (rng.random((case.B, case.T, HEADLINE_INPUTS)) < 0.05).astype(np.float32)
    return x, rng.integers(0, HEADLINE_CLASSES, case.B)
