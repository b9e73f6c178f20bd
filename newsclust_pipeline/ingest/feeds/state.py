"""What is known of every feed, and which articles have been seen: one SQLite file."""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Self

from newsclust_pipeline.core import sqlite_files
from newsclust_pipeline.core.errors import FeedsError

FORGET_DAYS = 90  # from an article's last listing to the last body of its feed


@dataclass
class FeedState:
    """One feed. Times are seconds since 1970 (UTC), 0 for never.

    Attributes:
        address: as the list of feeds has it; the key.
        url: where it is now, after permanent redirects.
        title: its name.
        format: as read last.
        etag, modified: validators of the last good answer.
        body: digest of the last body; empty if none was read.
        last_body: when that body came.
        status: `ok`, `unchanged`, `failed`, `gone` or `new`.
        http_status: of the last answer; 0 if there was none.
        problem: what is wrong; empty if nothing is.
        failures: how many fetches failed since the last good one.
        last_try, last_success: when it was asked, and when with a good answer.
        last_new: when it listed a new article the last time.
        next_due: not to be asked before.
        items: articles of it that were new, in all.
    """

    address: str
    url: str
    title: str = ""
    format: str = ""
    etag: str = ""
    modified: str = ""
    body: str = ""
    last_body: float = 0.0
    status: str = "new"
    http_status: int = 0
    problem: str = ""
    failures: int = 0
    last_try: float = 0.0
    last_success: float = 0.0
    last_new: float = 0.0
    next_due: float = 0.0
    items: int = 0


class DamagedStateError(FeedsError):
    """The file is damaged; the articles in the landing folder suffice to begin a new one."""


_COLUMNS = [*(f.name for f in fields(FeedState)), "checksum"]
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS feeds ({", ".join(_COLUMNS)}, PRIMARY KEY (address));
CREATE TABLE IF NOT EXISTS items (
  key TEXT PRIMARY KEY, feed TEXT NOT NULL, seen REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS items_by_time ON items (seen);
CREATE TABLE IF NOT EXISTS files (name TEXT PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID;
"""


class FeedStore:
    """The file with the state of all feeds. A context manager.

    Changes become permanent together, by `transaction`.

    Attributes:
        warnings: one sentence for every feed whose state was damaged.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, or create it.

        Raises:
            FeedsError: it cannot be opened, or is no such file.
        """
        self._path, self.warnings = path, list[str]()
        with self._readable():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=60, isolation_level=None)
        try:
            with self._readable():
                self._connection.executescript(_SCHEMA)
                self._add_checksums()
        except FeedsError:
            self._connection.close()
            raise

    def _add_checksums(self) -> None:
        """Add the column to a file of a former version."""
        columns = self._connection.execute("SELECT name FROM pragma_table_info('feeds')").fetchall()
        if ("checksum",) not in columns:
            self._connection.execute("ALTER TABLE feeds ADD COLUMN checksum")

    def __enter__(self) -> Self:
        """Return the store."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            if sqlite_files.is_damage(error, self._path):
                raise DamagedStateError(
                    f"{self._path}: the state of the feeds is damaged ({error}). Move the file "
                    "away; the next run fetches all feeds as if for the first time, and articles "
                    "that are already in the landing folder are not stored twice."
                ) from error
            raise FeedsError(
                f"{self._path}: the state of the feeds can't be read or written ({error}). Free "
                "disk space, or set `data_dir` to a folder that can be written to."
            ) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all changes inside the block permanent together, or none of them."""
        with self._readable():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def feed(self, address: str) -> FeedState:
        """Return what is known of a feed; a new state if nothing is, or if it is damaged."""
        with self._readable():
            query = f"SELECT {', '.join(_COLUMNS)} FROM feeds WHERE address = ?"  # noqa: S608
            row = self._connection.execute(query, (address,)).fetchone()
        if row and row[-1] in {None, _checksum(row[:-1])}:
            return FeedState(*row[:-1])
        if row:
            self.warnings.append(f"{address}: its state was damaged; it is read as a new feed.")
        return FeedState(address, address)

    def put(self, feed: FeedState) -> None:
        """Store the state of a feed."""
        values = (*astuple(feed), _checksum(astuple(feed)))
        marks = ", ".join("?" * len(_COLUMNS))
        query = f"INSERT OR REPLACE INTO feeds ({', '.join(_COLUMNS)}) VALUES ({marks})"  # noqa: S608
        self._connection.execute(query, values)

    def unseen(self, keys: Sequence[str]) -> set[str]:
        """Return those of the keys that no article of an earlier fetch had."""
        query = "SELECT 1 FROM items WHERE key = ?"
        execute = self._connection.execute
        with self._readable():
            return {key for key in keys if execute(query, (key,)).fetchone() is None}

    def mark_seen(self, feed: str, keys: Iterable[str], now: float) -> None:
        """Remember that a feed lists articles now."""
        self._connection.executemany(
            "INSERT INTO items VALUES (?, ?, ?) "
            "ON CONFLICT (key) DO UPDATE SET seen = excluded.seen",
            ((key, feed, now) for key in keys),
        )

    def forget(self, now: float) -> int:
        """Forget articles that their feed no longer lists; return how many.

        A feed may stay unchanged for months: its articles are still listed then. So the time since
        an article's last listing counts up to the feed's last body.
        """
        query = """
            DELETE FROM items WHERE seen < :now - :span AND seen < :span * -1 + COALESCE(
              (SELECT last_body FROM feeds WHERE feeds.address = items.feed), :now)
        """
        span = FORGET_DAYS * 86_400
        return self._connection.execute(query, {"now": now, "span": span}).rowcount

    def known_size(self, name: str) -> int | None:
        """Return the size in bytes of a landing file when it was last written; None if never."""
        query = "SELECT bytes FROM files WHERE name = ?"
        with self._readable():
            row = self._connection.execute(query, (name,)).fetchone()
        return int(row[0]) if row else None

    def put_size(self, name: str, size: int) -> None:
        """Remember the size of a landing file."""
        self._connection.execute("INSERT OR REPLACE INTO files VALUES (?, ?)", (name, size))


def _checksum(values: Sequence[object]) -> str:
    return hashlib.blake2b(repr(tuple(values)).encode(), digest_size=8).hexdigest()
