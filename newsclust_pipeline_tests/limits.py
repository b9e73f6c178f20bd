"""A limit on the size of files stands in for a full disk: writing fails with a real error."""

import resource
from contextlib import contextmanager


@contextmanager
def file_size_limit(size):
    """Let no file of this process grow beyond a size (bytes) in the block."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
