"""Find damaged files in the data folder, and repair what a run can't."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa

from newsclust_pipeline.core.checksums import CHECKSUM, verify_checksum
from newsclust_pipeline.core.errors import HistoryError
from newsclust_pipeline.core.files import read_parquet
from newsclust_pipeline.embed.cache import DamagedCacheError, rescue
from newsclust_pipeline.schemas import TABLES
from newsclust_pipeline.search.files import read_neighbours
from newsclust_pipeline.stories.lineage import read_history, restore_history
from newsclust_pipeline.stories.title_answers import read_answers

_HISTORY, _CACHE = "story_lineage", "embedding_cache.sqlite"
_DAMAGE = (OSError, ValueError, sqlite3.Error, pa.ArrowException)
_AGAIN = "The next run makes it again."


def damaged_files(data: Path) -> Iterator[str]:
    """Yield one sentence per damaged file: which one, what is wrong, what to do."""
    try:
        read_history(data / f"{_HISTORY}.parquet")
    except HistoryError as error:
        yield str(error)
    for path, read, remedy in _files(data):
        try:
            if path.exists():
                read(path)
        except _DAMAGE as error:
            yield f"{path}: the file is damaged ({error}). {remedy}"


def repair(data: Path) -> Iterator[str]:
    """Restore the history of the stories, and the vectors of the cache, if need be.

    Other damaged tables are renamed, so that the next run makes them again.

    Yields:
        What was done, one sentence per file.

    Raises:
        HistoryError: the history can't be restored.
        EmbeddingError: the cache can't be written.
    """
    yield restore_history(data / f"{_HISTORY}.parquet")
    if (data / _CACHE).exists():
        try:
            _check_sqlite(data / _CACHE)
        except (DamagedCacheError, sqlite3.Error):
            yield rescue(data / _CACHE)
    for path in _tables(data):
        try:
            if path.exists():
                read_parquet(path)
        except (OSError, ValueError, pa.ArrowException):
            damaged = path.with_suffix(".damaged.parquet")
            path.replace(damaged)
            yield f"{path}: moved to {damaged.name}. {_AGAIN}"


def _tables(data: Path) -> list[Path]:
    return [data / f"{name}.parquet" for name in TABLES if name != _HISTORY]


def _files(data: Path) -> Iterator[tuple[Path, Callable[[Path], Any], str]]:
    """Yield every other file with a function that verifies it, and what to do if it is damaged."""
    for path in _tables(data):
        yield path, read_parquet, _AGAIN
    yield data / "knn_distance_matrix.npz", read_neighbours, _AGAIN
    yield data / "milvus_collection.json", _check_json, _AGAIN
    yield data / ".owner.json", _check_owner, "The next run gives the folder a new id."
    yield data / "milvus.db.manifest", _check_json, _AGAIN
    yield data / "title_answers.json", _check_answers, "The model is asked again."
    yield data / "feeds.sqlite", _check_sqlite, "The next run fetches all feeds anew."
    yield data / _CACHE, _check_sqlite, "Run `newsclust repair`: readable vectors are kept."


def _check_json(path: Path) -> None:
    verify_checksum(json.loads(path.read_text(encoding="utf-8")))


def _check_owner(path: Path) -> None:
    record = json.loads(path.read_text(encoding="utf-8"))
    if CHECKSUM in record:  # former versions wrote none
        verify_checksum(record)


def _check_answers(path: Path) -> None:
    _, problem = read_answers(path)
    if problem:
        raise ValueError(problem)


def _check_sqlite(path: Path) -> None:
    with closing(sqlite3.connect(f"file:{path.resolve().as_posix()}?mode=ro", uri=True)) as db:
        (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(found)
