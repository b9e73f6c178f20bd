"""Vectors of texts seen before, in one SQLite file that all runs share.

A batch is committed as soon as it is embedded: a killed run loses at most the batch it was at.
SQLite, because it survives a kill at any moment, lets several runs write, and finds one vector
among millions without reading the others. (Not for network disks, whose locks it can't trust.)
"""

import hashlib
import sqlite3
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from newsclust_pipeline.core.errors import EmbeddingError

# Large pages: of small ones, vectors leave a quarter to a half unused.
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


class VectorCache:
    """Vectors (float32) keyed by text, of one embedder's fingerprint."""

    def __init__(self, path: Path, fingerprint: str, today: int | None = None) -> None:
        """Name the file, which is made when the cache is entered.

        Args:
            path: the SQLite file.
            fingerprint: of the embedder; vectors of others are neither found nor touched.
            today: days since 1970, by which unused vectors are told; the clock's by default.
        """
        self._path, self._fingerprint = path, fingerprint
        self._today = int(time.time() // 86400) if today is None else today

    def __enter__(self) -> Self:
        with self._told():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self._path, timeout=60)
        try:
            with self._told():
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
        """Components of the cached vectors; None if there are none yet."""
        model = self._model()
        return model[1] if model else None

    def fill(self, texts: Sequence[str], vectors: np.ndarray) -> np.ndarray:
        """Write the known texts' vectors into their rows; give the rows of the unknown texts."""
        model = self._model()
        if model is None:
            return np.arange(len(texts))
        missing: list[int] = []
        for start in range(0, len(texts), _KEYS_PER_QUERY):
            keys = [_key(text) for text in texts[start : start + _KEYS_PER_QUERY]]
            found = self._found(model[0], keys)
            for row, key in enumerate(keys, start):
                vector = _unpacked(found[key], vectors.shape[1]) if key in found else None
                if vector is None:
                    missing.append(row)
                else:
                    vectors[row] = vector
        return np.array(missing, dtype=np.intp)

    def store(self, texts: Sequence[str], vectors: np.ndarray) -> None:
        """Keep the vectors of these texts, in one transaction."""
        new = (self._fingerprint, vectors.shape[1])
        with self._told(), self._db:
            self._db.execute("INSERT OR IGNORE INTO models VALUES (NULL, ?, ?)", new)
            model = self._model()
            rows = [
                (model and model[0], _key(text), _packed(vector), self._today)
                for text, vector in zip(texts, vectors, strict=True)
            ]
            self._db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)", rows)

    def prune(self, days: int) -> int:
        """Drop what no run has used for so many days, of any embedder; tell how many vectors."""
        with self._told(), self._db:
            dropped = self._db.execute("DELETE FROM vectors WHERE used < ?", (self._today - days,))
            return dropped.rowcount

    def _model(self) -> tuple[int, int] | None:
        """Give the embedder's number in this file and its dimension."""
        with self._told():
            row: tuple[int, int] | None = self._db.execute(
                "SELECT id, dimension FROM models WHERE fingerprint = ?", (self._fingerprint,)
            ).fetchone()
        return row

    def _found(self, model: int, keys: list[bytes]) -> dict[bytes, bytes]:
        """Look keys up, and mark what is found as used today (once a day, not at every look)."""
        marks = ",".join("?" * len(keys))
        which = f"model = ? AND text IN ({marks})"
        with self._told(), self._db:
            found = self._db.execute(
                f"SELECT text, vector, used FROM vectors WHERE {which}",  # noqa: S608 (marks only)
                (model, *keys),
            ).fetchall()
            if any(used < self._today for _, _, used in found):
                self._db.execute(
                    f"UPDATE vectors SET used = ? WHERE {which}",  # noqa: S608 (marks only)
                    (self._today, model, *keys),
                )
        return {key: vector for key, vector, _ in found}

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what SQLite raises into an error that names the file and says what to do."""
        try:
            yield
        except (sqlite3.OperationalError, OSError) as fault:  # locked, full, not to be written
            raise EmbeddingError(
                f"{self._path}: the cache of vectors can't be used ({fault}). Let other runs end, "
                "make room, or set NEWSCLUST_DATA_DIR to a folder that can be written to."
            ) from fault
        except sqlite3.DatabaseError as fault:
            raise EmbeddingError(
                f"{self._path}: not a cache of vectors, or a damaged one ({fault}). Move it away: "
                "the next run makes it anew, embedding all texts again."
            ) from fault


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _packed(vector: np.ndarray) -> bytes:
    """Give a vector's bytes and their checksum."""
    content = vector.astype("<f4").tobytes()
    return content + zlib.crc32(content).to_bytes(4, "little")


def _unpacked(entry: bytes, dimension: int) -> np.ndarray | None:
    """Give an entry's vector; None if it is damaged or of another dimension."""
    content, checksum = entry[:-4], entry[-4:]
    if len(content) != 4 * dimension or zlib.crc32(content).to_bytes(4, "little") != checksum:
        return None
    return np.frombuffer(content, dtype="<f4")
