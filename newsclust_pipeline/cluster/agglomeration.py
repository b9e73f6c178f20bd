"""Merge groups of documents by average linkage, from the sums of their vectors.

`vector_sums.py` says how mean distances follow from sums, and why they have the same bits on every
machine.
"""

from heapq import heapify, heappop, heappush

import numpy as np

from newsclust_pipeline.core.jit import in_any_order

_EXACT = 2**20  # products of sums of so many pairs of vectors are exact
# Distances are compared as integers in this unit, so that rounding errors don't break ties.
_UNIT = 1e-9


def agglomerate_loop(
    leaves: np.ndarray,
    squares: np.ndarray,
    sizes: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Merge groups by average linkage; see `average_linkage.merge_tree`.

    The sum of a merged group has a place of its own, which the next merge takes over. There are
    never more than n / 2 of them, and `leaves` (n, d), the sums of the first groups, stay as they
    are. Memory that no sum has reached is not used.

    The heap holds (distance, group, group). An entry of a group that was merged since is skipped.
    The neighbours of all groups lie in one array. A merged group's are written at its end, and
    where there is no space, those of the groups that still exist are moved to the front.
    """
    n = len(sizes)
    size, square = np.ones(2 * n, dtype=np.int64), np.zeros(2 * n)
    size[:n], square[:n] = sizes, squares
    sums = np.empty((n // 2 + 1, leaves.shape[1]))
    place_of = np.full(2 * n, -1, dtype=np.int32)  # of a group's sum; −1 for a leaf
    unused, used = np.arange(n // 2 + 1)[::-1].astype(np.int32), 0
    parent, merged_into = np.arange(2 * n), np.full(2 * n, -1)
    begin, end = np.zeros(2 * n, dtype=np.int64), np.zeros(2 * n, dtype=np.int64)
    begin[:n], end[:n] = indptr[:-1], indptr[1:]
    neighbours = np.empty(2 * len(indices), dtype=np.int32)
    neighbours[: len(indices)] = indices
    free = len(indices)
    heap = [(np.int64(0), np.int32(0), np.int32(0))]  # one entry, from which numba infers the type
    heap.pop()
    for group in range(n):
        for place in range(indptr[group], indptr[group + 1]):
            one, other = np.int32(group), np.int32(indices[place])
            if one < other:
                distance = _group_distance(leaves, sums, place_of, square, size, one, other)
                heap.append((distance, one, other))
    heapify(heap)
    children, heights = np.empty((n, 2), dtype=np.int64), np.empty(n)
    merges = 0
    while heap:
        distance, one, other = heappop(heap)
        if parent[one] != one or parent[other] != other:
            continue
        new = np.int32(n + merges)
        children[merges, 0], children[merges, 1], heights[merges] = one, other, distance * _UNIT
        merges += 1
        parent[one] = parent[other] = new
        size[new], square[new] = size[one] + size[other], square[one] + square[other]
        used = _unite_sums(leaves, sums, place_of, unused, used, (one, other, new))
        if free + end[one] - begin[one] + end[other] - begin[other] > len(neighbours):
            free = _move_to_front(neighbours, begin, end, parent, new)
        begin[new] = free
        for part in (one, other):
            for place in range(begin[part], end[part]):
                near = np.int32(_top(parent, neighbours[place]))
                if near != new and merged_into[near] != new:
                    merged_into[near] = new
                    neighbours[free] = near
                    free += 1
                    distance = _group_distance(leaves, sums, place_of, square, size, near, new)
                    heappush(heap, (distance, near, new))
        end[new] = free
    return children[:merges], heights[:merges]


def _unite_sums(
    leaves: np.ndarray,
    sums: np.ndarray,
    place_of: np.ndarray,
    unused: np.ndarray,
    used: int,
    groups: tuple[np.int32, np.int32, np.int32],
) -> int:
    """Write the sum of two groups for a third to one of their places, or to an unused one.

    Returns how many places are used: `unused[used:]` are not.
    """
    one, other, new = groups
    if place_of[one] < 0:
        one, other = other, one
    place = place_of[one]
    if place < 0:
        place = unused[used]
        used += 1
        sums[place] = leaves[one]
    if place_of[other] < 0:
        sums[place] += leaves[other]
    else:
        sums[place] += sums[place_of[other]]
        used -= 1
        unused[used] = place_of[other]
    place_of[new] = place
    return used


def _move_to_front(
    neighbours: np.ndarray, begin: np.ndarray, end: np.ndarray, parent: np.ndarray, new: np.int32
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
    leaves: np.ndarray,
    sums: np.ndarray,
    place_of: np.ndarray,
    square: np.ndarray,
    size: np.ndarray,
    one: np.int32,
    other: np.int32,
) -> np.int64:
    """Return the mean distance between the members of two groups, in units of 1e-9."""
    pairs, left, right = size[one] * size[other], place_of[one], place_of[other]
    if left < 0 and right < 0:
        product = _product(leaves[one], leaves[other], pairs)
    elif left < 0:
        product = _product(leaves[one], sums[right], pairs)
    elif right < 0:
        product = _product(leaves[other], sums[left], pairs)
    else:
        product = _product(sums[left], sums[right], pairs)
    mean = (square[one] / size[one] + square[other] / size[other]) / 2 - product / pairs
    return np.int64(np.rint(mean / _UNIT))


def _product(left: np.ndarray, right: np.ndarray, pairs: int) -> float:
    """Return the inner product of the sums of two groups with so many pairs of members."""
    return _dot(left, right) if pairs <= _EXACT else _ordered_dot(left, right)


@in_any_order
def _dot(row: np.ndarray, other: np.ndarray) -> float:
    total = 0.0
    for column in range(len(row)):
        total += np.float64(row[column]) * np.float64(other[column])
    return total


def _ordered_dot(row: np.ndarray, other: np.ndarray) -> float:
    total = 0.0
    for column in range(len(row)):
        total += np.float64(row[column]) * np.float64(other[column])
    return total
