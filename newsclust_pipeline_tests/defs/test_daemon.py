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


class Daemon:
    """A folder with a dump and a configuration file, and a daemon with some ticks switched on."""

    def __init__(self, folder, rows, switches, **settings):
        dump = write_dump(folder / "news.csv", rows)
        past = time.time() - 600
        os.utime(dump, (past, past))
        (folder / "newsclust.toml").write_text(
            '[hdbscan_labels]\nmin_samples = 2\n[schedule]\ncron = "* * * * *"\n'
        )
        home = folder / "home"
        home.mkdir()
        shutil.copy(Path(newsclust_pipeline.__file__).with_name("dagster.yaml"), home)
        settings = {"NEWSCLUST_NEWS": dump, "NEWSCLUST_DATA_DIR": "data"} | settings
        settings["DAGSTER_HOME"] = home
        environment = os.environ | {name: str(value) for name, value in settings.items()}
        for switch in switches:
            subprocess.run(
                [sys.executable, "-m", "dagster", *switch, *MODULE],
                cwd=folder, env=environment, check=True, capture_output=True,
            )  # fmt: skip
        self.folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-m", "dagster._daemon", "run", *MODULE],
            cwd=folder, env=environment, start_new_session=True,
            stdout=(folder / "log").open("wb"), stderr=subprocess.STDOUT,
        )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait(60)

    def wait_for(self, look):
        """Return what this function finds in Dagster's records as soon as it finds something."""
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            with dg.DagsterInstance.from_config(str(self.folder / "home")) as instance:
                found = look(instance)
            if found:
                return found
            time.sleep(1)
        return pytest.fail(self.log())

    def log(self):
        return (self.folder / "log").read_text()[-3000:]


@pytest.fixture(scope="module")
def daemons(tmp_path_factory, sample_rows):
    """Two of them, which wait for the next minute together, and the webhook of the second."""
    good, bad = (tmp_path_factory.mktemp(name) for name in ("good", "bad"))
    schedule, rows = ("schedule", "start", "daily"), sample_rows[:30]
    with (
        Hook() as hook,
        Daemon(good, rows, [schedule, ("sensor", "start", "dump_sensor")]) as one,
        Daemon(
            bad, rows, [schedule], NEWSCLUST_ALERT_WEBHOOK=hook.url, NEWSCLUST_NEWS="gone.csv"
        ) as other,
    ):
        yield one, other, hook


@pytest.mark.slow
def test_ticks_start_runs_with_the_parameters_of_the_file(daemons):
    daemon, _, _ = daemons

    def versions_of_labels(instance):
        """Return the version of the labels by what started the run, when both have ended."""
        runs = [run for run in instance.get_runs() if run.is_finished]
        assert all(run.is_success for run in runs), daemon.log()
        versions = {}
        for run in runs:
            (tag,) = {"dagster/schedule_name", "dagster/sensor_name"} & run.tags.keys()
            entries = instance.all_logs(run.run_id, dg.DagsterEventType.ASSET_MATERIALIZATION)
            versions[tag] = {
                entry.asset_materialization.tags["dagster/data_version"]
                for entry in entries
                if entry.dagster_event.asset_key == dg.AssetKey("hdbscan_labels")
            }
        return versions if len(versions) == 2 else None

    one, other = daemon.wait_for(versions_of_labels).values()
    assert one == other != set()
    parameters = pq.read_schema(daemon.folder / "data" / "hdbscan_labels.parquet").metadata
    assert parameters[b"min_samples"] == b"2"
    assert (daemon.folder / "data" / "cluster_plot.html").exists()


@pytest.mark.slow
def test_a_run_that_fails_is_told_once_although_run_and_sensor_could_both_tell(daemons):
    _, daemon, hook = daemons
    run = daemon.wait_for(sensed_run)
    assert len(hook.posts) == 1
    assert run.tags[ALERT] == SENT
    assert run.tags[CAUSE].startswith("gone.csv: no such file or folder.")
    (text,) = [post["text"] for post in hook.posts]
    assert "news_to_stories, started by the schedule daily" in text.replace("\\", "")


def sensed_run(instance):
    """Return the first failed run, if the sensor has looked at it."""
    runs = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
    for run in runs[-1:]:
        messages = [entry.message for entry in instance.all_logs(run.run_id)]
        if any("failure_sensor" in message for message in messages):
            return run
    return None
