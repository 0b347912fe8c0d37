"""`with enable_x64(True):`, of every JAX that the package works with."""

import jax

enable_x64 = getattr(jax, "enable_x64", None)
if enable_x64 is None:  # before 0.8
    from jax.experimental import enable_x64  # noqa: F401
