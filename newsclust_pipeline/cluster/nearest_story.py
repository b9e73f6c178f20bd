"""Documents in no story → the story that each lies nearest to, and how near that is.

They stay in no story; this is for those who want to look at the edges. It is done as by
`approximate_predict` of the package `hdbscan` (McInnes, Healy, Astels 2017, JOSS 2(11), 205): the
story is that of the nearest clustered document by mutual reachability, and the strength is the
density at which the document would join it, 1/reachability, by the highest density in the story.
That is how the probability of members is defined, so the two compare.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from newsclust_pipeline.cluster.hdbscan import NOISE, core_distances


@dataclass(frozen=True)
class Nearest:
    """Labels (n,) int32 of the nearest stories, NOISE for none; strengths (n,) in [0, 1].

    Both are for documents in no story: members have NOISE and NaN, as have documents none of whose
    neighbours are in a story.
    """

    labels: np.ndarray
    strengths: np.ndarray


def nearest_stories(distances: sp.csr_array, labels: np.ndarray, min_samples: int) -> Nearest:
    """Find the nearest story of every document in none, among the stories of its neighbours.

    Time and memory grow with the edges. Equally reachable documents are told apart by their
    distance, then by their row.

    Args:
        distances: (n, n) the graph that was clustered, symmetric.
        labels: (n,) its clusters, numbered from 0; NOISE for none.
        min_samples: as it was clustered with.
    """
    n = len(labels)
    core = core_distances(distances, max(min(min_samples, n - 1), 1))
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
    found = Nearest(np.full(n, NOISE, dtype=np.int32), np.full(n, np.nan))
    found.labels[rows[first]] = story
    # Where a story's densest place is as far as the document (0 and 0, too), it is as a member.
    found.strengths[rows[first]] = np.divide(
        densest[story], reach[first], out=np.ones(len(first)), where=reach[first] > densest[story]
    )
    return found
