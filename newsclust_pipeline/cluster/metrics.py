"""Evaluate a clustering without gold labels, from the distance graph and from the previous run."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from newsclust_pipeline.cluster.condensed_tree import FAR, NOISE
from newsclust_pipeline.cluster.hdbscan import core_distances, spanning_tree
from newsclust_pipeline.core.jit import compiled
from newsclust_pipeline.core.tables import join
from newsclust_pipeline.search.graph import Neighbours


@dataclass(frozen=True)
class Evaluation:
    """How good the stories of a run are.

    Attributes:
        documents: doc_id, label, silhouette, and gold where there are gold labels.
        figures: the figures of the run, by name.
    """

    documents: pa.Table
    figures: dict[str, float]


def evaluate(
    neighbours: Neighbours, labels: pa.Table, previous: pa.Table | None = None
) -> Evaluation:
    """Return the silhouette of every document, and the figures of the run.

    Args:
        neighbours: the neighbours of the documents.
        labels: doc_id, label of the same documents.
        previous: `documents` of the previous run, if there was one. Its agreement with this run
            (adjusted Rand index over the documents of both) becomes a figure.

    Raises:
        ValueError: a document has no label.
    """
    graph = neighbours.matrix()
    ids = pa.table({"doc_id": pa.array(neighbours.doc_id.tolist(), pa.string())})
    documents = join(ids, labels.select(["doc_id", "label"]))
    label = documents["label"].to_numpy()
    values = silhouette(graph, label)
    documents = documents.append_column("silhouette", pa.array(values))
    figures = graph_figures(graph, label, values)
    if previous is not None:
        figures |= compare_with_last_run(previous, documents)
    return Evaluation(documents, figures)


def compare_with_last_run(previous: pa.Table, documents: pa.Table) -> dict[str, float]:
    """Return how far two runs agree on the documents of both; tables of doc_id, label."""
    rows = pc.index_in(documents["doc_id"], previous["doc_id"])
    shared = rows.is_valid().to_numpy()
    before = previous["label"].take(rows.drop_null()).to_numpy()
    now = documents["label"].to_numpy()[shared]
    return {"shared_with_last_run": len(now), "agreement_with_last_run": agreement(before, now)}


def graph_figures(
    distances: sp.csr_array, labels: np.ndarray, silhouettes: np.ndarray
) -> dict[str, float]:
    """Return the figures of labels (n,) with silhouettes (n,) on a distance graph (n, n).

    Returns:
        The number of stories, the share of noise and of the largest story, `silhouette` (mean over
        all documents, 0 for noise), `covered_silhouette` (mean over documents in stories) and
        `density_validity`.
    """
    covered = labels != NOISE
    n = max(len(labels), 1)
    return story_sizes(labels) | {
        "silhouette": float(silhouettes.sum() / n),
        "covered_silhouette": float(silhouettes[covered].mean()) if covered.any() else 0.0,
        "density_validity": density_validity(spanning_tree(distances, 1), labels),
    }


def story_sizes(labels: np.ndarray) -> dict[str, float]:
    """Return the number of stories, the share of noise and that of the largest story."""
    sizes = np.bincount(labels[labels != NOISE])
    n = max(len(labels), 1)
    return {
        "stories": len(sizes),
        "noise_share": float((labels == NOISE).sum() / n),
        "largest_story_share": float(sizes.max(initial=0) / n),
    }


def agreement(labels: np.ndarray, others: np.ndarray) -> float:
    """Return the adjusted Rand index of two clusterings, noise as singletons; 1 without documents.

    Source: Hubert, Arabie 1985.
    """
    if np.array_equal(labels, others):  # no documents, or nothing changed, as on most reruns
        return 1.0
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(singletons(labels), singletons(others)))


def singletons(labels: np.ndarray) -> np.ndarray:
    """Return labels (n,) in which every noise document has a label of its own."""
    first = labels.max(initial=NOISE) + 1
    return np.where(labels == NOISE, first + np.arange(len(labels)), labels)


def silhouette(
    distances: sp.csr_array, labels: np.ndarray, reach: np.ndarray | None = None
) -> np.ndarray:
    """Return the silhouette (n,) of every document, as far as a neighbour graph determines it.

    The silhouette (Rousseeuw 1987) is (b − a) / max(a, b): a is the mean distance to the own story,
    b that to the nearest other story. Noise has silhouette 0, as singletons have, and is no other
    story. On a complete graph this is exact. Otherwise a is the mean over neighbours in the own
    story. A member of another story that is no neighbour counts as far as the last neighbour, which
    is a lower bound.

    Args:
        distances: (n, n), symmetric.
        labels: (n,), −1 for noise.
        reach: (n,) the distance up to which neighbours are known; see `known_distance`.
    """
    if reach is None:
        reach = known_distance(distances)
    sizes = np.bincount(labels[labels != NOISE])
    arrays = (distances.indptr, distances.indices, distances.data)
    values: np.ndarray = compiled(_silhouette)(*arrays, reach, labels, sizes)
    return values


def known_distance(distances: sp.csr_array) -> np.ndarray:
    """Return the distance (n,) up to which the neighbours of each document are known.

    A symmetric graph of k nearest neighbours has at least k entries in every row. The k nearest of
    them are complete. The rest are there because the other document chose this one. Without
    neighbours the distance is ∞.
    """
    degree = np.diff(distances.indptr)
    k = int(degree[degree > 0].min(initial=max(len(degree), 1)))
    return core_distances(distances, k)


def density_validity(edges: np.ndarray, labels: np.ndarray) -> float:
    """Return the density-based validity of a clustering, −1 to 1, relative to a spanning tree.

    After DBCV (Moulavi et al. 2014), in the form of `relative_validity_` of the package `hdbscan`:
    the sparseness of a story is its longest edge, its separation the shortest edge that leaves it.
    By the cut property of spanning trees, that is the shortest such edge of the whole graph. The
    mean over stories is weighted by size; noise counts 0.

    Args:
        edges: (n − 1, 3) of `hdbscan.spanning_tree`.
        labels: (n,), −1 for noise.
    """
    sizes = np.bincount(labels[labels != NOISE])
    if not len(sizes) or not len(edges):
        return 0.0
    ends, length = labels[edges[:, :2].astype(np.int64)], edges[:, 2]
    within = (ends[:, 0] == ends[:, 1]) & (ends[:, 0] != NOISE)
    sparse, separate = np.zeros(len(sizes)), np.full(len(sizes), FAR)
    np.maximum.at(sparse, ends[within, 0], length[within])
    for end in ends[~within].T:
        leaves = end != NOISE
        np.minimum.at(separate, end[leaves], length[~within][leaves])
    wider = np.maximum(sparse, separate)
    validity = np.divide(separate - sparse, wider, out=np.zeros(len(sizes)), where=wider > 0)
    return float((sizes * validity).sum() / len(labels))


def _silhouette(
    indptr: np.ndarray,
    indices: np.ndarray,
    distances: np.ndarray,
    reach: np.ndarray,
    labels: np.ndarray,
    sizes: np.ndarray,
) -> np.ndarray:
    values = np.zeros(len(labels))
    total = np.zeros(len(sizes))
    known = np.zeros(len(sizes), dtype=np.int64)
    for node in range(len(labels)):
        own = labels[node]
        if own < 0:
            continue
        near = labels[indices[indptr[node] : indptr[node + 1]]]
        for place, label in enumerate(near):
            if label >= 0:
                total[label] += distances[indptr[node] + place]
                known[label] += 1
        a = total[own] / known[own] if known[own] else reach[node]
        b = reach[node]
        for label in near:
            if label >= 0 and label != own:
                unknown = (sizes[label] - known[label]) * reach[node]
                b = min(b, (total[label] + unknown) / sizes[label])
        if max(a, b) > 0:
            values[node] = (b - a) / max(a, b)
        for label in near:
            if label >= 0:
                total[label], known[label] = 0.0, 0
    return values
