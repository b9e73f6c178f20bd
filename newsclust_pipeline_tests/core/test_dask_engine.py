"""Partitions on Dask workers: results, lost workers, and errors of one sentence."""

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from newsclust_pipeline.core import dask_engine
from newsclust_pipeline.core.dask_engine import open_cluster, parse_cluster, verify_cluster
from newsclust_pipeline.core.engine import threads
from newsclust_pipeline.core.errors import EngineError, SettingError
from newsclust_pipeline_tests.dask_cluster import DaskCluster

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory):
    cluster = DaskCluster(tmp_path_factory.mktemp("dask"))
    yield cluster
    cluster.stop()


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


@pytest.mark.parametrize(
    "cluster",
    ["local", "local:", "local:0", "local:two", "4", "tcp://host", "tcp://host:port", "tcp://:8786",
     "http://host:8786", "tcp://host:8786/path"],
)  # fmt: skip
def test_other_values_are_refused(cluster):
    with pytest.raises(SettingError, match="must be local:N"):
        parse_cluster(cluster)


def test_the_values_are_numbers_of_workers_and_addresses():
    assert parse_cluster("local:3") == 3
    for address in ("tcp://scheduler:8786", "tls://10.0.0.1:8786", "tcp://[::1]:8786"):
        assert parse_cluster(address) == address


def test_without_dask_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(dask_engine, "find_spec", lambda _: None)
    with pytest.raises(SettingError, match=r"pip install 'newsclust_pipeline\[dask\]'"):
        verify_cluster("local:2")


def test_an_address_without_a_scheduler_is_refused_at_once():
    start = time.monotonic()
    with pytest.raises(EngineError, match=r"no Dask scheduler answers there \(Connection refused"):
        verify_cluster("tcp://127.0.0.1:9")
    assert time.monotonic() - start < 5


def test_a_scheduler_without_workers_is_refused(scheduler):
    with pytest.raises(EngineError, match="has no workers"):
        verify_cluster(scheduler.address)


def test_an_existing_cluster_is_verified_used_and_lost(scheduler, tmp_path, monkeypatch):
    scheduler.start_worker()
    wait_for_worker(scheduler.address)
    other = {**dask_engine.versions(), "numpy": "1.0"}
    with monkeypatch.context() as patch:
        patch.setattr(dask_engine, "versions", lambda: other)
        with pytest.raises(EngineError, match=r"worker tcp:\S+ has numpy 2\.\S+, the run has 1\.0"):
            verify_cluster(scheduler.address)
    with open_cluster(scheduler.address, tmp_path) as engine:
        assert list(engine.map(times, range(3), 2)) == [0, 2, 4]
        results = engine.map(process_of, range(50))
        next(results)
        scheduler.scheduler.kill()
        with pytest.raises(EngineError, match="the connection to the scheduler was lost") as raised:
            list(results)
        assert "\n" not in str(raised.value)
    assert not list(tmp_path.iterdir())


def test_workers_that_see_no_common_folder_get_arrays_in_their_tasks(engine, monkeypatch):
    monkeypatch.setattr(engine, "folder", None)
    array = np.arange(10.0)
    assert engine.share(array) is array
    assert list(engine.map(sum_of_rows, [slice(0, 5)], array)) == [10.0]


def test_a_folder_that_workers_see_is_recognised(engine, tmp_path, monkeypatch):
    assert dask_engine._is_visible(engine._client, tmp_path)
    monkeypatch.setattr(dask_engine, "_read", lambda _: "")
    assert not dask_engine._is_visible(engine._client, Path(tmp_path))


def wait_for_worker(address):
    end = time.monotonic() + 60
    while True:
        try:
            return verify_cluster(address)
        except EngineError:
            assert time.monotonic() < end
            time.sleep(0.3)
