"""Positions on the page: bounds, boxes to zoom to, coincident documents, hues of neighbours."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

HUES = 8  # as many as `page.css` names
MIN_VIEW = 0.05  # smallest share of the map that a zoom to a story shows
SEPARATION = 0.0016  # distance between documents at one position, in spans of the map


def separate_coincident(positions: Floats) -> Floats:
    """Return positions (n, c) in which documents at one position lie on a spiral around it.

    The first keeps its position; the others follow Vogel's spiral (1979). Only x and y change: a
    map in space can be turned to see them.
    """
    separated = positions.copy()
    _, group = np.unique(positions.astype(np.float32), axis=0, return_inverse=True)
    order = np.argsort(group, kind="stable")
    _, start, size = np.unique(group[order], return_index=True, return_counts=True)
    rank = np.empty(len(order))
    rank[order] = np.arange(len(order)) - np.repeat(start, size)
    span = (np.ptp(positions, axis=0).max() if len(positions) else 0.0) or 1.0
    radius, angle = SEPARATION * span * np.sqrt(rank), rank * np.pi * (3 - np.sqrt(5))
    separated[:, 0] += radius * np.cos(angle)
    separated[:, 1] += radius * np.sin(angle)
    return separated


def map_bounds(positions: Floats) -> Floats:
    """Return the box of the whole map, axes × [low, high]; in space a cube, for equal axes."""
    if not len(positions):
        return np.tile([-1.0, 1.0], (positions.shape[1], 1))
    low, high = positions.min(axis=0), positions.max(axis=0)
    half = (high - low) / 2
    largest = half.max() or 1.0  # one document, or all at one position
    flat = len(half) == 2
    half = np.maximum(half, largest * 0.1) * 1.08 if flat else np.full_like(half, largest * 1.08)
    return _box((low + high) / 2, half)


def story_boxes(positions: Floats, story: Ints, count: int, bounds: Floats) -> Floats:
    """Return the box to zoom to for each story, stories × axes × [low, high].

    Args:
        positions: (n, c).
        story: (n,) row of each document's story, −1 for none.
        count: number of stories.
        bounds: box of the whole map, which is also the box of a story without documents on it.
    """
    low = np.full((count, positions.shape[1]), np.inf)
    high = -low
    inside = story >= 0
    np.minimum.at(low, story[inside], positions[inside])
    np.maximum.at(high, story[inside], positions[inside])
    absent = ~np.isfinite(low)
    low, high = np.where(absent, bounds[:, 0], low), np.where(absent, bounds[:, 1], high)
    least = MIN_VIEW * np.max(bounds[:, 1] - bounds[:, 0]) / 2
    return _box((low + high) / 2, np.maximum((high - low) / 2 * 1.35, least))


def hues(centres: Floats) -> list[int]:
    """Return a hue for each story (k, c), different from its nearest earlier stories' hues."""
    chosen = np.zeros(len(centres), dtype=np.int64)
    for row, centre in enumerate(centres):
        distances = np.sum((centres[:row] - centre) ** 2, axis=1)
        near = np.argpartition(distances, HUES - 1)[: HUES - 1] if row >= HUES else np.arange(row)
        taken = set(chosen[near].tolist())
        free = (hue for turn in range(HUES) if (hue := (row + turn) % HUES) not in taken)
        chosen[row] = next(free)
    return [int(hue) for hue in chosen]


def _box(centre: Floats, half: Floats) -> Floats:
    return np.stack([centre - half, centre + half], axis=-1)
