"""The sensor and the schedule tick in a real daemon, and their runs use the configuration file."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
import pytest

import newsclust_pipeline
from newsclust_pipeline_tests.conftest import write_dump

MODULE = ["-m", "newsclust_pipeline.definitions"]
LIMIT = 420  # seconds for two runs in processes of their own


@pytest.fixture
def daemon(tmp_path, sample_rows):
    """A folder with a dump and a configuration file, and a daemon with everything switched on."""
    dump = write_dump(tmp_path / "news.csv", sample_rows[:30])
    past = time.time() - 600
    os.utime(dump, (past, past))
    (tmp_path / "newsclust.toml").write_text(
        '[hdbscan_labels]\nmin_samples = 2\n[schedule]\ncron = "* * * * *"\n'
    )
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(Path(newsclust_pipeline.__file__).with_name("dagster.yaml"), home)
    settings = {"DAGSTER_HOME": home, "NEWSCLUST_NEWS": dump, "NEWSCLUST_DATA_DIR": "data"}
    environment = os.environ | {name: str(value) for name, value in settings.items()}
    process = None

    def start(*switches):
        nonlocal process
        for switch in switches:
            subprocess.run(
                [sys.executable, "-m", "dagster", *switch, *MODULE],
                cwd=tmp_path, env=environment, check=True, capture_output=True,
            )  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-m", "dagster._daemon", "run", *MODULE],
            cwd=tmp_path, env=environment, start_new_session=True,
            stdout=(tmp_path / "log").open("wb"), stderr=subprocess.STDOUT,
        )  # fmt: skip
        return tmp_path

    yield start
    if process:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def finished_runs(folder, tag):
    """Wait for a successful run with a tag; return it."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        with dg.DagsterInstance.from_config(str(folder / "home")) as instance:
            runs = [run for run in instance.get_runs() if tag in run.tags]
        failed = [run for run in runs if run.status == dg.DagsterRunStatus.FAILURE]
        assert not failed, (folder / "log").read_text()[-3000:]
        if any(run.status == dg.DagsterRunStatus.SUCCESS for run in runs):
            return runs
        time.sleep(2)
    return pytest.fail((folder / "log").read_text()[-3000:])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("switch", "tag"),
    [
        (("schedule", "start", "daily"), "dagster/schedule_name"),
        (("sensor", "start", "dump_sensor"), "dagster/sensor_name"),
    ],
    ids=["schedule", "sensor"],
)
def test_a_tick_starts_a_run_with_the_parameters_of_the_file(daemon, switch, tag):
    folder = daemon(switch)
    finished_runs(folder, tag)
    parameters = pq.read_schema(folder / "data" / "hdbscan_labels.parquet").metadata
    assert parameters[b"min_samples"] == b"2"
    assert (folder / "data" / "cluster_plot.html").exists()
