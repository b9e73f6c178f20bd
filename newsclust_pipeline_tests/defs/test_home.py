"""DAGSTER_HOME is made where it is missing, by one process at a time."""

import os
import sqlite3
import subprocess
import sys

import dagster as dg
import pytest
from alembic.util.exc import CommandError

from newsclust_pipeline.defs.home import broken_databases, open_instance, repair_databases

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


@pytest.fixture
def broken(tmp_path, environment):
    """A home whose database of runs was created by two processes at once: it has two versions."""
    environment["DAGSTER_HOME"] = str(tmp_path)
    open_instance(tmp_path).dispose()
    with sqlite3.connect(tmp_path / "history" / "runs.db") as database:
        database.execute("INSERT INTO alembic_version VALUES ('5771160a95ad')")
    return tmp_path


def test_a_home_that_two_runs_have_created_is_found_and_repaired(broken):
    with pytest.raises(CommandError, match="more than one head"):
        dg.DagsterInstance.from_config(str(broken))
    assert list(broken_databases(broken)) == [broken / "history" / "runs.db"]
    (done,) = repair_databases(broken)
    assert done.startswith(f"{broken / 'history' / 'runs.db'}: repaired")
    assert list(broken_databases(broken)) == []
    with dg.DagsterInstance.from_config(str(broken)) as instance:
        assert instance.get_runs_count() == 0


def test_the_command_repairs_such_a_home_when_it_opens_it(broken):
    with open_instance(broken) as instance:
        assert instance.get_runs_count() == 0


def test_what_is_no_database_is_left_alone(tmp_path):
    (tmp_path / "history").mkdir()
    (tmp_path / "history" / "runs.db").write_bytes(b"no database")
    assert list(broken_databases(tmp_path)) == []
    assert list(broken_databases(tmp_path / "missing")) == []
