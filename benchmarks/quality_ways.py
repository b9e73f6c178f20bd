"""Ways to cluster articles: ours, and others at their documented defaults.

BERTopic and Top2Vec cluster with UMAP and HDBSCAN; those are used directly, with the settings that
the two give them.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.gold_sets import GoldSet
from newsclust_pipeline.cluster import choice, hdbscan, time_distance
from newsclust_pipeline.cluster.candidates import candidates

FAR = 1e6  # for ∞, of which recent releases of hdbscan build broken trees


@dataclass(frozen=True)
class Way:
    """A way to cluster: labels of a set, by settings."""

    name: str
    cluster: Callable[..., np.ndarray]
    defaults: dict[str, Any] | None
    grid: dict[str, list[Any]] = field(default_factory=dict)


def ours(of: GoldSet, **settings: Any) -> np.ndarray:
    """Cluster the stored graph with parameters as given."""
    return hdbscan.hdbscan(of.neighbours.matrix(), **settings).labels


def by_silhouette(of: GoldSet, algorithm: str) -> np.ndarray:
    """Cluster by one algorithm, with the parameters that have the best silhouette."""
    documents = of.documents
    clusterings = list(candidates(documents)[algorithm == "average"])
    scores = [documents.silhouettes.of(one.clusters.labels).mean() for one in clusterings]
    return clusterings[int(np.argmax(scores))].clusters.labels


def auto(of: GoldSet, time_weight: float = 0.0, time_scale_days: float = 7.0) -> np.ndarray:
    """Cluster with what is chosen without labels, time in it or not."""
    documents = of.documents
    if time_weight:
        days = time_distance.days_of(of.neighbours.doc_id, of.articles)
        documents = time_distance.add_time_to(documents, days, time_weight, time_scale_days)
    return choice.choose(documents).clusters.labels


def notebook(of: GoldSet, min_samples: int, min_cluster_size: int) -> np.ndarray:
    """Cluster as the tutorial does: a dense matrix of squared distances, one direction only."""
    from hdbscan import HDBSCAN

    n = len(of.gold)
    dense = np.full((n, n), FAR)
    np.put_along_axis(dense, of.neighbours.indices, of.neighbours.distances**2, axis=1)
    np.fill_diagonal(dense, 0)
    model = HDBSCAN(
        metric="precomputed", min_samples=min_samples, min_cluster_size=min_cluster_size
    )
    return model.fit_predict(dense)


def reduced(of: GoldSet, min_cluster_size: int, min_dist: float) -> np.ndarray:
    """Cluster five dimensions of UMAP by HDBSCAN."""
    from hdbscan import HDBSCAN
    from umap import UMAP

    if min_dist not in of.reduced:
        reducer = UMAP(15, 5, metric="cosine", min_dist=min_dist, random_state=42, n_jobs=1)
        of.reduced[min_dist] = reducer.fit_transform(of.vectors)
    return HDBSCAN(min_cluster_size=min_cluster_size).fit_predict(of.reduced[min_dist])


def evoc(of: GoldSet, **settings: Any) -> np.ndarray:
    """Cluster by EVoC."""
    from evoc import EVoC

    return EVoC(random_state=42, **settings).fit_predict(of.vectors)


def fast_hdbscan(of: GoldSet, **settings: Any) -> np.ndarray:
    """Cluster the vectors by fast_hdbscan."""
    from fast_hdbscan import HDBSCAN

    return HDBSCAN(reproducible=True, **settings).fit_predict(of.vectors)


def agglomerative(of: GoldSet, threshold: float) -> np.ndarray:
    """Cluster by average linkage up to a cosine distance."""
    from sklearn.cluster import AgglomerativeClustering

    model = AgglomerativeClustering(
        n_clusters=None, metric="cosine", linkage="average", distance_threshold=threshold
    )
    return model.fit_predict(of.vectors)


def tfidf_linkage(of: GoldSet, threshold: float) -> np.ndarray:
    """Cluster TF-IDF vectors of the words by average linkage up to a cosine distance."""
    from sklearn.cluster import AgglomerativeClustering
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(sublinear_tf=True).fit_transform(of.articles["text"].to_pylist())
    model = AgglomerativeClustering(
        n_clusters=None, metric="cosine", linkage="average", distance_threshold=threshold
    )
    return model.fit_predict(words.toarray())


def leiden(of: GoldSet, resolution: float) -> np.ndarray:
    """Cluster the neighbour graph by Leiden with the constant Potts model, weights cosine."""
    import igraph

    graph = of.neighbours.matrix().tocoo()
    upper = graph.coords[0] < graph.coords[1]
    ends = np.column_stack([graph.coords[0][upper], graph.coords[1][upper]])
    network = igraph.Graph(n=len(of.gold), edges=ends.tolist())
    igraph.set_random_number_generator(random.Random(42))  # noqa: S311
    found = network.community_leiden(
        "CPM", weights=1 - graph.data[upper] ** 2 / 2, resolution=resolution, n_iterations=10
    )
    return np.array(found.membership)


def single_pass(of: GoldSet, threshold: float, days: float) -> np.ndarray:
    """Cluster in one pass over time: an article joins the most similar story or opens one.

    Similarity is that of its TF-IDF vector to the mean of the story's, times a Gaussian of the days
    since the story's last article (after Miranda et al. 2018, without its trained weights).
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(stop_words="english", sublinear_tf=True)
    vectors = words.fit_transform(of.articles["text"].to_pylist()).toarray()
    times = time_distance.days_of(np.array(of.articles["doc_id"].to_pylist()), of.articles)
    labels = np.full(len(vectors), -1)
    sums, last = np.zeros_like(vectors), np.zeros(len(vectors))
    opened = 0
    for row in np.argsort(times, kind="stable"):
        norms = np.linalg.norm(sums[:opened], axis=1)
        passed = np.nan_to_num(times[row] - last[:opened])
        near = sums[:opened] @ vectors[row] / norms * np.exp(-(passed**2) / (2 * days**2))
        best = int(near.argmax()) if opened else 0
        if not opened or near[best] < threshold:
            best, opened = opened, opened + 1
        labels[row] = best
        sums[best] += vectors[row]
        last[best] = times[row]
    return labels


