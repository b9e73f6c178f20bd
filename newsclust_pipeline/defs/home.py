"""DAGSTER_HOME: where Dagster keeps the history of runs."""

import os
from pathlib import Path

import dagster as dg
from filelock import FileLock

from newsclust_pipeline.core.file_errors import file_errors
from newsclust_pipeline.core.files import copy_file
from newsclust_pipeline.core.locations import require_path

_CONFIG = Path(__file__).parents[1] / "dagster.yaml"


def open_instance(data: Path) -> dg.DagsterInstance:
    """Return the instance at DAGSTER_HOME; if that is not set, at `.dagster` in the local folder.

    A folder without `dagster.yaml` gets the one of this package. Dagster's databases are created by
    one process at a time: two that create them together leave them unusable.

    Raises:
        FileError: the folder can't be written to, or is a file.
    """
    named = os.environ.get("DAGSTER_HOME")
    home = (require_path(named, "DAGSTER_HOME") if named else data / ".dagster").resolve()
    os.environ["DAGSTER_HOME"] = str(home)
    with file_errors(home):
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / ".newsclust.lock"):
            if not (home / "dagster.yaml").exists():
                copy_file(_CONFIG, home / "dagster.yaml")
            return dg.DagsterInstance.get()
