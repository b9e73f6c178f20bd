"""Compiled loops over vectors and sums of vectors, with equal results on every machine.

Half the mean squared distance between the members of two groups, which is their mean cosine
distance if the vectors have unit length, follows from the groups' sums: with Σx and Σ|x|² of both,
it is (Σ|x|² / n + Σ|y|² / m) / 2 − Σx · Σy / (n · m). So no loop looks at pairs of vectors.

Vectors are rounded to multiples of 2⁻¹⁶. Then products are multiples of 2⁻³², and their sums are
exact in float64 up to 2²¹: whatever the order, as it differs from one processor to another, the
result has the same bits. Distances change by about 10⁻⁵.
"""

from typing import NamedTuple

import numpy as np

from newsclust_pipeline.core.jit import compiled, in_any_order

_GRID = 2.0**16
_TINY = 1e-300  # marks a story as found, even if its documents are 0 away
_BLOCK = 4096  # vectors rounded at a time


def rounded(vectors: np.ndarray) -> np.ndarray:
    """Return vectors (n, d) rounded to multiples of 2⁻¹⁶, contiguous; themselves if they are."""
    blocks = [slice(start, start + _BLOCK) for start in range(0, len(vectors), _BLOCK)]
    if vectors.flags.c_contiguous and all(_is_rounded(vectors[block]) for block in blocks):
        return vectors
    rows = np.empty(vectors.shape, vectors.dtype)
    for block in blocks:
        np.rint(vectors[block] * vectors.dtype.type(_GRID), out=rows[block])
        rows[block] /= _GRID
    return rows


def _is_rounded(vectors: np.ndarray) -> bool:
    multiples = vectors * vectors.dtype.type(_GRID)
    return bool((np.rint(multiples) == multiples).all())


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
        distances: the Euclidean distances to them, as computed from other vectors than these.
        slack: by how much half their squares may differ from those of the vectors.
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
                b = min(b, _half_square(rows.distances[edge]))
            continue
        if known[story] == 0:
            known[story] = _TINY
            near[count] = story
            count += 1
        known[story] += _half_square(rows.distances[edge])
    return b, count


def _half_square(distance: float) -> float:
    return np.float64(distance) * np.float64(distance) / 2


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
        total += np.float64(row[column]) * np.float64(other[column])
    return total
