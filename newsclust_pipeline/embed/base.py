"""Texts → unit vectors, by any embedder. Texts that were embedded before are not embedded again.

The embedders themselves have rooms of their own (`minilm.py`); this one holds what they share: the
protocol, the cache, the checks on what a model gives back.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa

from newsclust_pipeline import schemas
from newsclust_pipeline.core.errors import EmbeddingError
from newsclust_pipeline.core.progress import Progress
from newsclust_pipeline.embed.cache import VectorCache

# Positions in the texts given (n,), and their vectors (n, dimension) as float32.
Batch = tuple[np.ndarray, np.ndarray]
_CHUNK = 4096  # texts that are Python strings at one time


class Embedder(Protocol):
    """A model that turns texts into vectors.

    A text's vector may depend on the text and on what `fingerprint` names, on nothing else.
    """

    @property
    def name(self) -> str:
        """The value of NEWSCLUST_EMBEDDER that chooses it."""

    @property
    def model(self) -> str:
        """Its model, as a user would name it."""

    @property
    def dimension(self) -> int:
        """Components of a vector. Asked only when nothing is cached: it may cost a request."""

    @property
    def fingerprint(self) -> str:
        """Everything that its vectors depend on: vectors under another one are never mixed in."""

    def encode(self, texts: Sequence[str]) -> Iterator[Batch]:
        """Embed texts in batches of the embedder's choosing, in any order."""


@dataclass(frozen=True)
class Embedded:
    """Vectors of all documents, and how many of them had to be computed.

    Attributes:
        table: doc_id and embedding (fixed-size list of float32, unit length), rows in the order
            given; the schema's metadata names embedder, model, dimension and fingerprint.
        new: texts embedded in this run. All others came from the cache.
        pruned: vectors that left the cache, unused for too long.
    """

    table: pa.Table
    new: int
    pruned: int

    @property
    def dimension(self) -> int:
        """Components of a vector."""
        return int(self.table.schema.field("embedding").type.list_size)


def embed(
    articles: pa.Table,
    embedder: Embedder,
    cache: Path,
    progress: Progress = lambda *_: None,
    keep_days: int = 0,
) -> Embedded:
    """Embed the texts of articles (columns doc_id, text).

    Texts stay in Arrow, but for those being embedded or looked up.

    Args:
        articles: the documents.
        embedder: asked only for texts that the cache doesn't have.
        cache: the file of the cache; see `VectorCache`.
        progress: called with texts embedded and texts to embed.
        keep_days: vectors unused for so many days leave the cache; 0 keeps them for ever.

    Raises:
        EmbeddingError: a vector is not finite, zero, or not of the embedder's dimension; or a text
            got none.
    """
    ids, texts = articles["doc_id"], articles["text"]
    with VectorCache(cache, embedder.fingerprint) as known:
        width = known.dimension or embedder.dimension
        vectors = np.zeros((len(texts), width), dtype=np.float32)
        missing = _filled(known, texts, vectors)
        done = 0
        for start in range(0, len(missing), _CHUNK):
            rows = missing[start : start + _CHUNK]
            for count in _embedded(rows, ids, texts, vectors, embedder, known):
                done += count
                progress(done, len(missing))
        pruned = known.prune(keep_days) if keep_days else 0
    return Embedded(_table(ids, vectors, embedder), new=len(missing), pruned=pruned)


def _filled(known: VectorCache, texts: pa.ChunkedArray, vectors: np.ndarray) -> np.ndarray:
    """Fill in the vectors of known texts; give the rows of the others."""
    missing = [
        start + known.fill(texts.slice(start, _CHUNK).to_pylist(), vectors[start : start + _CHUNK])
        for start in range(0, len(texts), _CHUNK)
    ]
    return np.concatenate([np.array([], dtype=np.intp), *missing])


def _embedded(
    rows: np.ndarray,
    ids: pa.ChunkedArray,
    texts: pa.ChunkedArray,
    vectors: np.ndarray,
    embedder: Embedder,
    known: VectorCache,
) -> Iterator[int]:
    """Embed the texts of these rows into their vectors; yield how many, whenever some are kept."""
    chunk, names = texts.take(rows).to_pylist(), ids.take(rows).to_pylist()
    left = np.ones(len(rows), dtype=bool)
    for positions, batch in embedder.encode(chunk):
        unit = normalised(batch, [names[p] for p in positions], vectors.shape[1])
        vectors[rows[positions]] = unit
        known.store([chunk[p] for p in positions], unit)
        left[positions] = False
        yield len(positions)
    if left.any():
        raise EmbeddingError(
            f"document {names[int(left.argmax())]}: the embedder gave no vector for it "
            f"({int(left.sum())} of {len(rows)} texts were left out). Check the model, or the "
            "service behind it."
        )


def normalised(vectors: np.ndarray, ids: Sequence[str], dimension: int) -> np.ndarray:
    """Bring vectors (n, dimension) to unit length, float32, refusing those that have none.

    Raises:
        EmbeddingError: naming the first document whose vector can't be used.
    """
    if vectors.shape != (len(ids), dimension):
        raise EmbeddingError(
            f"document {ids[0]}: the embedder gave an array of shape {vectors.shape} where "
            f"{(len(ids), dimension)} was due. If another model now answers to the same name, "
            "move embedding_cache.sqlite in the data folder away and run again."
        )
    wide = vectors.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    bad = ~(np.isfinite(lengths) & (lengths > 1e-6)).ravel()
    if bad.any():
        raise EmbeddingError(
            f"document {ids[int(bad.argmax())]}: the embedder gave a vector that is zero or not "
            f"finite ({int(bad.sum())} of {len(ids)} in its batch). Check the model, or move the "
            "article out of the dump."
        )
    return (wide / lengths).astype(np.float32)


def _table(ids: pa.ChunkedArray, vectors: np.ndarray, embedder: Embedder) -> pa.Table:
    width = vectors.shape[1]
    schema = schemas.embeddings(width).schema.with_metadata(
        {
            "embedder": embedder.name,
            "model": embedder.model,
            "dimension": str(width),
            "fingerprint": embedder.fingerprint,
        }
    )
    flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), width)
    return pa.Table.from_arrays([ids, flat], schema=schema)
