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
from newsclust_pipeline.defs.alerts.history import ALERT, SENT
from newsclust_pipeline.defs.cause import CAUSE
from newsclust_pipeline_tests.conftest import write_dump
from newsclust_pipeline_tests.message_servers import Hook

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

    def start(*switches, **settings):
        nonlocal process
        environment.update(settings)
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


def runs_of(folder, tag):
    with dg.DagsterInstance.from_config(str(folder / "home")) as instance:
        return [run for run in instance.get_runs() if tag in run.tags]


def finished_runs(folder, tag):
    """Wait for a successful run with a tag; return it."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        runs = runs_of(folder, tag)
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


@pytest.mark.slow
def test_a_run_that_fails_is_told_once_although_run_and_sensor_could_both_tell(daemon):
    with Hook() as hook:
        settings = {"NEWSCLUST_ALERT_WEBHOOK": hook.url, "NEWSCLUST_NEWS": "gone.csv"}
        folder = daemon(("schedule", "start", "daily"), **settings)
        run = sensed_run(folder)
        assert len(hook.posts) == 1
    assert run.tags[ALERT] == SENT
    assert run.tags[CAUSE].startswith("gone.csv: no such file or folder.")
    (text,) = [post["text"] for post in hook.posts]
    assert "news_to_stories, started by the schedule daily" in text.replace("\\", "")


def sensed_run(folder):
    """Wait until the sensor has looked at a failed run; return the first one."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        with dg.DagsterInstance.from_config(str(folder / "home")) as instance:
            runs = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
            for run in runs[-1:]:
                messages = [entry.message for entry in instance.all_logs(run.run_id)]
                if any("failure_sensor" in message for message in messages):
                    return run
        time.sleep(2)
    return pytest.fail((folder / "log").read_text()[-3000:])
