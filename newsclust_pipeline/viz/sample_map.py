"""Compute the map of very many documents: UMAP lays out a sample, the others join it.

The others are placed as UMAP's `transform` places new documents (McInnes, Healy, Melville 2018):
each starts between its neighbours in the sample, and moves while the sample stays. So they are
independent of each other, and an engine places them by partitions. No more neighbours are needed
than those of all documents: of 80 neighbours, a fifth of the documents contains 16.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from newsclust_pipeline.core.engine import IN_PROCESS, Engine
from newsclust_pipeline.viz.continuation import PLACEMENT_RATE
from newsclust_pipeline.viz.fuzzy_union import fuzzy_union
from newsclust_pipeline.viz.umap_private import Optimizer

_KNOWN = 16  # neighbours that a document has in the sample, on average
_MAX_SHARE = 0.5  # larger samples save too little
_EPOCHS = 30  # of the placement, as in UMAP's `transform`
_BLOCK = 16_384  # documents placed at a time
_JITTER = 1e-3  # of the map's span, which separates documents with equal neighbours
_COMPARED = 64  # documents compared with the whole sample at a time, which bounds the memory


@dataclass(frozen=True)
class Sample:
    """A sample of n documents, and how all of them are tied to it.

    Attributes:
        rows: (m,) the documents of the sample, ascending.
        columns: (n, k) int32, each document's neighbours as rows of the sample; 0 where one is not
            in it.
        strengths: (n, k) float32, relative to each document's strongest neighbour in the sample; 0
            where one is not in it.
    """

    rows: np.ndarray
    columns: np.ndarray
    strengths: np.ndarray

    def union(self) -> sp.csr_array:
        """Return UMAP's graph (m, m) of the sample."""
        return fuzzy_union(self.columns[self.rows], self.strengths[self.rows])

    def ties(self, rows: np.ndarray) -> sp.csr_array:
        """Return the strengths (r, m) of some documents' neighbours in the sample."""
        strengths, columns = self.strengths[rows], self.columns[rows]
        known = strengths > 0
        starts = np.concatenate([[0], np.cumsum(known.sum(axis=1))])
        shape = (len(rows), len(self.rows))
        return sp.csr_array((strengths[known], columns[known], starts), shape=shape)


def share_for(n_neighbors: int) -> float | None:
    """Return the share of documents that a sample needs; None if that saves too little.

    Args:
        n_neighbors: neighbours per document, itself included.
    """
    share = _KNOWN / max(n_neighbors - 1, 1)
    return share if share <= _MAX_SHARE else None


def draw(indices: np.ndarray, strengths: np.ndarray, share: float, seed: int) -> Sample:
    """Draw a random sample of n documents.

    Args:
        indices: (n, k) int32, the neighbours of each.
        strengths: (n, k) float32, of `umap_private.strengths`.
        share: of the documents.
        seed: of the sample.
    """
    n = len(indices)
    rows = np.sort(np.random.RandomState(seed).permutation(n)[: round(n * share)])
    place = np.full(n, -1, dtype=np.int32)
    place[rows] = np.arange(len(rows), dtype=np.int32)
    columns = place[indices]
    inside = columns >= 0
    columns[~inside] = 0
    strengths = np.where(inside, strengths, np.float32(0))
    strongest = strengths.max(axis=1, keepdims=True)
    strengths /= np.where(strongest > 0, strongest, 1)
    return Sample(rows, columns, strengths)


def place_others(
    sample: Sample,
    positions: np.ndarray,
    vectors: np.ndarray,
    indices: np.ndarray,
    curve: tuple[float, float],
    seed: int,
    engine: Engine = IN_PROCESS,
) -> np.ndarray:
    """Return positions (n, c) of all documents, of which those of the sample are known.

    A document without neighbours in the sample goes to its nearest neighbour that has a position,
    or else to the most similar document of the sample.

    Args:
        sample: the sample.
        positions: (m, c) float32, of the sample.
        vectors: (n, d).
        indices: (n, k) int32, the neighbours of each document.
        curve: of `umap_private.Optimizer`.
        seed: of everything random.
        engine: places the documents, block by block.
    """
    n = len(vectors)
    span = np.ptp(positions, axis=0).max()
    shifts = np.random.RandomState(seed).normal(scale=_JITTER * span, size=(n, positions.shape[1]))
    placed = np.zeros(n, dtype=bool)
    placed[sample.rows] = True
    others = np.flatnonzero(~placed)
    out = np.zeros(shifts.shape, dtype=np.float32)
    out[sample.rows] = positions
    blocks = [others[start : start + _BLOCK] for start in range(0, len(others), _BLOCK)]
    tasks = ((sample.ties(rows), shifts[rows]) for rows in blocks)
    engine = engine if len(blocks) > 1 else IN_PROCESS
    for rows, (tied, found) in zip(
        blocks, engine.map(_place, tasks, (positions, curve, seed)), strict=True
    ):
        out[rows[tied]], placed[rows[tied]] = found, True
    for rows, nearest in _followers(placed, indices, vectors, sample.rows):
        out[rows] = out[nearest] + shifts[rows]
    return out


def _place(
    block: tuple[sp.csr_array, np.ndarray], common: tuple[np.ndarray, tuple[float, float], int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return which documents (r,) of a block have neighbours in the sample, and their positions."""
    (ties, shifts), (positions, curve, seed) = block, common
    tied = np.diff(ties.indptr) > 0
    ties = ties[tied]
    start = (ties @ positions) / ties.sum(axis=1)[:, None] + shifts[tied]
    moved = Optimizer(ties, curve, seed).run(start, _EPOCHS, PLACEMENT_RATE, anchors=positions)
    return tied, moved


def _followers(
    placed: np.ndarray, indices: np.ndarray, vectors: np.ndarray, sample: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield documents without a position, and for each the document whose position it takes."""
    while not placed.all():
        rows = np.flatnonzero(~placed)
        has_place = placed[indices[rows]]
        follows = has_place.any(axis=1)
        if not follows.any():
            break
        nearest = indices[rows[follows], has_place[follows].argmax(axis=1)]
        yield rows[follows], nearest
        placed[rows[follows]] = True
    isolated = np.flatnonzero(~placed)
    for rows in (isolated[i : i + _COMPARED] for i in range(0, len(isolated), _COMPARED)):
        yield rows, sample[(vectors[rows] @ vectors[sample].T).argmax(axis=1)]
