"""HDBSCAN on sparse graphs, compared with the packages `hdbscan` and `fast_hdbscan`."""

import numpy as np
import pytest
import scipy.sparse as sp

from newsclust_pipeline.cluster.condensed_tree import NOISE
from newsclust_pipeline.cluster.hdbscan import Clusters, hdbscan

# Stands for ∞ in the dense reference, which builds malformed trees from infinite distances.
FAR = 1e6


def sparse(distances):
    """Return all finite distances except the diagonal, with explicit zeros."""
    rows, columns = np.nonzero(np.isfinite(distances) & ~np.eye(len(distances), dtype=bool))
    values = distances[rows, columns]
    return sp.coo_array((values, (rows, columns)), shape=distances.shape).tocsr()


def neighbour_graph(points, k):
    """Return distances to the k nearest others, ∞ elsewhere, symmetrised by minimum."""
    full = np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1))
    np.fill_diagonal(full, np.inf)
    far = np.argsort(full, axis=1, kind="stable")[:, k:]
    graph = full.copy()
    np.put_along_axis(graph, far, np.inf, axis=1)
    return np.minimum(graph, graph.T)


def dense_hdbscan(distances, **parameters):
    from hdbscan import HDBSCAN

    dense = np.where(np.isfinite(distances), distances, FAR)
    np.fill_diagonal(dense, 0)
    fitted = HDBSCAN(metric="precomputed", **parameters).fit(dense)
    return fitted.labels_, fitted.probabilities_


def renumbered(labels):
    """Return labels renumbered by their first document; noise stays −1."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.where(np.asarray(labels) == NOISE, NOISE, first[inverse])


def random_case(seed):
    """Return a graph of blobs, often with duplicates, often disconnected, and parameters."""
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(4, 120)), int(rng.integers(2, 6))
    centres = rng.normal(size=(int(rng.integers(1, 9)), d)) * rng.choice([0.5, 3, 10])
    points = centres[rng.integers(len(centres), size=n)] + rng.normal(size=(n, d)) * rng.choice(
        [0.1, 0.3, 1.0]
    )
    if rng.random() < 0.5:
        twins = int(rng.integers(1, max(2, n // 3)))
        points[rng.integers(n, size=twins)] = points[rng.integers(n, size=twins)]
    min_samples = min(int(rng.integers(1, 6)), n - 1)
    min_cluster_size = int(rng.integers(2, 8))
    # With this many neighbours no component is too small to be a cluster (see the tests below).
    k = int(rng.integers(max(min_samples, min_cluster_size - 1), 14))
    selection = str(rng.choice(["eom", "leaf"]))
    epsilon = float(rng.choice([0.0, 0.0, 0.3]))
    return neighbour_graph(points, k), min_samples, min_cluster_size, selection, epsilon


def components(graph):
    ones = sp.csr_array((np.ones(graph.nnz), graph.indices, graph.indptr), graph.shape)
    return sp.csgraph.connected_components(ones, directed=False)[0]


def blobs(*sizes, gap=100.0, seed=0):
    """Return dense groups of points far from each other."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(size=(s, 3)) + i * gap for i, s in enumerate(sizes)])


@pytest.mark.parametrize("start", range(0, 500, 50))
def test_labels_and_probabilities_equal_the_package_on_the_dense_matrix(start):
    for seed in range(start, start + 50):
        graph, min_samples, size, selection, epsilon = random_case(seed)
        ours = hdbscan(sparse(graph), min_samples, size, selection, epsilon)
        labels, probabilities = dense_hdbscan(
            graph,
            min_samples=min_samples,
            min_cluster_size=size,
            cluster_selection_method=selection,
            cluster_selection_epsilon=epsilon,
        )
        np.testing.assert_array_equal(renumbered(ours.labels), renumbered(labels), f"seed {seed}")
        np.testing.assert_allclose(ours.probabilities, probabilities, err_msg=f"seed {seed}")


@pytest.mark.parametrize("start", range(0, 200, 50))
def test_labels_equal_fast_hdbscan_on_the_sparse_graph(start):
    """With min_samples 1 no edge ties with another by its core distance.

    Of equally long edges, fast_hdbscan may put another one into the spanning tree.
    """
    from fast_hdbscan import HDBSCAN

    for seed in range(start, start + 50):
        graph, _, size, selection, _ = random_case(seed)
        ours = hdbscan(sparse(graph), 1, size, selection)
        theirs = HDBSCAN(
            metric="precomputed",
            min_samples=1,
            min_cluster_size=size,
            cluster_selection_method=selection,
        ).fit(sparse(graph))
        np.testing.assert_array_equal(
            renumbered(ours.labels), renumbered(theirs.labels_), f"seed {seed}"
        )


