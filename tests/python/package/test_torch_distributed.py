"""DTensor, DDP and a sequence cut in time, on two processes over gloo (torch_ranks.py holds the checks)."""

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

RANKS = 2


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    # In a process group of their own, so that no rank is left waiting for another.
    ranks = subprocess.Popen(
        [sys.executable, FOLDER / "torch_ranks.py", str(RANKS), folder], env=environment, start_new_session=True,
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
    files = [folder / f"{rank}.json" for rank in range(RANKS)]
    assert all(file.exists() for file in files), output
    return [json.loads(file.read_text()) for file in files]


@pytest.mark.parametrize("name", torch_ranks.CHECKS)
def test_on_two_processes(reports, name):
    for rank, report in enumerate(reports):
        assert name in report, f"rank {rank} did not come to it"
        assert report[name] == "", f"rank {rank}: {report[name]}"
