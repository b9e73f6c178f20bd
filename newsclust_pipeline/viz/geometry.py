"""Positions on the page: bounds, boxes to zoom to, coincident documents."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MIN_VIEW = 0.05  # smallest share of the map that a zoom to a story shows
SEPARATION = 0.0016  # distance between documents at one position, in spans of the map
# The core of the values are those between these quantiles; the range reaches beyond it by a share
# of its length. Values of a normal distribution reach 4 standard deviations, and all of a uniform
# one lie within: only values that are far from all others stay outside.
_CORE, _REACH = (0.05, 0.95), 0.75
_MIN_FOR_CORE = 40  # of fewer values none is an outlier


def core_range(values: Floats, core: tuple[float, float] = _CORE) -> tuple[float, float]:
    """Return the least and greatest value that are not outliers; (0, 0) without values.

    Example: of 839 days in 2024, five in 2022 and one in 2014, the range holds those of 2024.
    """
    if not len(values):
        return 0.0, 0.0
    if len(values) < _MIN_FOR_CORE:
        return float(values.min()), float(values.max())
    low, high = np.quantile(values, core)
    reach = _REACH * (high - low)
    inside = values[(values >= low - reach) & (values <= high + reach)]
    return float(inside.min()), float(inside.max())


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
    bounds = map_bounds(positions)
    span = float(np.ptp(bounds, axis=1).max()) if len(positions) else 1.0
    radius, angle = SEPARATION * span * np.sqrt(rank), rank * np.pi * (3 - np.sqrt(5))
    separated[:, 0] += radius * np.cos(angle)
    separated[:, 1] += radius * np.sin(angle)
    return separated


def map_bounds(positions: Floats, *, outliers: bool = False) -> Floats:
    """Return the box of the map, axes × [low, high]; in space a cube, for equal axes.

    Args:
        positions: (n, c).
        outliers: whether a flat map's box holds documents that lie far from all others, too.
    """
    if not len(positions):
        return np.tile([-1.0, 1.0], (positions.shape[1], 1))
    flat = positions.shape[1] == 2
    inside = _inside_core(positions) if flat and not outliers else np.ones(len(positions), bool)
    low, high = positions[inside].min(axis=0), positions[inside].max(axis=0)
    half = (high - low) / 2
    largest = half.max() or 1.0  # one document, or all at one position
    half = np.maximum(half, largest * 0.1) * 1.08 if flat else np.full_like(half, largest * 1.08)
    return _box((low + high) / 2, half)


def outside(positions: Floats, bounds: Floats) -> int:
    """Return the number of documents outside a box."""
    beyond = (positions < bounds[:, 0]) | (positions > bounds[:, 1])
    return int(beyond.any(axis=1).sum())


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
    member = story >= 0
    np.minimum.at(low, story[member], positions[member])
    np.maximum.at(high, story[member], positions[member])
    absent = ~np.isfinite(low)
    low, high = np.where(absent, bounds[:, 0], low), np.where(absent, bounds[:, 1], high)
    least = MIN_VIEW * np.max(bounds[:, 1] - bounds[:, 0]) / 2
    return _box((low + high) / 2, np.maximum((high - low) / 2 * 1.35, least))


def _inside_core(positions: Floats) -> npt.NDArray[np.bool_]:
    inside = np.ones(len(positions), dtype=bool)
    for values in positions.T:
        low, high = core_range(values)
        inside &= (values >= low) & (values <= high)
    return inside if inside.any() else np.ones(len(positions), dtype=bool)


def _box(centre: Floats, half: Floats) -> Floats:
    return np.stack([centre - half, centre + half], axis=-1)
