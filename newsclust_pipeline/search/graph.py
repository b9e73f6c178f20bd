"""The k nearest documents of every document, and their symmetric matrix of distances."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from scipy.sparse import csgraph

from newsclust_pipeline.core.engine import IN_PROCESS, ArrayFile, Engine, Rows
from newsclust_pipeline.core.progress import Progress

# A search takes queries (q, d) and a number of hits per query. It returns the rows of the hits
# (q, count), best first, and their scores (q, count), which are inner products with the query.
Search = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]

# Extra hits per query. A search ranks in float32, so nearly equal distances may be in the wrong
# order, and a document with many identical ones may itself be missing from its hits.
_EXTRA_HITS = 8
# A generous bound on the error of the squared distances of a search (2 − 2·score).
_TOLERANCE = 1e-5
_MAX_HITS = 16_384  # the limit of Milvus
BLOCK = 2048  # documents searched at a time
# Differences of vectors computed at a time. Where glibc is set to return
# memory early, as Dask sets it, larger arrays are mapped again each time: five times as slow.
_PAIR_BYTES = 98_304
_FILE_BLOCK = 256  # documents whose hits are read from a file at a time


@dataclass(frozen=True)
class Neighbours:
    """The nearest other documents of every document. Rows are documents, in the order of `doc_id`.

    Attributes:
        doc_id: (n,) ids, as fixed-width strings.
        indices: (n, width) int32: rows of the neighbours, nearest first, all different; a document
            is not its own neighbour.
        distances: (n, width) float32: Euclidean distances to them, the same in both directions.
        k: how many neighbours the matrix uses; the rest is for the projection.
        provenance: the embedder and the index that the neighbours result from.
        checksums: (n,) int64 of the vectors that the neighbours result from.
    """

    doc_id: np.ndarray
    indices: np.ndarray
    distances: np.ndarray
    k: int
    provenance: str = ""
    checksums: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def matrix(self) -> sp.csr_array:
        """Return the symmetric distance matrix (n, n), CSR, of the first k neighbours; read-only.

        There is an edge where either document is among the other's k nearest. A stored 0 is the
        distance of two documents with equal vectors; an entry that is not stored is unknown, not 0.
        """
        return self._matrix

    @cached_property
    def _matrix(self) -> sp.csr_array:
        n = len(self.doc_id)
        near = self.indices[:, : self.k]
        order = np.argsort(near, axis=1)
        sorted_distances = np.take_along_axis(self.distances[:, : self.k], order, axis=1).ravel()
        # SciPy's maximum() drops zeros, so it gets integers that are never 0: the bits of a float
        # (ordered like the floats from 0 up) plus 1. Example: 0.0 → 1, 0.5 → 1056964609.
        codes = sorted_distances.view(np.int32) + 1
        columns = np.take_along_axis(near, order, axis=1).ravel()
        offset = (
            np.int32 if near.size < 2**31 else np.int64
        )  # with 64 bits SciPy takes twice as long
        starts = np.arange(n + 1, dtype=offset) * near.shape[1]
        out = sp.csr_array((codes, columns, starts), shape=(n, n))
        matrix = out.maximum(out.T.tocsr())
        matrix.data = (matrix.data - 1).view(np.float32)
        return matrix

    def summary(self) -> dict[str, float | int]:
        """Return the matrix's figures: documents, edges, components, median distance to the kth."""
        matrix = self.matrix()
        components, _ = csgraph.connected_components(matrix, directed=False)
        farthest = self.distances[:, : self.k][:, -1:]
        return {
            "documents": len(self.doc_id),
            "edges": matrix.nnz // 2,
            "connected_components": int(components),
            "median_distance_to_kth": float(np.median(farthest)) if farthest.size else 0.0,
        }


@dataclass(frozen=True)
class Lookup:
    """How the nearest documents are found. It can be pickled, for the workers of an engine.

    Attributes:
        search: returns candidates.
        vectors: (n, d) float32, of unit length.
        exact: whether the search compares all documents.
    """

    search: Search
    vectors: Rows
    exact: bool = True

    @property
    def block(self) -> int:
        """The number of documents to search at a time; the search may have one of its own."""
        return getattr(self.search, "block", BLOCK)

    def is_divisible(self, rows: np.ndarray) -> bool:
        """Return whether a search of these rows is more than one block."""
        return len(rows) > self.block


