"""A call runs on the oldest and on the newest JAX that this Python can install, and on one between.

Registration may succeed even where XLA will refuse the handler, so only a call that runs says anything.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from peers import environments
from places import FOLDER

import spikescan

pytest.importorskip("jax", reason="JAX is not installed")
STAGE = Path(spikescan.__file__).parent.parent


def run_one_call(*path):
    clean = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), "JAX_PLATFORMS": "cpu"}
    clean["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
    done = subprocess.run([sys.executable, FOLDER / "one_jax_call.py"], env=clean, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    return done.stdout


@pytest.mark.parametrize("name, version", (("jax-0.5", "0.5.0"), ("jax-0.9", "0.9.2")))
def test_a_call_runs_on_an_older_one(name, version):
    try:
        (peer,) = environments.make(name)
    except environments.Unavailable as reason:
        pytest.skip(f"JAX {version} cannot be installed here: {reason}")
    assert f"ran on jax {version}" in run_one_call(peer, STAGE)


def test_a_call_runs_on_the_newest():
    """The project's own, which tools/requirements.txt pins."""
    import jax

    assert f"ran on jax {jax.__version__}" in run_one_call(STAGE)


def test_a_handler_that_reports_a_newer_version_is_refused():
    """Why 0.1 is reported: XLA turns a newer handler away, some versions only when the call is compiled or run."""
    import ctypes

    import jax
    import jax.numpy as jnp

    layout = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p))

    @layout
    def newer(frame):
        extension = frame[1]  # the metadata query
        if extension:
            # Extension {size, type, next}, then Metadata* {size, ApiVersion {size, extension, major, minor}}.
            metadata = ctypes.cast(extension, ctypes.POINTER(ctypes.c_void_p))[3]
            numbers = ctypes.cast(metadata + 24, ctypes.POINTER(ctypes.c_int))
            numbers[0], numbers[1] = 0, 999
        return None

    call = jax.ffi.ffi_call("spikescan_test_newer", jax.ShapeDtypeStruct((1,), jnp.float32))
    with pytest.raises(Exception, match="(?i)version"):
        jax.ffi.register_ffi_target("spikescan_test_newer", jax.ffi.pycapsule(newer), platform="cpu")
        jax.jit(lambda x: call(x))(jnp.zeros(1)).block_until_ready()
