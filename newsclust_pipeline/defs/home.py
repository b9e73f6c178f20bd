"""DAGSTER_HOME: where Dagster keeps the history of runs."""

import os
import shutil
from pathlib import Path

import dagster as dg
from filelock import FileLock

_CONFIG = Path(__file__).parents[1] / "dagster.yaml"


def open_instance(data: Path) -> dg.DagsterInstance:
    """Return the instance at DAGSTER_HOME; if that is not set, at `.dagster` in the data folder.

    A folder without `dagster.yaml` gets the one of this package. Dagster's databases are created by
    one process at a time: two that create them together leave them unusable.
    """
    home = Path(os.environ.get("DAGSTER_HOME") or data / ".dagster").resolve()
    home.mkdir(parents=True, exist_ok=True)
    os.environ["DAGSTER_HOME"] = str(home)
    with FileLock(home / ".newsclust.lock"):
        if not (home / "dagster.yaml").exists():
            shutil.copyfile(_CONFIG, home / "dagster.yaml")
        return dg.DagsterInstance.get()
