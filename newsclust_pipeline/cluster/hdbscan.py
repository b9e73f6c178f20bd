"""Sparse distance graph → HDBSCAN clusters, in memory and time that grow with the edges.

HDBSCAN (Campello, Moulavi, Sander 2013; McInnes, Healy 2017) needs the minimum spanning tree of the
mutual reachability graph. Absent edges are infinitely long; the package `hdbscan` takes them only
in N × N dense matrices. Here Prim's algorithm walks the sparse graph and leaps from one connected
component to the next; from there on `hdbscan`'s own code condenses the hierarchy and selects.

Mutual reachability is full of ties (all edges of an outlier are as long as its core distance), and
how they are broken shows in the labels. They are broken as the package breaks them on the dense
matrix, so that its results and these are the same.
"""

from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Literal, NamedTuple

import numpy as np
import scipy.sparse as sp
from scipy.sparse import csgraph

from newsclust_pipeline.core.jit import compiled

NOISE = -1
Selection = Literal["eom", "leaf"]
# Stands for infinity. Unit vectors are at most 2 apart. hdbscan writes malformed trees for true
# infinities; any value far beyond the distances gives the same clusters.
FAR = 1e6
# The condensed tree as the package has it; scikit-learn calls two columns otherwise.
_TREE = np.dtype(
    [("parent", "<i8"), ("child", "<i8"), ("lambda_val", "<f8"), ("child_size", "<i8")]
)


@dataclass(frozen=True)
class Clusters:
    """Labels (n,) int32, largest cluster 0, −1 for noise; probabilities (n,) float64 in [0, 1].

    `persistence` (clusters,) float64 in [0, 1]: over what range of densities each of them stands.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    persistence: np.ndarray


def hdbscan(
    distances: sp.csr_array,
    min_samples: int = 3,
    min_cluster_size: int = 3,
    selection: Selection = "eom",
    epsilon: float = 0.0,
) -> Clusters:
    """Cluster the nodes of a symmetric sparse distance graph.

    Args:
        distances: (n, n), symmetric, finite, not negative; a missing entry is no edge, a stored 0
            is a distance.
        min_samples: the core distance is that to this neighbour (the node itself not counted). A
            node with fewer neighbours is noise.
        min_cluster_size: smaller groups are noise.
        selection: excess of mass (fewer, larger clusters) or leaves (more, finer ones).
        epsilon: clusters closer than this distance are not split.

    Raises:
        ValueError: the matrix is not square, or holds a distance that is negative or not finite.
    """
    edges = spanning_tree(distances, min_samples)
    if not len(edges):
        n = distances.shape[0]
        return Clusters(np.full(n, NOISE, dtype=np.int32), np.zeros(n), np.zeros(0))
    return select(condense(edges, min_cluster_size), selection, epsilon)


def spanning_tree(distances: sp.csr_array, min_samples: int) -> np.ndarray:
    """Find a minimum spanning tree of the mutual reachability graph; arguments as of `hdbscan`.

    Returns:
        Edges (n − 1, 3), or (0, 3) without documents: two ends and a length, shortest first. Those
        that are `FAR` long lead from one connected component to another.
    """
    n = _checked(distances)
    if n < 2:
        return np.empty((0, 3))
    core = core_distances(distances, min(min_samples, n - 1))
    edges = compiled(_prim)(distances.indptr, distances.indices, distances.data, core, FAR)
    # The kind of sort matters: the package's, for its order of ties.
    ordered: np.ndarray = edges[np.argsort(edges.T[2])]
    return ordered


class Condensed(NamedTuple):
    """A condensed tree, and the stability of every cluster in it."""

    tree: np.ndarray
    stability: dict[int, float]


def condense(edges: np.ndarray, min_cluster_size: int) -> Condensed:
    """Condense the hierarchy of a spanning tree with edges.

    By scikit-learn's code, which is the package's, in half of the time. One spanning tree serves
    every `min_cluster_size`, one condensed tree every selection.
    """
    from sklearn.cluster._hdbscan._tree import _condense_tree

    tree = _condense_tree(_single_linkage(edges, min_cluster_size), min_cluster_size).view(_TREE)
    return Condensed(tree, _stability(tree))


def select(condensed: Condensed, selection: Selection = "eom", epsilon: float = 0.0) -> Clusters:
    """Select clusters from a condensed tree, by the package's own code; see `hdbscan`."""
    from hdbscan._hdbscan_tree import get_clusters

    found, probabilities, persistence = get_clusters(
        condensed.tree,
        dict(condensed.stability),  # it is written to
        cluster_selection_method=selection,
        cluster_selection_epsilon=epsilon,
    )
    labels, member = _by_size(found), found != NOISE
    by_label = np.empty_like(persistence)
    by_label[labels[member]] = persistence[found[member]]
    return Clusters(labels, probabilities, by_label)


def core_distances(distances: sp.csr_array, min_samples: int) -> np.ndarray:
    """Give every node's distance to its min_samples-th neighbour; ∞ where there are fewer: (n,)."""
    core: np.ndarray = compiled(_core)(distances.indptr, distances.data, min_samples)
    return core


