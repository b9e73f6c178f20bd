"""Evaluate a clustering without gold labels, from the distance graph and from the previous run."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from newsclust_pipeline.cluster.condensed_tree import FAR, NOISE
from newsclust_pipeline.cluster.hdbscan import spanning_tree
from newsclust_pipeline.cluster.silhouette import Silhouettes
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
    neighbours: Neighbours,
    vectors: np.ndarray,
    labels: pa.Table,
    previous: pa.Table | None = None,
) -> Evaluation:
    """Return the silhouette of every document, and the figures of the run.

    Args:
        neighbours: the neighbours of the documents.
        vectors: (n, d) of the same documents, in the order of `neighbours`.
        labels: doc_id, label of the same documents, in any order.
        previous: `documents` of the previous run, if there was one. Its agreement with this run
            (adjusted Rand index over the documents of both) becomes a figure.

    Raises:
        ValueError: a document has no label.
    """
    graph = neighbours.matrix()
    ids = pa.table({"doc_id": pa.array(neighbours.doc_id.tolist(), pa.string())})
    documents = join(ids, labels.select(["doc_id", "label"]))
    label = documents["label"].to_numpy()
    values = Silhouettes(vectors, graph).of(label)
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
    distances: sp.csr_array, labels: np.ndarray, values: np.ndarray
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
        "silhouette": float(values.sum() / n),
        "covered_silhouette": float(values[covered].mean()) if covered.any() else 0.0,
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
