"""Average linkage on the stored neighbour graph.

UPGMA (Sokal, Michener 1958), with one restriction: two groups merge only if the graph has an edge
between them, as in agglomerative clustering with a connectivity constraint (Murtagh 1985). The
distance of two groups is the exact mean over all pairs of their members, known to the graph or not.
The cost is O(edges · dimensions) as long as groups have about as many neighbours as documents have.

Everything is deterministic: no random numbers, float64 sums in a fixed order, distances rounded to
1e-9, ties by row.
"""

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from newsclust_pipeline.cluster.agglomeration import agglomerate_loop
from newsclust_pipeline.cluster.condensed_tree import NOISE
from newsclust_pipeline.cluster.hdbscan import Clusters, ranked_by_size
from newsclust_pipeline.cluster.vector_sums import (
    mean_within,
    rounded,
    squared_norms,
    sum_groups,
)
from newsclust_pipeline.core.jit import compiled

# Cuts to try leave a share of the groups: 80 %, 80 % · 0.92, 80 % · 0.92², …, 0.8 %. About 55 cuts;
# of many documents every second one is enough.
_MOST, _STEP, _LEAST = 0.8, 0.92, 0.008
_MANY_DOCUMENTS = 5000


class MergeTree(NamedTuple):
    """The merges of n groups, in the order in which they happened.

    Attributes:
        leaves: n, the number of groups before the first merge.
        children: (m, 2) the groups that each merge unites. Groups below n are leaves, n + i is the
            result of merge i. m is less than n − 1 if the graph is disconnected.
        heights: (m,) the distance of the two, or the largest height below, if that is larger.
    """

    leaves: int
    children: np.ndarray
    heights: np.ndarray


def merge_tree(vectors: np.ndarray, distances: sp.csr_array) -> MergeTree:
    """Merge documents into groups, the nearest two first, until no edge is left.

    Args:
        vectors: (n, d).
        distances: (n, n), symmetric: which documents are neighbours. The values are not used.
    """
    rows = rounded(vectors)
    return _merge_tree(rows, squared_norms(rows), np.ones(len(rows), dtype=np.int64), distances)


def merge_tree_of_groups(
    vectors: np.ndarray, labels: np.ndarray, distances: sp.csr_array
) -> MergeTree:
    """Merge groups of documents further; documents with label −1 are left out.

    Args:
        vectors: (n, d).
        labels: (n,) the group of each document, from 0.
        distances: (n, n), symmetric. Groups are neighbours if an edge joins two of their members.
    """
    rows, count = rounded(vectors), int(labels.max(initial=NOISE)) + 1
    sums, squares, sizes = sum_groups(rows, squared_norms(rows), labels.astype(np.int64), count)
    edges = distances.tocoo()
    ends = labels[edges.coords[0]], labels[edges.coords[1]]
    between = (ends[0] != NOISE) & (ends[1] != NOISE) & (ends[0] != ends[1])
    pairs = (ends[0][between], ends[1][between])
    ones = np.ones(int(between.sum()), dtype=np.float32)
    graph = sp.coo_array((ones, pairs), shape=(count, count)).tocsr()
    return _merge_tree(sums, squares, sizes, graph)


def cut(tree: MergeTree, height: float) -> np.ndarray:
    """Return the group (n,) of every leaf if all merges up to a height are made."""
    groups: np.ndarray = compiled(_cut)(tree.leaves, tree.children, tree.heights, height)
    return np.unique(groups, return_inverse=True)[1]


def cut_heights(tree: MergeTree) -> list[float]:
    """Return the heights at which the tree is worth cutting, lowest first.

    They depend on the number of groups that a cut leaves, not on the scale of the distances.
    """
    step = _STEP if tree.leaves <= _MANY_DOCUMENTS else _STEP**2
    least, share, counts = max(2, _LEAST * tree.leaves), _MOST, []
    while round(share * tree.leaves) >= least:
        counts.append(round(share * tree.leaves))
        share *= step
    ordered = np.sort(tree.heights)
    merges = [tree.leaves - count for count in counts]
    heights = [float(ordered[count - 1]) for count in merges if 0 < count <= len(ordered)]
    return sorted(set(heights))


