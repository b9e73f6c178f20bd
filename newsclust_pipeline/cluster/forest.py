"""A spanning tree of a large graph by map and reduce: few edges of each part reach one process.

An edge is light if no path of strictly shorter edges connects its ends. A minimum spanning tree has
light edges only, and Prim's algorithm looks at no others where it decides: it takes a shortest edge
that leaves the tree, and such an edge is light. So it gives the same tree, to the last bit and with
the same ties, on the light edges alone.

The light edges of a union are the light edges of the parts' light edges: what a path of shorter
edges connects in a part is connected in the union, and the light edges of a part connect what its
shorter edges do. So the parts can be computed anywhere, and merged two by two. Without ties of
length there are n − 1 light edges. With the ties of mutual reachability, where up to `min_samples`
edges of a node are as long as its core distance, there are up to `min_samples` times as many.
"""

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from newsclust_pipeline.cluster import reachability
from newsclust_pipeline.core.engine import Engine, Rows
from newsclust_pipeline.core.jit import compiled

# Entries from which on workers are used. Sorting edges takes ten times as long as Prim's walk on a
# graph that fits into memory.
_LEAST = 100_000_000
_SPARSE = 4  # times as many nodes as edges
_ENTRIES = 4_000_000  # of the distance matrix in one part: about 100 MB while it is sorted


class Edges(NamedTuple):
    """Edges: their ends (m, 2) int64, and their lengths (m,) float64."""

    ends: np.ndarray
    lengths: np.ndarray


class Part(NamedTuple):
    """Consecutive rows of a symmetric distance matrix (n, n) in CSR form.

    Attributes:
        first: the first row.
        indptr: (rows + 1,) where each row begins in `columns` and `distances`.
        columns: of all entries of the matrix.
        distances: of all entries of the matrix.
    """

    first: int
    indptr: np.ndarray
    columns: Rows
    distances: Rows

    def entries(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return where each row begins, and the columns and distances of these rows alone."""
        own = slice(int(self.indptr[0]), int(self.indptr[-1]))
        return self.indptr - self.indptr[0], self.columns[own], self.distances[own]


def is_divisible(distances: sp.csr_array) -> bool:
    """Return whether a matrix is large enough for workers."""
    return bool(distances.nnz > _LEAST)


def parts_of(engine: Engine, distances: sp.csr_array) -> list[Part]:
    """Return the parts of a matrix: rows with about `_ENTRIES` entries together."""
    columns, values = engine.share(distances.indices), engine.share(distances.data)
    indptr, n = distances.indptr.astype(np.int64), distances.shape[0]
    parts, first = [], 0
    while first < n:
        end = int(np.searchsorted(indptr, indptr[first] + _ENTRIES, side="right")) - 1
        end = max(end, first + 1)
        parts.append(Part(first, indptr[first : end + 1], columns, values))
        first = end
    if isinstance(columns, np.ndarray):  # a task carries its own entries alone
        return [Part(part.first, *part.entries()) for part in parts]
    return parts


def core_distances(engine: Engine, parts: list[Part], min_samples: int) -> np.ndarray:
    """Return the core distance (n,) of every node; see `reachability.core_distances`."""
    return np.concatenate(list(engine.map(_core_distances, parts, min_samples)))


def light_edges(engine: Engine, parts: list[Part], core: np.ndarray) -> Edges:
    """Return the light edges of the mutual reachability graph.

    Args:
        engine: runs the parts and their merges.
        parts: of the distance matrix (n, n).
        core: (n,) core distances.
    """
    edges: Edges = engine.reduce(_light_edges, _merge, parts, core)
    return edges


def graph_of(edges: Edges, n: int) -> sp.csr_array:
    """Return the symmetric matrix (n, n) of edges, of which no two have the same ends."""
    ends = np.concatenate([edges.ends, edges.ends[:, ::-1]])
    lengths = np.concatenate([edges.lengths, edges.lengths])
    order = np.lexsort((ends[:, 1], ends[:, 0]))
    indptr = np.searchsorted(ends[order, 0], np.arange(n + 1))
    return sp.csr_array((lengths[order], ends[order, 1], indptr), shape=(n, n))


def _core_distances(part: Part, min_samples: int) -> np.ndarray:
    indptr, _, distances = part.entries()
    return reachability.core_distances(indptr, distances, min_samples)


def _light_edges(part: Part, core: np.ndarray) -> Edges:
    """Return the light edges among those of a part to later nodes: each edge is in one part."""
    indptr, columns, distances = part.entries()
    rows = part.first + np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    lengths = np.maximum(np.maximum(distances.astype(np.float64), core[rows]), core[columns])
    own = np.flatnonzero((rows < columns) & np.isfinite(lengths))
    return _lightest(Edges(np.column_stack([rows[own], columns[own]]), lengths[own]))


def _merge(one: Edges, other: Edges) -> Edges:
    """Return the light edges of two parts' light edges."""
    ends, lengths = (np.concatenate(arrays) for arrays in zip(one, other, strict=True))
    return _lightest(Edges(ends, lengths))


def _lightest(edges: Edges) -> Edges:
    order = np.argsort(edges.lengths, kind="stable")
    ends, lengths = edges.ends[order], edges.lengths[order]
    numbers, nodes = ends, int(ends.max(initial=0)) + 1
    if nodes > _SPARSE * len(ends):  # an array of all nodes would be larger than the edges
        used, numbers = np.unique(ends, return_inverse=True)
        numbers, nodes = numbers.reshape(-1, 2), len(used)
    light = compiled(_are_light)(numbers, lengths, nodes)
    return Edges(ends[light], lengths[light])


def _are_light(ends: np.ndarray, lengths: np.ndarray, nodes: int) -> np.ndarray:
    """Return a mask (m,) of the light edges; `lengths` is sorted.

    Kruskal (1956) by groups of edges of equal length: all of a group are judged before any of them
    is joined. Union-find with path halving.
    """
    light = np.zeros(len(lengths), dtype=np.bool_)
    parent = np.arange(nodes)
    start = 0
    while start < len(lengths):
        end = start
        while end < len(lengths) and lengths[end] == lengths[start]:
            light[end] = _root(parent, ends[end, 0]) != _root(parent, ends[end, 1])
            end += 1
        for edge in range(start, end):
            if light[edge]:
                parent[_root(parent, ends[edge, 0])] = _root(parent, ends[edge, 1])
        start = end
    return light


def _root(parent: np.ndarray, node: int) -> int:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node
