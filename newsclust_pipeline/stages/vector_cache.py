"""Vectors of texts seen before, in one SQLite file that all runs share.

A batch is committed as soon as it is embedded: a killed run loses at most the batch it was at.
"""

import hashlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np


class VectorCache:
    """Vectors (float32) keyed by text, of one embedder's fingerprint."""

    def __init__(self, path: Path, fingerprint: str, dimension: int) -> None:
        """Name the file, which is made when the cache is entered."""
        self._path, self._fingerprint, self._dimension = path, fingerprint, dimension

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(self._path, timeout=60)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB UNIQUE, vector BLOB)")
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
        for row, text in enumerate(texts):
            found = self._db.execute(
                "SELECT vector FROM vectors WHERE key = ?", (self._key(text),)
            ).fetchone()
            if found and len(found[0]) == 4 * self._dimension:
                vectors[row] = np.frombuffer(found[0], dtype="<f4")
            else:
                missing.append(row)
        return np.array(missing, dtype=np.intp)

    def store(self, texts: Sequence[str], vectors: np.ndarray) -> None:
        """Keep the vectors of these texts, in one transaction."""
        rows = [
            (self._key(t), v.astype("<f4").tobytes()) for t, v in zip(texts, vectors, strict=True)
        ]
        with self._db:
            self._db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)

    def _key(self, text: str) -> bytes:
        return hashlib.sha256(f"{self._fingerprint}\0{text}".encode()).digest()
