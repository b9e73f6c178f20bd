"""Turn texts into unit vectors with any embedder; texts that were embedded before are looked up.

This module has what the embedders share: the protocol, the use of the cache, and the checks of the
vectors that a model returns. The embedders are in modules of their own.
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
from newsclust_pipeline.core.tables import embedded_texts
from newsclust_pipeline.embed.cache import VectorCache

# Positions in the sequence of texts (n,), and their vectors (n, dimension) as float32.
Batch = tuple[np.ndarray, np.ndarray]
# The mean cosine distance between texts about unrelated subjects, by the name of the embedder. Only
# documents about a single event need it: among them no two are unrelated.
UNRELATED_DISTANCE = {"minilm": 0.95}
_CHUNK = 4096  # texts that are Python strings at the same time


class Embedder(Protocol):
    """A model that turns texts into vectors.

    The vector of a text must depend on the text and on what `fingerprint` covers, nothing else.
    """

    @property
    def name(self) -> str:
        """The name by which a user chooses the embedder."""

    @property
    def model(self) -> str:
        """The name of its model, as a user would write it."""

    @property
    def dimension(self) -> int:
        """Components of a vector. May cost a request, so it is read only if nothing is cached."""

    @property
    def fingerprint(self) -> str:
        """Identifies everything that the vectors depend on; others are never mixed with them."""

    def encode(self, texts: Sequence[str]) -> Iterator[Batch]:
        """Yield the vectors of texts in batches, in any order and of any size."""


@dataclass(frozen=True)
class Embedded:
    """The vectors of all documents, and how many of them were computed.

    Attributes:
        table: doc_id and embedding (fixed-size list of float32, unit length), rows in the order of
            the articles; the schema's metadata has embedder, model, dimension and fingerprint.
        new: number of texts embedded in this run. All others came from the cache.
        pruned: number of vectors deleted from the cache because no run has used them for long.
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
    cache_path: Path,
    progress: Progress = lambda *_: None,
    keep_days: int = 0,
) -> Embedded:
    """Return the vectors of articles (columns doc_id, text, embedded_text).

    Texts stay in Arrow, except for those that are being looked up or embedded.

    Args:
        articles: the documents.
        embedder: embeds the texts that the cache doesn't have.
        cache_path: the file of the cache; see `VectorCache`.
        progress: called with the number of texts embedded and of texts to embed.
        keep_days: delete cached vectors that no run has used for so many days; 0 deletes none.

    Raises:
        EmbeddingError: a vector is zero, not finite or of another dimension; a text has none; or
            the cache can't be used.
    """
    ids, texts = articles["doc_id"], embedded_texts(articles)
    with VectorCache(cache_path, embedder.fingerprint) as cache:
        dimension = cache.dimension or embedder.dimension
        vectors = np.zeros((len(texts), dimension), dtype=np.float32)
        missing = _fill_from_cache(cache, texts, vectors)
        done = 0
        for start in range(0, len(missing), _CHUNK):
            rows = missing[start : start + _CHUNK]
            for count in _embed_rows(rows, ids, texts, vectors, embedder, cache):
                done += count
                progress(done, len(missing))
        pruned = cache.prune(keep_days) if keep_days else 0
    return Embedded(_embeddings_table(ids, vectors, embedder), new=len(missing), pruned=pruned)


def _fill_from_cache(cache: VectorCache, texts: pa.ChunkedArray, vectors: np.ndarray) -> np.ndarray:
    """Write cached vectors into their rows and return the rows of the other texts."""
    missing = [
        start + cache.fill(texts.slice(start, _CHUNK).to_pylist(), vectors[start : start + _CHUNK])
        for start in range(0, len(texts), _CHUNK)
    ]
    return np.concatenate([np.array([], dtype=np.intp), *missing])


def _embed_rows(
    rows: np.ndarray,
    ids: pa.ChunkedArray,
    texts: pa.ChunkedArray,
    vectors: np.ndarray,
    embedder: Embedder,
    cache: VectorCache,
) -> Iterator[int]:
    """Embed the texts of some rows into `vectors`; yield the size of every batch once cached."""
    chunk, chunk_ids = texts.take(rows).to_pylist(), ids.take(rows).to_pylist()
    left = np.ones(len(rows), dtype=bool)
    for positions, batch in embedder.encode(chunk):
        unit = unit_vectors(batch, [chunk_ids[p] for p in positions], vectors.shape[1])
        vectors[rows[positions]] = unit
        cache.store([chunk[p] for p in positions], unit)
        left[positions] = False
        yield len(positions)
    if left.any():
        raise EmbeddingError(
            f"document {chunk_ids[int(left.argmax())]}: the embedder returned no vector for it "
            f"({int(left.sum())} of {len(rows)} texts have none). Check the model, or the service "
            "that runs it."
        )


def unit_vectors(vectors: np.ndarray, ids: Sequence[str], dimension: int) -> np.ndarray:
    """Return vectors (n, dimension) scaled to unit length, as float32.

    Raises:
        EmbeddingError: a vector can't be used. The message names the first document with one.
    """
    if vectors.shape != (len(ids), dimension):
        raise EmbeddingError(
            f"document {ids[0]}: the embedder returned an array of shape {vectors.shape}, expected "
            f"{(len(ids), dimension)}. If another model now has the same name, move "
            "embedding_cache.sqlite out of the data folder and run again."
        )
    wide = vectors.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    bad = ~(np.isfinite(lengths) & (lengths > 1e-6)).ravel()
    if bad.any():
        raise EmbeddingError(
            f"document {ids[int(bad.argmax())]}: the embedder returned a vector that is zero or "
            f"not finite ({int(bad.sum())} of {len(ids)} in its batch). Check the model, or remove "
            "the article from the dump."
        )
    return (wide / lengths).astype(np.float32)


def _embeddings_table(ids: pa.ChunkedArray, vectors: np.ndarray, embedder: Embedder) -> pa.Table:
    """Return the table of `embeddings`, which names the embedder in its metadata."""
    dimension = vectors.shape[1]
    schema = schemas.embeddings(dimension).schema.with_metadata(
        {
            "embedder": embedder.name,
            "model": embedder.model,
            "dimension": str(dimension),
            "fingerprint": embedder.fingerprint,
        }
    )
    flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), dimension)
    return pa.Table.from_arrays([ids, flat], schema=schema)
