"""Documents in stories, for the tests of the choice of parameters."""

import numpy as np

from newsclust_pipeline.cluster.candidates import Documents
from newsclust_pipeline.cluster.gold import gold_figures
from newsclust_pipeline.search.faiss_backend import FaissSearch
from newsclust_pipeline.search.graph import Lookup, Neighbours, fill_neighbours
from newsclust_pipeline.store.indexes import Index


def stories(sizes, spread, seed=0, alone=0):
    """Return documents in stories of these sizes, others that stand alone, and the true stories."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(len(sizes), 48))
    gold = np.repeat(np.arange(len(sizes)), sizes)
    points = centres[gold] + spread * rng.normal(size=(len(gold), 48))
    vectors = np.concatenate([points, rng.normal(size=(alone, 48))]).astype(np.float32)
    return documents_of(vectors), np.concatenate([gold, len(sizes) + np.arange(alone)])


def documents_of(vectors, k=50, background=0.0):
    """Return documents with these vectors, scaled to unit length, and their k neighbours."""
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    n, width = len(vectors), min(k, len(vectors) - 1)
    indices, distances = np.empty((n, width), np.int32), np.empty((n, width), np.float32)
    fill_neighbours(
        Lookup(FaissSearch(vectors, Index()), vectors), np.arange(n), indices, distances
    )
    graph = Neighbours(np.arange(n).astype(str), indices, distances, k).matrix()
    return Documents(graph, vectors, background)


def f1(clustering, gold):
    return gold_figures(gold.tolist(), clustering.clusters.labels)["bcubed_f1"]
