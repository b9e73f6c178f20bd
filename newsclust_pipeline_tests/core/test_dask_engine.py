"""Partitions on Dask workers: results, lost workers, and errors of one sentence."""

import os
import signal
import time

import numpy as np
import pytest

from newsclust_pipeline.core import dask_engine
from newsclust_pipeline.core.engine import threads
from newsclust_pipeline.core.errors import EngineError

pytestmark = pytest.mark.slow


def times(number, factor):
    return number * factor


def add(one, other):
    return one + other


def process_of(_, __):
    time.sleep(0.2)
    return os.getpid(), threads()


def sum_of_rows(rows, array):
    return array[rows].sum()


def fails(number, _):
    if number == 3:
        raise EngineError("partition 3 can't be computed.")
    return number


def ends_its_worker(_, __):
    os.kill(os.getpid(), signal.SIGKILL)


def ends_its_worker_once(number, folder):
    """Kill the process of the worker, unless a file says that this was done before."""
    if number == 2 and not (folder / "killed").exists():
        (folder / "killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_results_come_in_order_and_are_merged(engine):
    assert list(engine.map(times, range(30), 10)) == [10 * number for number in range(30)]
    assert engine.reduce(times, add, range(7), 10) == 210
    assert engine.reduce(times, add, [4], 10) == 40


def test_partitions_run_in_other_processes_with_one_thread_each(engine):
    processes, numbers = zip(*engine.map(process_of, range(6)), strict=True)
    assert len(set(processes)) == 2
    assert os.getpid() not in processes
    assert set(numbers) == {1}


def test_few_partitions_are_taken_ahead(engine):
    taken = []
    results = engine.map(times, (taken.append(n) or n for n in range(50)), 1)
    next(results)
    assert len(taken) <= 6
    results.close()


def test_an_array_is_shared_by_a_file(engine):
    array = np.arange(1000.0).reshape(100, 10)
    sums = engine.map(sum_of_rows, [slice(0, 50), slice(50, 100)], engine.share(array))
    assert list(sums) == [array[:50].sum(), array[50:].sum()]


def test_the_error_of_a_partition_is_raised_as_it_is(engine):
    with pytest.raises(EngineError, match=r"^partition 3 can't be computed\.$"):
        list(engine.map(fails, range(10)))
    assert list(engine.map(times, range(3), 2)) == [0, 2, 4]  # the engine can still be used


def test_a_worker_that_is_killed_changes_nothing(engine, tmp_path):
    assert list(engine.map(ends_its_worker_once, range(12), tmp_path)) == list(range(12))
    assert (tmp_path / "killed").exists()


def test_the_merges_of_a_killed_worker_are_repeated(engine, tmp_path):
    assert engine.reduce(ends_its_worker_once, add, range(12), tmp_path) == sum(range(12))
    assert (tmp_path / "killed").exists()


def test_a_partition_that_kills_every_worker_ends_the_run_with_a_sentence(engine):
    with pytest.raises(EngineError, match=r"ended 4 workers, one after the other") as raised:
        list(engine.map(ends_its_worker, [0]))
    assert "\n" not in str(raised.value)


def test_a_worker_with_other_versions_that_joins_later_is_refused(engine, monkeypatch):
    monkeypatch.setattr(dask_engine, "versions", lambda: {"Python": "3.99"})
    with pytest.raises(EngineError, match=r"a worker has Python 3\.\d+\.\d+, the run has 3\.99\."):
        list(engine.map(times, [1], 1))


def test_workers_that_see_no_common_folder_get_arrays_in_their_tasks(engine, monkeypatch):
    monkeypatch.setattr(engine, "folder", None)
    array = np.arange(10.0)
    assert engine.share(array) is array
    assert list(engine.map(sum_of_rows, [slice(0, 5)], array)) == [10.0]
