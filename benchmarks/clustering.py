"""How fast is clustering from the stored graph, and do others find the same stories?

    python -m benchmarks.clustering [--sizes 2000 5000] [--growth 10000 100000 1000000]
        [--vectors embeddings.parquet] [--limit "UMAP-5d + HDBSCAN=50000" …]

The first table holds ours against peers on the same documents, the second lets ours grow. Everyone
runs in a process of its own, warmed up on a few documents first: compiling is not counted, except
what a peer only compiles for many documents (of three repeats, the median is without it). All look
for stories of three and more. Beyond its limit a peer is not run.
"""

import argparse
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks import synthetic
from benchmarks.report import Cost, apart, spread, table, threads, versions
from newsclust_pipeline.cluster.condensed_tree import NOISE
from newsclust_pipeline.cluster.hdbscan import hdbscan
from newsclust_pipeline.search.graph import Neighbours

Cluster = Callable[[Neighbours, np.ndarray], np.ndarray]
_OURS = "ours, from the stored graph"
_FAR = 1e6  # stands for infinity in the dense matrix, where hdbscan can't do with a true one
_WARM_UP = 500


def main() -> None:
    """Run the benchmark."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", type=int, nargs="*", default=[2000, 5000])
    options.add_argument("--growth", type=int, nargs="*", default=[10_000, 30_000, 100_000])
    options.add_argument("--dimension", type=int, default=384)
    options.add_argument("--vectors", type=Path, help="an embeddings.parquet of the pipeline")
    options.add_argument("--limit", nargs="*", default=[], metavar="PEER=DOCUMENTS")
    options.add_argument("--k", type=int, default=50)
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--threads", type=int, default=os.cpu_count())
    given = options.parse_args()
    threads(given.threads)
    if given.sizes or given.vectors:
        held_against_peers(given)
    if given.growth:
        grown(given.growth, given.k, given.repeats)


def held_against_peers(given: argparse.Namespace) -> None:
    """Measure ours against peers on the same documents."""
    limits = {name: limit for name, (_, limit) in PEERS.items()}
    limits |= {name: int(most) for name, _, most in (pair.partition("=") for pair in given.limit)}
    with TemporaryDirectory() as folder:
        rows = [
            row
            for vectors in synthetic.collections(given.vectors, given.sizes, given.dimension)
            for row in compared(vectors, given.k, given.repeats, limits, Path(folder) / "in.npz")
        ]
    table(
        "clustering",
        f"Clustering, {given.repeats} repeats, {given.threads} threads",
        ["documents", "", "seconds", "× ours", "added GB", "× ours", "stories", "noise", "ARI"],
        rows,
        "Added: above what the process held before (Python, packages, neighbours, vectors). ARI: "
        "agreement with ours, noise being a group. "
        + versions("hdbscan", "fast_hdbscan", "scikit-learn", "umap-learn", "evoc", "numba"),
    )


def compared(
    vectors: np.ndarray, k: int, repeats: int, limits: dict[str, int], file: Path
) -> Iterator[list[str]]:
    """Measure everyone on the same documents; give the table's rows."""
    known = synthetic.searched(vectors, k)
    np.savez(file, vectors=vectors, indices=known.indices, distances=known.distances)
    own: Cost | None = None
    for name, (cluster, _) in PEERS.items():
        documents = f"{len(vectors):,}"
        if len(vectors) > limits[name]:
            yield [documents, name, f"not run: beyond {limits[name]:,}", *[""] * 6]
            continue
        cost = apart(given_file, cluster, file, repeats=repeats)
        own = own or cost
        yield [
            documents,
            name,
            spread(cost.seconds, 3),
            f"{np.median(cost.seconds) / np.median(own.seconds):.1f}",
            f"{cost.added:.3f}",
            f"{cost.added / max(own.added, 1e-6):.1f}",
            f"{cost.result.max() + 1:,}",
            f"{np.mean(cost.result == NOISE):.2f}",
            f"{agreement(own.result, cost.result):.3f}",
        ]


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Return the adjusted Rand index (Hubert, Arabie 1985)."""
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(one, other))


def grown(sizes: list[int], k: int, repeats: int) -> None:
    """Measure ours over sizes, on a graph in many pieces and one in few; print the exponents."""
    rows, exponents = [], []
    for linked, pieces in [(0.0, "many"), (0.01, "few")]:
        costs = [apart(given_graph, size, k, linked, repeats=repeats) for size in sizes]
        for size, cost in zip(sizes, costs, strict=True):
            stories, noise, components = cost.result
            found = [f"{pieces} ({components:,})", f"{stories:,}", f"{noise:.2f}"]
            taken = [spread(cost.seconds, 2), spread(cost.cpu, 2)]
            rows.append([f"{size:,}", *found, *taken, f"{cost.peak:.2f}", f"{cost.added:.2f}"])
        if len(sizes) > 1:
            medians = [np.median(cost.cpu) for cost in costs]
            exponent = np.polyfit(np.log(sizes), np.log(medians), 1)[0]
            exponents.append(f"{exponent:.2f} in {pieces} pieces")
    table(
        "clustering_growth",
        f"Clustering from the stored {k} neighbours as documents grow, {repeats} repeats",
        ["documents", "pieces", "stories", "noise", "seconds", "CPU s", "peak GB", "added GB"],
        rows,
        f"CPU seconds grow with documents to the power of {', '.join(exponents) or '–'} (fitted "
        "in logarithms). Compiling is not counted. " + versions("hdbscan", "scipy", "numba"),
    )


def given_file(cluster: Cluster, file: Path) -> Callable[[], np.ndarray]:
    """Load documents and warm up."""
    warnings.filterwarnings("ignore")
    with np.load(file) as stored:
        indices, distances = stored["indices"], stored["distances"]
        vectors = stored["vectors"]
    few = vectors[:_WARM_UP]
    cluster(synthetic.searched(few, 10), few)
    known = Neighbours(synthetic.doc_ids(len(indices)), indices, distances, indices.shape[1])
    known.matrix()  # it is stored, too
    return lambda: cluster(known, vectors)


def given_graph(n: int, k: int, linked: float) -> Callable[[], tuple[int, float, int]]:
    """Make neighbours and warm up."""
    from scipy.sparse.csgraph import connected_components

    hdbscan(synthetic.neighbours(_WARM_UP, 10).matrix())
    known = synthetic.neighbours(n, k, linked=linked)
    components, _ = connected_components(known.matrix(), directed=False)

    def work() -> tuple[int, float, int]:
        labels = hdbscan(replace(known).matrix()).labels  # computes the matrix again
        return int(labels.max()) + 1, float(np.mean(labels == NOISE)), int(components)

    return work


def ours(known: Neighbours, vectors: np.ndarray) -> np.ndarray:
    """Cluster the stored graph."""
    return hdbscan(known.matrix()).labels


def ours_from_lists(known: Neighbours, vectors: np.ndarray) -> np.ndarray:
    """Cluster as the pipeline does, which makes the graph of the lists of neighbours first."""
    return hdbscan(replace(known).matrix()).labels


def dense(known: Neighbours, vectors: np.ndarray) -> np.ndarray:
    """Cluster with the package hdbscan on an N × N matrix, as Milvus's notebook does."""
    from hdbscan import HDBSCAN

    n = len(known.indices)
    distances = np.full((n, n), _FAR)
    rows = np.arange(n)[:, None]
    distances[rows, known.indices] = distances[known.indices, rows] = known.distances
    np.fill_diagonal(distances, 0)
    return HDBSCAN(min_samples=3, min_cluster_size=3, metric="precomputed").fit(distances).labels_


