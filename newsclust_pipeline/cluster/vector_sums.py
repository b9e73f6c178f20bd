"""Compiled loops over vectors and sums of vectors, with equal results on every machine.

Half the mean squared distance between the members of two groups, which is their mean cosine
distance if the vectors have unit length, follows from the groups' sums: with Σx and Σ|x|² of both,
it is (Σ|x|² / n + Σ|y|² / m) / 2 − Σx · Σy / (n · m). So no loop looks at pairs of vectors.

Vectors are rounded to multiples of 2⁻¹⁶. Then products are multiples of 2⁻³², and their sums are
exact in float64 up to 2²¹: whatever the order, as it differs from one processor to another, the
result has the same bits. Distances change by about 10⁻⁵.
"""

from heapq import heapify, heappop, heappush
from typing import NamedTuple

import numpy as np

from newsclust_pipeline.core.jit import compiled, in_any_order

_GRID = 2.0**16
_TINY = 1e-300  # marks a story as found, even if its documents are 0 away
_EXACT = 2**20  # products of sums of so many pairs of vectors are exact
# Distances are compared as integers in this unit, so that rounding errors don't break ties.
UNIT = 1e-9


def rounded(vectors: np.ndarray) -> np.ndarray:
    """Return vectors (n, d) rounded to multiples of 2⁻¹⁶, contiguous."""
    return np.ascontiguousarray(np.rint(vectors * vectors.dtype.type(_GRID)) / _GRID, vectors.dtype)


def squared_norms(rows: np.ndarray) -> np.ndarray:
    """Return the squared length (n,) of every row, float64; rows as of `rounded`."""
    norms: np.ndarray = compiled(_squared_norms)(rows)
    return norms