def fill_neighbours(
    lookup: Lookup,
    rows: np.ndarray,
    indices: np.ndarray,
    distances: np.ndarray,
    progress: Progress = lambda *_: None,
    engine: Engine = IN_PROCESS,
) -> None:
    """Write the neighbours of these rows into two arrays, block by block; see `nearest_rows`.

    Args:
        lookup: finds them.
        rows: (r,) documents to search.
        indices: (n, width) int32, filled at `rows`.
        distances: (n, width) float32, filled at `rows`.
        progress: called with documents searched and documents to search.
        engine: runs the blocks.
    """
    width, done, size = indices.shape[1], 0, lookup.block
    blocks = [rows[start : start + size] for start in range(0, len(rows) if width else 0, size)]
    for block, found in zip(
        blocks, engine.map(_search_block, blocks, (lookup, width)), strict=True
    ):
        indices[block], distances[block] = found
        done += len(block)
        progress(done, len(rows))


def _search_block(rows: np.ndarray, how: tuple[Lookup, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return neighbours (r, width) int32 and distances of a block of rows."""
    lookup, width = how
    indices, distances = nearest_rows(lookup.search, lookup.vectors, rows, width, lookup.exact)
    return indices.astype(np.int32), distances


def nearest_rows(
    search: Search, vectors: Rows, rows: np.ndarray, width: int, exact: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Return the `width` nearest other documents of these rows, and their distances.

    Distances are computed from the differences of vectors, not from inner products: 2 − 2·x·y loses
    all digits of a small distance. Ties are broken by row. If a document outside the hits may be as
    near as the last neighbour (many near-duplicates), an exact search is repeated with more hits,
    so that the result doesn't depend on the rounding of the search.
    """
    limit = min(len(vectors), max(_MAX_HITS, width + 1))
    count = min(width + 1 + _EXTRA_HITS, limit)
    indices, distances, uncertain = _search_once(search, vectors, rows, width, count)
    while exact and count < limit and uncertain.any():
        count = min(count * 4, limit)
        again = np.flatnonzero(uncertain)
        indices[again], distances[again], uncertain[again] = _search_once(
            search, vectors, rows[again], width, count
        )
    return indices, distances


def _search_once(
    search: Search, vectors: Rows, rows: np.ndarray, width: int, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return neighbours (r, width), distances, and whether a document outside may be nearer."""
    hits, scores = search(vectors[rows], count)
    indices, distances = _rank(hits, vectors, rows, width)
    beyond = 2 - 2 * scores[:, -1].astype(np.float64) - _TOLERANCE
    return indices, distances, distances[:, -1].astype(np.float64) ** 2 > beyond


def _rank(
    hits: np.ndarray, vectors: Rows, rows: np.ndarray, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Order the hits by their exact distance, and return the first `width` other documents."""
    exact = _distances_to(hits, vectors, rows)
    exact[hits == rows[:, None]] = np.inf  # the document itself comes last and is cut off
    order = np.lexsort((hits, exact), axis=1)[:, :width]
    return np.take_along_axis(hits, order, axis=1), np.take_along_axis(exact, order, axis=1)


def _distances_to(hits: np.ndarray, vectors: Rows, rows: np.ndarray) -> np.ndarray:
    """Return the exact distances (r, count) of rows to their hits."""
    if not isinstance(vectors, ArrayFile):
        return np.column_stack([exact_distances(vectors, rows, column) for column in hits.T])
    found = []
    for start in range(0, len(rows), _FILE_BLOCK):
        own, others = rows[start : start + _FILE_BLOCK], hits[start : start + _FILE_BLOCK]
        read = vectors[np.concatenate([own, others.ravel()])]
        pairs = np.arange(others.size)
        distances = exact_distances(read, pairs // others.shape[1], len(own) + pairs)
        found.append(distances.reshape(others.shape))
    return np.concatenate(found)


def exact_distances(vectors: Rows, rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the distances of pairs of rows (p,) float32, computed from differences in float64."""
    squares, size = np.empty(len(rows)), max(_PAIR_BYTES // (8 * vectors.shape[1]), 1)
    for start in range(0, len(rows), size):
        pair = slice(start, start + size)
        difference = vectors[others[pair]].astype(np.float64) - vectors[rows[pair]]
        np.einsum("ij,ij->i", difference, difference, out=squares[pair])
    return np.sqrt(squares).astype(np.float32)
