"""DTensor, DDP and a sequence cut in time, on processes over gloo (torch_ranks.py holds the checks)."""

import contextlib
import json
import os
import signal
import subprocess
import sys

import pytest
from places import FOLDER

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
    pytest.skip("this PyTorch has no gloo", allow_module_level=True)

import torch_ranks  # noqa: E402

import spikescan.torch as st  # noqa: E402
from spikescan import Neuron  # noqa: E402

CHECKS = [(ranks, name) for ranks, checks in torch_ranks.WORLDS.items() for name in checks]


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    # In a process group of their own, so that no rank is left waiting for another.
    ranks = subprocess.Popen(
        [sys.executable, FOLDER / "torch_ranks.py", folder], env=environment, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        output = ranks.communicate(timeout=180)[0]
    except subprocess.TimeoutExpired:
        output = ""
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(ranks.pid, signal.SIGKILL)
        ranks.wait()
    files = {ranks: [folder / str(ranks) / f"{rank}.json" for rank in range(ranks)] for ranks in torch_ranks.WORLDS}
    assert all(file.exists() for of_world in files.values() for file in of_world), output
    return {ranks: [json.loads(file.read_text()) for file in of_world] for ranks, of_world in files.items()}


@pytest.mark.parametrize("ranks, name", CHECKS)
def test_on_several_processes(reports, ranks, name):
    for rank, report in enumerate(reports[ranks]):
        assert name in report, f"rank {rank} did not come to it"
        assert report[name] == "", f"rank {rank}: {report[name]}"


def test_wrong_arguments_are_refused_before_anything_is_exchanged():
    """No process group is there to exchange it with."""
    x = torch.zeros(2, 8, 3)
    with pytest.raises(ValueError, match=r"uniforms has shape \(3, 8, 3\); it must be x's, \(2, 8, 3\)"):
        st.scan_time_sharded(x, 0.9, neuron=Neuron(), uniforms=torch.zeros(3, 8, 3))
    with pytest.raises(TypeError, match=r"key is float32\[3\]; it must be an integer"):  # also where nothing is drawn
        st.scan_time_sharded(x, 0.9, neuron=Neuron("lif", "heaviside"), key=torch.zeros(3))