SIZES = [2, 3, 5, 10, 15]
WAYS = [
    Way("ours, defaults (3, 3, eom)", ours, {}, grid={
        "min_samples": [1, 2, 3, 5, 10], "min_cluster_size": SIZES,
        "selection": ["eom", "leaf"], "epsilon": [0.0, 0.7, 0.8, 0.9],
    }),
    Way("ours, HDBSCAN by silhouette", by_silhouette, {"algorithm": "hdbscan"}),
    Way("ours, average linkage by silhouette", by_silhouette, {"algorithm": "average"}),
    Way("ours, tuning: auto", auto, {}),
    Way("ours, tuning: auto, time_weight: 0.5", auto, {"time_weight": 0.5},
        grid={"time_weight": [0.2, 0.4, 0.6], "time_scale_days": [2.0, 7.0, 30.0]}),
    Way("the notebook's way", notebook, {"min_samples": 3, "min_cluster_size": 3},
        {"min_samples": [1, 2, 3, 5], "min_cluster_size": SIZES}),
    Way("BERTopic's way (UMAP 5-d, HDBSCAN 10)", reduced,
        {"min_cluster_size": 10, "min_dist": 0.0},
        {"min_cluster_size": SIZES, "min_dist": [0.0]}),
    Way("Top2Vec's way (UMAP 5-d, HDBSCAN 15)", reduced,
        {"min_cluster_size": 15, "min_dist": 0.1},
        {"min_cluster_size": SIZES, "min_dist": [0.1]}),
    Way("EVoC", evoc, {}, {"base_min_cluster_size": [2, 3, 5], "noise_level": [0.0, 0.5, 1.0]}),
    Way("fast_hdbscan", fast_hdbscan, {},
        {"min_cluster_size": SIZES, "min_samples": [1, 2, 3, 5],
         "cluster_selection_method": ["eom", "leaf"]}),
    # The threshold of sentence-transformers' example; scikit-learn has no default for it.
    Way("average linkage, cosine distance", agglomerative, {"threshold": 0.4},
        {"threshold": [0.2, 0.3, 0.4, 0.5, 0.6, 0.7]}),
    # Neither has a default that suits news: half-way between related and not.
    Way("TF-IDF, average linkage, cosine distance", tfidf_linkage, {"threshold": 0.8},
        {"threshold": [0.5, 0.6, 0.7, 0.8, 0.85, 0.9]}),
    Way("Leiden, constant Potts model", leiden, {"resolution": 0.5},
        {"resolution": [0.2, 0.3, 0.4, 0.5, 0.6, 0.7]}),
    Way("TF-IDF and time, single pass", single_pass, None,
        {"threshold": [0.1, 0.15, 0.2, 0.25, 0.3, 0.4], "days": [3.0, 14.0, 1e6]}),
]  # fmt: skip
