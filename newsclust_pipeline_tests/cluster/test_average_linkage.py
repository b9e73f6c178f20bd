"""Average linkage on a graph, compared with SciPy and with a search over all pairs."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.cluster.hierarchy import linkage

from newsclust_pipeline.cluster.average_linkage import (
    clusters_at,
    cut,
    cut_heights,
    merge_tree,
    merge_tree_of_groups,
)
from newsclust_pipeline.cluster.vector_sums import rounded


def unit(n, dimension=12, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(n, dimension)).astype(np.float32)
    return rounded(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def complete(n):
    return sp.csr_array(np.ones((n, n)) - np.eye(n))


def random_graph(n, share, seed):
    edges = np.triu(np.random.default_rng(seed).random((n, n)) < share, 1)
    return sp.csr_array((edges | edges.T).astype(float))


def halves(vectors):
    return ((vectors[:, None].astype(float) - vectors[None]) ** 2).sum(-1) / 2


def brute_force(vectors, graph):
    """Merge the nearest two connected groups, again and again; return groups and heights."""
    pairs, edges = halves(vectors), graph.toarray() > 0
    groups = {row: [row] for row in range(len(vectors))}
    heights, unions = [], []
    while True:
        options = [
            (round(pairs[np.ix_(groups[a], groups[b])].mean(), 9), a, b)
            for a in groups
            for b in groups
            if a < b and edges[np.ix_(groups[a], groups[b])].any()
        ]
        if not options:
            return unions, heights
        height, a, b = min(options)
        groups[len(vectors) + len(heights)] = groups.pop(a) + groups.pop(b)
        heights.append(height)
        unions.append(sorted(groups[len(vectors) + len(heights) - 1]))


@pytest.mark.parametrize("seed", range(20))
def test_merges_equal_a_search_over_all_pairs_of_connected_groups(seed):
    n = 4 + 2 * seed
    vectors, graph = unit(n, seed=seed), random_graph(n, 0.2, seed)
    unions, heights = brute_force(vectors, graph)
    tree = merge_tree(vectors, graph)
    members = {row: [row] for row in range(n)}
    for merge, (one, other) in enumerate(tree.children):
        members[n + merge] = sorted(members[one] + members[other])
    assert [members[n + merge] for merge in range(len(tree.children))] == unions
    # The heights of the tree never fall from a merge to the one above.
    assert len(heights) == len(tree.heights)
    assert (tree.heights >= np.array(heights) - 2e-9).all()


def test_on_a_complete_graph_heights_equal_scipy():
    vectors = unit(60)
    tree = merge_tree(vectors, complete(60))
    expected = linkage(halves(vectors)[np.triu_indices(60, 1)], "average")[:, 2]
    np.testing.assert_allclose(tree.heights, expected, atol=1e-6)


def test_groups_merge_as_documents_that_were_merged_before():
    vectors, graph = unit(50, seed=3), random_graph(50, 0.3, 3)
    tree = merge_tree(vectors, graph)
    for height in np.quantile(tree.heights, [0.3, 0.6]):
        labels = cut(tree, height)
        above = merge_tree_of_groups(vectors, labels, graph)
        remaining = tree.heights[tree.heights > height]
        np.testing.assert_allclose(above.heights, remaining, atol=2e-9)


def test_documents_in_no_group_do_not_connect_groups():
    vectors = unit(5)
    path = sp.csr_array(np.diag(np.ones(4), 1) + np.diag(np.ones(4), -1))
    tree = merge_tree_of_groups(vectors, np.array([0, 0, -1, 1, 1]), path)
    assert tree.leaves == 2
    assert not len(tree.children)


def test_a_cut_makes_all_merges_up_to_its_height():
    vectors = np.array([[0.0], [1.0], [10.0], [11.0], [100.0]])
    tree = merge_tree(vectors, complete(5))
    assert [len(set(cut(tree, height))) for height in (0.4, 0.5, 60, 5000)] == [5, 3, 2, 1]
    assert cut(tree, 0.5)[0] == cut(tree, 0.5)[1]


def test_heights_to_cut_at_do_not_depend_on_the_scale():
    vectors, graph = unit(200, seed=1), random_graph(200, 0.1, 1)
    heights = cut_heights(merge_tree(vectors, graph))
    scaled = cut_heights(merge_tree(3 * vectors, graph))
    assert len(heights) > 20
    assert heights == sorted(set(heights))
    np.testing.assert_allclose(np.array(scaled) / 9, heights, atol=1e-6)


def test_labels_do_not_depend_on_the_order_of_documents():
    vectors, graph = unit(80, seed=2), random_graph(80, 0.15, 2)
    order = np.random.default_rng(0).permutation(80)
    shuffled = graph[order][:, order].tocsr()
    height = float(np.median(merge_tree(vectors, graph).heights))
    labels = cut(merge_tree(vectors, graph), height)
    again = cut(merge_tree(vectors[order], shuffled), height)
    assert len(set(zip(labels[order], again, strict=True))) == len(set(labels))


def test_clusters_have_sizes_probabilities_and_persistence():
    vectors = np.array([[0.0], [1.0], [0.4], [30.0], [31.0], [99.0]])
    clusters = clusters_at(merge_tree(vectors, complete(6)), vectors, 2.0)
    assert clusters.labels.tolist() == [0, 0, 0, 1, 1, -1]
    assert clusters.probabilities[2] == 1, "the nearest to all others of its cluster"
    assert 0 < clusters.probabilities[1] < 1
    assert clusters.probabilities[5] == 0
    assert ((clusters.persistence > 0.9) & (clusters.persistence <= 1)).all()
    larger = clusters_at(merge_tree(vectors, complete(6)), vectors, 2.0, min_cluster_size=3)
    assert larger.labels.tolist() == [0, 0, 0, -1, -1, -1]


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_few_documents_and_graphs_without_edges(n):
    empty = sp.csr_array((n, n), dtype=np.float32)
    tree = merge_tree(unit(n), empty)
    assert not len(tree.children)
    assert cut_heights(tree) == []
    assert (clusters_at(tree, unit(n), 1.0).labels == -1).all()


def test_identical_documents_merge_at_zero():
    vectors = np.repeat(unit(3), 4, axis=0)
    clusters = clusters_at(merge_tree(vectors, complete(12)), vectors, 0.0)
    assert [len(set(part)) for part in np.split(clusters.labels, 3)] == [1, 1, 1]
    np.testing.assert_array_equal(clusters.probabilities, 1)


def test_the_array_of_neighbours_is_compacted_where_it_is_full():
    """In a star every merge copies the list of the hub, which is far more than there are edges."""
    n = 300
    star = sp.lil_array((n, n))
    star[0, 1:] = star[1:, 0] = 1
    tree = merge_tree(unit(n, seed=4), star.tocsr())
    assert len(tree.children) == n - 1
