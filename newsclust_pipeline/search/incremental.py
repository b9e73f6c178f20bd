"""Neighbours of the last run → neighbours of this one, without searching everything again.

Between two runs some documents come and some go. What a document's list of neighbours may have
lost or gained by that follows from the list itself: it names all documents that are nearer than its
last entry. So it changes only where one of them went, or where one of the new is nearer.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from newsclust_pipeline.search.graph import Neighbours, measured

# By how much squared distances from float32's inner products may be wrong, generously.
_SLACK = 1e-5
_NEW, _OLD = 512, 65_536  # pairs compared at a time: 128 MB
_NONE = np.uint64(2**64 - 1)  # no entry: after all others


@dataclass(frozen=True)
class Carried:
    """Lists of neighbours as far as they are known: all but those of `todo`.

    Attributes:
        indices: (n, width) int32 rows.
        distances: (n, width) float32.
        todo: (t,) rows that have to be searched; theirs are not filled in.
    """

    indices: np.ndarray
    distances: np.ndarray
    todo: np.ndarray


def carry_over(
    last: Neighbours | None, made_of: str, vectors: np.ndarray, doc_id: np.ndarray, width: int
) -> Carried:
    """Bring the last run's lists up to date. They are then what a search of everything would give.

    Args:
        last: neighbours of the last run. (Those of an approximate search stay approximate.)
        made_of: as of `Neighbours`; those of another embedder or index are not carried over.
        vectors: (n, d) float32, of unit length, of today's documents.
        doc_id: (n,) their ids.
        width: neighbours wanted of each.
    """
    n = len(doc_id)
    indices = np.empty((n, width), dtype=np.int32)
    distances = np.empty((n, width), dtype=np.float32)
    everything = Carried(indices, distances, np.arange(n))
    if last is None or last.made_of != made_of or not 0 < width <= last.indices.shape[1]:
        return everything
    now = _rows(last.doc_id, doc_id)
    old = now[now >= 0]
    new = np.setdiff1d(np.arange(n), old, assume_unique=True)
    # Ties are broken by row, so the order must be as it was. And beyond half, all is cheaper.
    if (np.diff(old) < 0).any() or 2 * len(new) > n:
        return everything
    indices[old] = now[last.indices[now >= 0, :width]]
    distances[old] = last.distances[now >= 0, :width]
    unsure = _update(indices, distances, vectors, old, new)
    return Carried(indices, distances, np.union1d(new, unsure))


def _rows(before: np.ndarray, doc_id: np.ndarray) -> np.ndarray:
    """Find where documents are now; −1 for those that are gone."""
    order = np.argsort(doc_id)
    place = np.searchsorted(doc_id, before, sorter=order)
    rows = order[np.minimum(place, len(order) - 1)] if len(order) else np.zeros(0, dtype=np.intp)
    return np.where(doc_id[rows] == before, rows, -1)


def _update(
    indices: np.ndarray,
    distances: np.ndarray,
    vectors: np.ndarray,
    old: np.ndarray,
    new: np.ndarray,
) -> np.ndarray:
    """Take out what is gone and put in what is new; give the rows where something may be missing.

    Nothing was lost from a list: the nearest of it and of the new are right. Something was: only
    those nearer than its last entry are known to be.
    """
    width = indices.shape[1]
    reach = distances[:, -1].copy()
    lost = np.zeros(len(indices), dtype=bool)
    lost[old] = (indices[old] < 0).any(axis=1)
    rows, others, gaps = _arrivals(vectors, old, new, reach)
    touched = np.union1d(rows, np.flatnonzero(lost))
    order = np.lexsort((others, gaps, rows))
    rows, arrived = rows[order], _packed(gaps[order], others[order])
    unsure = [np.zeros(0, dtype=np.intp)]
    for some in (touched[i : i + _OLD] for i in range(0, len(touched), _OLD)):
        known = _packed(distances[some], indices[some])
        known[indices[some] < 0] = _NONE
        entries = np.column_stack([known, _per_row(some, rows, arrived, width)])
        entries.sort(axis=1)
        entries = entries[:, :width]
        indices[some] = entries & np.uint64(0xFFFFFFFF)
        distances[some] = (entries >> np.uint64(32)).astype(np.uint32).view(np.float32)
        beyond = lost[some] & (distances[some, -1] >= reach[some])
        unsure.append(some[beyond | (entries[:, -1] == _NONE)])
    return np.concatenate(unsure)


def _packed(distances: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Pack distances and rows into numbers that are ordered as these are, ties by row.

    The bits of floats from 0 up, read as whole numbers, are ordered like the floats.
    """
    bits = distances.astype(np.float32).view(np.uint32).astype(np.uint64)
    return bits << np.uint64(32) | rows.astype(np.uint32)


def _per_row(some: np.ndarray, rows: np.ndarray, values: np.ndarray, most: int) -> np.ndarray:
    """Put values, in order by row, side by side: the first ones of each of some rows."""
    start, stop = (np.searchsorted(rows, some, side) for side in ("left", "right"))
    width = min(int((stop - start).max(initial=0)), most)
    places = start[:, None] + np.arange(width)
    there = places < stop[:, None]
    return np.where(there, values[np.where(there, places, 0)], _NONE)


def _arrivals(
    vectors: np.ndarray, old: np.ndarray, new: np.ndarray, reach: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the new documents within reach of old ones: rows of old, rows of new, distances."""
    found = list(_within_reach(vectors, old, new, reach))
    empty = np.zeros(0, dtype=np.int64)
    rows = np.concatenate([empty, *(pair[0] for pair in found)])
    others = np.concatenate([empty, *(pair[1] for pair in found)])
    gaps = measured(vectors, rows, others)
    near = gaps <= reach[rows]
    return rows[near], others[near], gaps[near]


def _within_reach(
    vectors: np.ndarray, old: np.ndarray, new: np.ndarray, reach: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for first in range(0, len(old), _OLD):
        rows = old[first : first + _OLD]
        least = 1 - (reach[rows].astype(np.float64) ** 2 + _SLACK) / 2  # as an inner product
        for start in range(0, len(new), _NEW):
            others = new[start : start + _NEW]
            near, which = np.nonzero(vectors[others] @ vectors[rows].T >= least.astype(np.float32))
            yield rows[which], others[near]
