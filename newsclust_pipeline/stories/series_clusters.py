"""Cluster recurring columns apart from events.

Clustered together, a column absorbs events that resemble it, such as a jackpot winner among lottery
results, and its many similar issues hide small events. So the other articles are clustered without
the columns, and every column becomes a cluster of its own.
"""

from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from scipy.sparse import csgraph

from newsclust_pipeline.cluster import choice
from newsclust_pipeline.cluster.candidates import Clustering, Documents, Parameters
from newsclust_pipeline.cluster.condensed_tree import NOISE
from newsclust_pipeline.cluster.hdbscan import Clusters, ranked_by_size
from newsclust_pipeline.stories.series import NO_SERIES, is_column


def cluster_apart(
    documents: Documents,
    series: np.ndarray,
    doc_id: np.ndarray,
    parameters: Parameters,
    is_tuned: bool,
) -> Clustering:
    """Cluster n documents as `choice.cluster_by_id` does, but recurring columns apart from events.

    Without recurring columns the result is the same.

    Args:
        documents: what is clustered.
        series: (n,) see `series.find_series`.
        doc_id: (n,) ids.
        parameters: of the clustering.
        is_tuned: whether the best parameters are chosen instead.
    """
    chosen = choice.cluster_by_id(without_series(documents, series), doc_id, parameters, is_tuned)
    if not (series != NO_SERIES).any():
        return chosen
    size = chosen.parameters.min_cluster_size
    together = choice.cluster_by_id(documents, doc_id, chosen.parameters, is_tuned=False).clusters
    clusters = _add_absorbed(chosen.clusters, together, series, documents.distances, size)
    return chosen._replace(clusters=_add_series(clusters, series, size))


def without_series(documents: Documents, series: np.ndarray) -> Documents:
    """Return the documents without the distances to and from articles of a series.

    The graph keeps its shape. Articles without distances become noise.
    """
    is_event = series == NO_SERIES
    if is_event.all():
        return documents
    graph = documents.distances
    kept = is_event[graph.indices] & np.repeat(is_event, np.diff(graph.indptr))
    starts = np.append(0, np.cumsum(kept, dtype=graph.indptr.dtype))[graph.indptr]
    edges = (graph.data[kept], graph.indices[kept], starts)
    return replace(documents, distances=sp.csr_array(edges, shape=graph.shape))


def _add_series(clusters: Clusters, series: np.ndarray, min_cluster_size: int) -> Clusters:
    """Return the clusters and, for every series of at least this size, one of its articles.

    Its probabilities are 1, and its persistence is unknown (NaN): it was not found by density.
    """
    sizes = np.bincount(series[series != NO_SERIES])
    large = np.flatnonzero(sizes >= min_cluster_size)
    if not len(large):
        return clusters
    new = np.full(len(sizes), NOISE, dtype=np.int32)
    new[large] = len(clusters.persistence) + np.arange(len(large))
    in_series = series != NO_SERIES
    labels, probabilities = clusters.labels.copy(), clusters.probabilities.copy()
    labels[in_series] = new[series[in_series]]
    probabilities[in_series] = labels[in_series] != NOISE
    persistence = np.append(clusters.persistence, np.full(len(large), np.nan))
    return ranked_by_size(labels, probabilities, persistence)


def _add_absorbed(
    clusters: Clusters,
    together: Clusters,
    series: np.ndarray,
    distances: sp.csr_array,
    min_cluster_size: int,
) -> Clusters:
    """Return the clusters and the events that a column absorbs if both are clustered together.

    Such articles are dense enough to be clustered, but not alone. They are an event if they are
    nearer to each other than to the column.
    """
    labels, probabilities = clusters.labels.copy(), clusters.probabilities.copy()
    persistence = clusters.persistence.tolist()
    for label in np.flatnonzero(is_column(together.labels, series, len(together.persistence))):
        members = together.labels == label
        events = np.flatnonzero(members & (series == NO_SERIES) & (clusters.labels == NOISE))
        group = _groups(events, np.flatnonzero(members & (series != NO_SERIES)), distances)
        for number in np.flatnonzero(np.bincount(group) >= min_cluster_size):
            rows = events[group == number]
            labels[rows], probabilities[rows] = len(persistence), together.probabilities[rows]
            persistence.append(together.persistence[label])
    return ranked_by_size(labels, probabilities, np.array(persistence, dtype=np.float64))


def _groups(events: np.ndarray, recurring: np.ndarray, distances: sp.csr_array) -> np.ndarray:
    """Return the group (m,) of every event article: those nearer to each other than to a column.

    Two articles are linked if their distance is below that of one of them to the nearest article
    of the column.
    """
    rows = distances[events]
    to_column = rows[:, recurring].tocoo()
    nearest = np.full(len(events), np.inf)
    np.minimum.at(nearest, to_column.row, to_column.data)
    among = rows[:, events].tocoo()
    linked = among.data < np.maximum(nearest[among.row], nearest[among.col])
    edges = (np.ones(int(linked.sum())), (among.row[linked], among.col[linked]))
    graph = sp.csr_array(edges, shape=(len(events), len(events)))
    return csgraph.connected_components(graph, directed=False)[1]
