"""The nearest documents of every document, out of the collection.

Two roads lead there. A server searches itself. What Milvus Lite keeps is searched by faiss, twenty
times as fast as by itself: its vectors are those that were embedded, which is seen to when they are
written, and again here if anything has touched the file since.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from newsclust_pipeline.core.errors import CollectionError
from newsclust_pipeline.core.progress import Progress
from newsclust_pipeline.core.tables import matrix
from newsclust_pipeline.search.graph import Neighbours, Search, nearest_of, nearest_of_each
from newsclust_pipeline.search.incremental import carry_over
from newsclust_pipeline.store import collection
from newsclust_pipeline.store.collection import MEDDLED, METRIC, CollectionState
from newsclust_pipeline.store.connection import Connection
from newsclust_pipeline.store.indexes import MILVUS, Index

_RECALL_SAMPLE = 500
_WORTH_CELLS = 20  # a search of fewer than one document in so many doesn't pay for making cells


@dataclass(frozen=True)
class Found:
    """Every document's neighbours, and how many documents had to be searched for them."""

    neighbours: Neighbours
    searched: int


def nearest(
    client: Connection,
    state: CollectionState,
    embeddings: pa.Table,
    index: Index,
    k: int,
    last: Neighbours | None = None,
    progress: Progress = lambda *_: None,
) -> Found:
    """Find every document's nearest documents in the collection.

    Args:
        client: an open Milvus.
        state: what the collection holds; its digest must be that of `embeddings`.
        embeddings: columns doc_id, embedding: the documents, and the queries.
        index: how to search.
        k: neighbours wanted of each, at least 1 (all others, if there are fewer).
        last: neighbours of the last run, to be brought up to date rather than searched again.
        progress: called with documents searched and documents to search.

    Raises:
        CollectionError: the collection holds other documents or vectors than these.
    """
    sealed = index.road != MILVUS and collection.is_sealed(client, state, embeddings)
    own = "" if sealed else collection.serving(client, state, embeddings)
    ids, vectors = embeddings["doc_id"].to_pylist(), matrix(embeddings)
    doc_id = np.array(ids, dtype=np.str_)
    width = max(min(k, len(ids) - 1), 0)
    made_of = f"{collection.made_of(embeddings)} {index.name}"
    known = carry_over(last, made_of, vectors, doc_id, width)
    if index.road == MILVUS:
        search, exact = _by_milvus(client, own, ids, index), index.exact
    else:
        if not sealed:
            # Only those to be searched: the others were compared when they were.
            collection.compare(client, own, ids, vectors, known.todo)
        # Cells are worth making only for many queries.
        exact = index.exact or len(known.todo) * _WORTH_CELLS < len(ids)
        search = by_faiss(vectors, Index() if exact else index)
    nearest_of_each(search, vectors, known.todo, known.indices, known.distances, exact, progress)
    found = Neighbours(doc_id, known.indices, known.distances, k, made_of)
    return Found(found, searched=len(known.todo))


def recall(found: Neighbours, vectors: np.ndarray, sample: int = _RECALL_SAMPLE) -> float:
    """Measure which share of the true k nearest documents was found, on a sample of documents.

    A neighbour counts if it is no farther than the true kth: among equals any will do.

    Args:
        found: what a search found.
        vectors: (n, d) float32, of unit length, of the same documents.
        sample: documents to search again, exactly, against all.
    """
    n = len(vectors)
    k = min(found.k, found.indices.shape[1])
    if k == 0:
        return 1.0
    rows = np.sort(np.random.default_rng(0).choice(n, size=min(sample, n), replace=False))
    _, true = nearest_of(by_faiss(vectors, Index()), vectors, rows, k)
    return float(np.mean(found.distances[rows, :k] <= true[:, -1:] + 1e-6))


def by_faiss(vectors: np.ndarray, index: Index) -> Search:
    """Make a search of vectors (n, d) by faiss: of all of them in place, or by cells (IVF)."""
    import faiss

    if index.exact:

        def exhaustive(queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
            scores, rows = faiss.knn(queries, vectors, count, metric=faiss.METRIC_INNER_PRODUCT)
            return rows, scores

        return exhaustive
    cells = _cells(vectors, index)

    def by_cells(queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        scores, rows = cells.search(queries, count)
        # The cells searched may hold fewer documents than were asked for.
        short = (rows < 0).any(axis=1)
        if short.any():
            scores[short], rows[short] = faiss.knn(
                queries[short], vectors, count, metric=faiss.METRIC_INNER_PRODUCT
            )
        return rows, scores

    return by_cells


def _cells(vectors: np.ndarray, index: Index) -> Any:
    """Partition the vectors into cells (Sivic, Zisserman 2003: an inverted file), seeded."""
    import faiss

    n, dimension = vectors.shape
    nlist = min(index.build["nlist"], n)
    centres = faiss.IndexFlatIP(dimension)
    cells = faiss.IndexIVFFlat(centres, dimension, nlist, faiss.METRIC_INNER_PRODUCT)
    cells.cp.min_points_per_centroid = 1
    cells.cp.max_points_per_centroid = 64
    every = max(n // (nlist * 64), 1)
    cells.train(np.ascontiguousarray(vectors[::every]))
    cells.add(vectors)
    cells.nprobe = min(index.search["nprobe"], nlist)
    return cells


def _by_milvus(client: Connection, own: str, ids: list[str], index: Index) -> Search:
    """Make a search by Milvus itself."""
    row_of = {doc_id: row for row, doc_id in enumerate(ids)}
    params = {"metric_type": METRIC, "params": dict(index.search)}

    def search(queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        if "ef" in index.search:
            params["params"] = {"ef": max(index.search["ef"], count)}
        found = client.search(
            own,
            data=queries,
            limit=count,
            output_fields=["id"],  # Milvus Lite would give whole rows back, vectors and all
            search_params=params,
        )
        rows = np.array([_rows_of(hits.ids, row_of, count, own) for hits in found], dtype=np.int64)
        return rows, np.array([hits.distances for hits in found], dtype=np.float32)

    return search


def _rows_of(ids: Sequence[str], row_of: dict[str, int], count: int, name: str) -> list[int]:
    try:
        found = [row_of[doc_id] for doc_id in ids]
    except KeyError as stranger:
        raise CollectionError(
            f"collection {name}: holds document {stranger}, which is not in the dump. {MEDDLED}"
        ) from None
    if len(found) != count:
        raise CollectionError(
            f"collection {name}: {len(found)} neighbours came back where {count} were due. Either "
            "documents are missing (materialise milvus_collection again), or the index looks at "
            "too few: raise nprobe or ef in MILVUS_INDEX_PARAMS, or set MILVUS_INDEX=FLAT."
        )
    return found
