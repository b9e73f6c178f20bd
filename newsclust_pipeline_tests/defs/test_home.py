"""DAGSTER_HOME is made where it is missing, by one process at a time."""

import os
import subprocess
import sys

import pytest

from newsclust_pipeline.defs.home import open_instance

CODE = """
import sys
from pathlib import Path
from newsclust_pipeline.defs.home import open_instance
with open_instance(Path(sys.argv[1])) as instance:
    print(instance.get_runs_count())
"""


def test_without_dagster_home_there_is_one_in_the_data_folder(tmp_path, environment):
    environment.pop("DAGSTER_HOME", None)
    with open_instance(tmp_path / "data") as instance:
        assert instance.root_directory == str(tmp_path / "data" / ".dagster")
    assert os.environ["DAGSTER_HOME"] == str(tmp_path / "data" / ".dagster")
    config = (tmp_path / "data" / ".dagster" / "dagster.yaml").read_text()
    assert "max_concurrent_runs: 1" in config


def test_a_configuration_of_the_users_own_stays(tmp_path, environment):
    environment["DAGSTER_HOME"] = str(tmp_path)
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    open_instance(tmp_path / "data").dispose()
    assert (tmp_path / "dagster.yaml").read_text() == "telemetry: {enabled: false}\n"


@pytest.mark.slow
def test_two_processes_can_create_the_storage_at_once(tmp_path):
    environment = {k: v for k, v in os.environ.items() if k != "DAGSTER_HOME"}
    processes = [
        subprocess.Popen([sys.executable, "-c", CODE, tmp_path / "data"], env=environment)
        for _ in range(4)
    ]
    assert [process.wait() for process in processes] == [0, 0, 0, 0]
