"""Cluster a sparse distance graph by HDBSCAN, in memory and time that grow with the edges.

HDBSCAN (Campello, Moulavi, Sander 2013; McInnes, Healy 2017) needs a minimum spanning tree of the
mutual reachability graph. An absent edge is infinitely long. The package `hdbscan` accepts such
edges only in dense N × N matrices. Here Prim's algorithm walks the sparse graph and continues with
the next connected component where no edge leads on.

Mutual reachability has many ties: all edges of an outlier are as long as its core distance. The
order in which ties are broken changes the labels. It is the order of the package on the dense
matrix, so both give the same labels.
"""

from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np
import scipy.sparse as sp

from newsclust_pipeline.cluster import forest
from newsclust_pipeline.cluster.condensed_tree import FAR, NOISE, Selection, condense, select
from newsclust_pipeline.cluster.reachability import core_distances
from newsclust_pipeline.core.engine import IN_PROCESS, Engine
from newsclust_pipeline.core.jit import compiled


@dataclass(frozen=True)
class Clusters:
    """The result of a clustering.

    Attributes:
        labels: (n,) int32; the largest cluster is 0, noise is −1.
        probabilities: (n,) float64 in [0, 1]: the density at which a point leaves its cluster,
            relative to the cluster's highest density; 0 for noise.
        persistence: (clusters,) float64 in [0, 1]: the range of densities over which each cluster
            exists.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    persistence: np.ndarray

    def restore(self, order: np.ndarray) -> "Clusters":
        """Return the clusters of documents of which these are `documents[order]`."""
        labels, probabilities = np.empty_like(self.labels), np.empty_like(self.probabilities)
        labels[order], probabilities[order] = self.labels, self.probabilities
        return Clusters(labels, probabilities, self.persistence)


def hdbscan(
    distances: sp.csr_array,
    min_samples: int = 3,
    min_cluster_size: int = 3,
    selection: Selection = "eom",
    epsilon: float = 0.0,
    allow_single_cluster: bool = False,
    *,
    engine: Engine = IN_PROCESS,
) -> Clusters:
    """Cluster the nodes of a symmetric sparse distance graph.

    Args:
        distances: (n, n), symmetric, finite, not negative. A missing entry is no edge, a stored 0
            is a distance.
        min_samples: the core distance of a node is the distance to this neighbour, the node itself
            not counted. A node with fewer neighbours is noise.
        min_cluster_size: smaller groups are noise.
        selection: "eom", excess of mass (fewer, larger clusters), or "leaf" (more, finer ones).
        epsilon: clusters closer than this distance are not split.
        allow_single_cluster: whether all nodes may be one cluster, without outliers, if that is
            more stable than any split.
        engine: computes the spanning tree.

    Raises:
        ValueError: the matrix is not square, or has a distance that is negative or not finite.
    """
    edges = spanning_tree(distances, min_samples, engine)
    if not len(edges):
        n = distances.shape[0]
        return Clusters(np.full(n, NOISE, dtype=np.int32), np.zeros(n), np.zeros(0))
    tree = condense(edges, min_cluster_size)
    return ranked_by_size(*select(tree, selection, epsilon, allow_single_cluster))


def ranked_by_size(
    labels: np.ndarray, probabilities: np.ndarray, persistence: np.ndarray
) -> Clusters:
    """Return clusters numbered by size, the largest 0; equal sizes by their first document."""
    old, first, members = np.unique(labels[labels != NOISE], return_index=True, return_counts=True)
    order = np.lexsort((np.flatnonzero(labels != NOISE)[first], -members))
    new = np.full(len(persistence) + 1, NOISE, dtype=np.int32)
    new[old[order]] = np.arange(len(order))
    return Clusters(new[labels], probabilities, persistence[old[order]])  # −1 is the last entry


def spanning_tree(
    distances: sp.csr_array, min_samples: int, engine: Engine = IN_PROCESS
) -> np.ndarray:
    """Compute a minimum spanning tree of the mutual reachability graph; arguments as of `hdbscan`.

    Every engine gives the same tree: see `forest`.

    Returns:
        Edges (n − 1, 3), or (0, 3) without documents: two ends and a length, shortest first. Edges
        that are `FAR` long join connected components.
    """
    n = _size_of(distances)
    if n < 2:
        return np.empty((0, 3))
    min_samples = min(min_samples, n - 1)
    if engine.is_parallel and forest.is_divisible(distances):
        parts = forest.parts_of(engine, distances)
        core = forest.core_distances(engine, parts, min_samples)
        distances = forest.graph_of(forest.light_edges(engine, parts, core), n)
    else:
        core = core_distances(distances.indptr, distances.data, min_samples)
    edges = compiled(_prim)(distances.indptr, distances.indices, distances.data, core, FAR)
    # argsort by its default algorithm, as in the package: another one orders ties differently.
    ordered: np.ndarray = edges[np.argsort(edges.T[2])]
    return ordered


def _size_of(distances: sp.csr_array) -> int:
    """Return n of a distance graph (n, n), after checking it."""
    rows, columns = distances.shape
    if rows != columns:
        raise ValueError(f"the distance graph must be square, not {rows} × {columns}")
    bad = int(np.count_nonzero(~(np.isfinite(distances.data) & (distances.data >= 0))))
    if bad:
        raise ValueError(f"{bad} of {distances.nnz} distances are negative or not finite")
    return int(rows)


def _prim(
    indptr: np.ndarray, indices: np.ndarray, distances: np.ndarray, core: np.ndarray, far: float
) -> np.ndarray:
    """Grow a tree from node 0 by the shortest edge; of equal edges, by that to the lowest node.

    Prim (1957) with a heap: the sparse counterpart of `mst_linkage_core` in the package. Where no
    edge leads on, an edge of length `far` leads from node 0 to the first node outside the tree, as
    in the dense case. Mutual reachability is computed edge by edge: for a million documents an
    array of it would take a gigabyte.
    """
    n = len(indptr) - 1
    edges = np.empty((n - 1, 3))
    shortest = np.full(n, far)  # length of the best edge to each node; −1 in the tree
    source = np.zeros(n, dtype=np.int64)
    heap = [(0.0, np.int64(0))]  # one entry, from which numba infers the type
    heap.pop()
    node = outside = np.int64(0)
    for step in range(n - 1):
        shortest[node] = -1
        for edge in range(indptr[node], indptr[node + 1]):
            other = np.int64(indices[edge])
            # The other core distance is read only where it can matter: it is a cache miss.
            length = max(np.float64(distances[edge]), core[node])
            if length < shortest[other]:
                length = max(length, core[other])
                if length < shortest[other]:
                    shortest[other], source[other] = length, node
                    heappush(heap, (length, other))
        # An entry stays in the heap after its node was reached by a shorter edge. Skip it.
        while heap and shortest[heap[0][1]] < 0:
            heappop(heap)
        if heap:
            node = heappop(heap)[1]
        else:
            while shortest[outside] < 0:
                outside += 1
            node = outside
        edges[step, 0], edges[step, 1], edges[step, 2] = source[node], node, shortest[node]
    return edges
