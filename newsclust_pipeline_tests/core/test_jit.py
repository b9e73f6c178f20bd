"""Compiled loops, cached on disk where that is possible."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from newsclust_pipeline.core.jit import cache_on_disk, compiled

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
COMPILED = "run = compiled(count)"
OF_ANOTHER_PACKAGE = "loops.doubled = njit(loops.doubled); run = njit(count); cache_on_disk(run)"
CALL = """
import loops
from loops import count
from newsclust_pipeline.core.jit import cache_on_disk, compiled
from numba import njit

{}
assert run(3).tolist() == [0, 1, 2]
print(sum(run.stats.cache_hits.values()))
"""


@pytest.fixture
def cache_hits(tmp_path):
    """Return a function that runs the loop in a new process and counts the cache hits."""
    (tmp_path / "loops.py").write_text(LOOP)
    settings = {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": f"{tmp_path}:{ROOT}"}

    def run(statement):
        command = [sys.executable, "-c", CALL.format(statement)]
        return int(subprocess.check_output(command, env=os.environ | settings))

    return run


@pytest.mark.parametrize("statement", [COMPILED, OF_ANOTHER_PACKAGE])
def test_the_next_process_finds_the_compiled_loop(cache_hits, statement):
    assert [cache_hits(statement), cache_hits(statement)] == [0, 1]


def test_a_loop_that_cannot_be_cached_is_compiled():
    from numba import njit

    names = {}
    exec(LOOP, names)  # noqa: S102  numba caches only functions from files
    run = compiled(names["count"])
    assert run(3).tolist() == [0, 1, 2]
    assert run.signatures
    doubled = njit(names["doubled"])
    cache_on_disk(doubled)
    assert doubled(3) == 6


def test_functions_of_the_same_module_are_compiled_with_their_caller():
    """`_mean_distance` calls `_dot`, which is compiled as well; the module keeps the plain ones."""
    import numpy as np

    from newsclust_pipeline.cluster import vector_sums

    row = np.arange(8.0)
    run = compiled(vector_sums._mean_distance)
    assert run(row, 140.0, row, 140.0, 1) == 0
    assert not hasattr(vector_sums._dot, "signatures")
