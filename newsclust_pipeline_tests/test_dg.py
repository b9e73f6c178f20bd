"""The commands `dg`, as the documentation shows them, in a folder like a fresh clone."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pyarrow.parquet as pq
import pytest

import newsclust_pipeline
from newsclust_pipeline.definitions import build_defs
from newsclust_pipeline_tests.conftest import write_dump

ROOT = Path(newsclust_pipeline.__file__).parents[1]
NOISE = ("SupersessionWarning", "BetaWarning", "PreviewWarning", "DeprecationWarning")
pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path, sample_rows):
    """A folder with the project's configuration, a dump and a new DAGSTER_HOME."""
    for name in ("pyproject.toml", "dagster.yaml", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "newsclust_pipeline").symlink_to(ROOT / "newsclust_pipeline")
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(ROOT / "dagster.yaml", home)
    write_dump(tmp_path / "news.csv", sample_rows[:30])
    return tmp_path


def environment(project):
    settings = {"DAGSTER_HOME": project / "home", "NEWSCLUST_NEWS": project / "news.csv"}
    settings |= {"PYTHONPATH": project}
    return os.environ | {name: str(value) for name, value in settings.items()}


def command(*arguments):
    return [Path(sys.executable).with_name("dg"), *arguments]


def dg(project, *arguments):
    done = subprocess.run(
        command(*arguments), cwd=project, env=environment(project),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert not [word for word in NOISE if word in done.stderr], done.stderr
    return done


def test_the_definitions_are_checked_and_listed(project):
    assert dg(project, "check", "defs").returncode == 0
    listed = json.loads(dg(project, "list", "defs", "--json").stdout)
    keys = {spec.key.to_user_string() for spec in build_defs().resolve_all_asset_specs()}
    assert {asset["asset_key"] for asset in listed["assets"]} == keys | {"news_dumps"}
    assert {sensor["name"] for sensor in listed["sensors"]} == {"dump_sensor", "failure_sensor"}


def test_all_assets_are_launched(project):
    done = dg(project, "launch", "--assets", "*")
    assert done.returncode == 0, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last == f"newsclust_pipeline: the map is {project / 'data' / 'cluster_plot.html'}"
    assert pq.read_metadata(project / "data" / "raw_news.parquet").num_rows > 0


def test_a_launch_that_fails_says_so_in_its_last_line(project):
    (project / "news.csv").unlink()
    done = dg(project, "launch", "--assets", "*")
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"newsclust_pipeline: {project / 'news.csv'}: no such file or folder.")


def test_the_ui_starts_serves_and_stops(project):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (project / "log").open("wb") as log:
        server = subprocess.Popen(
            command("dev", "-p", str(port)), cwd=project, env=environment(project),
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        wait_for(f"http://127.0.0.1:{port}/server_info", server)
        server.send_signal(signal.SIGINT)
        assert server.wait(60) == 0
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
    log = (project / "log").read_text()
    assert "Serving dagster-webserver" in log
    assert not [word for word in NOISE if word in log]


def wait_for(address, server):
    for _ in range(600):
        assert server.poll() is None, "the UI ended before it began"
        try:
            return urlopen(address, timeout=5).close()  # noqa: S310 (our own server)
        except (URLError, OSError):
            time.sleep(0.2)
    return pytest.fail(f"{address}: no answer in two minutes")
