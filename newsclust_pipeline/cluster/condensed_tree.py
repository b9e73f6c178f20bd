"""Compute the condensed cluster tree of a spanning tree, and select clusters from it.

After Campello, Moulavi, Sander 2013 and Malzer, Baum 2020 (epsilon). The package `hdbscan` is the
reference: labels, probabilities and persistence equal its results to the last bit, which the tests
compare on 500 graphs. The package keeps the tree as one row per edge and searches it by sets and
dictionaries. Here it is an array per attribute, which compiled loops read.
"""

from typing import Literal, NamedTuple

import numpy as np
import scipy.sparse as sp
from scipy.sparse import csgraph

from newsclust_pipeline.core.jit import compiled

NOISE = -1
Selection = Literal["eom", "leaf"]
# Stands for infinity. Unit vectors are at most 2 apart. Any value far beyond the distances gives
# the same clusters, and 1 / FAR is still a number.
FAR = 1e6


class CondensedTree(NamedTuple):
    """The hierarchy without the splits that only lose a few points.

    Clusters are numbered from the root (0) down, so a parent comes before its children. A lambda is
    a density: 1 / distance, infinite for distance 0.

    Attributes:
        cluster: (n,) the cluster that each point falls out of.
        departure: (n,) the lambda at which it does.
        parent: (c,) the cluster that each cluster splits off; −1 for the root.
        birth: (c,) the lambda at which it does; 0 for the root.
        death: (c,) the largest lambda at which something falls out of or splits off each cluster.
        stability: (c,) the excess of mass of each cluster.
    """

    cluster: np.ndarray
    departure: np.ndarray
    parent: np.ndarray
    birth: np.ndarray
    death: np.ndarray
    stability: np.ndarray


def condense(edges: np.ndarray, min_cluster_size: int) -> CondensedTree:
    """Compute the condensed tree of a spanning tree; clusters have at least `min_cluster_size`.

    Args:
        edges: (n − 1, 3), n at least 2: two ends and a length, shortest first. Edges that are `FAR`
            long join connected components.
        min_cluster_size: at least 2.
    """
    edges = _join_large_components_first(edges, min_cluster_size)
    children, sizes = compiled(_single_linkage)(edges[:, :2].astype(np.int64))
    arrays = compiled(_condense)(children, sizes, edges[:, 2].copy(), min_cluster_size)
    return CondensedTree(*arrays)


class Selected(NamedTuple):
    """Labels (n,), −1 for noise, probabilities (n,) and persistence (clusters,), in [0, 1]."""

    labels: np.ndarray
    probabilities: np.ndarray
    persistence: np.ndarray


def select(
    tree: CondensedTree,
    selection: Selection = "eom",
    epsilon: float = 0.0,
    allow_single_cluster: bool = False,
) -> Selected:
    """Select clusters from a condensed tree; arguments as of `hdbscan.hdbscan`."""
    is_leaf = np.bincount(tree.parent[1:], minlength=len(tree.parent)) == 0
    stability = tree.stability
    if selection == "eom":
        stability, chosen = compiled(_excess_of_mass)(tree.parent, stability)
    else:
        chosen = is_leaf
    if allow_single_cluster and chosen[0]:
        return _single_cluster(tree, epsilon)
    chosen[0] = False
    if epsilon:
        with np.errstate(divide="ignore"):
            distance = 1.0 / tree.birth
        chosen = compiled(_merge_within)(tree.parent, distance, chosen, epsilon)
    return _label(tree, stability, chosen)


def _single_cluster(tree: CondensedTree, epsilon: float) -> Selected:
    """Return all points as one cluster, without outliers.

    Outliers leave the root at a distance above epsilon or, without one, above the median of the
    points' distances by more than three scaled median absolute deviations (Leys et al. 2013). The
    package keeps only the last points to leave, usually a handful.
    """
    with np.errstate(divide="ignore"):
        distance = 1.0 / tree.departure
    limit = epsilon
    if not epsilon:
        median = np.median(distance)
        limit = median + 3 * 1.4826 * np.median(np.abs(distance - median))
    member = distance <= limit
    densest = tree.departure.max()
    probabilities = tree.departure / densest if np.isfinite(densest) else 1.0
    persistence = tree.stability[:1] / (len(distance) * densest)
    return Selected(
        np.where(member, 0, NOISE),
        np.where(member, probabilities, 0.0),
        persistence if np.isfinite(densest) else np.ones(1),
    )


def _label(tree: CondensedTree, stability: np.ndarray, chosen: np.ndarray) -> Selected:
    """Label every point with the smallest chosen cluster that holds it."""
    clusters = np.flatnonzero(chosen)
    labels = compiled(_nearest_chosen)(tree.parent, chosen)[tree.cluster]
    member = labels != NOISE
    density = np.append(tree.death[clusters], np.nan)[labels]  # −1 is the last entry
    with np.errstate(invalid="ignore"):
        shares = np.minimum(tree.departure, density) / density
    certain = np.isinf(tree.departure) | (density == 0)
    probabilities = np.where(member, np.where(certain, 1.0, shares), 0.0)
    sizes, densest = np.bincount(labels[member], minlength=len(clusters)), tree.death.max()
    persistence = np.ones(len(clusters))
    if np.isfinite(densest):
        persistence = stability[clusters] / (sizes * densest)
    return Selected(labels, probabilities, persistence)


