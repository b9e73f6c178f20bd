"""Compiled loops, cached on disk where that is possible."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from newsclust_pipeline.core.jit import compiled

ROOT = Path(__file__).parents[2]
LOOP = """
import numpy as np

def count(n):
    out = np.zeros(n)
    for place in range(n):
        out[place] = doubled(place) / 2
    return out

def doubled(value):
    return 2 * value
"""
CALL = """
from loops import count
from newsclust_pipeline.core.jit import compiled

run = compiled(count)
assert run(3).tolist() == [0, 1, 2]
print(sum(run.stats.cache_hits.values()))
"""


@pytest.fixture
def cache_hits(tmp_path):
    """Return a function that runs the loop in a new process and counts the cache hits."""
    (tmp_path / "loops.py").write_text(LOOP)
    settings = {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": f"{tmp_path}:{ROOT}"}

    def run():
        command = [sys.executable, "-c", CALL]
        return int(subprocess.check_output(command, env=os.environ | settings))

    return run


def test_the_next_process_finds_the_compiled_loop(cache_hits):
    assert [cache_hits(), cache_hits()] == [0, 1]


def test_a_loop_that_cannot_be_cached_is_compiled():
    names = {}
    exec(LOOP, names)  # noqa: S102  numba caches only functions from files
    run = compiled(names["count"])
    assert run(3).tolist() == [0, 1, 2]
    assert run.signatures


def test_functions_of_the_same_module_are_compiled_with_their_caller():
    """`_mean_distance` calls `_dot`, which is compiled as well; the module keeps the plain ones."""
    import numpy as np

    from newsclust_pipeline.cluster import vector_sums

    row = np.arange(8.0)
    run = compiled(vector_sums._mean_distance)
    assert run(row, 140.0, row, 140.0, 1) == 0
    assert not hasattr(vector_sums._dot, "signatures")
