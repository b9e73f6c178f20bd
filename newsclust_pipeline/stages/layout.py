"""Vectors and their known neighbours → positions on a map.

By UMAP (McInnes, Healy, Melville 2018), which is handed the neighbours instead of searching them.
"""

import warnings
from typing import Any

import numpy as np
import pyarrow as pa

from newsclust_pipeline.stages.neighbours import Neighbours


def project(
    vectors: np.ndarray,
    neighbours: Neighbours,
    n_components: int = 2,
    n_neighbors: int = 80,
    min_dist: float = 0.1,
    random_state: int = 42,
) -> np.ndarray:
    """Lay documents out so that near ones stay near. The same arguments give the same positions.

    Only if fewer neighbours are at hand than it needs does UMAP search the vectors for itself.

    Args:
        vectors: (n, d) float32, of unit length.
        neighbours: of the same n documents.
        n_components: 2 or 3.
        n_neighbors: how many documents, itself included, a document's surroundings are; cut to n.
        min_dist: how tightly documents may pack.
        random_state: seed.

    Returns:
        Positions (n, n_components) float32.
    """
    n = len(vectors)
    if n <= n_components + 2:
        return _row_of_dots(n, n_components)
    from umap import UMAP

    around = min(n_neighbors, n)
    known = _with_self(neighbours, around)
    reducer = UMAP(
        n_components=n_components,
        n_neighbors=around,
        min_dist=min_dist,
        metric="euclidean",
        # Spectral initialisation is slow and unstable where the graph is in many pieces.
        init="pca" if np.ptp(vectors, axis=0).any() else "random",
        random_state=random_state,
        n_jobs=1,
        precomputed_knn=known,
    )
    with warnings.catch_warnings():
        # New documents are never transformed here; the search index that it misses is for that.
        warnings.filterwarnings("ignore", message=r"precomputed_knn\[2\]")
        warnings.filterwarnings("ignore", message="n_neighbors is larger than the dataset size")
        positions: np.ndarray = reducer.fit_transform(vectors)
    return positions.astype(np.float32)


def positions_table(doc_id: np.ndarray, positions: np.ndarray) -> pa.Table:
    """Make the table of positions: doc_id, x, y, and z where there are three."""
    columns: dict[str, Any] = {"doc_id": pa.array(doc_id.tolist(), pa.string())}
    for axis, values in zip("xyz", positions.T, strict=False):
        columns[axis] = pa.array(values, pa.float32())
    return pa.table(columns)


def enough_neighbours(neighbours: Neighbours, n_neighbors: int) -> bool:
    """Tell whether UMAP can do with these neighbours (it counts the document itself as one)."""
    n = len(neighbours.doc_id)
    return neighbours.indices.shape[1] + 1 >= min(n_neighbors, n)


def _with_self(neighbours: Neighbours, around: int) -> tuple[Any, Any, None]:
    """Put every document first among its neighbours, as UMAP wants it."""
    if not enough_neighbours(neighbours, around):
        return None, None, None
    n = len(neighbours.doc_id)
    indices = np.column_stack((np.arange(n, dtype=np.int32), neighbours.indices[:, : around - 1]))
    own = np.zeros(n, dtype=np.float32)
    distances = np.column_stack((own, neighbours.distances[:, : around - 1]))
    return indices, distances, None


def _row_of_dots(n: int, n_components: int) -> np.ndarray:
    """Place a handful of documents side by side: too few for a map to say anything."""
    positions = np.zeros((n, n_components), dtype=np.float32)
    positions[:, 0] = np.arange(n)
    return positions
