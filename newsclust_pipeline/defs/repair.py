"""Find damaged files in the data folder, and repair what a run can't."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from newsclust_pipeline.core.errors import HistoryError
from newsclust_pipeline.core.files import read_parquet
from newsclust_pipeline.schemas import TABLES
from newsclust_pipeline.stories.lineage import read_history, restore_history

_HISTORY = "story_lineage"


def damaged_files(data: Path) -> Iterator[str]:
    """Yield one sentence per damaged table: which file, what is wrong, what to do."""
    for name in TABLES:
        path = data / f"{name}.parquet"
        try:
            if name == _HISTORY:
                read_history(path)
            elif path.exists():
                read_parquet(path)
        except HistoryError as error:
            yield str(error)
        except (OSError, ValueError, pa.ArrowException) as error:
            yield f"{path}: the file is damaged ({error}). The next run makes it again."


def repair(data: Path) -> Iterator[str]:
    """Restore the history of the stories from its previous generation if need be.

    Other damaged tables are renamed, so that the next run makes them again.

    Yields:
        What was done, one sentence per file.

    Raises:
        HistoryError: the history can't be restored.
    """
    yield restore_history(data / f"{_HISTORY}.parquet")
    for name in (name for name in TABLES if name != _HISTORY):
        path = data / f"{name}.parquet"
        try:
            if path.exists():
                read_parquet(path)
        except (OSError, ValueError, pa.ArrowException):
            damaged = path.with_suffix(".damaged.parquet")
            path.replace(damaged)
            yield f"{path}: moved to {damaged.name}. The next run makes it again."