def sum_groups(
    rows: np.ndarray, norms: np.ndarray, labels: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sum the rows of each label from 0 to `count` − 1; rows with label −1 are left out.

    Returns:
        Sums (count, d), sums of the squared lengths (count,) and sizes (count,).
    """
    sums: tuple[np.ndarray, np.ndarray, np.ndarray]
    sums = compiled(_sum_groups)(rows, norms, labels, count)
    return sums


def mean_within(rows: np.ndarray, norms: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """Return each row's mean distance (n,) to the other rows with its label; 0 if it is −1."""
    sums, squares, sizes = sum_groups(rows, norms, labels, count)
    means: np.ndarray = compiled(_mean_within)(rows, norms, labels, sums, squares, sizes)
    return means


def mean_to_all(rows: np.ndarray, norms: np.ndarray) -> np.ndarray:
    """Return each row's mean distance (n,) to all other rows; 0 if there are none."""
    return mean_within(rows, norms, np.zeros(len(rows), dtype=np.int64), min(len(rows), 1))


class Rows(NamedTuple):
    """Documents, for `silhouette_loop`.

    Attributes:
        vectors: (n, d), as of `rounded`.
        norms: (n,) their squared lengths.
        to_all: (n,) the mean distance of each to all others.
        indptr: with `indices`, the neighbours of each, in CSR form.
        indices: see `indptr`.
        distances: the distances to them, as computed from other vectors than these, if any.
        slack: by how much those may differ from those of the vectors.
    """

    vectors: np.ndarray
    norms: np.ndarray
    to_all: np.ndarray
    indptr: np.ndarray
    indices: np.ndarray
    distances: np.ndarray
    slack: float


def silhouette_loop(rows: Rows, labels: np.ndarray, lone_compete: bool) -> np.ndarray:
    """Compute silhouettes; see `silhouette.Silhouettes`."""
    n, stories = len(labels), labels.max() + 1
    sums, squares, sizes = _sum_groups(rows.vectors, rows.norms, labels, stories)
    known, near = np.zeros(stories), np.empty(n, dtype=np.int64)
    values = np.zeros(n)
    for row in range(n):
        own = labels[row]
        if own >= 0 and sizes[own] > 1:
            vector, norm = rows.vectors[row], rows.norms[row]
            # The distance 0 of the row to itself is no distance to another document.
            within = _mean_distance(vector, norm, sums[own], squares[own], sizes[own])
            a = within * sizes[own] / (sizes[own] - 1)
            b, count = _stories_around(rows, row, labels, known, near, lone_compete)
            for place in range(count):
                story = near[place]
                bound = known[story] / sizes[story] - rows.slack
                known[story] = 0.0
                if story != own and bound < b:
                    total, square = sums[story], squares[story]
                    b = min(b, _mean_distance(vector, norm, total, square, sizes[story]))
            if max(a, b) > 0:
                values[row] = (b - a) / max(a, b)
    return values


def _stories_around(
    rows: Rows,
    row: int,
    labels: np.ndarray,
    known: np.ndarray,
    near: np.ndarray,
    lone_compete: bool,
) -> tuple[float, int]:
    """Find the stories of a document's neighbours: write them to `near`, return their number.

    Sums of the distances to their members go to `known`. Divided by the size of the story, that is
    a lower bound of the mean distance. Also returned is the distance to all documents or, if they
    compete and one is nearer, to a lone neighbour.
    """
    b, count = rows.to_all[row], 0
    for edge in range(rows.indptr[row], rows.indptr[row + 1]):
        story = labels[rows.indices[edge]]
        if story < 0:
            if lone_compete:
                b = min(b, rows.distances[edge])
            continue
        if known[story] == 0:
            known[story] = _TINY
            near[count] = story
            count += 1
        known[story] += rows.distances[edge]
    return b, count


def agglomerate_loop(
    sums: np.ndarray,
    squares: np.ndarray,
    sizes: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Merge groups by average linkage; see `average_linkage.merge_tree`. `sums` is overwritten.

    The heap holds (distance, group, group). An entry of a group that was merged since is skipped.
    The neighbours of all groups lie in one array. A merged group's are written at its end, and
    where there is no space, those of the groups that still exist are moved to the front.
    """
    n = len(sizes)
    size, square = np.ones(2 * n, dtype=np.int64), np.zeros(2 * n)
    size[:n], square[:n] = sizes, squares
    row = np.arange(2 * n)  # of `sums`; a merged group takes that of its first part
    parent, merged_into = np.arange(2 * n), np.full(2 * n, -1)
    begin, end = np.zeros(2 * n, dtype=np.int64), np.zeros(2 * n, dtype=np.int64)
    begin[:n], end[:n] = indptr[:-1], indptr[1:]
    neighbours = np.empty(2 * len(indices), dtype=np.int64)
    neighbours[: len(indices)] = indices
    free = len(indices)
    heap = [(np.int64(0), np.int64(0), np.int64(0))]  # one entry, from which numba infers the type
    heap.pop()
    for group in range(n):
        for place in range(indptr[group], indptr[group + 1]):
            one, other = np.int64(group), np.int64(indices[place])
            if one < other:
                heap.append((_group_distance(sums, square, size, row, one, other), one, other))
    heapify(heap)
    children, heights = np.empty((n, 2), dtype=np.int64), np.empty(n)
    merges = 0
    while heap:
        distance, one, other = heappop(heap)
        if parent[one] != one or parent[other] != other:
            continue
        new = np.int64(n + merges)
        children[merges, 0], children[merges, 1], heights[merges] = one, other, distance * UNIT
        merges += 1
        parent[one] = parent[other] = new
        sums[row[one]] += sums[row[other]]
        size[new], square[new] = size[one] + size[other], square[one] + square[other]
        row[new] = row[one]
        if free + end[one] - begin[one] + end[other] - begin[other] > len(neighbours):
            free = _move_to_front(neighbours, begin, end, parent, new)
        begin[new] = free
        for part in (one, other):
            for place in range(begin[part], end[part]):
                near = _top(parent, neighbours[place])
                if near != new and merged_into[near] != new:
                    merged_into[near] = new
                    neighbours[free] = near
                    free += 1
                    distance = _group_distance(sums, square, size, row, near, new)
                    heappush(heap, (distance, near, new))
        end[new] = free
    return children[:merges], heights[:merges]


def _move_to_front(
    neighbours: np.ndarray, begin: np.ndarray, end: np.ndarray, parent: np.ndarray, new: np.int64
) -> int:
    """Close the gaps in the array of neighbours, keep those of groups in use; return its length.

    In use are groups that exist, and the two that are being merged into `new`.
    """
    used = np.array([g for g in range(new) if parent[g] == g or parent[g] == new])
    free = 0
    for group in used[np.argsort(begin[used], kind="mergesort")]:
        length = end[group] - begin[group]
        for place in range(length):
            neighbours[free + place] = neighbours[begin[group] + place]
        begin[group], end[group] = free, free + length
        free += length
    return free


def _top(parent: np.ndarray, group: np.int64) -> np.int64:
    """Return the group into which a group was merged in the end; halves the path to it."""
    while parent[group] != group:
        parent[group] = parent[parent[group]]
        group = parent[group]
    return group


def _group_distance(
    sums: np.ndarray,
    square: np.ndarray,
    size: np.ndarray,
    row: np.ndarray,
    one: np.int64,
    other: np.int64,
) -> np.int64:
    """Return the mean distance between the members of two groups, in units of 1e-9."""
    pairs = size[one] * size[other]
    left, right = sums[row[one]], sums[row[other]]
    product = (_dot(left, right) if pairs <= _EXACT else _ordered_dot(left, right)) / pairs
    mean = (square[one] / size[one] + square[other] / size[other]) / 2 - product
    return np.int64(np.rint(mean / UNIT))


def _mean_distance(
    row: np.ndarray, norm: float, total: np.ndarray, squares: float, size: int
) -> float:
    """Return the mean of half the squared distances from a row to `size` rows of this sum."""
    return max(0.0, (norm + squares / size) / 2 - _dot(row, total) / size)


def _mean_within(
    rows: np.ndarray,
    norms: np.ndarray,
    labels: np.ndarray,
    sums: np.ndarray,
    squares: np.ndarray,
    sizes: np.ndarray,
) -> np.ndarray:
    means = np.zeros(len(labels))
    for row in range(len(labels)):
        own = labels[row]
        if own >= 0 and sizes[own] > 1:
            mean = _mean_distance(rows[row], norms[row], sums[own], squares[own], sizes[own])
            means[row] = mean * sizes[own] / (sizes[own] - 1)
    return means


def _sum_groups(
    rows: np.ndarray, norms: np.ndarray, labels: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    sums, squares = np.zeros((count, rows.shape[1])), np.zeros(count)
    sizes = np.zeros(count, dtype=np.int64)
    for row in range(len(labels)):
        label = labels[row]
        if label >= 0:
            sizes[label] += 1
            squares[label] += norms[row]
            for column in range(rows.shape[1]):
                sums[label, column] += rows[row, column]
    return sums, squares, sizes


def _squared_norms(rows: np.ndarray) -> np.ndarray:
    norms = np.empty(len(rows))
    for row in range(len(rows)):
        wide = rows[row].astype(np.float64)
        norms[row] = _dot(wide, wide)
    return norms


@in_any_order
def _dot(row: np.ndarray, other: np.ndarray) -> float:
    total = 0.0
    for column in range(len(row)):
        total += row[column] * other[column]
    return total


def _ordered_dot(row: np.ndarray, other: np.ndarray) -> float:
    total = 0.0
    for column in range(len(row)):
        total += row[column] * other[column]
    return total
