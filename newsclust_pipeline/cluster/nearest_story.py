"""Find the story that each document outside all stories lies nearest to, and how near that is.

The documents stay outside. The result is for readers who want to look at the edges of stories. The
method is that of `approximate_predict` of the package `hdbscan` (McInnes, Healy, Astels 2017, JOSS
2(11), 205): the story of the nearest clustered document by mutual reachability. The strength is
1 / reachability, the density at which the document would join, relative to the highest density in
the story. The probability of members is defined in the same way, so the two compare.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from newsclust_pipeline.cluster.condensed_tree import NOISE
from newsclust_pipeline.cluster.reachability import core_distances


@dataclass(frozen=True)
class Nearest:
    """The nearest stories of documents in no story.

    Attributes:
        labels: (n,) int32, the label of the nearest story. NOISE for members of stories, and where
            no neighbour is in a story.
        strengths: (n,) in [0, 1]; NaN where the label is NOISE.
    """

    labels: np.ndarray
    strengths: np.ndarray


def nearest_stories(distances: sp.csr_array, labels: np.ndarray, min_samples: int) -> Nearest:
    """Find the nearest story of every noise document, among the stories of its neighbours.

    Time and memory grow with the edges. Ties of reachability are broken by distance, then by row.

    Args:
        distances: (n, n), symmetric, the graph that was clustered.
        labels: (n,) its clusters, numbered from 0; NOISE for none.
        min_samples: the parameter of the clustering.
    """
    n = len(labels)
    core = core_distances(distances.indptr, distances.data, max(min(min_samples, n - 1), 1))
    rows = np.repeat(np.arange(n), np.diff(distances.indptr))
    columns, length = distances.indices, distances.data.astype(np.float64)
    reach = np.maximum(np.maximum(core[rows], core[columns]), length)
    inside = (labels[rows] == labels[columns]) & (labels[rows] != NOISE)
    densest = np.full(labels.max(initial=NOISE) + 1, np.inf)
    np.minimum.at(densest, labels[rows[inside]], reach[inside])

    offers = np.flatnonzero((labels[rows] == NOISE) & (labels[columns] != NOISE))
    order = np.lexsort((columns[offers], length[offers], reach[offers], rows[offers]))
    offers = offers[order]
    first = offers[np.unique(rows[offers], return_index=True)[1]]
    story = labels[columns[first]]
    nearest = Nearest(np.full(n, NOISE, dtype=np.int32), np.full(n, np.nan))
    nearest.labels[rows[first]] = story
    # No member is denser than this document, or both distances are 0: the strength is 1.
    nearest.strengths[rows[first]] = np.divide(
        densest[story], reach[first], out=np.ones(len(first)), where=reach[first] > densest[story]
    )
    return nearest
