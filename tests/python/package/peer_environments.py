"""Environments of the libraries that the package is checked against: each version in a folder of its own.

A folder holds what the version needs beside the project's own environment (which has JAX, Haiku, Flax, Optax, NIR), so
that it is small; PYTHONPATH puts it in front. Usage: python peer_environments.py [name ...] makes them and prints where.
"""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[3] / "build" / "peers"
REQUIREMENTS = {
    # The oldest with jax.ffi. The newest that this Python can install is the project's own (tools/requirements.txt).
    "jax-0.5": ("jax==0.5.0", "jaxlib==0.5.0"),
    "spyx-0.1": ("spyx==0.1.20", "jax-tqdm==0.4.0"),
    "spyx-1.0": (
        "spyx==1.0.0",
        "jax-tqdm==0.4.0",
        "grain==0.2.18",
        "array_record==0.8.6",
        "cloudpickle==3.1.3",
        "portpicker==1.6.0",
        "toolz==1.2.0",
    ),
}


class Unavailable(RuntimeError):
    """The environment cannot be made here (no network, no such package)."""


def make(name: str) -> Path:
    """The folder of an environment; made once, from PyPI."""
    folder = FOLDER / name
    stamp = folder / "requirements"
    wanted = "\n".join(REQUIREMENTS[name])
    if stamp.exists() and stamp.read_text() == wanted:
        return folder
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-input", "--disable-pip-version-check", "--no-deps"]
    try:
        done = subprocess.run(
            [*install, "--upgrade", "--target", folder, *REQUIREMENTS[name]],
            capture_output=True,
            text=True,
            timeout=300,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{name}: {error}") from error
    if done.returncode:
        raise Unavailable(f"{name}: pip says: {done.stderr.strip().splitlines()[-1]}")
    stamp.write_text(wanted)
    return folder


if __name__ == "__main__":
    for peer in sys.argv[1:] or REQUIREMENTS:
        print(make(peer))
