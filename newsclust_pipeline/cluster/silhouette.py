"""The exact silhouette of every document, from the sums of the stories' vectors.

The silhouette (Rousseeuw 1987) needs the mean distance from a document to all documents of a story.
That follows from the story's sum of vectors (`vector_sums.py`), so the cost is O(documents ·
dimensions · stories near each document), not that of all pairs.
"""

import numpy as np
import scipy.sparse as sp

from newsclust_pipeline.cluster.condensed_tree import NOISE
from newsclust_pipeline.cluster.vector_sums import (
    Rows,
    mean_to_all,
    rounded,
    silhouette_loop,
    squared_norms,
)
from newsclust_pipeline.core.jit import compiled

_SLACK = 1e-4  # by which distances of rounded vectors may differ from those of the graph


class Silhouettes:
    """Computes silhouettes of different clusterings of the same documents.

    The silhouette of a document is (b − a) / max(a, b), by half the squared Euclidean distance,
    which is the cosine distance of unit vectors. a is the mean distance to the own story. b is the
    least of the mean distances to the stories of the document's neighbours, and to all other
    documents. Without the latter a clustering of two giant stories would score best with an
    embedder whose similarities are high.

    Args:
        vectors: (n, d).
        distances: (n, n), symmetric: the neighbours of each document.
        background: the distance between unrelated documents, if it is known: the mean distance to
            all others counts as at least that. Among documents about one event it is less.
        has_time: whether distances and vectors have the time in them, which makes those of the
            vectors approximate.
    """

    def __init__(
        self,
        vectors: np.ndarray,
        distances: sp.csr_array,
        background: float = 0.0,
        has_time: bool = False,
    ) -> None:
        vectors = rounded(vectors)
        norms = squared_norms(vectors)
        to_all = np.maximum(mean_to_all(vectors, norms), background)
        slack = np.inf if has_time else _SLACK
        graph = distances.indptr, distances.indices, distances.data
        self._rows = Rows(vectors, norms, to_all, *graph, slack)

    def of(self, labels: np.ndarray, lone_compete: bool = False) -> np.ndarray:
        """Return the silhouette (n,) of every document, −1 to 1; 0 for noise.

        Args:
            labels: (n,), from 0; −1 for noise.
            lone_compete: whether noise documents count as stories of one document in b.
        """
        if not len(labels):
            return np.zeros(0)
        loop = compiled(silhouette_loop)
        values: np.ndarray = loop(self._rows, labels.astype(np.int64), lone_compete)
        return values


def cohesion(labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the mean silhouette (stories,) of every story's documents.

    Args:
        labels: (n,), from 0; −1 for noise.
        values: (n,), of `Silhouettes.of`.
    """
    member = labels != NOISE
    sizes = np.bincount(labels[member])
    means: np.ndarray = np.bincount(labels[member], weights=values[member]) / np.maximum(sizes, 1)
    return means
