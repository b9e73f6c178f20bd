"""Which colour each story gets: the leading eight one of their own, the others a muted one.

Muted colours are chosen so that stories whose documents lie close together differ, and stories of
one region of the map have related hues. page.css has the colours themselves.
"""

import numpy as np
import scipy.sparse as sp

from newsclust_pipeline.viz.geometry import Floats, Ints

LEADING = 8  # colours 0 to 7 of page.css, for the leading stories
HUES, LIGHTNESSES = 12, 2  # colours 8 to 31: hue h in lightness l is 8 + 12·l + h
MUTED = HUES * LIGHTNESSES
WIDTH = 800  # pixels across of a map as most readers see it
DISTANCE = 25  # pixels within which no two stories should have one colour


def story_colours(positions: Floats, story: Ints, count: int, bounds: Floats) -> list[int]:
    """Return the colour of each story, 0 to 31.

    The leading stories choose first. Each takes the colour that fewest of its neighbours have, and
    of those the one nearest to the hue of its region.

    Args:
        positions: (n, c) of documents; only x and y count.
        story: (n,) row of each document's story, −1 for none. Leading stories come first.
        count: number of stories.
        bounds: box of the map, axes × [low, high].
    """
    leading = min(LEADING, count)
    colours = np.concatenate([np.arange(leading), np.full(count - leading, -1)])
    if count <= leading:
        return [int(colour) for colour in colours]
    near = _neighbours(positions[:, :2], story, count, bounds)
    regions = _regions(positions[:, :2], story, count, bounds)
    for row in range(leading, count):
        begin, end = near.indptr[row : row + 2]
        used = colours[near.indices[begin:end]]
        muted = used >= LEADING
        weights = near.data[begin:end][muted]
        conflicts = np.bincount(used[muted] - LEADING, weights=weights, minlength=MUTED)
        step = np.abs(np.arange(MUTED) % HUES - regions[row])
        distance = np.minimum(step, HUES - step)
        colours[row] = LEADING + np.lexsort((np.arange(MUTED), distance, conflicts))[0]
    return [int(colour) for colour in colours]


def _neighbours(positions: Floats, story: Ints, count: int, bounds: Floats) -> sp.csr_array:
    """Return how closely stories lie together: (count, count), pairs of neighbouring grid cells.

    Cells are half the distance wide, so documents within it lie at most two cells apart.
    """
    member = story >= 0
    span = float(np.ptp(bounds, axis=1).max())
    side = span * DISTANCE / WIDTH / 2
    cells = np.floor((positions[member] - bounds[:2, 0]) / side).astype(np.int64)
    cells -= cells.min(axis=0, initial=0) - 2
    width = int(cells[:, 0].max(initial=0)) + 5
    keys = cells[:, 1] * width + cells[:, 0]
    known, cell = np.unique(keys, return_inverse=True)
    ones = np.ones(len(cell), dtype=np.float32)
    inside = sp.csr_array((ones, (cell, story[member])), shape=(len(known), count))
    inside.data[:] = 1  # whether a story is in a cell, not how often
    total = sp.csr_array((count, count), dtype=np.float32)
    for dx, dy in [
        (0, 0),
        *((x, 0) for x in (1, 2)),
        *((x, y) for y in (1, 2) for x in range(-2, 3)),
    ]:
        at = np.searchsorted(known, known + dy * width + dx)
        at[at == len(known)] = 0
        hit = known[at] == known + dy * width + dx
        total += inside[hit].T @ inside[at[hit]]
    symmetric = sp.csr_array(total + total.T)
    symmetric.setdiag(0)
    symmetric.eliminate_zeros()
    return symmetric


def _regions(positions: Floats, story: Ints, count: int, bounds: Floats) -> Ints:
    """Return the hue of each story's region, 0 to 11: its direction from the middle of the map."""
    member = story >= 0
    sums = np.zeros((count, 2))
    np.add.at(sums, story[member], positions[member] - bounds[:2].mean(axis=1))
    angle = np.arctan2(sums[:, 1], sums[:, 0])
    hues: Ints = np.floor((angle / (2 * np.pi) % 1) * HUES).astype(np.int64) % HUES
    return hues
