"""Vectors of texts seen before, in one SQLite file that all runs share.

A batch is committed as soon as it is embedded: a killed run loses at most the batch it was at.
"""

import hashlib
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from newsclust_pipeline.stages.errors import EmbeddingError


class VectorCache:
    """Vectors (float32) keyed by text, of one embedder's fingerprint."""

    def __init__(self, path: Path, fingerprint: str, dimension: int) -> None:
        """Name the file, which is made when the cache is entered."""
        self._path, self._fingerprint, self._dimension = path, fingerprint, dimension

    def __enter__(self) -> Self:
        with self._told():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self._path, timeout=60)
        try:
            with self._told():
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute(
                    "CREATE TABLE IF NOT EXISTS vectors (key BLOB UNIQUE, vector BLOB)"
                )
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

    def fill(self, texts: Sequence[str], vectors: np.ndarray) -> np.ndarray:
        """Write the known texts' vectors into their rows; give the rows of the unknown texts."""
        missing = []
        with self._told():
            for row, text in enumerate(texts):
                found = self._db.execute(
                    "SELECT vector FROM vectors WHERE key = ?", (self._key(text),)
                ).fetchone()
                vector = _unpacked(found[0], self._dimension) if found else None
                if vector is None:
                    missing.append(row)
                else:
                    vectors[row] = vector
        return np.array(missing, dtype=np.intp)

    def store(self, texts: Sequence[str], vectors: np.ndarray) -> None:
        """Keep the vectors of these texts, in one transaction."""
        keys = map(self._key, texts)
        rows = [(key, _packed(vector)) for key, vector in zip(keys, vectors, strict=True)]
        with self._told(), self._db:
            self._db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)

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

    def _key(self, text: str) -> bytes:
        return hashlib.sha256(f"{self._fingerprint}\0{text}".encode()).digest()


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
