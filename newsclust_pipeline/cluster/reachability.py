"""Mutual reachability: the distance by which HDBSCAN compares nodes of different density.

The core distance of a node is the distance to its min_samples-th neighbour. The mutual reachability
distance of two nodes is the largest of their distance and their core distances (Campello, Moulavi,
Sander 2013).
"""

import numpy as np

from newsclust_pipeline.core.jit import compiled


def core_distances(indptr: np.ndarray, distances: np.ndarray, min_samples: int) -> np.ndarray:
    """Return the core distance of every node (n,), ∞ for a node with too few neighbours.

    Args:
        indptr: (n + 1,) where the distances of each node begin.
        distances: of all nodes, in any order.
        min_samples: at least 1; the node itself is not counted.
    """
    core: np.ndarray = compiled(_core)(indptr, distances, min_samples)
    return core


def _core(indptr: np.ndarray, distances: np.ndarray, min_samples: int) -> np.ndarray:
    """Insert every distance of a node into its sorted list of the shortest ones."""
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
