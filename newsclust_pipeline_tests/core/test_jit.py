"""Compiled loops are kept for the next process where they can be, and work where they can't."""

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
        out[place] = place
    return out
"""
CALL = """
from loops import count
from newsclust_pipeline.core.jit import compiled

run = compiled(count)
assert run(3).tolist() == [0, 1, 2]
print(sum(run.stats.cache_hits.values()))
"""


@pytest.fixture
def found_compiled(tmp_path):
    """Run the loop in a process of its own; tell how often it was found compiled."""
    (tmp_path / "loops.py").write_text(LOOP)
    settings = {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": f"{tmp_path}:{ROOT}"}

    def run():
        command = [sys.executable, "-c", CALL]
        return int(subprocess.check_output(command, env=os.environ | settings))

    return run


def test_the_next_process_finds_a_loop_compiled(found_compiled):
    assert [found_compiled(), found_compiled()] == [0, 1]


def test_a_loop_that_can_be_kept_nowhere_is_compiled_all_the_same():
    names = {}
    exec(LOOP, names)  # noqa: S102  numba keeps nothing that comes from no file
    run = compiled(names["count"])
    assert run(3).tolist() == [0, 1, 2]
    assert run.signatures
