"""Find damaged files in the data folder, and repair what a run can't."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pyarrow as pa

from newsclust_pipeline.core.checksums import CHECKSUM, verify_checksum
from newsclust_pipeline.core.copies import local_copy
from newsclust_pipeline.core.errors import HistoryError
from newsclust_pipeline.core.files import exists, move, read_text
from newsclust_pipeline.core.locations import Location, address_of
from newsclust_pipeline.core.parquet import read_parquet
from newsclust_pipeline.defs.resources.data_folder import DataFolder
from newsclust_pipeline.embed.cache import DamagedCacheError, rescue
from newsclust_pipeline.schemas import TABLES
from newsclust_pipeline.search.files import read_neighbours
from newsclust_pipeline.stories.lineage import read_history, restore_history
from newsclust_pipeline.stories.title_answers import read_answers

_HISTORY, _CACHE = "story_lineage", "embedding_cache.sqlite"
_DAMAGE = (OSError, ValueError, sqlite3.Error, pa.ArrowException)
_AGAIN = "The next run makes it again."


def damaged_files(folder: DataFolder) -> Iterator[str]:
    """Yield one sentence per damaged file: which one, what is wrong, what to do."""
    try:
        read_history(folder.file(f"{_HISTORY}.parquet"))
    except HistoryError as error:
        yield str(error)
    for path, read, remedy in _files(folder):
        try:
            if exists(path):
                read(path)
        except _DAMAGE as error:
            yield f"{address_of(path)}: the file is damaged ({error}). {remedy}"


def repair(folder: DataFolder) -> Iterator[str]:
    """Restore the history of the stories, and the vectors of the cache, if need be.

    Other damaged tables are renamed, so that the next run makes them again.

    Yields:
        What was done, one sentence per file.

    Raises:
        HistoryError: the history can't be restored.
        EmbeddingError: the cache can't be written.
    """
    yield restore_history(folder.file(f"{_HISTORY}.parquet"))
    cache = folder.local_file(_CACHE)
    if cache.exists():
        try:
            _check_sqlite(cache)
        except (DamagedCacheError, sqlite3.Error):
            yield rescue(cache)
    for path in _tables(folder):
        try:
            if exists(path):
                read_parquet(path)
        except (OSError, ValueError, pa.ArrowException):
            damaged = path.with_suffix(".damaged.parquet")
            move(path, damaged)
            yield f"{address_of(path)}: moved to {damaged.name}. {_AGAIN}"


def _tables(folder: DataFolder) -> list[Location]:
    return [folder.file(f"{name}.parquet") for name in TABLES if name != _HISTORY]


def _files(folder: DataFolder) -> Iterator[tuple[Location, Callable[[Location], Any], str]]:
    """Yield every other file with a function that verifies it, and what to do if it is damaged."""
    file = folder.file
    for path in _tables(folder):
        yield path, read_parquet, _AGAIN
    yield file("knn_distance_matrix.npz"), read_neighbours, _AGAIN
    yield file("milvus_collection.json"), _check_json, _AGAIN
    yield file(".owner.json"), _check_owner, "The next run gives the folder a new id."
    yield folder.local_file("milvus.db.manifest"), _check_json, _AGAIN
    yield file("title_answers.json"), _check_answers, "The model is asked again."
    yield file("feeds.sqlite"), _check_sqlite, "The next run fetches all feeds again."
    cache = folder.local_file(_CACHE)
    yield cache, _check_sqlite, "Run `newsclust repair`: readable vectors are kept."


def _check_json(path: Location) -> None:
    verify_checksum(json.loads(read_text(path)))


def _check_owner(path: Location) -> None:
    record = json.loads(read_text(path))
    if CHECKSUM in record:  # former versions wrote none
        verify_checksum(record)


def _check_answers(path: Location) -> None:
    _, problem = read_answers(path)
    if problem:
        raise ValueError(problem)


def _check_sqlite(path: Location) -> None:
    if not path.stat().st_size:  # SQLite takes it for a new database
        raise sqlite3.DatabaseError("the file is empty")
    with (
        local_copy(path) as copy,
        closing(sqlite3.connect(f"file:{copy.resolve().as_posix()}?mode=ro", uri=True)) as db,
    ):
        (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(found)
