"""DAGSTER_HOME: where Dagster keeps the history of runs."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import dagster as dg
from filelock import FileLock

from newsclust_pipeline.core.file_errors import file_errors
from newsclust_pipeline.core.files import copy_file
from newsclust_pipeline.core.locations import require_path

_CONFIG = Path(__file__).parents[1] / "dagster.yaml"
_DATABASES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")


def dagster_home(data: Path) -> Path:
    """Return DAGSTER_HOME; if that is not set, `.dagster` in the local folder."""
    named = os.environ.get("DAGSTER_HOME")
    return (require_path(named, "DAGSTER_HOME") if named else data / ".dagster").resolve()


def open_instance(data: Path) -> dg.DagsterInstance:
    """Return the instance at `dagster_home`.

    A folder without `dagster.yaml` gets the one of this package. Dagster's databases are created by
    one process at a time: two that create them together leave them unusable.

    Raises:
        FileError: the folder can't be written to, or is a file.
    """
    home = dagster_home(data)
    os.environ["DAGSTER_HOME"] = str(home)
    with file_errors(home):
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / ".newsclust.lock"):
            if not (home / "dagster.yaml").exists():
                copy_file(_CONFIG, home / "dagster.yaml")
            for _ in repair_databases(home):
                pass
            return dg.DagsterInstance.get()


def broken_databases(home: Path) -> Iterator[Path]:
    """Yield the databases that two processes have created together.

    Both have recorded the version of the schema, and Dagster refuses a database with two ("has more
    than one head present").
    """
    for path in (home / name for name in _DATABASES):
        if path.is_file() and len(_versions(path)) > 1:
            yield path


def repair_databases(home: Path) -> Iterator[str]:
    """Repair broken databases: leave the version that was recorded first. Nothing is lost.

    Yields:
        What was done, one sentence per database.
    """
    for path in broken_databases(home):
        first, *_ = _versions(path)
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("DELETE FROM alembic_version WHERE version_num <> ?", (first,))
        yield f"{path}: repaired, two runs had created it at the same time."


def _versions(path: Path) -> list[str]:
    """Return the versions of the schema that a database records, the first one first."""
    with closing(sqlite3.connect(path)) as database:
        try:
            rows = database.execute("SELECT version_num FROM alembic_version ORDER BY rowid")
            return [version for (version,) in rows]
        except sqlite3.Error:  # no database, or one without versions: nothing that we can repair
            return []
