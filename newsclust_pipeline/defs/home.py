"""DAGSTER_HOME: where Dagster keeps the history of runs."""

import os
import shutil
from pathlib import Path

import dagster as dg
from filelock import FileLock

from newsclust_pipeline.core.locations import require_path

_CONFIG = Path(__file__).parents[1] / "dagster.yaml"


def open_instance(data: Path) -> dg.DagsterInstance:
    """Return the instance at DAGSTER_HOME; if that is not set, at `.dagster` in the local folder.

    A folder without `dagster.yaml` gets the one of this package. Dagster's databases are created by
    one process at a time: two that create them together leave them unusable.
    """
    named = os.environ.get("DAGSTER_HOME")
    home = (require_path(named, "DAGSTER_HOME") if named else data / ".dagster").resolve()
    home.mkdir(parents=True, exist_ok=True)
    os.environ["DAGSTER_HOME"] = str(home)
    with FileLock(home / ".newsclust.lock"):
        if not (home / "dagster.yaml").exists():
            shutil.copyfile(_CONFIG, home / "dagster.yaml")
        return dg.DagsterInstance.get()