def package_on_vectors(known: Neighbours, vectors: np.ndarray) -> np.ndarray:
    """Cluster the vectors with the package hdbscan."""
    from hdbscan import HDBSCAN

    jobs = os.cpu_count()
    return HDBSCAN(min_samples=3, min_cluster_size=3, core_dist_n_jobs=jobs).fit(vectors).labels_


def scikit_learn(known: Neighbours, vectors: np.ndarray) -> np.ndarray:
    """Cluster the vectors with scikit-learn, which counts a document as its own neighbour."""
    from sklearn.cluster import HDBSCAN

    return HDBSCAN(min_samples=4, min_cluster_size=3, n_jobs=-1, copy=False).fit(vectors).labels_


def fast_on_vectors(known: Neighbours, vectors: np.ndarray) -> np.ndarray:
    """Cluster the vectors with fast_hdbscan."""
    from fast_hdbscan import HDBSCAN

    return HDBSCAN(min_samples=3, min_cluster_size=3).fit(vectors).labels_


def fast_on_graph(known: Neighbours, vectors: np.ndarray) -> np.ndarray:
    """Cluster the distance matrix with fast_hdbscan."""
    from fast_hdbscan import HDBSCAN

    model = HDBSCAN(min_samples=3, min_cluster_size=3, metric="precomputed")
    return model.fit(known.matrix()).labels_


def reduced(known: Neighbours, vectors: np.ndarray) -> np.ndarray:
    """Reduce to five dimensions and cluster these: BERTopic's defaults but for the least size."""
    from hdbscan import HDBSCAN
    from umap import UMAP

    low = UMAP(n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine", low_memory=False)
    return HDBSCAN(min_cluster_size=3, prediction_data=True).fit(low.fit_transform(vectors)).labels_


def evoc(known: Neighbours, vectors: np.ndarray) -> np.ndarray:
    """Cluster the vectors with EVoC."""
    from evoc import EVoC

    return EVoC(base_min_cluster_size=3).fit_predict(vectors)


# Who runs, and up to how many documents: about a minute each, or the memory of a laptop.
PEERS: dict[str, tuple[Cluster, int]] = {
    _OURS: (ours, 10_000_000),
    "ours, from lists of neighbours": (ours_from_lists, 10_000_000),
    "hdbscan, dense N × N matrix": (dense, 10_000),
    "hdbscan on vectors": (package_on_vectors, 5000),
    "scikit-learn on vectors": (scikit_learn, 10_000),
    "fast_hdbscan on vectors": (fast_on_vectors, 5000),
    "fast_hdbscan on the same graph": (fast_on_graph, 1_000_000),
    "UMAP-5d + HDBSCAN": (reduced, 50_000),
    "EVoC": (evoc, 50_000),
}

if __name__ == "__main__":
    main()
