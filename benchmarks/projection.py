"""What does the projection cost, how true are its maps, and do they stay put?

    python -m benchmarks.projection [--sizes 5000 20000] [--many 50000] [--all] [--repeats 3]

Three questions: UMAP with the neighbours handed over against UMAP on the vectors alone; a tenth of
news on the last run's map against a new map; what to leave out where documents are very many. True
means trustworthiness (Venna, Kaski 2001) among 15 neighbours: 1 if all that lie together on the map
are near each other in the vectors, too. The search for the neighbours is another stage's, and is
not counted where they are handed over. One thread does all of it, as a fixed seed wants; its CPU
time is what counts where the machine has other things to do.
"""

import argparse
import resource
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
import pyarrow as pa
from sklearn.neighbors import KDTree

from benchmarks import synthetic
from benchmarks.report import seconds, spread, table, versions
from newsclust_pipeline.search.graph import Neighbours
from newsclust_pipeline.viz import projection
from newsclust_pipeline.viz.continuation import PreviousMap
from newsclust_pipeline.viz.umap_private import Optimizer

_AROUND = 80
_DIMENSION = 384  # as the default embedder gives
_HEAD = (
    "",
    "documents",
    "seconds",
    "CPU seconds",
    "trustworthiness",
    "moved, % of span",
    "span/mid",
)
Work = Callable[[], tuple[np.ndarray, float]]  # positions, and how far known documents moved


def main() -> None:
    """Run the benchmark."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", type=int, nargs="*", default=[5_000, 20_000])
    options.add_argument("--many", type=int, nargs="*", default=[50_000])
    options.add_argument("--all", action="store_true", help="of many, UMAP's own epochs, too")
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--queries", type=int, default=1_000, help="documents judged for truth")
    given = options.parse_args()
    warnings.filterwarnings("ignore", module="umap")

    # Both compile what they run; UMAP's search is another one below 4,096 documents.
    projection.project(*made(500))
    peer(synthetic.unit_vectors(4_096, _DIMENSION))
    rows = []
    for n in given.sizes:
        vectors, known = made(n)
        work = {
            "UMAP on vectors": lambda v=vectors: (peer(v), 0.0),
            "neighbours handed over": lambda v=vectors, k=known: result(projection.project(v, k)),
            "a tenth of news on the last map": continued(vectors, known),
        }
        rows += measured(vectors, work, given.repeats, given.queries)
    for n in given.many:
        vectors, known = made(n)
        work = {"50 epochs": epochs(vectors, known, 50)}
        if given.all:
            work["200 epochs"] = epochs(vectors, known, 200)
            work["100 epochs"] = epochs(vectors, known, 100)
        work["a sample, the others placed"] = sample(vectors, known)
        rows += measured(vectors, work, given.repeats, given.queries)
    question = f"Projection, {_AROUND} neighbours, {_DIMENSION} dimensions, {given.repeats} repeats"
    table("projection", question, _HEAD, rows)
    unit = 2**30 if sys.platform == "darwin" else 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    print(f"peak memory of the process {peak:.1f} GiB")
    print(versions("umap-learn", "pynnoptimizer", "numba", "scikit-learn", "numpy"))


def made(n: int) -> tuple[np.ndarray, Neighbours]:
    """Make vectors and their neighbours."""
    vectors = synthetic.unit_vectors(n, _DIMENSION)
    return vectors, synthetic.neighbours(n, _AROUND - 1, _DIMENSION)


def peer(vectors: np.ndarray) -> np.ndarray:
    """Run UMAP as its users do."""
    from umap import UMAP

    return UMAP(n_neighbors=_AROUND, init="pca", random_state=42, n_jobs=1).fit_transform(vectors)


def result(done: projection.Projection) -> tuple[np.ndarray, float]:
    """Return the figures of a projection."""
    return done.positions, done.moved_median_share_of_span


def continued(vectors: np.ndarray, known: Neighbours) -> Work:
    """Prepare the map of ten elevenths of the documents; the work is to add the others."""
    old = np.arange(len(vectors) * 10 // 11)
    before = projection.project(vectors[old], synthetic.searched(vectors[old], _AROUND - 1))
    doc_id = pa.chunked_array([known.doc_id[old].tolist()])
    previous = PreviousMap(doc_id, before.positions)
    return lambda: result(projection.project(vectors, known, previous=previous))


def epochs(vectors: np.ndarray, known: Neighbours, count: int) -> Work:
    """Lay all documents out with so many epochs."""

    def work() -> tuple[np.ndarray, float]:
        optimizer = Optimizer.from_vectors(vectors, known, _AROUND, 0.1, 42)
        return optimizer.run(projection.initial_positions(vectors, 2, 42), count), 0.0

    return work


def sample(vectors: np.ndarray, known: Neighbours) -> Work:
    """Lay out a sample and place the others, even of fewer documents than the pipeline does."""
    projection._LARGE = 0
    return lambda: result(projection.project(vectors, known))


def measured(
    vectors: np.ndarray, work: dict[str, Work], repeats: int, queries: int
) -> list[list[object]]:
    """Run everything, taking turns; give a row for each."""
    wall: dict[str, list[float]] = {name: [] for name in work}
    used: dict[str, list[float]] = {name: [] for name in work}
    maps = {}
    for _ in range(repeats):
        for name, run in work.items():
            start = time.process_time()
            wall[name].append(seconds(lambda n=name, r=run: maps.update({n: r()})))
            used[name].append(time.process_time() - start)
    return [
        [
            name,
            f"{len(vectors):,}",
            spread(wall[name]),
            spread(used[name]),
            f"{trustworthiness(vectors, positions, queries):.4f}",
            f"{100 * moved:.2f}" if moved else "",
            f"{emptiness(positions):.1f}",
        ]
        for name, (positions, moved) in maps.items()
    ]


def trustworthiness(vectors: np.ndarray, positions: np.ndarray, queries: int, k: int = 15) -> float:
    """Judge a sample of documents against all; as scikit-learn's where the sample is all."""
    n = len(vectors)
    sample = np.random.default_rng(0).choice(n, min(queries, n), replace=False)
    near = KDTree(positions).query(positions[sample], k + 1, return_distance=False)
    penalty = 0
    for row, found in zip(sample, near, strict=True):
        similar = vectors @ vectors[row]
        similar[row] = np.inf
        others = found[found != row][:k]
        ranks = (similar[None] > similar[others, None]).sum(axis=1)  # itself counts for the 1
        penalty += np.maximum(ranks - k, 0).sum()
    return 1 - 2 * penalty / (len(sample) * k * (2 * n - 3 * k - 1))


def emptiness(positions: np.ndarray) -> float:
    """Return the longest side of the map divided by that of its middle half."""
    quartiles = np.quantile(positions, [0.25, 0.75], axis=0)
    return float((np.ptp(positions, axis=0) / np.ptp(quartiles, axis=0)).max())


if __name__ == "__main__":
    main()
