"""The exact silhouette, compared with scikit-learn and with all pairs."""

import numpy as np
import pytest
import scipy.sparse as sp

from newsclust_pipeline.cluster.silhouette import Silhouettes, cohesion


def silhouettes(vectors, graph, labels, background=0.0, lone_compete=False):
    """Return silhouettes, with the distances of the vectors in the graph."""
    rows = np.repeat(np.arange(len(vectors)), np.diff(graph.indptr))
    apart = np.sqrt(((vectors[rows] - vectors[graph.indices]) ** 2).sum(axis=1))
    graph = sp.csr_array((apart, graph.indices, graph.indptr), shape=graph.shape)
    return Silhouettes(vectors, graph, background).of(labels, lone_compete)


def complete(n):
    """Return a graph in which all documents are neighbours."""
    return sp.csr_array(np.ones((n, n)) - np.eye(n))


def clouds(seed=0, dimension=13):
    """Return three clouds of points and their labels."""
    rng = np.random.default_rng(seed)
    centres = np.repeat(rng.normal(size=(3, dimension)) * 3, [12, 8, 5], axis=0)
    return centres + rng.normal(size=centres.shape), np.repeat([0, 1, 2], [12, 8, 5])


def expected(vectors, graph, labels):
    """Return the silhouettes from the distances of all pairs."""
    pairs = ((vectors[:, None] - vectors[None]) ** 2).sum(-1) / 2
    values = np.zeros(len(labels))
    for row, own in enumerate(labels):
        inside = np.flatnonzero((labels == own) & (np.arange(len(labels)) != row))
        if own < 0 or not len(inside):
            continue
        near = set(labels[graph.indices[graph.indptr[row] : graph.indptr[row + 1]]]) - {own, -1}
        others = [pairs[row, labels == story].mean() for story in near]
        a, b = pairs[row, inside].mean(), min([np.delete(pairs[row], row).mean(), *others])
        values[row] = (b - a) / max(a, b)
    return values


def test_on_a_complete_graph_it_is_the_silhouette_of_squared_distances():
    from sklearn.metrics import silhouette_samples

    points, labels = clouds()
    reference = silhouette_samples(points, labels, metric="sqeuclidean")
    values = silhouettes(points, complete(25), labels)
    # Here the average other document counts as a story, too: it may be nearer than the next story.
    assert (values <= reference + 1e-4).all()
    assert np.isclose(values, reference, atol=1e-4).mean() > 0.5


@pytest.mark.parametrize("seed", range(20))
def test_it_equals_the_mean_over_all_pairs(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 40))
    vectors = rng.normal(size=(n, int(rng.integers(1, 20)))).astype(np.float32)
    labels = rng.integers(-1, 5, size=n)
    edges = rng.random((n, n)) < 0.2
    graph = sp.csr_array(np.triu(edges, 1) + np.triu(edges, 1).T).astype(float)
    values = silhouettes(vectors, graph, labels)
    np.testing.assert_allclose(values, expected(vectors.astype(float), graph, labels), atol=1e-3)


def test_noise_and_stories_of_one_document_have_silhouette_zero():
    points, labels = clouds()
    labels[:3] = [-1, -1, 7]
    assert silhouettes(points, complete(25), labels)[:3].tolist() == [0, 0, 0]


def test_identical_vectors_have_silhouette_one_or_zero():
    pairs = np.repeat(np.eye(2), 2, axis=0)
    assert silhouettes(pairs, complete(4), np.array([0, 0, 1, 1])).tolist() == [1, 1, 1, 1]
    assert silhouettes(np.ones((3, 2)), complete(3), np.array([0, 0, 0])).tolist() == [0, 0, 0]


def test_a_fragment_of_a_large_story_scores_lower_than_the_story():
    """The 4 neighbours of a document are in its fragment, so a graph alone can't see the rest."""
    rng = np.random.default_rng(0)
    centres = np.repeat(np.eye(8)[:2], 40, axis=0)
    vectors = centres + 0.1 * rng.normal(size=centres.shape)
    whole, fragments = np.repeat([0, 1], 40), np.repeat(np.arange(16), 5)
    near = np.argsort(((vectors[:, None] - vectors[None]) ** 2).sum(-1), axis=1)[:, 1:5]
    graph = sp.coo_array((np.ones(320), (np.repeat(np.arange(80), 4), near.ravel()))).tocsr()
    graph = graph.maximum(graph.T).tocsr()
    scores = [silhouettes(vectors, graph, labels).mean() for labels in (whole, fragments)]
    assert scores[0] > scores[1]


@pytest.mark.parametrize("n", [0, 1])
def test_without_pairs_all_silhouettes_are_zero(n):
    graph = sp.csr_array((n, n), dtype=np.float32)
    assert silhouettes(np.ones((n, 3)), graph, np.zeros(n, dtype=int)).tolist() == [0] * n


def test_cohesion_is_the_mean_silhouette_of_every_story():
    values = np.array([0.5, 0.1, 0.0, 0.3])
    np.testing.assert_allclose(cohesion(np.array([0, 1, -1, 1]), values), [0.5, 0.2])
    assert not len(cohesion(np.array([-1]), np.zeros(1)))


def test_a_single_story_is_compared_with_the_distance_of_unrelated_documents():
    rng = np.random.default_rng(0)
    vectors = np.eye(8)[0] + 0.2 * rng.normal(size=(20, 8))
    labels = np.zeros(20, dtype=int)
    assert np.abs(silhouettes(vectors, complete(20), labels)).max() < 1e-12
    assert (silhouettes(vectors, complete(20), labels, background=1.0) > 0.5).all()


def test_lone_documents_can_compete_with_stories():
    points = np.array([[0.0], [1.0], [1.5], [50.0], [51.0]])
    labels = np.array([0, 0, -1, 1, 1])
    alone = silhouettes(points, complete(5), labels, lone_compete=True)
    assert alone[1] < 0 < silhouettes(points, complete(5), labels)[1]
    np.testing.assert_array_equal(alone[3:], silhouettes(points, complete(5), labels)[3:])


def test_only_stories_that_may_be_the_nearest_are_measured_without_a_difference():
    """With time in the distances the bounds are not used; the vectors alone decide."""
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(80, 12)).astype(np.float32)
    labels = rng.integers(-1, 12, size=80)
    edges = np.triu(rng.random((80, 80)) < 0.3, 1)
    graph = sp.csr_array((edges | edges.T).astype(float))
    rows = np.repeat(np.arange(80), np.diff(graph.indptr))
    apart = np.sqrt(((vectors[rows] - vectors[graph.indices]) ** 2).sum(axis=1))
    graph = sp.csr_array((apart, graph.indices, graph.indptr), shape=graph.shape)
    np.testing.assert_array_equal(
        Silhouettes(vectors, graph).of(labels),
        Silhouettes(vectors, graph, has_time=True).of(labels),
    )
