"""Recurring columns are clustered apart: each is a cluster, and events keep theirs."""

import numpy as np
import scipy.sparse as sp

from newsclust_pipeline.cluster import choice
from newsclust_pipeline.cluster.candidates import Documents, Parameters
from newsclust_pipeline.cluster.condensed_tree import NOISE
from newsclust_pipeline.cluster.hdbscan import hdbscan
from newsclust_pipeline.stories.series import NO_SERIES
from newsclust_pipeline.stories.series_clusters import cluster_apart, without_series


def documents(*points):
    """The complete graph of points (x, y)."""
    points = np.array(points, dtype=np.float64)
    matrix = np.linalg.norm(points[:, None] - points, axis=2)
    rows, columns = np.nonzero(~np.eye(len(points), dtype=bool))
    graph = sp.csr_array((matrix[rows, columns], (rows, columns)), shape=matrix.shape)
    return Documents(graph, points.astype(np.float32))


def around(x, count, seed=1, spread=0.1):
    points = np.random.default_rng(seed).normal(0, spread, (count, 2))
    return (points + np.array([x, 0.0])).tolist()


def ids(count):
    return np.array([f"d{n:03}" for n in range(count)], dtype=np.str_)


def cluster(given, series):
    series = np.array(series)
    return cluster_apart(given, series, ids(len(series)), Parameters(), is_tuned=False)


def test_articles_of_a_series_lose_their_edges_and_the_others_are_clustered_as_without_them():
    given = documents(*around(0, 12), *around(5, 12, 2), *around(5.3, 12, 3))
    series = np.where(np.arange(36) >= 24, 0, NO_SERIES)
    graph = without_series(given, series).distances
    assert graph.nnz == 24 * 23
    labels = hdbscan(graph).labels
    assert (labels[24:] == NOISE).all()
    np.testing.assert_array_equal(labels[:24], hdbscan(given.distances[:24][:, :24]).labels)


def test_without_a_series_the_clustering_is_the_usual_one():
    given = documents(*around(0, 12), *around(5, 12, 2))
    series = np.full(24, NO_SERIES)
    assert without_series(given, series) is given
    usual = choice.cluster_by_id(given, ids(24), Parameters(), is_tuned=False)
    done = cluster(given, series)
    np.testing.assert_array_equal(done.clusters.labels, usual.clusters.labels)
    np.testing.assert_array_equal(done.clusters.probabilities, usual.clusters.probabilities)


def test_every_series_is_a_cluster_if_it_is_large_enough_whatever_its_distances():
    given = documents(*around(0, 10), *around(5, 10, 2), [20, 0], [40, 0], [60, 0], [80, 0], [2, 9])
    series = [NO_SERIES] * 20 + [1, 1, 1, 1, 0]
    done = cluster(given, series).clusters
    assert len(set(done.labels[20:24].tolist())) == 1
    assert done.labels[20] >= 0
    assert done.labels[24] == NOISE
    assert done.probabilities[20:].tolist() == [1, 1, 1, 1, 0]
    assert np.isnan(done.persistence[done.labels[20]])
    assert set(done.labels[:20].tolist()) | {done.labels[20]} == {0, 1, 2}


def test_an_event_that_a_column_absorbs_becomes_a_cluster():
    column = around(0, 20, spread=0.02)
    event = [[0.9, 0.0], [1.0, 0.3], [1.2, -0.2]]
    others = [[x, 9.0] for x in range(8)] + around(30, 10, 3, spread=0.02)
    given = documents(*column, *event, *others)
    series = [0] * 20 + [NO_SERIES] * 21
    together = hdbscan(given.distances).labels
    assert set(together[:23].tolist()) == {together[0]}, "the column absorbs the event"
    labels = cluster(given, series).clusters.labels
    assert len(set(labels[20:23].tolist())) == 1
    assert labels[20] not in {labels[0], NOISE}
    assert (labels[:20] == labels[0]).all()
