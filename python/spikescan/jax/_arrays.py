"""What `scan` and the Spyx layers are given -> JAX's arrays."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from spikescan._arguments import check_uniforms
from spikescan._checks import shown


def as_array(name: str, value: Any) -> jax.Array:
    """The JAX array of an array, a number or lists of numbers, none of them complex, nor a key of jax.random."""
    try:
        array = jnp.asarray(value)
        if any(jnp.issubdtype(array.dtype, kind) for kind in (jnp.floating, jnp.integer, jnp.bool_)):
            return array
    except (TypeError, ValueError, OverflowError):  # JAX does not say which argument it was
        pass
    raise TypeError(f"{name} is {shown(value)}; it must be an array of numbers")


def as_uniforms(uniforms: Any, x: jax.Array, x_name: str = "x") -> jax.Array:
    array = as_array("uniforms", uniforms)
    check_uniforms(array.shape, array.dtype.name, x.shape, x_name)
    return array
