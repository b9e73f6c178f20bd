"""The clusterings among which `choice.py` chooses: HDBSCAN by a grid, average linkage by cuts.

Work is shared: one spanning tree per min_samples, one condensed tree per min_cluster_size on it,
one merge tree.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Literal, NamedTuple

import numpy as np
import scipy.sparse as sp

from newsclust_pipeline.cluster.average_linkage import (
    MergeTree,
    clusters_at,
    cut_heights,
    merge_tree,
)
from newsclust_pipeline.cluster.condensed_tree import FAR, Selection, condense, select
from newsclust_pipeline.cluster.hdbscan import Clusters, ranked_by_size, spanning_tree
from newsclust_pipeline.cluster.silhouette import Silhouettes
from newsclust_pipeline.cluster.vector_sums import rounded
from newsclust_pipeline.core.engine import IN_PROCESS, Engine

Algorithm = Literal["hdbscan", "average"]

MIN_SAMPLES = (1, 3)
MIN_CLUSTER_SIZES = (2, 3, 15)
SELECTIONS: tuple[Selection, ...] = ("eom", "leaf")
# Epsilons are quantiles of the spanning tree's edges, because the scale of distances depends on
# the embedder. 0 means no epsilon.
EPSILON_QUANTILES = (0.0, 0.75)
# Pairs and triples of unrelated articles have a cohesion of 0.05 to 0.2: an article is nearer to
# its nearest neighbour than to anything else, whatever that neighbour is about.
MIN_COHESION = 0.15


@dataclass(frozen=True)
class Parameters:
    """How to cluster, under the names of the run config.

    Attributes:
        algorithm: "hdbscan", or "average" for average linkage.
        min_samples: of `hdbscan.hdbscan`.
        min_cluster_size: the fewest documents of a story, for both algorithms.
        cluster_selection_method: of `hdbscan.hdbscan`.
        cluster_selection_epsilon: of `hdbscan.hdbscan`.
        allow_single_cluster: whether all documents may be one story, for both algorithms.
        cut_height: the mean distance at which average linkage stops; None for the best by score.
        min_cohesion: stories with a lower mean silhouette are noise; None keeps all.
    """

    algorithm: Algorithm = "hdbscan"
    min_samples: int = 3
    min_cluster_size: int = 3
    cluster_selection_method: Selection = "eom"
    cluster_selection_epsilon: float = 0.0
    allow_single_cluster: bool = False
    cut_height: float | None = None
    min_cohesion: float | None = None


@dataclass(frozen=True)
class Documents:
    """What is clustered.

    Attributes:
        distances: (n, n), symmetric, sparse.
        vectors: (n, d) of the same documents.
        background: the distance (half the squared Euclidean one) between unrelated documents; 0 if
            unknown.
        has_time: whether the time is in distances and vectors.
        engine: computes their spanning trees.
    """

    distances: sp.csr_array
    vectors: np.ndarray
    background: float = 0.0
    has_time: bool = False
    engine: Engine = IN_PROCESS

    @cached_property
    def silhouettes(self) -> Silhouettes:
        """Computes silhouettes of these documents."""
        return Silhouettes(self.vectors, self.distances, self.background, self.has_time)

    @cached_property
    def merge_tree(self) -> MergeTree:
        """The merges of average linkage."""
        return merge_tree(self.vectors, self.distances)

    @cached_property
    def _spanning_trees(self) -> dict[int, np.ndarray]:
        return {}

    def spanning_tree(self, min_samples: int) -> np.ndarray:
        """Return the edges of `hdbscan.spanning_tree`, which are computed once."""
        if min_samples not in self._spanning_trees:
            edges = spanning_tree(self.distances, min_samples, self.engine)
            self._spanning_trees[min_samples] = edges
        return self._spanning_trees[min_samples]

    def take(self, rows: np.ndarray) -> "Documents":
        """Return the documents of these rows, in that order."""
        return replace(self, distances=_take(self.distances, rows), vectors=self.vectors[rows])


def _take(distances: sp.csr_array, rows: np.ndarray) -> sp.csr_array:
    """Return `distances[rows][:, rows]`, which SciPy makes by way of several copies."""
    part = distances[rows]
    place = np.full(distances.shape[0], -1, dtype=np.int32)
    place[rows] = np.arange(len(rows), dtype=np.int32)
    columns, data, starts = place[part.indices], part.data, part.indptr
    kept = columns >= 0
    if not kept.all():
        ends = np.cumsum(kept, dtype=starts.dtype)
        columns, data, starts = columns[kept], data[kept], np.append(0, ends)[starts]
    taken = sp.csr_array((data, columns, starts), shape=(len(rows), len(rows)))
    taken.sort_indices()
    return taken


class Clustering(NamedTuple):
    """Clusters, and the parameters that give them."""

    parameters: Parameters
    clusters: Clusters


def candidates(documents: Documents) -> tuple[Iterator[Clustering], Iterator[Clustering]]:
    """Return the distinct clusterings of HDBSCAN and of average linkage, one at a time."""
    # min_samples 1: the nearest story of a lone document is that of its nearest neighbour.
    average = Parameters("average", 1, 2, min_cohesion=MIN_COHESION)
    return _distinct(_grid(documents)), _distinct(cuts(documents, average))


def _distinct(clusterings: Iterator[Clustering]) -> Iterator[Clustering]:
    """Yield the first clustering with each distinct labelling."""
    seen: set[bytes] = set()
    for clustering in clusterings:
        key = hashlib.blake2b(clustering.clusters.labels.tobytes()).digest()
        if key not in seen:
            seen.add(key)
            yield clustering


def _grid(documents: Documents) -> Iterator[Clustering]:
    """Yield HDBSCAN's clusterings with all parameters of the grid."""
    for min_samples in MIN_SAMPLES:
        edges = documents.spanning_tree(min_samples)
        epsilons = _epsilons(edges)
        for min_cluster_size in MIN_CLUSTER_SIZES:
            tree = condense(edges, min_cluster_size)
            for selection, epsilon in product(SELECTIONS, epsilons):
                parameters = Parameters(
                    "hdbscan", min_samples, min_cluster_size, selection, epsilon
                )
                parameters = replace(parameters, min_cohesion=MIN_COHESION)
                yield Clustering(parameters, ranked_by_size(*select(tree, selection, epsilon)))


def cuts(documents: Documents, parameters: Parameters) -> Iterator[Clustering]:
    """Yield the clusterings of average linkage with all cuts that are worth trying.

    The parameters are as of `choice.cluster`; `cut_height` is replaced.

    A cut that leaves a single group is one of them only if the distance between unrelated documents
    is known: the silhouette of a single story compares with that.
    """
    tree, rows = documents.merge_tree, rounded(documents.vectors)
    heights = cut_heights(tree)
    if documents.background or parameters.allow_single_cluster:
        heights = sorted({*heights, *tree.heights[-1:].tolist()})
    for height in heights:
        clusters = clusters_at(tree, rows, height, parameters.min_cluster_size)
        yield Clustering(
            replace(
                parameters,
                cut_height=height,
                allow_single_cluster=len(clusters.persistence) == 1,
            ),
            clusters,
        )


def _epsilons(edges: np.ndarray) -> list[float]:
    near = edges[edges[:, 2] < FAR, 2]
    if not len(near):
        return [0.0]
    # Rounded, so that a value copied from the table gives the same clusters.
    return [round(float(np.quantile(near, q)), 4) if q else 0.0 for q in EPSILON_QUANTILES]
