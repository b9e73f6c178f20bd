"""Continue an earlier map: place new documents among old ones, and move the old ones little.

The steps: each new document starts between its placed neighbours; UMAP's optimizer moves the new
ones alone, then all with a small learning rate; the result is aligned to the earlier map, and
displacements are shortened in proportion to how much the set of documents has changed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from newsclust_pipeline.viz.umap_private import Optimizer

MAX_EPOCHS = 100
# The rate of UMAP's own `transform` for new documents, then one small enough to leave old
# documents in place unless their neighbours have changed.
PLACEMENT_RATE, _REFINEMENT_RATE = 0.25, 0.05
# Median displacement of old documents, in spans of the map, per document that came or went and
# old document: if a tenth came, 0.16 · 0.1 = 1.6 % of the span.
_DISPLACEMENT = 0.16
_BLOCK = 64  # documents compared with all others at a time, which bounds the memory


@dataclass(frozen=True)
class PreviousMap:
    """The map of the previous run.

    Attributes:
        doc_id: (m,) ids.
        positions: (m, n_components) float32.
    """

    doc_id: pa.ChunkedArray
    positions: np.ndarray

    def rows_of(self, doc_id: np.ndarray) -> np.ndarray:
        """Return the row of each of n documents on this map, (n,) int; −1 if it is not there."""
        rows = pc.index_in(pa.array(doc_id.tolist(), pa.string()), self.doc_id)
        return pc.fill_null(rows, -1).to_numpy()


def previous_map(
    table: pa.Table | None,
    n_components: int,
    params: Mapping[str, object],
    warn: Callable[[str], None],
) -> PreviousMap | None:
    """Return the previous map, or None if it can't be continued.

    Args:
        table: the table of positions of the previous run, with its parameters in the schema
            metadata; None if there was no run.
        n_components: dimensions of the new map.
        params: parameters of the new map; those of the previous one must be equal.
        warn: receives the reason if the map can't be continued.
    """
    if table is None:
        return None
    metadata = table.schema.metadata or {}
    other = [k for k, value in params.items() if metadata.get(k.encode()) != str(value).encode()]
    if other:
        warn(f"A new map is computed: the previous one was made with other {', '.join(other)}.")
        return None
    axes = "xyz"[:n_components]
    expected = pa.schema([("doc_id", pa.string()), *((axis, pa.float32()) for axis in axes)])
    if not table.schema.equals(expected) or table["doc_id"].null_count:
        warn("A new map is computed: the previous file is not a table of positions.")
        return None
    positions = np.column_stack([table[axis].to_numpy() for axis in axes])
    if not np.isfinite(positions).all() or pc.count_distinct(table["doc_id"]).as_py() < len(table):
        warn("A new map is computed: the previous one repeats documents or lacks positions.")
        return None
    return PreviousMap(table["doc_id"], positions)


def continue_map(
    optimizer: Optimizer,
    vectors: np.ndarray,
    previous: np.ndarray,
    is_old: np.ndarray,
    epochs: int,
    changed: int,
) -> np.ndarray:
    """Return positions of n documents that continue those of m old ones.

    All displacements are shortened by one length, so that the median displacement of old documents
    is in proportion to the number of documents that came or went. Example: if the median may be 2
    and is 5, each is shortened by 3; those below 3 become 0, and one of 40 becomes 37.

    Args:
        optimizer: of all n documents.
        vectors: (n, d).
        previous: (m, c) positions of the old documents.
        is_old: (n,) bool, m of them true.
        epochs: of the placement, and of the refinement.
        changed: number of documents that came or went.

    Returns:
        (n, c) float32.
    """
    start = place_new(optimizer, vectors, previous, is_old)
    start = optimizer.run(start, epochs, PLACEMENT_RATE, moving=~is_old)
    goal = optimizer.run(start, epochs, _REFINEMENT_RATE)
    goal = align(goal, goal[is_old], previous)
    lengths = np.linalg.norm(goal - start, axis=1, keepdims=True)
    allowed = _DISPLACEMENT * changed / len(previous) * np.ptp(goal, axis=0).max()
    excess = max(0.0, np.median(lengths[is_old]) - allowed)
    share = np.clip(1 - excess / np.maximum(lengths, np.finfo(np.float32).tiny), 0, 1)
    return (start + share * (goal - start)).astype(np.float32)


def place_new(
    optimizer: Optimizer, vectors: np.ndarray, previous: np.ndarray, is_old: np.ndarray
) -> np.ndarray:
    """Return start positions (n, c): old documents stay, new ones go between their neighbours.

    A new document gets the mean position of its placed neighbours, weighted by strength. Documents
    that have only new neighbours follow once those are placed. Documents without any path to an
    old one go to the position of the most similar old document.
    """
    strengths = optimizer.graph
    positions = np.zeros((len(is_old), previous.shape[1]), dtype=np.float32)
    positions[is_old] = previous
    placed = is_old.copy()
    while True:
        weights = strengths @ placed.astype(np.float32)
        ready = ~placed & (weights > 0)
        if not ready.any():
            break
        positions[ready] = (strengths[ready] @ positions) / weights[ready, None]
        placed |= ready
    isolated = np.flatnonzero(~placed)
    for rows in (isolated[i : i + _BLOCK] for i in range(0, len(isolated), _BLOCK)):
        similar = vectors @ vectors[rows].T
        similar[~is_old] = -np.inf
        positions[rows] = positions[similar.argmax(axis=0)]
    jitter = np.random.RandomState(optimizer.seed).normal(scale=1e-3, size=positions.shape)
    positions[~is_old] += (jitter * np.ptp(previous, axis=0).max())[~is_old]
    return positions


def align(positions: np.ndarray, subset: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return positions rotated, mirrored and shifted so that a subset comes closest to a target.

    The orthogonal Procrustes problem (Schönemann 1966), without its scaling: UMAP's forces have a
    scale of their own, and least squares would shrink the map a little in every run.

    Args:
        positions: (n, c).
        subset: (m, c) points in the same frame.
        target: (m, c) where the subset should lie.
    """
    from scipy.linalg import orthogonal_procrustes

    centre, goal = subset.mean(axis=0, dtype=np.float64), target.mean(axis=0, dtype=np.float64)
    rotation, _ = orthogonal_procrustes(subset - centre, target - goal)
    return ((positions - centre) @ rotation + goal).astype(np.float32)


def median_displacement(before: np.ndarray, after: np.ndarray, positions: np.ndarray) -> float:
    """Return the median displacement of m documents, in spans (longest sides) of the map."""
    span = float(np.ptp(positions, axis=0).max())
    if not len(before) or not span:
        return 0.0
    return float(np.median(np.linalg.norm(after - before, axis=1))) / span
