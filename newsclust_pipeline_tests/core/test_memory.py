"""Freed memory goes back to the system."""

import platform

import psutil
import pytest

from newsclust_pipeline.core.memory import release_unused


def resident():
    return psutil.Process().memory_info().rss


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps freed memory so")
def test_freed_memory_between_used_memory_is_returned():
    held = [bytearray(100_000) for _ in range(2_000)]  # below the size that is mapped by itself
    before, held = resident(), held[::100]
    release_unused()
    assert before - resident() > 100e6
    assert len(held) == 20


def test_it_may_be_called_at_any_time():
    release_unused()
    release_unused()
