"""Vectors and their known neighbours → positions on a map that stays put from run to run.

By UMAP (McInnes, Healy, Melville 2018), which is handed the neighbours instead of searching them,
and the positions of the last run instead of starting anew. UMAP's class makes the graph; its
descent is run from here, because the class would stretch positions handed to it to a box.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from newsclust_pipeline.search.graph import Neighbours

# Beyond so many documents, every doubling halves the epochs, which keeps their cost the same.
_MANY, _FEWEST_EPOCHS = 200_000, 50
# Continuing a map: at most so many epochs, at the learning rate of UMAP's own transform for new
# documents among old ones, then at a gentle one for all: it mends what the news changes, and is too
# small to shake the rest.
_CONTINUING, _PLACING, _REFINING = 100, 0.25, 0.05
# Median way of old documents, as a share of the span, for every one that comes or goes per old
# one: 1.6 % for a tenth of news.
_WAY = 0.16
_START_SPAN = 10.0
_BLOCK = 64  # documents compared with all others at a time


@dataclass(frozen=True)
class Last:
    """The map of the last run.

    Attributes:
        doc_id: (m,) ids.
        positions: (m, n_components) float32.
    """

    doc_id: pa.ChunkedArray
    positions: np.ndarray


@dataclass(frozen=True)
class Layout:
    """Positions, and how they came about.

    Attributes:
        positions: (n, n_components) float32.
        strategy: `unchanged`, `refined` (the last map), `full` or `fewer epochs` (a new one), or
            `row` (too few documents for a map).
        epochs: of the descent over all documents.
        started_from: `last positions` or `pca`; for a row, `nothing`.
        kept_documents: documents that the last map shows, too.
        moved_median_share_of_span: their median way since, in units of the map's longest side.
    """

    positions: np.ndarray
    strategy: str
    epochs: int
    started_from: str
    kept_documents: int = 0
    moved_median_share_of_span: float = 0.0

    def summary(self) -> dict[str, str | int | float]:
        """Give the figures."""
        return {k: v for k, v in vars(self).items() if k != "positions"}


def project(
    vectors: np.ndarray,
    neighbours: Neighbours,
    n_components: int = 2,
    n_neighbors: int = 80,
    min_dist: float = 0.1,
    random_state: int = 42,
    last: Last | None = None,
) -> Layout:
    """Lay documents out so that near ones stay near. The same arguments give the same positions.

    Only if fewer neighbours are at hand than it needs does UMAP search the vectors for itself.

    Where at least half of the documents have places on the last map, that map is continued: if it
    shows the same documents it is the result; otherwise new ones are placed among the old, and all
    are gently refined together. Else the map is a new one, turned towards the last.

    Args:
        vectors: (n, d) float32, of unit length.
        neighbours: of the same n documents.
        n_components: 2 or 3.
        n_neighbors: how many documents, itself included, a document's surroundings are; cut to n.
        min_dist: how tightly documents may pack.
        random_state: seed.
        last: the last map, made with the same parameters and embedder.
    """
    n = len(vectors)
    if n <= n_components + 2:
        return Layout(_row_of_dots(n, n_components), "row", 0, "nothing")
    if last and len(last.positions) <= n_components + 2:
        last = None  # a row of dots is no map to continue
    rows = _rows_in(last, neighbours.doc_id)
    known = rows >= 0
    if last and known.all() and len(last.positions) == n:
        return Layout(last.positions[rows], "unchanged", 0, "last positions", n)
    descent = _Descent.of(vectors, neighbours, n_neighbors, min_dist, random_state)
    epochs = epochs_for(n)
    before = last.positions[rows[known]] if last else np.empty((0, n_components), np.float32)
    if last and 2 * known.sum() >= n:
        strategy, started_from = "refined", "last positions"
        epochs = min(_CONTINUING, epochs // 2)
        changed = len(last.positions) + n - 2 * int(known.sum())
        positions = _continued(descent, vectors, before, known, epochs, changed)
    else:
        strategy, started_from = "full" if n <= _MANY else "fewer epochs", "pca"
        start = _start(vectors, n_components, random_state)
        positions = descent.run(start, epochs)
        if len(before):
            positions = aligned(positions, positions[known], before)
    moved = _moved(before, positions[known], positions)
    return Layout(positions, strategy, epochs, started_from, int(known.sum()), moved)


def aligned(positions: np.ndarray, some: np.ndarray, onto: np.ndarray) -> np.ndarray:
    """Turn, mirror and shift positions so that some points among them come nearest to others.

    The orthogonal Procrustes problem (Schönemann 1966). It doesn't scale: UMAP's forces have a
    scale of their own, and one run's least squares would shrink the map a little more every time.

    Args:
        positions: (n, c).
        some: (m, c), points in the same frame.
        onto: (m, c), where these ought to lie.
    """
    from scipy.linalg import orthogonal_procrustes

    centre, goal = some.mean(axis=0, dtype=np.float64), onto.mean(axis=0, dtype=np.float64)
    turn, _ = orthogonal_procrustes(some - centre, onto - goal)
    return ((positions - centre) @ turn + goal).astype(np.float32)


def positions_table(doc_id: np.ndarray, positions: np.ndarray) -> pa.Table:
    """Make the table of positions: doc_id, x, y, and z where there are three."""
    columns: dict[str, Any] = {"doc_id": pa.array(doc_id.tolist(), pa.string())}
    for axis, values in zip("xyz", positions.T, strict=False):
        columns[axis] = pa.array(values, pa.float32())
    return pa.table(columns)


def last_map(
    table: pa.Table | None,
    n_components: int,
    params: Mapping[str, object],
    say: Callable[[str], None],
) -> Last | None:
    """Take the last map from its table, if it can be continued.

    Args:
        table: like `positions_table`'s, with what it was made with in the schema's metadata.
        n_components: of the new map.
        params: what the new map will be made with; the last one must have been, too.
        say: is told why a map can't be continued.
    """
    if table is None:
        return None
    told = table.schema.metadata or {}
    other = [k for k, value in params.items() if told.get(k.encode()) != str(value).encode()]
    if other:
        say(f"The map starts anew: the last one was made with other {', '.join(other)}.")
        return None
    axes = "xyz"[:n_components]
    expected = pa.schema([("doc_id", pa.string()), *((axis, pa.float32()) for axis in axes)])
    if not table.schema.equals(expected) or table["doc_id"].null_count:
        say("The map starts anew: the last one isn't a table of positions.")
        return None
    positions = np.column_stack([table[axis].to_numpy() for axis in axes])
    if not np.isfinite(positions).all() or pc.count_distinct(table["doc_id"]).as_py() < len(table):
        say("The map starts anew: the last one repeats documents or has no place for some.")
        return None
    return Last(table["doc_id"], positions)


def enough_neighbours(neighbours: Neighbours, n_neighbors: int) -> bool:
    """Tell whether UMAP can do with these neighbours (it counts the document itself as one)."""
    n = len(neighbours.doc_id)
    return neighbours.indices.shape[1] + 1 >= min(n_neighbors, n)


def epochs_for(n: int) -> int:
    """Give UMAP's own number of epochs, and fewer beyond what it was made for."""
    own = 500 if n <= 10_000 else 200
    return max(_FEWEST_EPOCHS, min(own, own * _MANY // n))


@dataclass(frozen=True)
class _Descent:
    """UMAP's stochastic gradient descent on the graph of these documents.

    Attributes:
        edges: (n, n) strengths of membership.
        curve: a and b of the curve that turns distances on the map into strengths.
        seed: of everything random.
    """

    edges: sp.coo_matrix
    curve: tuple[float, float]
    seed: int

    @classmethod
    def of(
        cls,
        vectors: np.ndarray,
        neighbours: Neighbours,
        n_neighbors: int,
        min_dist: float,
        seed: int,
    ) -> "_Descent":
        """Make UMAP's graph of neighbours."""
        from umap import UMAP
        from umap.umap_ import find_ab_params

        around = min(n_neighbors, len(vectors))
        maker = UMAP(
            n_neighbors=around,
            metric="euclidean",
            random_state=seed,
            n_jobs=1,
            precomputed_knn=_with_self(neighbours, around),
            transform_mode="graph",
        )
        with warnings.catch_warnings():
            # Nothing is ever transformed here; the search index that it misses is for that.
            warnings.filterwarnings("ignore", message=r"precomputed_knn\[2\]")
            warnings.filterwarnings("ignore", message="n_neighbors is larger than the dataset size")
            graph = maker.fit_transform(vectors)
        return cls(graph.tocoo(), find_ab_params(1.0, min_dist), seed)

    def run(
        self,
        start: np.ndarray,
        epochs: int,
        rate: float = 1.0,
        moving: np.ndarray | None = None,
    ) -> np.ndarray:
        """Move documents from where they start, all or (n,) those that may move."""
        from umap.layouts import optimize_layout_euclidean
        from umap.umap_ import make_epochs_per_sample

        edges = self.edges
        drawn = edges.data >= edges.data.max() / epochs  # those below would never be drawn
        if moving is not None:
            drawn &= moving[edges.row]
        positions = np.array(start, dtype=np.float32, order="C")
        if not drawn.any():
            return positions
        random = np.random.RandomState(self.seed)
        state = random.randint(np.iinfo(np.int32).min + 1, np.iinfo(np.int32).max - 1, 3)
        moved: np.ndarray = optimize_layout_euclidean(
            positions,
            positions,
            edges.row[drawn],
            edges.col[drawn],
            epochs,
            len(positions),
            make_epochs_per_sample(edges.data[drawn], epochs),
            *self.curve,
            state.astype(np.int64),
            initial_alpha=rate,
            move_other=moving is None,
        )
        return moved


def _start(vectors: np.ndarray, n_components: int, seed: int) -> np.ndarray:
    """Spread the vectors' principal components over a box.

    Spectral initialisation, UMAP's default, is slow and unstable where the graph is in many pieces.
    """
    from sklearn.decomposition import PCA

    random = np.random.RandomState(seed)
    if not np.ptp(vectors, axis=0).any():
        return random.uniform(0, _START_SPAN, (len(vectors), n_components)).astype(np.float32)
    # The solver that needs no copy of the vectors.
    start = PCA(n_components, svd_solver="covariance_eigh").fit_transform(vectors)
    start *= _START_SPAN / np.abs(start).max()
    start += random.normal(scale=1e-4, size=start.shape)  # twins could never part
    return _START_SPAN * (start - start.min(axis=0)) / np.ptp(start, axis=0)


def _continued(
    descent: _Descent,
    vectors: np.ndarray,
    before: np.ndarray,
    known: np.ndarray,
    epochs: int,
    changed: int,
) -> np.ndarray:
    """Place new documents among old ones, then refine all, in proportion to what has changed.

    All ways are shortened by one length, so that the median one is in proportion to the news: the
    many that only tremble stay where they are, the few that have to go far get there.

    Args:
        descent: of all n documents.
        vectors: (n, d).
        before: (m, c), positions of the m old ones.
        known: (n,) whether a document is old.
        epochs: of the placing, and of the refinement.
        changed: documents that came or went.
    """
    start = _placed(descent, vectors, before, known)
    start = descent.run(start, epochs, _PLACING, moving=~known)
    goal = descent.run(start, epochs, _REFINING)
    goal = aligned(goal, goal[known], before)
    ways = np.linalg.norm(goal - start, axis=1, keepdims=True)
    allowed = _WAY * changed / len(before) * np.ptp(goal, axis=0).max()
    short = max(0.0, np.median(ways[known]) - allowed)
    share = np.clip(1 - short / np.maximum(ways, np.finfo(np.float32).tiny), 0, 1)
    return (start + share * (goal - start)).astype(np.float32)


def _placed(
    descent: _Descent, vectors: np.ndarray, before: np.ndarray, known: np.ndarray
) -> np.ndarray:
    """Put new documents amid their placed neighbours, weighted by strength.

    Those whose neighbours are new, too, wait for them; those that no strength joins to an old one
    go where the most similar old one is.
    """
    strengths = descent.edges.tocsr()
    positions = np.zeros((len(known), before.shape[1]), dtype=np.float32)
    positions[known] = before
    placed = known.copy()
    while True:
        weights = strengths @ placed.astype(np.float32)
        ready = ~placed & (weights > 0)
        if not ready.any():
            break
        positions[ready] = (strengths[ready] @ positions) / weights[ready, None]
        placed |= ready
    left = np.flatnonzero(~placed)
    for rows in (left[i : i + _BLOCK] for i in range(0, len(left), _BLOCK)):
        similar = vectors @ vectors[rows].T
        similar[~known] = -np.inf
        positions[rows] = positions[similar.argmax(axis=0)]
    apart = np.random.RandomState(descent.seed).normal(scale=1e-3, size=positions.shape)
    positions[~known] += (apart * np.ptp(before, axis=0).max())[~known]
    return positions


def _rows_in(last: Last | None, doc_id: np.ndarray) -> np.ndarray:
    """Find documents on the last map: its rows (n,), −1 for those that aren't there."""
    if last is None:
        return np.full(len(doc_id), -1)
    found = pc.index_in(pa.array(doc_id.tolist(), pa.string()), last.doc_id)
    return pc.fill_null(found, -1).to_numpy()


def _moved(before: np.ndarray, after: np.ndarray, positions: np.ndarray) -> float:
    """Give the median way of documents in units of the map's longest side."""
    span = float(np.ptp(positions, axis=0).max())
    if not len(before) or not span:
        return 0.0
    return float(np.median(np.linalg.norm(after - before, axis=1))) / span


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
