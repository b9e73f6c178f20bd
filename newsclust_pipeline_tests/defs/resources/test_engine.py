"""A run on workers gives the files of a run in one process; invalid settings stop it at once."""

import time
from threading import Thread

import psutil
import pytest

from newsclust_pipeline.cluster import forest
from newsclust_pipeline.core.engine import IN_PROCESS
from newsclust_pipeline.defs import terminal
from newsclust_pipeline.defs.resources import DataFolder, Engine
from newsclust_pipeline.search import faiss_backend
from newsclust_pipeline.stories import keywords

pytestmark = pytest.mark.slow
FILES = (
    "embeddings.parquet",
    "knn_distance_matrix.npz",
    "hdbscan_labels.parquet",
    "stories.parquet",
    "umap_projection.parquet",
    "parameter_sweep.parquet",
)


def run(pipeline, folder, cluster=""):
    """Run the pipeline on the bundled sample; return what it wrote."""
    made = pipeline("", folder)
    made.resources["engine"] = Engine(cluster=cluster, folder=made.resources["folder"])
    done = made.run()
    assert done.success, [
        event.event_specific_data for event in done.all_events if event.is_failure
    ]
    assert not list(made.data.glob(".engine.*"))
    return {name: (made.data / name).read_bytes() for name in FILES}


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory, vectors_seen):
    from newsclust_pipeline_tests.conftest import Pipeline

    data = tmp_path_factory.mktemp("engine")
    return lambda news, folder: Pipeline(news, data / folder, vectors_seen)


@pytest.fixture(scope="module")
def alone(pipeline):
    """The files of a run in one process."""
    return run(pipeline, "alone")


def test_the_files_are_those_of_one_process(pipeline, alone, monkeypatch):
    monkeypatch.setattr(faiss_backend, "BLOCK", 100)
    monkeypatch.setattr(forest, "_ENTRIES", 2000)
    monkeypatch.setattr(forest, "_LEAST", 2000)
    monkeypatch.setattr(keywords, "_TEXTS", 100)
    monkeypatch.setattr(keywords, "_STORIES", 10)
    assert run(pipeline, "workers", "local:2") == alone


@pytest.mark.parametrize(
    ("cluster", "message"),
    [
        ("local:none", "NEWSCLUST_CLUSTER=local:none: must be local:N"),
        ("tcp://127.0.0.1:9", "NEWSCLUST_CLUSTER=tcp://127.0.0.1:9: no Dask scheduler answers"),
    ],
)
def test_an_invalid_cluster_stops_the_run_before_the_first_stage(
    pipeline, monkeypatch, cluster, message
):
    lines = []
    monkeypatch.setattr(terminal, "print_at_end", lambda *text: lines.append(text[-1]))
    made = pipeline("", "data")
    made.resources["engine"] = Engine(cluster=cluster, folder=made.resources["folder"])
    done = made.run()
    assert not done.success
    assert message in lines[-1]
    assert not [event for event in done.all_events if event.is_step_success]


def test_without_a_cluster_everything_runs_in_this_process(tmp_path):
    engine = Engine(folder=DataFolder(path=str(tmp_path)))
    engine.verify()
    assert engine.open() is IN_PROCESS


def test_a_run_that_loses_a_worker_gives_the_same_files(pipeline, alone, monkeypatch):
    monkeypatch.setattr(faiss_backend, "BLOCK", 10)
    killed, data = [], pipeline("", "killed").data
    watch = Thread(target=kill_a_worker, args=(data, killed), daemon=True)
    watch.start()
    assert run(pipeline, "killed", "local:2") == alone
    watch.join()
    assert killed


def kill_a_worker(data, killed):
    """Kill one of this process's workers as soon as the vectors are shared with them."""
    end = time.monotonic() + 120
    while time.monotonic() < end and not list(data.glob(".engine.*/0.bin")):
        time.sleep(0.01)
    for child in psutil.Process().children():
        if "spawn_main" in " ".join(child.cmdline()):
            child.kill()
            killed.append(child.pid)
            return
