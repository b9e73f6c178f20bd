"""Compute positions on the map from vectors and their known neighbours, with UMAP.

UMAP (McInnes, Healy, Melville 2018) gets the neighbours instead of searching for them, and starts
from principal components or from the previous map (continuation.py). Equal arguments give equal
positions, bit for bit.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from newsclust_pipeline.core.engine import IN_PROCESS, Engine
from newsclust_pipeline.search.graph import Neighbours
from newsclust_pipeline.viz import sample_map
from newsclust_pipeline.viz.continuation import (
    MAX_EPOCHS,
    PreviousMap,
    align,
    continue_map,
    median_displacement,
)
from newsclust_pipeline.viz.umap_private import (
    Optimizer,
    curve,
    has_enough_neighbours,
    strengths,
)

# Above this number of documents a sample is laid out. Where that is impossible, and in a larger
# sample, every doubling halves the epochs, so that their cost stays equal.
_LARGE, _MIN_EPOCHS = 200_000, 50
_START_SPAN = 10.0


@dataclass(frozen=True)
class Projection:
    """Positions and how they were computed.

    Attributes:
        positions: (n, n_components) float32.
        strategy: `unchanged` or `refined` (the previous map), `full`, `sample` or `fewer epochs` (a
            new map), or `row` (too few documents for a map).
        epochs: passes of the descent over all documents, or over those of the sample.
        started_from: `last positions` or `pca`; `nothing` for a row.
        kept_documents: documents that the previous map shows, too.
        moved_median_share_of_span: their median displacement, in units of the map's longest side.
        sampled_documents: documents of the sample, among which the others were placed; 0 without.
    """

    positions: np.ndarray
    strategy: str
    epochs: int
    started_from: str
    kept_documents: int = 0
    moved_median_share_of_span: float = 0.0
    sampled_documents: int = 0

    def summary(self) -> dict[str, str | int | float]:
        """Return everything but the positions."""
        return {k: v for k, v in vars(self).items() if k != "positions"}


def project(  # noqa: PLR0913 (parameters of UMAP)
    vectors: np.ndarray,
    neighbours: Neighbours,
    n_components: int = 2,
    n_neighbors: int = 80,
    min_dist: float = 0.1,
    random_state: int = 42,
    previous: PreviousMap | None = None,
    *,
    engine: Engine = IN_PROCESS,
) -> Projection:
    """Compute a map on which similar documents lie close together.

    If the previous map shows the same documents, it is the result. If it shows at least half of
    them, it is continued. Otherwise the map is new, and is rotated and shifted towards the
    previous one.

    Args:
        vectors: (n, d) float32, of unit length.
        neighbours: of the same n documents. With fewer than n_neighbors − 1 per document UMAP
            searches the vectors itself.
        n_components: 2 or 3.
        n_neighbors: neighbours that determine a position, the document included; at most n.
        min_dist: smallest distance between documents on the map, in map units.
        random_state: seed.
        previous: the previous map, made with the same parameters and embedder.
        engine: places documents, if there are so many that only a sample is laid out.
    """
    n = len(vectors)
    if n <= n_components + 2:
        return Projection(_row(n, n_components), "row", 0, "nothing")
    if previous and len(previous.positions) <= n_components + 2:
        previous = None  # a row of documents is no map to continue
    rows = previous.rows_of(neighbours.doc_id) if previous else np.full(n, -1)
    is_old = rows >= 0
    if previous and is_old.all() and len(previous.positions) == n:
        return Projection(previous.positions[rows], "unchanged", 0, "last positions", n)
    before = (
        previous.positions[rows[is_old]] if previous else np.empty((0, n_components), np.float32)
    )
    graph = (neighbours, n_neighbors, min_dist, random_state)
    if previous and 2 * is_old.sum() >= n:
        strategy, started_from, sampled = "refined", "last positions", 0
        epochs = min(MAX_EPOCHS, epochs_for(n) // 2)
        changed = len(previous.positions) + n - 2 * int(is_old.sum())
        optimizer = Optimizer.from_vectors(vectors, *graph)
        positions = continue_map(optimizer, vectors, before, is_old, epochs, changed)
    else:
        started_from = "pca"
        positions, strategy, epochs, sampled = _new_map(vectors, *graph, n_components, engine)
        if len(before):
            positions = align(positions, positions[is_old], before)
    moved = median_displacement(before, positions[is_old], positions)
    kept = int(is_old.sum())
    return Projection(positions, strategy, epochs, started_from, kept, moved, sampled)


def _new_map(
    vectors: np.ndarray,
    neighbours: Neighbours,
    n_neighbors: int,
    min_dist: float,
    seed: int,
    n_components: int,
    engine: Engine,
) -> tuple[np.ndarray, str, int, int]:
    """Return positions, strategy, epochs and the size of the sample; arguments as of `project`."""
    n = len(vectors)
    share = sample_map.share_for(n_neighbors)
    if n <= _LARGE or share is None or not has_enough_neighbours(neighbours, n_neighbors):
        optimizer = Optimizer.from_vectors(vectors, neighbours, n_neighbors, min_dist, seed)
        epochs = epochs_for(n)
        positions = optimizer.run(initial_positions(vectors, n_components, seed), epochs)
        return positions, "full" if n <= _LARGE else "fewer epochs", epochs, 0
    indices = neighbours.indices[:, : n_neighbors - 1]
    sample = sample_map.draw(indices, strengths(neighbours, n_neighbors), share, seed)
    epochs, shape = epochs_for(len(sample.rows)), curve(min_dist)
    start = initial_positions(vectors[sample.rows], n_components, seed)
    positions = Optimizer(sample.union(), shape, seed).run(start, epochs)
    how = (sample, positions, vectors, indices, shape, seed)
    return sample_map.place_others(*how, engine), "sample", epochs, len(sample.rows)


def positions_table(doc_id: np.ndarray, positions: np.ndarray) -> pa.Table:
    """Return the table of positions: doc_id, x, y, and z if there are three axes."""
    columns: dict[str, Any] = {"doc_id": pa.array(doc_id.tolist(), pa.string())}
    for axis, values in zip("xyz", positions.T, strict=False):
        columns[axis] = pa.array(values, pa.float32())
    return pa.table(columns)


def epochs_for(n: int) -> int:
    """Return UMAP's default number of epochs, and fewer above 200,000 documents."""
    default = 500 if n <= 10_000 else 200
    return max(_MIN_EPOCHS, min(default, default * _LARGE // n))


def initial_positions(vectors: np.ndarray, n_components: int, seed: int) -> np.ndarray:
    """Return the principal components of vectors (n, d), scaled to a box: (n, n_components).

    UMAP's default, spectral initialisation, is slow and unstable on graphs with many components.
    """
    from sklearn.decomposition import PCA

    random = np.random.RandomState(seed)
    if not np.ptp(vectors, axis=0).any():
        return random.uniform(0, _START_SPAN, (len(vectors), n_components)).astype(np.float32)
    # This solver needs no copy of the vectors.
    start = PCA(n_components, svd_solver="covariance_eigh").fit_transform(vectors)
    start *= _START_SPAN / np.abs(start).max()
    start += random.normal(scale=1e-4, size=start.shape)  # the optimizer can't separate equal ones
    return _START_SPAN * (start - start.min(axis=0)) / np.ptp(start, axis=0)


def _row(n: int, n_components: int) -> np.ndarray:
    """Return positions side by side, for so few documents that a map has no meaning."""
    positions = np.zeros((n, n_components), dtype=np.float32)
    positions[:, 0] = np.arange(n)
    return positions
