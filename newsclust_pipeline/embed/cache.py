"""The vectors of texts that were embedded before, in one SQLite file that all runs share.

A batch is committed as soon as it is embedded, so a killed run loses at most one batch. SQLite
survives a kill at any moment, lets several runs write, and finds one vector among millions without
reading the others. It needs a local disk: locks on network disks are not reliable.
"""

import hashlib
import sqlite3
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from newsclust_pipeline.core import sqlite_files
from newsclust_pipeline.core.errors import EmbeddingError

# Pages are large because vectors would leave a quarter to a half of a small page unused.
_SCHEMA = """
PRAGMA page_size = 32768;
PRAGMA auto_vacuum = FULL;
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS models
    (id INTEGER PRIMARY KEY, fingerprint TEXT UNIQUE, dimension INTEGER);
CREATE TABLE IF NOT EXISTS vectors
    (model INTEGER, text BLOB, vector BLOB, used INTEGER, UNIQUE (model, text));
"""
_KEYS_PER_QUERY = 500
_SAMPLE = 99  # vectors from which the dimension is known
_COLUMNS = ("model", "text", "vector", "used")


class DamagedCacheError(EmbeddingError):
    """The file of the cache is damaged; see `rescue`."""


class VectorCache:
    """The vectors (float32) of one embedder, by text.

    Attributes:
        damaged: number of vectors that were not returned because they are damaged.
    """

    def __init__(self, path: Path, fingerprint: str, today: int | None = None) -> None:
        """Set the file, which is created when the cache is entered.

        Args:
            path: the SQLite file.
            fingerprint: of the embedder; vectors of other embedders are not returned or changed.
            today: days since 1970, to date the use of vectors; by default the clock's.
        """
        self._path, self._fingerprint, self.damaged = path, fingerprint, 0
        self._today = int(time.time() // 86400) if today is None else today

    def __enter__(self) -> Self:
        with self._translate_errors():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self._path, timeout=60)
        try:
            with self._translate_errors():
                self._db.executescript(_SCHEMA)
        except EmbeddingError:
            self._db.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._db.close()

    @property
    def dimension(self) -> int | None:
        """Components of a cached vector; None if there are none yet."""
        model = self._model()
        if model is None:
            return None
        query = "SELECT length(vector) FROM vectors WHERE model = ? LIMIT ?"
        with self._translate_errors():
            lengths = Counter(self._db.execute(query, (model[0], _SAMPLE)).fetchall())
        for (length,), _ in lengths.most_common(1):  # of one model, all have the same
            return (length - 4) // 4 if length else None
        return model[1]

    def fill(self, texts: Sequence[str], vectors: np.ndarray) -> np.ndarray:
        """Write cached vectors into the rows of their texts; return the rows of the other texts."""
        model = self._model()
        if model is None:
            return np.arange(len(texts))
        missing: list[int] = []
        for start in range(0, len(texts), _KEYS_PER_QUERY):
            keys = [_key(text) for text in texts[start : start + _KEYS_PER_QUERY]]
            entries = self._entries(model[0], keys)
            for row, key in enumerate(keys, start):
                vector = self._vector(key, entries.get(key), vectors.shape[1])
                if vector is None:
                    missing.append(row)
                    self.damaged += key in entries
                else:
                    vectors[row] = vector
        return np.array(missing, dtype=np.intp)

    def store(self, texts: Sequence[str], vectors: np.ndarray) -> None:
        """Store the vectors of texts in one transaction."""
        model_row = (self._fingerprint, vectors.shape[1])
        with self._translate_errors(), self._db:
            self._db.execute("INSERT OR IGNORE INTO models VALUES (NULL, ?, ?)", model_row)
            model = self._model()
            rows = [
                (model and model[0], _key(text), self._pack(_key(text), vector), self._today)
                for text, vector in zip(texts, vectors, strict=True)
            ]
            self._db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)", rows)

    def clear(self) -> bool:
        """Delete all vectors of this embedder; return whether there were any."""
        model = self._model()
        if model is None:
            return False
        with self._translate_errors(), self._db:
            self._db.execute("DELETE FROM vectors WHERE model = ?", (model[0],))
            self._db.execute("DELETE FROM models WHERE id = ?", (model[0],))
        return True

    def prune(self, days: int) -> int:
        """Delete vectors, of any embedder, that no run has used for `days`; return their number."""
        with self._translate_errors(), self._db:
            deleted = self._db.execute("DELETE FROM vectors WHERE used < ?", (self._today - days,))
            return deleted.rowcount

    def copy_from(self, path: Path) -> int:
        """Copy every entry of any embedder that can be read from another file; return how many."""
        with self._translate_errors(), self._db:
            models = sqlite_files.readable_rows(path, "models", ("id", "fingerprint", "dimension"))
            self._db.executemany("INSERT OR IGNORE INTO models VALUES (?, ?, ?)", models)
            entries = sqlite_files.readable_rows(path, "vectors", _COLUMNS)
            return self._db.executemany(
                "INSERT OR IGNORE INTO vectors VALUES (?, ?, ?, ?)", entries
            ).rowcount

    def _model(self) -> tuple[int, int] | None:
        """Return the embedder's id in this file and its dimension; None if it has no vectors."""
        with self._translate_errors():
            row: tuple[int, int] | None = self._db.execute(
                "SELECT id, dimension FROM models WHERE fingerprint = ?", (self._fingerprint,)
            ).fetchone()
        return row

    def _entries(self, model: int, keys: list[bytes]) -> dict[bytes, bytes]:
        """Return the entries of keys, and mark them as used today (one write a day, not a run)."""
        placeholders = ",".join("?" * len(keys))
        condition = f"model = ? AND text IN ({placeholders})"
        with self._translate_errors(), self._db:
            rows = self._db.execute(
                f"SELECT text, vector, used FROM vectors WHERE {condition}",  # noqa: S608
                (model, *keys),
            ).fetchall()
            if any(not isinstance(used, int) or used < self._today for _, _, used in rows):
                self._db.execute(
                    f"UPDATE vectors SET used = ? WHERE {condition}",  # noqa: S608
                    (self._today, model, *keys),
                )
        return {key: vector for key, vector, _ in rows}

    def _pack(self, key: bytes, vector: np.ndarray) -> bytes:
        """Return a vector's bytes, followed by the CRC-32 of these, the text and the model."""
        content = vector.astype("<f4").tobytes()
        return content + _crc(content + key + self._fingerprint.encode())

    def _vector(self, key: bytes, entry: object, dimension: int) -> np.ndarray | None:
        """Return the vector of an entry; None if it is damaged or of another dimension."""
        if not isinstance(entry, bytes) or len(entry) != 4 * dimension + 4:
            return None
        content, checksum = entry[:-4], entry[-4:]
        # The checksum of former versions is that of the vector alone.
        if checksum not in {_crc(content + key + self._fingerprint.encode()), _crc(content)}:
            return None
        return np.frombuffer(content, dtype="<f4")

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        """Raise SQLite's errors as an `EmbeddingError` that names the file and what to do."""
        try:
            yield
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            if sqlite_files.is_damage(error, self._path):
                raise DamagedCacheError(
                    f"{self._path}: damaged, or not a cache of vectors ({error}). Run `newsclust "
                    "repair`, or move the file away: the next run embeds all texts again."
                ) from error
            raise EmbeddingError(  # locked, disk full, not writable, a folder
                f"{self._path}: the cache of vectors can't be used ({error}). Wait until other "
                "runs have ended, free disk space, or set `data_dir` to a writable folder."
            ) from error


def rescue(path: Path) -> str:
    """Replace a damaged cache by a new one with all vectors that can be read; return a sentence.

    The damaged file is kept as `<name>.damaged`. A vector that is damaged itself is noticed when it
    is looked up.

    Raises:
        EmbeddingError: the new file can't be written.
    """
    damaged = sqlite_files.set_aside(path)
    with VectorCache(path, "") as cache:
        try:
            kept = cache.copy_from(damaged)
        except DamagedCacheError:
            kept = 0
    return (
        f"{path}: the cache of vectors was damaged. {kept:,} of its vectors could be read and are "
        f"kept; all other texts are embedded again. The damaged file is now {damaged.name}."
    )


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _crc(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(4, "little")