def _join_large_components_first(edges: np.ndarray, min_cluster_size: int) -> np.ndarray:
    """Replace the edges between components, so that they start from the first large component.

    Components that can be clusters are joined first. Each small one is joined alone, after them:
    it falls out of the root as noise, where several together could pass for a cluster.
    """
    n = len(edges) + 1
    near = edges[:, 2] < FAR
    if near.all():
        return edges
    edges = edges.copy()
    ends = tuple(edges[near, :2].T.astype(np.int64))
    forest = sp.coo_array((np.ones(int(near.sum())), ends), shape=(n, n))
    count, component = csgraph.connected_components(forest, directed=False)
    _, first = np.unique(component, return_index=True)
    small = np.bincount(component, minlength=count) < min_cluster_size
    order = first[np.lexsort((first, small))]
    edges[~near, 0] = order[0]
    edges[~near, 1] = order[1:]
    return edges


def _single_linkage(ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the dendrogram of a spanning tree: children (n − 1, 2) and sizes (n − 1,) of merges.

    Nodes below n are points, n + i is merge i. Union-find with path halving.
    """
    n = len(ends) + 1
    children, sizes = np.empty((n - 1, 2), dtype=np.int64), np.empty(n - 1, dtype=np.int64)
    top = np.arange(2 * n - 1)
    for merge in range(n - 1):
        size = 0
        for side in range(2):
            node = ends[merge, side]
            while top[node] != node:
                top[node] = top[top[node]]
                node = top[node]
            top[node] = n + merge
            children[merge, side] = node
            size += 1 if node < n else sizes[node - n]
        sizes[merge] = size
    return children, sizes


def _condense(
    children: np.ndarray, sizes: np.ndarray, lengths: np.ndarray, min_cluster_size: int
) -> tuple[np.ndarray, ...]:
    """Walk the dendrogram from its root, level by level, and count what stays together.

    The order of the walk is the package's, so that sums of stability are equal to the bit.
    """
    n = len(children) + 1
    cluster, departure = np.empty(n, dtype=np.int64), np.empty(n)
    parent, birth = np.full(n, -1), np.zeros(n)
    death, stability = np.zeros(n), np.zeros(n)
    count = 1
    queue, owner = np.empty(2 * n, dtype=np.int64), np.empty(2 * n, dtype=np.int64)
    queue[0], owner[0], head, tail = 2 * n - 2, 0, 0, 1
    stack = np.empty(n + 1, dtype=np.int64)
    while head < tail:
        merge, own = queue[head] - n, owner[head]
        head += 1
        density = 1 / lengths[merge] if lengths[merge] > 0 else np.inf
        death[own] = max(death[own], density)
        splits = True
        for child in children[merge]:
            splits &= (1 if child < n else sizes[child - n]) >= min_cluster_size
        for child in children[merge]:
            size = 1 if child < n else sizes[child - n]
            if size >= min_cluster_size:
                queue[tail], owner[tail] = child, own
                if splits:
                    stability[own] += (density - birth[own]) * size
                    parent[count], birth[count], owner[tail] = own, density, count
                    count += 1
                tail += 1
                continue
            stack[0], depth = child, 1
            while depth:
                depth -= 1
                node = stack[depth]
                if node < n:
                    cluster[node], departure[node] = own, density
                    stability[own] += density - birth[own]
                else:
                    stack[depth], stack[depth + 1] = children[node - n]
                    depth += 2
    return cluster, departure, parent[:count], birth[:count], death[:count], stability[:count]


def _excess_of_mass(parent: np.ndarray, stability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Choose the clusters that are at least as stable as the best of their descendants together.

    Sums over children are rounded to float32, as in the package. A cluster has two or none.
    """
    best, first_child = stability.copy(), np.zeros(len(parent), dtype=np.int64)
    chosen = np.ones(len(parent), dtype=np.bool_)
    for node in range(len(parent) - 1, 0, -1):
        first_child[parent[node]] = node
    for node in range(len(parent) - 1, -1, -1):
        child = first_child[node]
        if child:
            below = np.float32(np.float64(np.float32(best[child])) + best[child + 1])
            if below > best[node]:
                chosen[node], best[node] = False, below
    # A chosen cluster covers its descendants. The root covers none: it is rarely wanted.
    covered = np.zeros(len(parent), dtype=np.bool_)
    for node in range(1, len(parent)):
        covered[node] = covered[parent[node]] or (parent[node] > 0 and chosen[parent[node]])
        chosen[node] &= not covered[node]
    return best, chosen


def _merge_within(
    parent: np.ndarray, distance: np.ndarray, chosen: np.ndarray, epsilon: float
) -> np.ndarray:
    """Replace chosen clusters that were born within `epsilon` by an ancestor born beyond it."""
    merged = np.zeros(len(parent), dtype=np.bool_)
    for cluster in np.flatnonzero(chosen):
        ancestor = cluster
        if distance[cluster] < epsilon:
            while parent[ancestor] != 0:
                ancestor = parent[ancestor]
                if distance[ancestor] > epsilon:
                    break
        merged[ancestor] = True
    return merged


def _nearest_chosen(parent: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Number the chosen clusters and give every cluster the number of its nearest chosen ancestor.

    A chosen cluster has its own number, a cluster without chosen ancestors −1.
    """
    labels, count = np.full(len(parent), -1), 0
    for node in range(len(parent)):
        if chosen[node]:
            labels[node] = count
            count += 1
        elif node:
            labels[node] = labels[parent[node]]
    return labels
