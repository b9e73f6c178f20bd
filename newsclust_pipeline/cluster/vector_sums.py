"""Compiled loops over vectors and sums of vectors, with equal results on every machine.

Half the mean squared distance between the members of two groups, which is their mean cosine
distance if the vectors have unit length, follows from the groups' sums: with Σx and Σ|x|² of both,
it is (Σ|x|² / n + Σ|y|² / m) / 2 − Σx · Σy / (n · m). So no loop looks at pairs of vectors.

Sums are float64 and run in a fixed order, because BLAS may sum in another order on another machine.
"""

from heapq import heapify, heappop, heappush

import numpy as np

from newsclust_pipeline.core.jit import compiled

LANES = 8  # see `_dot`
# Distances are compared as integers in this unit, so that rounding errors don't break ties.
UNIT = 1e-9


def padded(vectors: np.ndarray) -> np.ndarray:
    """Return vectors (n, d), contiguous, with d rounded up to a multiple of `LANES` by zeros."""
    missing = -vectors.shape[1] % LANES
    return np.ascontiguousarray(np.pad(vectors, ((0, 0), (0, missing))) if missing else vectors)


def squared_norms(rows: np.ndarray) -> np.ndarray:
    """Return the squared length (n,) of every row, float64; rows as of `padded`."""
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


def silhouette_loop(
    rows: np.ndarray,
    norms: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
    labels: np.ndarray,
    background: float,
    lone_compete: bool,
) -> np.ndarray:
    """Compute silhouettes; see `silhouette.silhouettes`."""
    n, stories = len(labels), labels.max() + 1
    sums, squares, sizes = _sum_groups(rows, norms, labels, stories)
    total, total_squares, _ = _sum_groups(rows, norms, np.zeros(n, dtype=np.int64), 1)
    last_row = np.full(stories, -1)
    values = np.zeros(n)
    for row in range(n):
        own = labels[row]
        if own < 0 or sizes[own] < 2:
            continue
        last_row[own] = row
        # The distance 0 of the row to itself is no distance to another document.
        within = _mean_distance(rows[row], norms[row], sums[own], squares[own], sizes[own])
        a = within * sizes[own] / (sizes[own] - 1)
        mean = _mean_distance(rows[row], norms[row], total[0], total_squares[0], n)
        b = max(background, mean * n / (n - 1))
        for edge in range(indptr[row], indptr[row + 1]):
            other = indices[edge]
            story = labels[other]
            if story < 0:
                if lone_compete:
                    b = min(b, _mean_distance(rows[row], norms[row], rows[other], norms[other], 1))
            elif last_row[story] != row:
                last_row[story] = row
                mean = _mean_distance(
                    rows[row], norms[row], sums[story], squares[story], sizes[story]
                )
                b = min(b, mean)
        if max(a, b) > 0:
            values[row] = (b - a) / max(a, b)
    return values


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
    where there is no room, those of the groups that still exist are moved to the front.
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
    product = _dot(sums[row[one]], sums[row[other]]) / (size[one] * size[other])
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


def _dot(row: np.ndarray, other: np.ndarray) -> float:
    """Return the dot product of rows of `padded`, summed in `LANES` independent sums.

    One sum would add number after number, each waiting for the one before. Independent sums run in
    the lanes of the processor's vector unit, and give the same bits with lanes of any width.
    """
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
    for i in range(0, len(row), 8):
        s0 += row[i] * other[i]
        s1 += row[i + 1] * other[i + 1]
        s2 += row[i + 2] * other[i + 2]
        s3 += row[i + 3] * other[i + 3]
        s4 += row[i + 4] * other[i + 4]
        s5 += row[i + 5] * other[i + 5]
        s6 += row[i + 6] * other[i + 6]
        s7 += row[i + 7] * other[i + 7]
    return ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))
