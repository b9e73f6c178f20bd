"""Clusters of Dask: which can be used, and why another one can't."""

import os
import time
from pathlib import Path

import pytest

from newsclust_pipeline.core import dask_cluster
from newsclust_pipeline.core.dask_cluster import open_cluster, parse_cluster, verify_cluster
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


def process_of(_, __):
    time.sleep(0.2)
    return os.getpid()


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
    monkeypatch.setattr(dask_cluster, "find_spec", lambda _: None)
    with pytest.raises(SettingError, match=r"pip install 'newsclust_pipeline\[dask\]'"):
        verify_cluster("local:2")


def thread_settings(*_):
    return {name: value for name, value in os.environ.items() if name.endswith("_NUM_THREADS")}


def test_workers_have_one_thread_and_the_environment_of_the_run_stays(tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    before = thread_settings()
    with open_cluster("local:1", tmp_path) as engine:
        assert thread_settings() == before
        [found] = engine.map(thread_settings, [0])
    assert found["OMP_NUM_THREADS"] == "1"
    assert thread_settings() == before


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
    other = {**dask_cluster.versions(), "numpy": "1.0"}
    with monkeypatch.context() as patch:
        patch.setattr(dask_cluster, "versions", lambda: other)
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


def test_a_folder_that_workers_see_is_recognised(engine, tmp_path, monkeypatch):
    assert dask_cluster._is_visible(engine._client, tmp_path)
    monkeypatch.setattr(dask_cluster, "_read", lambda _: "")
    assert not dask_cluster._is_visible(engine._client, Path(tmp_path))


def wait_for_worker(address):
    end = time.monotonic() + 60
    while True:
        try:
            return verify_cluster(address)
        except EngineError:
            assert time.monotonic() < end
            time.sleep(0.3)
