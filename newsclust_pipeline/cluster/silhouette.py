"""The exact silhouette of every document, from the sums of the stories' vectors.

The silhouette (Rousseeuw 1987) needs the mean distance from a document to all documents of a story.
That follows from the story's sum of vectors (`vector_sums.py`), so the cost is O(documents ·
dimensions · stories near each document), not that of all pairs.
"""

import numpy as np
import scipy.sparse as sp

from newsclust_pipeline.cluster.condensed_tree import NOISE
from newsclust_pipeline.cluster.vector_sums import padded, silhouette_loop, squared_norms
from newsclust_pipeline.core.jit import compiled


def silhouettes(
    vectors: np.ndarray,
    distances: sp.csr_array,
    labels: np.ndarray,
    background: float = 0.0,
    lone_compete: bool = False,
) -> np.ndarray:
    """Return the silhouette (n,) of every document, −1 to 1; 0 for noise.

    It is (b − a) / max(a, b), by half the squared Euclidean distance, which is the cosine distance
    of unit vectors. a is the mean distance to the own story. b is the least of the mean distances
    to the stories of the document's neighbours, and to all other documents. Without the latter a
    clustering of two giant stories would score best with an embedder whose similarities are high.

    Args:
        vectors: (n, d).
        distances: (n, n), symmetric: the neighbours of each document.
        labels: (n,), from 0; −1 for noise.
        background: the distance between unrelated documents, if it is known: the mean distance to
            all others counts as at least that. In documents about one event it is less.
        lone_compete: whether noise documents count as stories of one document in b.
    """
    if not len(labels):
        return np.zeros(0)
    rows = padded(vectors)
    arrays = (distances.indptr, distances.indices, labels.astype(np.int64))
    loop = compiled(silhouette_loop)
    values: np.ndarray = loop(rows, squared_norms(rows), *arrays, background, lone_compete)
    return values


def cohesion(labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the mean silhouette (stories,) of every story's documents.

    Args:
        labels: (n,), from 0; −1 for noise.
        values: (n,), of `silhouettes`.
    """
    member = labels != NOISE
    sizes = np.bincount(labels[member])
    means: np.ndarray = np.bincount(labels[member], weights=values[member]) / np.maximum(sizes, 1)
    return means
