"""HDBSCAN on sparse graphs, held against the package `hdbscan` on the dense matrix."""

import numpy as np
import pytest
import scipy.sparse as sp

from newsclust_pipeline.cluster.hdbscan import (
    NOISE,
    Clusters,
    condense,
    core_distances,
    hdbscan,
    select,
    spanning_tree,
)

# Stands for ∞ in the dense reference, which writes malformed trees for true infinities.
FAR = 1e6


def sparse(distances):
    """All finite distances but the diagonal, zeros kept."""
    rows, columns = np.nonzero(np.isfinite(distances) & ~np.eye(len(distances), dtype=bool))
    values = distances[rows, columns]
    return sp.coo_array((values, (rows, columns)), shape=distances.shape).tocsr()


def neighbour_graph(points, k):
    """Distances to the k nearest others, ∞ elsewhere, symmetrised by minimum."""
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
    """Each document's label as the first document with it; noise stays −1."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.where(np.asarray(labels) == NOISE, NOISE, first[inverse])


def random_case(seed):
    """A graph with blobs, often duplicates, often in pieces, and parameters for it."""
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
    # With this many neighbours no piece is too small to be a cluster (see the tests below).
    k = int(rng.integers(max(min_samples, min_cluster_size - 1), 14))
    selection = str(rng.choice(["eom", "leaf"]))
    epsilon = float(rng.choice([0.0, 0.0, 0.3]))
    return neighbour_graph(points, k), min_samples, min_cluster_size, selection, epsilon


def components(graph):
    ones = sp.csr_array((np.ones(graph.nnz), graph.indices, graph.indptr), graph.shape)
    return sp.csgraph.connected_components(ones, directed=False)[0]


def blobs(*sizes, gap=100.0, seed=0):
    """Dense groups of points far from each other."""
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


def test_every_cluster_has_the_persistence_that_the_package_gives_it():
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
    for label, found in pairs:
        assert ours.persistence[label] == pytest.approx(theirs.cluster_persistence_[found])


def test_the_random_graphs_hold_what_the_comparison_is_about():
    """Duplicates, several components, all noise, one cluster, tiny ones: none is missing."""
    graphs = [random_case(seed) for seed in range(500)]
    pieces = [components(sparse(g)) for g, *_ in graphs]
    found = [len(set(hdbscan(sparse(g), *p).labels) - {NOISE}) for g, *p in graphs]
    assert sum((g == 0).any() for g, *_ in graphs) > 50
    assert sum(p > 1 for p in pieces) > 30
    assert max(pieces) >= 6
    assert found.count(0) > 10
    assert max(found) > 10
    assert sum(len(g) < 10 for g, *_ in graphs) > 5


def test_every_component_can_be_a_cluster_of_its_own():
    labels = hdbscan(sparse(neighbour_graph(blobs(20, 10, 5), 4))).labels
    assert [len(set(part)) for part in np.split(labels, [20, 30])] == [1, 1, 1]
    assert list(labels[[0, 20, 30]]) == [0, 1, 2], "numbered by size, the largest first"


def test_small_components_are_noise_even_where_together_they_could_be_a_cluster():
    graph = neighbour_graph(blobs(2, 2, 2, 12, 12, 2, 2), 11)
    graph[graph > 50] = np.inf  # the pairs see only each other
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


def test_core_distance_is_that_to_the_nth_neighbour_the_document_itself_not_counted():
    line = neighbour_graph(np.array([[0.0], [1.0], [3.0], [7.0]]), 3)
    np.testing.assert_array_equal(core_distances(sparse(line), 1), [1, 1, 2, 4])
    np.testing.assert_array_equal(core_distances(sparse(line), 3), [7, 6, 4, 7])
    assert np.isinf(core_distances(sparse(line), 4)).all()


def test_zero_distances_count_as_neighbours():
    twins = sparse(neighbour_graph(np.array([[0.0], [0.0], [5.0]]), 2))
    np.testing.assert_array_equal(core_distances(twins, 1), [0, 0, 5])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -0.5])
def test_distances_that_are_none_are_refused_with_their_number(bad):
    graph = sp.csr_array(np.array([[0, bad], [bad, 0.0]]))
    with pytest.raises(ValueError, match="2 of 2 distances are negative or not finite"):
        hdbscan(graph)


def test_a_matrix_that_is_not_square_is_refused():
    with pytest.raises(ValueError, match="square, not 2 × 3"):
        hdbscan(sp.csr_array((2, 3)))


def test_memory_grows_with_the_edges_not_with_the_square_of_the_documents():
    import tracemalloc

    n = 10_000
    rng = np.random.default_rng(0)
    ring = (np.repeat(np.arange(n), 5), (np.arange(n)[:, None] + np.arange(1, 6)).ravel() % n)
    upper = sp.coo_array((rng.random(5 * n), ring), shape=(n, n)).tocsr()
    graph = (upper + upper.T).tocsr()
    hdbscan(sparse(neighbour_graph(blobs(5, 5), 3)))  # compiles outside of what is measured
    tracemalloc.start()
    hdbscan(graph)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < n * n / 8, "not even one bit per pair of documents"


def test_one_spanning_tree_serves_every_size_and_selection():
    """The tree and the condensed tree are left as they were, so each can be used again."""
    for seed in range(20):
        graph, min_samples, *_ = random_case(seed)
        edges = spanning_tree(sparse(graph), min_samples)
        for size in (2, 3, 6):
            condensed = condense(edges, size)
            for selection, epsilon in [("eom", 0.3), ("leaf", 0.0), ("eom", 0.0)]:
                alone = hdbscan(sparse(graph), min_samples, size, selection, epsilon)
                shared = select(condensed, selection, epsilon)
                np.testing.assert_array_equal(shared.labels, alone.labels)
                np.testing.assert_array_equal(shared.probabilities, alone.probabilities)
