"""The exact silhouette of every document, from the sums of the stories' vectors.

The silhouette (Rousseeuw 1987) needs the mean distance from a document to all documents of a story.
For half the squared Euclidean distance, which is the cosine distance of unit vectors, that mean
follows from the sum of the story's vectors: the mean of |x − y|² / 2 over the y of a story of n is
(|x|² + Σ|y|² / n) / 2 − x · Σy / n. No pairs are needed, so the cost is O(documents · dimensions ·
stories near each document).

Sums are float64, in the order of the rows, by compiled loops: BLAS may sum in another order on
another machine.
"""

import numpy as np
import scipy.sparse as sp

from newsclust_pipeline.core.jit import compiled

LANES = 8  # partial sums of a dot product; see `_dot`


def silhouettes(vectors: np.ndarray, distances: sp.csr_array, labels: np.ndarray) -> np.ndarray:
    """Return the silhouette (n,) of every document, −1 to 1; 0 for noise.

    It is (b − a) / max(a, b). a is the mean distance to the own story. b is the least of the mean
    distances to the stories of the document's neighbours, and to all other documents. Without the
    latter a clustering of two giant stories would score best with an embedder whose similarities
    are all high.

    Args:
        vectors: (n, d).
        distances: (n, n), symmetric: the neighbours of each document.
        labels: (n,), from 0; −1 for noise.
    """
    rows = padded(vectors)
    arrays = (distances.indptr, distances.indices, labels.astype(np.int64))
    values: np.ndarray = compiled(_silhouettes)(rows, squared_norms(rows), *arrays)
    return values


def padded(vectors: np.ndarray) -> np.ndarray:
    """Return vectors (n, d), contiguous, with d rounded up to a multiple of `LANES` by zeros."""
    missing = -vectors.shape[1] % LANES
    return np.ascontiguousarray(np.pad(vectors, ((0, 0), (0, missing))) if missing else vectors)


def squared_norms(rows: np.ndarray) -> np.ndarray:
    """Return the squared length of every row: (n,) float64."""
    norms: np.ndarray = compiled(_squared_norms)(rows)
    return norms


def _silhouettes(
    rows: np.ndarray,
    norms: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
    labels: np.ndarray,
) -> np.ndarray:
    n = len(labels)
    stories = labels.max() + 1 if n else 0
    # The last entry is for all documents together.
    sums, squares = np.zeros((stories + 1, rows.shape[1])), np.zeros(stories + 1)
    sizes, last_seen = np.zeros(stories + 1, dtype=np.int64), np.full(stories + 1, -1)
    for row in range(n):
        for story in (labels[row], stories):
            if story >= 0:
                sizes[story] += 1
                squares[story] += norms[row]
                for column in range(rows.shape[1]):
                    sums[story, column] += rows[row, column]
    values = np.zeros(n)
    for row in range(n):
        own = labels[row]
        if own < 0 or sizes[own] < 2:
            continue
        last_seen[own] = row
        within = _mean_distance(rows[row], norms[row], sums[own], squares[own], sizes[own])
        a = within * sizes[own] / (sizes[own] - 1)  # the row's distance 0 to itself is left out
        everyone = _mean_distance(rows[row], norms[row], sums[stories], squares[stories], n)
        b = everyone * n / (n - 1)
        for edge in range(indptr[row], indptr[row + 1]):
            story = labels[indices[edge]]
            if story >= 0 and last_seen[story] != row:
                last_seen[story] = row
                size = sizes[story]
                b = min(b, _mean_distance(rows[row], norms[row], sums[story], squares[story], size))
        widest = max(a, b)
        if widest > 0:
            values[row] = (b - a) / widest
    return values


def _mean_distance(
    row: np.ndarray, norm: float, total: np.ndarray, squares: float, size: int
) -> float:
    """Return the mean of half the squared distances from a row to `size` rows of this sum."""
    return max(0.0, (norm + squares / size) / 2 - _dot(row, total) / size)


def _dot(row: np.ndarray, other: np.ndarray) -> float:
    """Return the dot product, summed in `LANES` independent sums.

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


def _squared_norms(rows: np.ndarray) -> np.ndarray:
    norms = np.empty(len(rows))
    for row in range(len(rows)):
        norms[row] = _dot(rows[row].astype(np.float64), rows[row].astype(np.float64))
    return norms
