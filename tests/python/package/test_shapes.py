"""One place says what shapes a call puts out; every face gives them."""

import ast
from pathlib import Path

import numpy as np
import pytest

import spikescan as sk
from spikescan import _shapes

FOLDER = Path(_shapes.__file__).resolve().parent
FORMS = [(time_first, spikes, time) for time_first in (False, True) for spikes in ("bits32", "uint8", True)
         for time in (0, 1, 32, 33)]  # fmt: skip


def shapes_of(result):
    return tuple(result.spikes.shape), tuple(result.membrane.shape), tuple(result.final_state[0].shape)


def arrays(x, **options):
    return sk.scan(x, 0.9, **options)


def torch(x, **options):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    import spikescan.torch as st

    x = torch.from_numpy(x)
    real, fake = st.scan(x, 0.9, key=1, **options), st.scan(x.to("meta"), 0.9, key=1, **options)
    assert shapes_of(real) == shapes_of(fake)
    return real


def jax(x, **options):
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    import spikescan.jax as sj

    return jax.eval_shape(lambda x: sj.scan(x, 0.9, key=1, **options), x)


@pytest.mark.parametrize("face", (arrays, torch, jax), ids=lambda face: face.__name__)
def test_every_face_puts_out_these_shapes(face):
    for time_first, spikes, time in FORMS:
        x = np.zeros((time, 2, 3, 4) if time_first else (2, time, 3, 4), np.float32)
        expected = _shapes.output_shapes(x.shape, time_first, spikes)
        words = -(-time // 32) if spikes == "bits32" else time
        assert expected.spikes == ((words, 2, 3, 4) if time_first else (2, words, 3, 4))
        assert (expected.membrane, expected.state) == (x.shape, (2, 3, 4))
        options = {"spikes": spikes, "membrane": True, "final_state": True, "time_first": time_first}
        assert shapes_of(face(x, **options)) == expected


def test_pieces_of_packed_spikes_are_whole_words():
    for time, pieces, spikes in ((64, 2, "bits32"), (0, 2, "bits32"), (8, 1, "bits32"), (8, 2, "uint8"), (8, 2, None)):
        _shapes.check_packed_pieces(time, pieces, spikes)
    words = "x's time axis has 8 steps; with spikes 'bits32' it must have a multiple of 32 where .* cut into 2$"
    with pytest.raises(ValueError, match=words):
        _shapes.check_packed_pieces(8, 2, "bits32")


def test_nobody_else_counts_packed_words():
    def counts(file):
        divisions = (n for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.BinOp))
        return any(isinstance(n.op, ast.FloorDiv) and getattr(n.right, "value", None) == 32 for n in divisions)

    assert [file.name for file in FOLDER.rglob("*.py") if counts(file)] == []
