"""Loops that NumPy can't express, compiled by numba and kept on disk for the next process."""

from collections.abc import Callable
from functools import cache

import numpy as np

Loop = Callable[..., np.ndarray]


@cache
def compiled(loop: Loop) -> Loop:
    """Compile a loop, of a module's top level, for the types that it is called with."""
    from numba import njit

    try:
        kept: Loop = njit(loop, cache=True)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written to
        kept = njit(loop)
    return kept
