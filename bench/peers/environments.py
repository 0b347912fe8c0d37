"""Environments of the peers, and of what the tests compare with: for each a folder under .venv-peers/, made from its
pinned list in requirements/.

A folder holds only what is needed beside the Python that runs the benchmarks, and, where its list says `# on: torch`,
beside that one's folder; PYTHONPATH puts them in front. Usage: python environments.py [name ...]
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".venv-peers"
LISTS = Path(__file__).resolve().parent / "requirements"
INSTALL_SECONDS = 300


class Unavailable(RuntimeError):
    """The environment cannot be made here (no network, no such package)."""


def stack(name):
    """The names of the folders in the order in which they are looked through."""
    below = re.search(r"^# on: (\S+)$", (LISTS / f"{name}.txt").read_text(), re.MULTILINE)
    return [name, *(stack(below.group(1)) if below else [])]


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines or ["no output"])[-1]


def install(name):
    """Makes one folder, once: a copy of the list in it, and for which Python, says that it is complete."""
    wanted = f"# Python {sys.version_info.major}.{sys.version_info.minor}\n" + (LISTS / f"{name}.txt").read_text()
    folder = FOLDER / name
    stamp = folder / "requirements.txt"
    if stamp.exists() and stamp.read_text() == wanted:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-input", "--disable-pip-version-check", "--no-deps"]
    command = [*pip, "--target", folder, "--requirement", LISTS / f"{name}.txt"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"pip did not end: {error}") from error
    if done.returncode:
        raise Unavailable(f"pip says: {last_line(done.stderr)}")
    stamp.write_text(wanted)
    return folder


def make(name):
    """The folders to put on PYTHONPATH; none for None: what this Python has itself."""
    return [install(part) for part in stack(name)] if name else []


def variables(folders, package, threads, device):
    """Environment variables of a peer's process; `package` is the folder that holds the spikescan package."""
    places = [*map(str, folders), str(package), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(place for place in places if place),
        "OMP_NUM_THREADS": str(threads),
        # Processes take turns on the same cores: threads that spin after their work would slow the other's sample, and
        # where a core is taken by anything else, a spinning barrier waits for a whole time slice.
        "OMP_WAIT_POLICY": "passive",
        "TORCHINDUCTOR_CACHE_DIR": str(ROOT / "build" / "inductor"),
        # Compiling is measured: no result of an earlier run.
        "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1",
        "JAX_PLATFORMS": "cuda" if device == "cuda" else "cpu",
        # JAX would take most of a GPU's memory at once, and leave none to the process beside it.
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


if __name__ == "__main__":
    for peer in sys.argv[1:] or sorted(path.stem for path in LISTS.glob("*.txt")):
        try:
            print(peer, *make(peer))
        except Unavailable as reason:
            print(peer, "cannot be installed:", reason)
