"""DTensor, DDP and a sequence cut in time, on two processes over gloo (torch_ranks.py holds the checks)."""

import json
import os
import subprocess
import sys

import pytest
from places import FOLDER

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
    pytest.skip("this PyTorch has no gloo", allow_module_level=True)

import torch_ranks  # noqa: E402

RANKS = 2


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ranks = [
        subprocess.Popen(
            [sys.executable, FOLDER / "torch_ranks.py", str(rank), str(RANKS), folder], env=environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for rank in range(RANKS)
    ]  # fmt: skip
    try:
        output = [rank.communicate(timeout=180)[0] for rank in ranks]
    except subprocess.TimeoutExpired:
        output = []
    finally:
        for rank in ranks:
            rank.kill()
    files = [folder / f"{rank}.json" for rank in range(RANKS)]
    assert all(file.exists() for file in files), output
    return [json.loads(file.read_text()) for file in files]


@pytest.mark.parametrize("name", torch_ranks.CHECKS)
def test_on_two_processes(reports, name):
    for rank, report in enumerate(reports):
        assert name in report, f"rank {rank} did not come to it"
        assert report[name] == "", f"rank {rank}: {report[name]}"
