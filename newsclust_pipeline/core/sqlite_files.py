"""Damaged SQLite files: recognise them, set them aside, and read the rows that can be read."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

_BLOCK = 4096  # row ids that are read together
_MIN_ROW = 8  # bytes of a row in a file
# What passes by itself, or what the user can change. Everything else is damage.
_CIRCUMSTANCES = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}


def is_damage(error: Exception, path: Path) -> bool:
    """Return True if an error means that a file is damaged, or no SQLite file of this kind."""
    if isinstance(error, UnicodeDecodeError):  # damaged SQL in a message of SQLite
        return True
    if not isinstance(error, sqlite3.Error):
        return False
    code = getattr(error, "sqlite_errorcode", None)
    if code == sqlite3.SQLITE_READONLY:  # one wrong bit makes a file one of a later version
        return path.is_file() and os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    return code is None or code & 0xFF not in _CIRCUMSTANCES


def set_aside(path: Path) -> Path:
    """Rename a damaged file to `<name>.damaged`, so that a new one can be created; return it.

    The files beside it, with changes that were not written to it yet, are renamed, too.
    """
    damaged = path.with_name(f"{path.name}.damaged")
    for ending in ("", "-wal", "-shm"):
        source = path.with_name(f"{path.name}{ending}")
        with suppress(FileNotFoundError):
            source.replace(damaged.with_name(f"{damaged.name}{ending}"))
    return damaged


def readable_rows(path: Path, table: str, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a table that can be read, in the order of their row ids.

    Args:
        path: a file that may be damaged; it is not changed.
        table: a table with row ids.
        columns: what to read.
    """
    with closing(sqlite3.connect(f"file:{path.resolve().as_posix()}?immutable=1", uri=True)) as db:
        db.text_factory = lambda content: content.decode("utf-8", "replace")
        query = f"SELECT {', '.join(columns)} FROM {table} WHERE rowid BETWEEN ? AND ?"  # noqa: S608
        blocks = [(n, n + _BLOCK - 1) for n in range(1, _last_row(db, path, table) + 1, _BLOCK)]
        for first, last in blocks:
            yield from _block(db, query, first, last)


def _last_row(db: sqlite3.Connection, path: Path, table: str) -> int:
    """Return the last row id; if that can't be read, one that is not smaller."""
    most = path.stat().st_size // _MIN_ROW
    try:
        (last,) = db.execute(f"SELECT max(rowid) FROM {table}").fetchone()  # noqa: S608
    except (sqlite3.Error, UnicodeDecodeError):
        return most
    return min(last or 0, most)


def _block(db: sqlite3.Connection, query: str, first: int, last: int) -> Iterator[tuple[Any, ...]]:
    """Yield the readable rows of a block. A block with a damaged page is read in halves."""
    try:
        rows = db.execute(query, (first, last)).fetchall()
    except (sqlite3.Error, UnicodeDecodeError):
        if first < last:
            middle = (first + last) // 2
            yield from _block(db, query, first, middle)
            yield from _block(db, query, middle + 1, last)
        return
    yield from rows
