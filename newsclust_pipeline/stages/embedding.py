"""Texts → unit vectors, by any embedder. Texts that were embedded before are not embedded again.

The embedders themselves have rooms of their own (`minilm.py`); this one holds what they share: the
protocol, the cache, the checks on what a model gives back.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa

from newsclust_pipeline.stages.errors import EmbeddingError
from newsclust_pipeline.stages.vector_cache import VectorCache

# Positions in the texts given (n,), and their vectors (n, dimension) as float32.
Batch = tuple[np.ndarray, np.ndarray]
# Called with (done, total) as work goes on.
Progress = Callable[[int, int], None]


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
        """Components of a vector."""

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
    """

    table: pa.Table
    new: int


def embed(
    articles: pa.Table, embedder: Embedder, cache: Path, progress: Progress = lambda *_: None
) -> Embedded:
    """Embed the texts of articles (columns doc_id, text).

    Raises:
        EmbeddingError: a vector is not finite, zero, or not of the embedder's dimension.
    """
    ids, texts = articles["doc_id"].to_pylist(), articles["text"].to_pylist()
    vectors = np.zeros((len(texts), embedder.dimension), dtype=np.float32)
    with VectorCache(cache, embedder.fingerprint, embedder.dimension) as known:
        missing = known.fill(texts, vectors)
        done = 0
        for positions, batch in embedder.encode([texts[m] for m in missing]):
            places = missing[positions]
            vectors[places] = normalised(batch, [ids[p] for p in places], embedder.dimension)
            known.store([texts[p] for p in places], vectors[places])
            done += len(places)
            progress(done, len(missing))
        left_out = [ids[row] for row in missing if not vectors[row].any()]
    if left_out:
        raise EmbeddingError(
            f"document {left_out[0]}: the embedder gave no vector for it ({len(left_out)} of "
            f"{len(missing)} were left out). Check the model, or the service behind it."
        )
    return Embedded(_table(ids, vectors, embedder), new=len(missing))


def normalised(vectors: np.ndarray, ids: Sequence[str], dimension: int) -> np.ndarray:
    """Bring vectors (n, dimension) to unit length, float32, refusing those that have none.

    Raises:
        EmbeddingError: naming the first document whose vector can't be used.
    """
    if vectors.shape != (len(ids), dimension):
        raise EmbeddingError(
            f"document {ids[0]}: the embedder gave an array of shape {vectors.shape} where "
            f"{(len(ids), dimension)} was due. Is the model's dimension set right?"
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


def matrix(table: pa.Table) -> np.ndarray:
    """View the embedding column as an array (n, dimension) of float32."""
    column = table["embedding"].combine_chunks()
    width = table.schema.field("embedding").type.list_size
    return np.asarray(column.flatten()).reshape(-1, width)


def _table(ids: Sequence[str], vectors: np.ndarray, embedder: Embedder) -> pa.Table:
    width = embedder.dimension
    schema = pa.schema(
        [
            pa.field("doc_id", pa.string(), nullable=False),
            pa.field("embedding", pa.list_(pa.float32(), width), nullable=False),
        ],
        metadata={
            "embedder": embedder.name,
            "model": embedder.model,
            "dimension": str(width),
            "fingerprint": embedder.fingerprint,
        },
    )
    flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), width)
    return pa.Table.from_arrays([pa.array(ids, pa.string()), flat], schema=schema)
