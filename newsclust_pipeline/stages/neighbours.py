"""Nearest documents → a symmetric sparse matrix of Euclidean distances."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.sparse import csgraph

# Hits searched beyond those that are kept. Milvus ranks in float32: near-equal distances may come
# in the wrong order, and a document with many twins may itself not be among its hits. (Beyond
# that, among more than k near-copies within 0.001 of each other, which of them count as nearest is
# float32's choice; their distances are exact all the same.)
MARGIN = 8
_BLOCK = 4096  # rows whose neighbours' vectors are held at a time


@dataclass(frozen=True)
class Neighbours:
    """The k nearest other documents of every document. Rows are documents, in `doc_id` order.

    Attributes:
        doc_id: (n,) ids, as fixed-width strings.
        indices: (n, k) int32: rows of the neighbours, nearest first; a document isn't its own.
        distances: (n, k) float32: Euclidean distances to them.
        k: how many of them make the matrix; the rest is for the projection.
    """

    doc_id: np.ndarray
    indices: np.ndarray
    distances: np.ndarray
    k: int

    def matrix(self) -> sp.csr_array:
        """Make the symmetric distance matrix (n, n), CSR, of the first k neighbours.

        An edge stands where either document is among the other's k nearest. A stored 0 is the
        distance of two documents with one vector; what is not stored is not known, not 0.
        """
        n = len(self.doc_id)
        near = self.indices[:, : self.k]
        rows = np.repeat(np.arange(n, dtype=np.int64), near.shape[1])
        columns = near.ravel().astype(np.int64)
        low, high = np.minimum(rows, columns), np.maximum(rows, columns)
        # Both directions of a pair carry the same distance, so the first of them will do.
        edges, first = np.unique(low * n + high, return_index=True)
        low, high = edges // max(n, 1), edges % max(n, 1)
        values = self.distances[:, : self.k].ravel()[first]
        pairs = (np.concatenate([low, high]), np.concatenate([high, low]))
        # COO → CSR keeps explicit zeros; there are no duplicates that it could sum.
        csr = sp.coo_array((np.concatenate([values, values]), pairs), shape=(n, n)).tocsr()
        csr.sort_indices()
        return csr

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


def measure(
    hits: np.ndarray, vectors: np.ndarray, doc_id: np.ndarray, k: int, keep: int
) -> Neighbours:
    """Turn a search's hits into neighbours with exact distances.

    Distances are taken from the vectors' differences, not from inner products: 2 − 2·x·y loses all
    digits of a small distance. Ties are broken by row.

    Args:
        hits: (n, m) rows nearest to each row, itself among them or not.
        vectors: (n, d) float32.
        doc_id: (n,) ids.
        k: neighbours that make the matrix, at least 1.
        keep: neighbours to keep for the projection; max(k, keep) are kept, or all others there are.
    """
    n = len(doc_id)
    # One hit fewer than there are: the document itself may be among them.
    width = max(min(max(k, keep), hits.shape[1] - 1), 0)
    indices = np.empty((n, width), dtype=np.int32)
    distances = np.empty((n, width), dtype=np.float32)
    for start in range(0, n, _BLOCK):
        block = slice(start, min(start + _BLOCK, n))
        indices[block], distances[block] = _measured(hits[block], vectors, start, width)
    return Neighbours(doc_id, indices, distances, k)


def _measured(
    hits: np.ndarray, vectors: np.ndarray, start: int, width: int
) -> tuple[np.ndarray, np.ndarray]:
    own = np.arange(start, start + len(hits))[:, None]
    exact = np.empty(hits.shape, dtype=np.float64)
    for column in range(hits.shape[1]):
        difference = vectors[hits[:, column]].astype(np.float64) - vectors[own[:, 0]]
        exact[:, column] = np.einsum("ij,ij->i", difference, difference)
    exact = np.sqrt(exact).astype(np.float32)
    exact[hits == own] = np.inf  # the document itself sorts last, and is cut off
    order = np.lexsort((hits, exact), axis=1)[:, :width]
    return np.take_along_axis(hits, order, axis=1), np.take_along_axis(exact, order, axis=1)
