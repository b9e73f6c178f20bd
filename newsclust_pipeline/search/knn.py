"""The nearest documents of every document.

A Milvus server searches its own vectors. Those of Milvus Lite are searched by faiss, twenty times
as fast as by Milvus Lite: `milvus_collection` and its check verify that they are the vectors of
`embeddings`, which faiss searches in place.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from newsclust_pipeline.core.engine import IN_PROCESS, Engine
from newsclust_pipeline.core.errors import CollectionError
from newsclust_pipeline.core.progress import Progress
from newsclust_pipeline.core.tables import checksums, matrix
from newsclust_pipeline.search.faiss_backend import FaissSearch
from newsclust_pipeline.search.graph import Lookup, Neighbours, fill_neighbours, nearest_rows
from newsclust_pipeline.search.incremental import carry_over
from newsclust_pipeline.store.client import Client
from newsclust_pipeline.store.collection import FOREIGN_WRITER, search_target
from newsclust_pipeline.store.contents import CollectionState, vector_space, verify_inputs
from newsclust_pipeline.store.indexes import MILVUS, Index
from newsclust_pipeline.store.schema import METRIC

_RECALL_SAMPLE = 500
_MIN_SHARE_FOR_CELLS = 20  # building cells doesn't pay for queries from less than 1 document in 20


@dataclass(frozen=True)
class KnnResult:
    """The neighbours of every document, and how they were found.

    Attributes:
        searched: documents that had to be searched.
        index: the index, with the parameters that the search has chosen.
    """

    neighbours: Neighbours
    searched: int
    index: Index


def nearest(  # noqa: PLR0913 (what is searched, how, and where)
    client: Client,
    state: CollectionState,
    embeddings: pa.Table,
    index: Index,
    k: int,
    previous: Neighbours | None = None,
    progress: Progress = lambda *_: None,
    *,
    engine: Engine = IN_PROCESS,
) -> KnnResult:
    """Return the nearest documents of every document in the collection.

    Args:
        client: an open Milvus; not used if faiss searches.
        state: what the collection contains; its digest must be that of `embeddings`.
        embeddings: columns doc_id, embedding: the documents, and the queries.
        index: how to search.
        k: neighbours per document, at least 1 (all others, if there are fewer).
        previous: neighbours of the last run, which are updated instead of searched again.
        progress: called with documents searched and documents to search.
        engine: runs the queries, block by block.

    Raises:
        CollectionError: the collection was filled from other embeddings, or contains other
            documents.
    """
    verify_inputs(state, embeddings)
    vectors = matrix(embeddings)
    doc_id = np.array(embeddings["doc_id"].to_pylist(), dtype=np.str_)
    width = max(min(k, len(doc_id) - 1), 0)
    provenance = f"{vector_space(embeddings)} {index.name}"
    known = carry_over(previous, provenance, vectors, doc_id, width)
    if index.backend == MILVUS:
        target = search_target(client, state, embeddings)
        lookup = Lookup(MilvusSearch(client, target, doc_id, index), vectors, index.exact)
    else:
        exact = index.exact or len(known.pending) * _MIN_SHARE_FOR_CELLS < len(doc_id)
        search = FaissSearch(vectors, Index() if exact else index)
        index = index if exact else search.index
        lookup = Lookup(search, vectors, exact)
    engine = _engine_for(lookup, known.pending, engine)
    fill_neighbours(
        shared(lookup, engine), known.pending, known.indices, known.distances, progress, engine
    )
    sums = checksums(vectors)
    neighbours = Neighbours(doc_id, known.indices, known.distances, k, provenance, sums)
    return KnnResult(neighbours, len(known.pending), index)


def recall(neighbours: Neighbours, vectors: np.ndarray, sample: int = _RECALL_SAMPLE) -> float:
    """Return the share of the true k nearest documents among the neighbours, on a sample.

    A neighbour counts if it is no farther than the true kth, since equally near documents are
    interchangeable.

    Args:
        neighbours: the result of a search.
        vectors: (n, d) float32, of unit length, of the same documents.
        sample: number of documents to search exactly.
    """
    n = len(vectors)
    k = min(neighbours.k, neighbours.indices.shape[1])
    if k == 0:
        return 1.0
    rows = np.sort(np.random.default_rng(0).choice(n, size=min(sample, n), replace=False))
    _, true = nearest_rows(FaissSearch(vectors, Index()), vectors, rows, k)
    return float(np.mean(neighbours.distances[rows, :k] <= true[:, -1:] + 1e-6))


def _engine_for(lookup: Lookup, rows: np.ndarray, engine: Engine) -> Engine:
    """Return the engine if there is enough to search for it, and its workers can search."""
    if not engine.is_parallel or not lookup.is_divisible(rows):
        return IN_PROCESS
    if isinstance(lookup.search, MilvusSearch):
        return engine if lookup.search.can_reopen else IN_PROCESS
    return engine if lookup.exact or engine.folder else IN_PROCESS


def shared(lookup: Lookup, engine: Engine) -> Lookup:
    """Return the lookup as the engine's workers can use it."""
    if not engine.is_parallel:
        return lookup
    vectors, search = engine.share(np.asarray(lookup.vectors)), lookup.search
    if isinstance(search, FaissSearch):
        search = search.shared(vectors, engine.folder)
    return replace(lookup, search=search, vectors=vectors)


