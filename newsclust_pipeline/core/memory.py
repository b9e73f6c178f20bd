"""Return memory that is not in use to the operating system, between stages."""

import ctypes
import sys

import pyarrow as pa


def release_unused() -> None:
    """Return freed memory to the system, as far as the allocators of C and of Arrow can.

    Both keep what a stage has freed. The next stage can't always use it, because what it allocates
    has other sizes, so without this the peaks of the stages add up.
    """
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim:  # glibc has it, musl does not
        trim(0)