def _checked(distances: sp.csr_array) -> int:
    rows, columns = distances.shape
    if rows != columns:
        raise ValueError(f"the distance graph must be square, not {rows} × {columns}")
    bad = int(np.count_nonzero(~(np.isfinite(distances.data) & (distances.data >= 0))))
    if bad:
        raise ValueError(f"{bad} of {distances.nnz} distances are negative or not finite")
    return int(rows)


def _core(indptr: np.ndarray, distances: np.ndarray, min_samples: int) -> np.ndarray:
    """Keep the shortest of every node's distances in order, as they come by."""
    n = len(indptr) - 1
    core = np.empty(n)
    shortest = np.empty(min_samples)
    for node in range(n):
        shortest[:] = np.inf
        for distance in distances[indptr[node] : indptr[node + 1]]:
            place = min_samples - 1
            if distance < shortest[place]:
                while place > 0 and distance < shortest[place - 1]:
                    shortest[place] = shortest[place - 1]
                    place -= 1
                shortest[place] = distance
        core[node] = shortest[-1]
    return core


def _prim(
    indptr: np.ndarray, indices: np.ndarray, distances: np.ndarray, core: np.ndarray, far: float
) -> np.ndarray:
    """Grow a tree from node 0 by the shortest edge, of equal ones to the node that comes first.

    Prim (1957), with a heap: the sparse counterpart of the package's `mst_linkage_core`. Where no
    edge leads on, it leaps to the first node left, from node 0 (as the dense one would). Lengths
    are made as they are needed: for a million documents they would take a gigabyte.
    """
    n = len(indptr) - 1
    edges = np.empty((n - 1, 3))
    shortest = np.full(n, far)  # way to what is reached; −1 to a node that is in the tree
    source = np.zeros(n, dtype=np.int64)
    heap = [(0.0, np.int64(0))]  # a first entry, for its type's sake
    heap.pop()
    node = first_left = np.int64(0)
    for step in range(n - 1):
        shortest[node] = -1
        for edge in range(indptr[node], indptr[node + 1]):
            other = np.int64(indices[edge])
            # The other's core distance is looked up only where it can matter.
            length = max(np.float64(distances[edge]), core[node])
            if length < shortest[other]:
                length = max(length, core[other])
                if length < shortest[other]:
                    shortest[other], source[other] = length, node
                    heappush(heap, (length, other))
        # Entries that a shorter edge has overtaken stay in the heap until they come up.
        while heap and shortest[heap[0][1]] < 0:
            heappop(heap)
        if heap:
            node = heappop(heap)[1]
        else:
            while shortest[first_left] < 0:
                first_left += 1
            node = first_left
        edges[step, 0], edges[step, 1], edges[step, 2] = source[node], node, shortest[node]
    return edges


def _single_linkage(edges: np.ndarray, min_cluster_size: int) -> np.ndarray:
    """Write the dendrogram (n − 1,) of a spanning tree, as scikit-learn has it.

    Components that can be clusters are joined first. Small ones come after, each for itself: they
    drop off the root as noise, where together they could pass for a cluster.
    """
    # As hdbscan's own `label` does, a hundred times as fast.
    from sklearn.cluster._hdbscan._linkage import MST_edge_dtype, make_single_linkage

    n = len(edges) + 1
    edges = edges.copy()
    near = edges[:, 2] < FAR
    ends = tuple(edges[near, :2].T.astype(np.int64))
    forest = sp.coo_array((np.ones(int(near.sum())), ends), shape=(n, n))
    count, component = csgraph.connected_components(forest, directed=False)
    _, first = np.unique(component, return_index=True)
    small = np.bincount(component, minlength=count) < min_cluster_size
    joined = first[np.lexsort((first, small))]
    edges[~near, 0] = joined[0]
    edges[~near, 1] = joined[1:]
    tree = np.empty(n - 1, dtype=MST_edge_dtype)
    tree["current_node"], tree["next_node"], tree["distance"] = edges.T
    merges: np.ndarray = make_single_linkage(tree)
    return merges


def _stability(tree: np.ndarray) -> dict[int, float]:
    """Give every cluster's excess of mass: the package's `compute_stability`, without its sort.

    Sums are made in the order of the tree, so that they are the package's to the bit.
    """
    parent, root = tree["parent"], int(tree["parent"].min())
    births = np.zeros(max(tree["child"].max(), parent.max()) + 1)
    births[tree["child"]] = tree["lambda_val"]
    births[root] = 0
    with np.errstate(invalid="ignore"):  # ∞ − ∞: twins that have twins
        excess = (tree["lambda_val"] - births[parent]) * tree["child_size"]
    return dict(enumerate(np.bincount(parent - root, weights=excess).tolist(), root))


def _by_size(labels: np.ndarray) -> np.ndarray:
    """Number clusters by size, the largest 0; equal ones by their first document."""
    found, first, members = np.unique(labels, return_index=True, return_counts=True)
    real = found != NOISE
    order = np.lexsort((first[real], -members[real]))
    new = np.full(int(labels.max(initial=NOISE)) + 2, NOISE, dtype=np.int32)
    new[found[real][order]] = np.arange(len(order))
    return new[labels]  # −1 indexes the last entry, which stays −1