class MilvusSearch:
    """A search by Milvus. A worker that gets it opens a connection of its own."""

    def __init__(self, client: Client, target: str, doc_id: np.ndarray, index: Index) -> None:
        """Set what is searched, and how.

        Args:
            client: an open Milvus.
            target: the name of the collection.
            doc_id: (n,) ids by row.
            index: the collection's index.
        """
        self._client, self._reopen = client, client.reopen
        self._target, self._doc_id, self._index = target, doc_id, index

    @property
    def can_reopen(self) -> bool:
        """Whether a worker can open a connection of its own."""
        return self._reopen is not None

    def __getstate__(self) -> dict[str, Any]:
        own = {"_client", "_connection", "_row_of"}
        return {name: value for name, value in vars(self).items() if name not in own}

    @cached_property
    def _client(self) -> Client:
        """The worker's connection, which its process closes when it ends."""
        if self._reopen is None:
            raise CollectionError(f"collection {self._target}: can't be opened by two processes.")
        self._connection = self._reopen()  # without a reference it would be closed
        return self._connection.__enter__()

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {doc_id: row for row, doc_id in enumerate(self._doc_id.tolist())}

    def __call__(self, queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows and scores (q, count) of the hits, best first."""
        search = dict(self._index.search)
        if "ef" in search:
            search["ef"] = max(search["ef"], count)
        results = self._client.search(
            self._target,
            data=queries,
            limit=count,
            output_fields=["id"],  # otherwise Milvus Lite returns whole rows with their vectors
            search_params={"metric_type": METRIC, "params": search},
        )
        rows = [_rows_of(hits.ids, self._row_of, count, self._target) for hits in results]
        scores = np.array([hits.distances for hits in results], dtype=np.float32)
        return np.array(rows, dtype=np.int64), scores


def _rows_of(ids: Sequence[str], row_of: dict[str, int], count: int, target: str) -> list[int]:
    try:
        rows = [row_of[doc_id] for doc_id in ids]
    except KeyError as unknown:
        raise CollectionError(
            f"collection {target}: contains document {unknown}, which is not in the dumps. "
            f"{FOREIGN_WRITER}"
        ) from None
    if len(rows) != count:
        raise CollectionError(
            f"collection {target}: returned {len(rows)} neighbours instead of {count}. Either "
            "documents are missing (materialise milvus_collection again), or the index examines "
            "too few: raise nprobe or ef in `milvus.index_params`, or set `milvus.index` to FLAT."
        )
    return rows
