"""The parts of umap-learn that are not in its public API, read from its release 0.5.12.

`UMAP.fit_transform` would rescale any initial positions to a box of its own. A map that continues
an earlier one must keep its positions. So this module computes UMAP's graph from the known
neighbours (`fuzzy_union.py`) and calls UMAP's optimizer directly. pyproject.toml pins the minor
release; the test of this module names each private function and its parameters.
"""

import warnings
from dataclasses import dataclass
from functools import cache

import numpy as np
import scipy.sparse as sp

from newsclust_pipeline.core.jit import cache_on_disk
from newsclust_pipeline.search.graph import Neighbours
from newsclust_pipeline.viz.fuzzy_union import fuzzy_union


@dataclass(frozen=True)
class Optimizer:
    """UMAP's stochastic gradient descent on the neighbour graph of n documents.

    Attributes:
        graph: (n, n) membership strengths, 0 to 1 (McInnes, Healy, Melville 2018, section 3.1);
            rows and their columns in ascending order. Or (n, m), the strengths of n documents'
            neighbours among m others, which don't move.
        curve: a and b of 1 / (1 + a·d^(2b)), which turns a distance d on the map into a strength.
        seed: seed of the negative samples.
    """

    graph: sp.csr_array
    curve: tuple[float, float]
    seed: int

    @classmethod
    def from_vectors(
        cls,
        vectors: np.ndarray,
        neighbours: Neighbours,
        n_neighbors: int,
        min_dist: float,
        seed: int,
    ) -> "Optimizer":
        """Build UMAP's graph from known neighbours.

        Args:
            vectors: (n, d). UMAP searches them only if `neighbours` has fewer than it needs.
            neighbours: of the same n documents.
            n_neighbors: neighbours per document, itself included; at most n are used.
            min_dist: smallest distance between documents on the map, in map units.
            seed: seed of the optimizer.
        """
        count = min(n_neighbors, len(vectors))
        if has_enough_neighbours(neighbours, count):
            indices = np.ascontiguousarray(neighbours.indices[:, : count - 1])
            graph = fuzzy_union(indices, strengths(neighbours, count))
        else:
            graph = _search_and_graph(vectors, count, seed)
        return cls(graph, curve(min_dist), seed)

    def run(
        self,
        start: np.ndarray,
        epochs: int,
        learning_rate: float = 1.0,
        moving: np.ndarray | None = None,
        anchors: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return the positions after a descent.

        With anchors each position depends on them, its start and its row of the graph alone, if the
        strongest edges of all rows are equally strong.

        Args:
            start: (n, c) positions.
            epochs: passes over the graph.
            learning_rate: step length at the start; it falls to 0.
            moving: (n,) bool, documents that may move; None: all.
            anchors: (m, c) float32, positions of the documents in the graph's columns, if those are
                others than in its rows.

        Returns:
            (n, c) float32.
        """
        from umap.layouts import optimize_layout_euclidean
        from umap.umap_ import make_epochs_per_sample

        _cache_compiled_functions()
        graph = self.graph
        row = np.repeat(np.arange(len(start), dtype=np.int32), np.diff(graph.indptr))
        sampled = (
            graph.data >= graph.data.max(initial=0) / epochs
        )  # UMAP never samples weaker edges
        if moving is not None:
            sampled &= moving[row]
        positions = np.array(start, dtype=np.float32, order="C")
        if not sampled.any():
            return positions
        head, tail, weights = row[sampled], graph.indices[sampled], graph.data[sampled]
        del row, sampled
        random = np.random.RandomState(self.seed)
        state = random.randint(np.iinfo(np.int32).min + 1, np.iinfo(np.int32).max - 1, 3)
        others = positions if anchors is None else anchors
        optimized: np.ndarray = optimize_layout_euclidean(
            positions,
            others,
            head,
            tail,
            epochs,
            len(others),
            make_epochs_per_sample(weights, epochs),
            *self.curve,
            state.astype(np.int64),
            initial_alpha=learning_rate,
            move_other=moving is None and anchors is None,
        )
        return optimized


def has_enough_neighbours(neighbours: Neighbours, n_neighbors: int) -> bool:
    """Return whether UMAP needs no search of its own. It counts a document as its own neighbour."""
    n = len(neighbours.doc_id)
    return neighbours.indices.shape[1] + 1 >= min(n_neighbors, n)


@cache
def _cache_compiled_functions() -> None:
    """Keep on disk what UMAP compiles in every process, which takes seconds."""
    from umap import layouts, umap_

    cache_on_disk(
        umap_.smooth_knn_dist,
        umap_.compute_membership_strengths,
        layouts._nb_optimize_layout_euclidean_single_epoch,
    )


def curve(min_dist: float) -> tuple[float, float]:
    """Return `Optimizer.curve` for a smallest distance between documents on the map."""
    from umap.umap_ import find_ab_params

    a, b = find_ab_params(1.0, min_dist)
    return float(a), float(b)


def strengths(neighbours: Neighbours, count: int) -> np.ndarray:
    """Return UMAP's membership strengths (n, count − 1) float32 of known neighbours.

    Args:
        neighbours: of n documents.
        count: neighbours per document, itself included.
    """
    import numba
    from umap.umap_ import compute_membership_strengths, smooth_knn_dist

    _cache_compiled_functions()
    n = len(neighbours.doc_id)
    indices = np.ascontiguousarray(neighbours.indices[:, : count - 1])
    distances = np.zeros((n, count), dtype=np.float32)  # each document first, then its neighbours
    distances[:, 1:] = neighbours.distances[:, : count - 1]
    threads = numba.get_num_threads()
    numba.set_num_threads(1)  # as UMAP does where there is a seed: sums have one order
    try:
        scales, nearest = smooth_knn_dist(distances, float(count), local_connectivity=1.0)
        distances = np.ascontiguousarray(distances[:, 1:])
        found: np.ndarray = compute_membership_strengths(indices, distances, scales, nearest)[2]
    finally:
        numba.set_num_threads(threads)
    return found.reshape(indices.shape)


def _search_and_graph(vectors: np.ndarray, count: int, seed: int) -> sp.csr_array:
    """Return the graph that UMAP builds after a search of its own."""
    from umap import UMAP

    model = UMAP(
        n_neighbors=count,
        metric="euclidean",
        random_state=seed,
        n_jobs=1,
        transform_mode="graph",
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="n_neighbors is larger than the dataset size")
        graph = model.fit_transform(vectors)
    return sp.csr_array(graph)