def clusters_at(
    tree: MergeTree, rows: np.ndarray, height: float, min_cluster_size: int = 2
) -> Clusters:
    """Return the clusters that a cut of the tree of `rows` (n, d) makes; rows as of `rounded`.

    The probability of a member is 1 for the document that is nearest to all others of its cluster,
    and 0 at the mean distance `height`; linear in between. The persistence of a cluster is 1 − the
    mean distance within / the height at which it merges with another one.
    """
    labels = cut(tree, height)
    small = np.bincount(labels)[labels] < min_cluster_size
    labels = np.unique(np.where(small, NOISE, labels), return_inverse=True)[1] - int(small.any())
    within, mean = _within(rows, labels)
    nearest = np.full(len(mean), np.inf)
    member = labels != NOISE
    np.minimum.at(nearest, labels[member], within[member])
    margin = height - nearest[labels[member]]
    probabilities = np.zeros(len(labels))
    probabilities[member] = np.divide(
        height - within[member], margin, out=np.ones(len(margin)), where=margin > 0
    )
    above = _heights_above(tree, height)
    merge = np.full(len(mean), np.inf)
    np.minimum.at(merge, labels[member], above[member])
    persistence = 1 - np.divide(mean, merge, out=np.ones(len(merge)), where=merge > 0)
    return ranked_by_size(labels, np.clip(probabilities, 0, 1), np.clip(persistence, 0, 1))


def _merge_tree(
    sums: np.ndarray, squares: np.ndarray, sizes: np.ndarray, graph: sp.csr_array
) -> MergeTree:
    arrays = (graph.indptr, graph.indices)
    children, heights = compiled(agglomerate_loop)(sums, squares, sizes, *arrays)
    return MergeTree(len(sums), children, compiled(_rising)(len(sums), children, heights))


def _rising(leaves: int, children: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Return heights (m,) that are at least those of the merges below.

    A merged group may find a neighbour that only one of its parts had an edge to, and that is
    nearer than the parts were to each other.
    """
    rising = np.zeros(leaves + len(heights))
    for merge in range(len(heights)):
        one, other = children[merge]
        rising[leaves + merge] = max(heights[merge], rising[one], rising[other])
    return rising[leaves:]


def _cut(leaves: int, children: np.ndarray, heights: np.ndarray, height: float) -> np.ndarray:
    group = np.arange(leaves + len(heights))
    for merge in range(len(heights) - 1, -1, -1):
        if heights[merge] <= height:
            for child in children[merge]:
                group[child] = group[leaves + merge]
    return group[:leaves]


def _heights_above(tree: MergeTree, height: float) -> np.ndarray:
    """Return the height (n,) of the first merge above a cut; the largest of all without one."""
    above: np.ndarray = compiled(_above)(tree.leaves, tree.children, tree.heights, height)
    return above


def _above(leaves: int, children: np.ndarray, heights: np.ndarray, height: float) -> np.ndarray:
    highest = heights.max() if len(heights) else 0.0
    above = np.full(leaves + len(heights), highest)
    for merge in range(len(heights) - 1, -1, -1):
        own = heights[merge] if heights[merge] > height else above[leaves + merge]
        for child in children[merge]:
            above[child] = own
    return above[:leaves]


def _within(rows: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each document's mean distance to the others of its cluster, and the clusters' means.

    (n,) with 0 for noise, and (clusters,).
    """
    count = int(labels.max(initial=NOISE)) + 1
    within = mean_within(rows, squared_norms(rows), labels.astype(np.int64), count)
    member = labels != NOISE
    sizes = np.bincount(labels[member], minlength=count)
    return within, np.bincount(labels[member], within[member], count) / sizes
