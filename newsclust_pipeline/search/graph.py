"""Nearest documents → a symmetric sparse matrix of Euclidean distances."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from scipy.sparse import csgraph

from newsclust_pipeline.core.progress import Progress

# A search of queries (q, d) for `count` documents each: their rows (q, count), best first, and
# their scores (q, count), inner products with the query.
Search = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]

# Hits searched beyond those that are kept: a search ranks in float32, so that near-equal distances
# may come in the wrong order, and a document with many twins may itself not be among its hits.
_MARGIN = 8
# By how much the search's squared distances (2 − 2·score) may be wrong, generously.
_SLACK = 1e-5
_MOST_HITS = 16_384  # Milvus's own limit
_BLOCK = 2048  # documents searched at a time


@dataclass(frozen=True)
class Neighbours:
    """The k nearest other documents of every document. Rows are documents, in `doc_id` order.

    Attributes:
        doc_id: (n,) ids, as fixed-width strings.
        indices: (n, k) int32: rows of the neighbours, nearest first, all different; a document
            isn't its own.
        distances: (n, k) float32: Euclidean distances to them, the same in both directions.
        k: how many of them make the matrix; the rest is for the projection.
        made_of: which embedder's vectors these are, and which index found the neighbours.
    """

    doc_id: np.ndarray
    indices: np.ndarray
    distances: np.ndarray
    k: int
    made_of: str = ""

    def matrix(self) -> sp.csr_array:
        """Give the symmetric distance matrix (n, n), CSR, of the first k neighbours; don't write.

        An edge stands where either document is among the other's k nearest. A stored 0 is the
        distance of two documents with one vector; what is not stored is not known, not 0.
        """
        return self._matrix

    @cached_property
    def _matrix(self) -> sp.csr_array:
        n = len(self.doc_id)
        near = self.indices[:, : self.k]
        order = np.argsort(near, axis=1)
        sorted_distances = np.take_along_axis(self.distances[:, : self.k], order, axis=1).ravel()
        # SciPy drops zeros. The bits of floats from 0 up, read as integers, are ordered like them,
        # and one more than these is never 0.
        codes = sorted_distances.view(np.int32) + 1
        columns = np.take_along_axis(near, order, axis=1).ravel()
        width = np.int32 if near.size < 2**31 else np.int64  # of 64 bits, SciPy takes twice as long
        starts = np.arange(n + 1, dtype=width) * near.shape[1]
        out = sp.csr_array((codes, columns, starts), shape=(n, n))
        matrix = out.maximum(out.T.tocsr())
        matrix.data = (matrix.data - 1).view(np.float32)
        return matrix

    def summary(self) -> dict[str, float | int]:
        """Give the matrix's figures: documents, edges, components, distance to the kth."""
        matrix = self.matrix()
        components, _ = csgraph.connected_components(matrix, directed=False)
        farthest = self.distances[:, : self.k][:, -1:]
        return {
            "documents": len(self.doc_id),
            "edges": matrix.nnz // 2,
            "connected_components": int(components),
            "median_distance_to_kth": float(np.median(farthest)) if farthest.size else 0.0,
        }


def nearest_of_each(
    search: Search,
    vectors: np.ndarray,
    rows: np.ndarray,
    indices: np.ndarray,
    distances: np.ndarray,
    exact: bool = True,
    progress: Progress = lambda *_: None,
) -> None:
    """Fill in the neighbours of these rows, block by block; see `nearest_of`.

    Args:
        search: finds candidates.
        vectors: (n, d) float32, of unit length.
        rows: (r,) documents to search.
        indices: (n, width) int32, filled at `rows`.
        distances: (n, width) float32, filled at `rows`.
        exact: whether the search misses nothing, so that its results can be made exact.
        progress: called with documents searched and documents to search.
    """
    width = indices.shape[1]
    for start in range(0, len(rows) if width else 0, _BLOCK):
        block = rows[start : start + _BLOCK]
        indices[block], distances[block] = nearest_of(search, vectors, block, width, exact)
        progress(start + len(block), len(rows))


def nearest_of(
    search: Search, vectors: np.ndarray, rows: np.ndarray, width: int, exact: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Give the `width` nearest other documents of these rows, and their distances.

    Distances are taken from the vectors' differences, not from inner products: 2 − 2·x·y loses all
    digits of a small distance. Ties are broken by row. Where what was left out of the hits may be
    as near as what is kept (many near-duplicates), an exact search goes on with more hits, so that
    the result doesn't depend on the rounding of the search.
    """
    most = min(len(vectors), max(_MOST_HITS, width + 1))
    count = min(width + 1 + _MARGIN, most)
    indices, distances, unsure = _searched(search, vectors, rows, width, count)
    while exact and count < most and unsure.any():
        count = min(count * 4, most)
        again = np.flatnonzero(unsure)
        indices[again], distances[again], unsure[again] = _searched(
            search, vectors, rows[again], width, count
        )
    return indices, distances


def _searched(
    search: Search, vectors: np.ndarray, rows: np.ndarray, width: int, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    hits, scores = search(vectors[rows], count)
    indices, distances = _measured(hits, vectors, rows, width)
    left_out = 2 - 2 * scores[:, -1].astype(np.float64) - _SLACK
    return indices, distances, distances[:, -1].astype(np.float64) ** 2 > left_out


def _measured(
    hits: np.ndarray, vectors: np.ndarray, rows: np.ndarray, width: int
) -> tuple[np.ndarray, np.ndarray]:
    exact = np.column_stack([measured(vectors, rows, column) for column in hits.T])
    exact[hits == rows[:, None]] = np.inf  # the document itself sorts last, and is cut off
    order = np.lexsort((hits, exact), axis=1)[:, :width]
    return np.take_along_axis(hits, order, axis=1), np.take_along_axis(exact, order, axis=1)


def measured(vectors: np.ndarray, rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Measure the distances of pairs of rows, from differences in float64: (p,) float32."""
    squares = np.empty(len(rows))
    for start in range(0, len(rows), _BLOCK):
        pair = slice(start, start + _BLOCK)
        difference = vectors[others[pair]].astype(np.float64) - vectors[rows[pair]]
        np.einsum("ij,ij->i", difference, difference, out=squares[pair])
    return np.sqrt(squares).astype(np.float32)