def test_persistence_equals_the_package():
    from hdbscan import HDBSCAN

    rng = np.random.default_rng(5)
    sizes, spreads = (6, 30, 12, 20), (0.05, 0.4, 0.2, 0.1)
    points = np.vstack(
        [
            rng.normal(9 * i, spread, (n, 2))
            for i, (n, spread) in enumerate(zip(sizes, spreads, strict=True))
        ]
    )
    full = np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1))
    theirs = HDBSCAN(metric="precomputed", min_samples=3, min_cluster_size=5).fit(full)
    ours = hdbscan(sparse(full), 3, 5)
    pairs = {(a, b) for a, b in zip(ours.labels, theirs.labels_, strict=True) if a != NOISE}
    assert len(pairs) == len(ours.persistence) >= 4
    for label, of_package in pairs:
        assert ours.persistence[label] == pytest.approx(theirs.cluster_persistence_[of_package])


def test_the_random_graphs_cover_the_edge_cases():
    """Duplicates, several components, only noise, one cluster, tiny graphs: all occur."""
    graphs = [random_case(seed) for seed in range(500)]
    component_counts = [components(sparse(g)) for g, *_ in graphs]
    cluster_counts = [len(set(hdbscan(sparse(g), *p).labels) - {NOISE}) for g, *p in graphs]
    assert sum((g == 0).any() for g, *_ in graphs) > 50
    assert sum(p > 1 for p in component_counts) > 30
    assert max(component_counts) >= 6
    assert cluster_counts.count(0) > 10
    assert max(cluster_counts) > 10
    assert sum(len(g) < 10 for g, *_ in graphs) > 5


def test_every_component_can_be_a_cluster():
    labels = hdbscan(sparse(neighbour_graph(blobs(20, 10, 5), 4))).labels
    assert [len(set(part)) for part in np.split(labels, [20, 30])] == [1, 1, 1]
    assert list(labels[[0, 20, 30]]) == [0, 1, 2], "numbered by size, the largest first"


def test_small_components_are_noise_even_where_together_they_are_large_enough():
    graph = neighbour_graph(blobs(2, 2, 2, 12, 12, 2, 2), 11)
    graph[graph > 50] = np.inf  # the pairs have no other neighbours
    labels = hdbscan(sparse(graph), min_samples=1).labels
    assert set(labels[6:30]) == {0, 1}
    assert set(np.delete(labels, np.s_[6:30])) == {NOISE}


def test_isolated_documents_are_noise_and_change_no_other_label():
    graph = neighbour_graph(blobs(15, 9), 5)
    lonely = np.full((34, 34), np.inf)
    lonely[5:29, 5:29] = graph  # five before and five after
    with_them, without = hdbscan(sparse(lonely)).labels, hdbscan(sparse(graph)).labels
    np.testing.assert_array_equal(with_them[5:29], without)
    assert set(np.delete(with_them, np.s_[5:29])) == {NOISE}


def test_identical_documents_stay_connected():
    points = np.repeat(blobs(2, gap=30.0), 8, axis=0)
    clusters = hdbscan(sparse(neighbour_graph(points, 5)))
    assert [set(part) for part in np.split(clusters.labels, 2)] == [{0}, {1}]
    np.testing.assert_array_equal(clusters.probabilities, 1)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
def test_graphs_without_edges_are_all_noise(n):
    clusters = hdbscan(sp.csr_array((n, n), dtype=np.float32))
    assert isinstance(clusters, Clusters)
    np.testing.assert_array_equal(clusters.labels, np.full(n, NOISE))
    np.testing.assert_array_equal(clusters.probabilities, np.zeros(n))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -0.5])
def test_invalid_distances_raise_an_error_with_their_number(bad):
    graph = sp.csr_array(np.array([[0, bad], [bad, 0.0]]))
    with pytest.raises(ValueError, match="2 of 2 distances are negative or not finite"):
        hdbscan(graph)


def test_a_matrix_that_is_not_square_raises_an_error():
    with pytest.raises(ValueError, match="square, not 2 × 3"):
        hdbscan(sp.csr_array((2, 3)))


def test_memory_grows_with_the_edges():
    import tracemalloc

    n = 10_000
    rng = np.random.default_rng(0)
    ring = (np.repeat(np.arange(n), 5), (np.arange(n)[:, None] + np.arange(1, 6)).ravel() % n)
    upper = sp.coo_array((rng.random(5 * n), ring), shape=(n, n)).tocsr()
    graph = (upper + upper.T).tocsr()
    hdbscan(sparse(neighbour_graph(blobs(5, 5), 3)))  # compiles before the measurement
    tracemalloc.start()
    hdbscan(graph)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < n * n / 8, "not even one bit per pair of documents"
