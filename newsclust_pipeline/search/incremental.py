"""Update the neighbours of the last run instead of searching everything again.

Between two runs some documents arrive and some leave. A document's list of neighbours names all
documents that are nearer than its last entry. So the list changes only if one of them left, or if a
new document is nearer than the last entry.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from newsclust_pipeline.core.tables import checksums
from newsclust_pipeline.search.graph import Neighbours, exact_distances

# A generous bound on the error of squared distances from inner products in float32.
_TOLERANCE = 1e-5
_NEW, _OLD = 512, 65_536  # documents compared at a time: 128 MB of inner products
_NONE = np.uint64(2**64 - 1)  # no entry: sorts after all others


@dataclass(frozen=True)
class KnownNeighbours:
    """The neighbours of all documents except those that have to be searched.

    Attributes:
        indices: (n, width) int32 rows.
        distances: (n, width) float32.
        pending: (p,) rows that have to be searched; their entries are undefined.
    """

    indices: np.ndarray
    distances: np.ndarray
    pending: np.ndarray


def carry_over(
    previous: Neighbours | None,
    provenance: str,
    vectors: np.ndarray,
    doc_id: np.ndarray,
    width: int,
) -> KnownNeighbours:
    """Return the neighbours of the last run, updated: equal to those of a new search.

    A document whose vector has changed counts as one that left and a new one that arrived.

    Args:
        previous: neighbours of the last run. (Those of an approximate search stay approximate.)
        provenance: as of `Neighbours`; neighbours with another one are not used.
        vectors: (n, d) float32, of unit length, of the current documents.
        doc_id: (n,) their ids.
        width: neighbours per document.
    """
    n = len(doc_id)
    indices = np.empty((n, width), dtype=np.int32)
    distances = np.empty((n, width), dtype=np.float32)
    nothing_known = KnownNeighbours(indices, distances, np.arange(n))
    if previous is None or not 0 < width <= previous.indices.shape[1]:
        return nothing_known
    if previous.provenance != provenance or len(previous.checksums) != len(previous.doc_id):
        return nothing_known
    now = _current_rows(previous, doc_id, checksums(vectors))
    old = now[now >= 0]
    new = np.setdiff1d(np.arange(n), old, assume_unique=True)
    # Ties are broken by row, so the order must be unchanged. If more than half of the documents
    # are new, a search of everything is cheaper.
    if (np.diff(old) < 0).any() or 2 * len(new) > n:
        return nothing_known
    indices[old] = now[previous.indices[now >= 0, :width]]
    distances[old] = previous.distances[now >= 0, :width]
    uncertain = _update(indices, distances, vectors, old, new)
    return KnownNeighbours(indices, distances, np.union1d(new, uncertain))


def _current_rows(previous: Neighbours, doc_id: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Return the current rows of the former documents; −1 for those that left or have changed."""
    if not len(doc_id):
        return np.full(len(previous.doc_id), -1)
    order = np.argsort(doc_id)
    place = np.searchsorted(doc_id, previous.doc_id, sorter=order)
    rows = order[np.minimum(place, len(order) - 1)]
    same = (doc_id[rows] == previous.doc_id) & (sums[rows] == previous.checksums)
    return np.where(same, rows, -1)


def _update(
    indices: np.ndarray,
    distances: np.ndarray,
    vectors: np.ndarray,
    old: np.ndarray,
    new: np.ndarray,
) -> np.ndarray:
    """Update the lists in place, and return the rows whose list may lack a neighbour.

    If a list lost no entry, the nearest of its entries and of the new documents are correct. If it
    lost one, only entries nearer than its former last entry are certain.
    """
    width = indices.shape[1]
    reach = distances[:, -1].copy()
    lost = np.zeros(len(indices), dtype=bool)
    lost[old] = (indices[old] < 0).any(axis=1)
    rows, others, distance = _new_neighbours(vectors, old, new, reach)
    touched = np.union1d(rows, np.flatnonzero(lost))
    order = np.lexsort((others, distance, rows))
    rows, added = rows[order], _packed(distance[order], others[order])
    uncertain = [np.zeros(0, dtype=np.intp)]
    for some in (touched[i : i + _OLD] for i in range(0, len(touched), _OLD)):
        known = _packed(distances[some], indices[some])
        known[indices[some] < 0] = _NONE
        entries = np.column_stack([known, _per_row(some, rows, added, width)])
        entries.sort(axis=1)
        entries = entries[:, :width]
        indices[some] = entries & np.uint64(0xFFFFFFFF)
        distances[some] = (entries >> np.uint64(32)).astype(np.uint32).view(np.float32)
        beyond = lost[some] & (distances[some, -1] >= reach[some])
        uncertain.append(some[beyond | (entries[:, -1] == _NONE)])
    return np.concatenate(uncertain)


def _packed(distances: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Pack pairs of distance and row into integers that sort by distance, then by row.

    The bits of floats from 0 up, read as integers, are ordered like the floats. Example: distance
    0.5 has the bits 0x3F000000, so with row 7 it becomes 0x3F00000000000007.
    """
    bits = distances.astype(np.float32).view(np.uint32).astype(np.uint64)
    return bits << np.uint64(32) | rows.astype(np.uint32)


def _per_row(some: np.ndarray, rows: np.ndarray, values: np.ndarray, limit: int) -> np.ndarray:
    """Return the first `limit` values of each of some rows side by side; `rows` is sorted."""
    start, stop = (np.searchsorted(rows, some, side) for side in ("left", "right"))
    width = min(int((stop - start).max(initial=0)), limit)
    positions = start[:, None] + np.arange(width)
    exists = positions < stop[:, None]
    return np.where(exists, values[np.where(exists, positions, 0)], _NONE)


def _new_neighbours(
    vectors: np.ndarray, old: np.ndarray, new: np.ndarray, reach: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the pairs of an old document and a new one within its reach, and their distances."""
    blocks = list(_within_reach(vectors, old, new, reach))
    empty = np.zeros(0, dtype=np.int64)
    rows = np.concatenate([empty, *(block[0] for block in blocks)])
    others = np.concatenate([empty, *(block[1] for block in blocks)])
    distances = exact_distances(vectors, rows, others)
    near = distances <= reach[rows]
    return rows[near], others[near], distances[near]


def _within_reach(
    vectors: np.ndarray, old: np.ndarray, new: np.ndarray, reach: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield such pairs as two arrays of rows; a few may be too far, by rounding."""
    for first in range(0, len(old), _OLD):
        rows = old[first : first + _OLD]
        least = 1 - (reach[rows].astype(np.float64) ** 2 + _TOLERANCE) / 2  # as an inner product
        for start in range(0, len(new), _NEW):
            others = new[start : start + _NEW]
            near, which = np.nonzero(vectors[others] @ vectors[rows].T >= least.astype(np.float32))
            yield rows[which], others[near]
