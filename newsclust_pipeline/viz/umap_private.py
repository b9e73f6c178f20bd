"""The parts of umap-learn that are not in its public API, read from its release 0.5.12.

`UMAP.fit_transform` builds the graph, and would also rescale any initial positions to a box of its
own. A map that continues an earlier one must keep its positions, so this module takes the graph
from UMAP and calls UMAP's optimizer directly. pyproject.toml pins the minor release; the test of
this module names each private function and its parameters.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from newsclust_pipeline.search.graph import Neighbours


@dataclass(frozen=True)
class Optimizer:
    """UMAP's stochastic gradient descent on the neighbour graph of n documents.

    Attributes:
        graph: (n, n) membership strengths, 0 to 1 (McInnes, Healy, Melville 2018, section 3.1).
        curve: a and b of 1 / (1 + a·d^(2b)), which turns a distance d on the map into a strength.
        seed: seed of the negative samples.
    """

    graph: sp.coo_matrix
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
        from umap import UMAP
        from umap.umap_ import find_ab_params

        count = min(n_neighbors, len(vectors))
        model = UMAP(
            n_neighbors=count,
            metric="euclidean",
            random_state=seed,
            n_jobs=1,
            precomputed_knn=_precomputed(neighbours, count),
            transform_mode="graph",
        )
        with warnings.catch_warnings():
            # UMAP misses a search index, which only its `transform` needs.
            warnings.filterwarnings("ignore", message=r"precomputed_knn\[2\]")
            warnings.filterwarnings("ignore", message="n_neighbors is larger than the dataset size")
            graph = model.fit_transform(vectors)
        return cls(graph.tocoo(), find_ab_params(1.0, min_dist), seed)

    def run(
        self,
        start: np.ndarray,
        epochs: int,
        learning_rate: float = 1.0,
        moving: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return the positions after a descent.

        Args:
            start: (n, c) positions.
            epochs: passes over the graph.
            learning_rate: step length at the start; it falls to 0.
            moving: (n,) bool, documents that may move; None: all.

        Returns:
            (n, c) float32.
        """
        from umap.layouts import optimize_layout_euclidean
        from umap.umap_ import make_epochs_per_sample

        graph = self.graph
        sampled = graph.data >= graph.data.max() / epochs  # UMAP never samples weaker edges
        if moving is not None:
            sampled &= moving[graph.row]
        positions = np.array(start, dtype=np.float32, order="C")
        if not sampled.any():
            return positions
        random = np.random.RandomState(self.seed)
        state = random.randint(np.iinfo(np.int32).min + 1, np.iinfo(np.int32).max - 1, 3)
        optimized: np.ndarray = optimize_layout_euclidean(
            positions,
            positions,
            graph.row[sampled],
            graph.col[sampled],
            epochs,
            len(positions),
            make_epochs_per_sample(graph.data[sampled], epochs),
            *self.curve,
            state.astype(np.int64),
            initial_alpha=learning_rate,
            move_other=moving is None,
        )
        return optimized


def has_enough_neighbours(neighbours: Neighbours, n_neighbors: int) -> bool:
    """Return whether UMAP needs no search of its own. It counts a document as its own neighbour."""
    n = len(neighbours.doc_id)
    return neighbours.indices.shape[1] + 1 >= min(n_neighbors, n)


def _precomputed(neighbours: Neighbours, count: int) -> tuple[Any, Any, None]:
    """Return UMAP's `precomputed_knn`: each document first, then its neighbours; or all None."""
    if not has_enough_neighbours(neighbours, count):
        return None, None, None
    n = len(neighbours.doc_id)
    indices = np.column_stack((np.arange(n, dtype=np.int32), neighbours.indices[:, : count - 1]))
    zeros = np.zeros(n, dtype=np.float32)
    distances = np.column_stack((zeros, neighbours.distances[:, : count - 1]))
    return indices, distances, None
