"""python -m spikescan doctor on a machine with a GPU."""

import subprocess
import sys

from spikescan import _abi


def test_the_doctor_names_the_gpu_and_its_driver():
    done = subprocess.run([sys.executable, "-m", "spikescan", "doctor"], capture_output=True, text=True, timeout=120)
    name = _abi.query_device("cuda", 0).name.decode()
    assert name and f"0: {name}, sm_" in done.stdout, done.stdout + done.stderr
    assert "serves CUDA" in done.stdout and "no usable device" not in done.stdout
