"""Loops that NumPy can't express, compiled by numba and kept on disk for the next process."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

Loop = Callable[..., np.ndarray]


@cache
def compiled(loop: Loop) -> Loop:
    """Compile a loop, of a module's top level, for the types that it is called with."""
    from numba import njit

    jit: Any = njit
    try:
        kept: Loop = jit(loop, cache=True)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written to
        kept = jit(loop)
    return kept
