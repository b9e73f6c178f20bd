"""Neighbours and their matrix equal those of brute force, for exact and approximate hits."""

import numpy as np
import pytest

from newsclust_pipeline.search.graph import Lookup, Neighbours, fill_neighbours


def unit(vectors):
    vectors = np.asarray(vectors, dtype=np.float64)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def scattered(n, dimension=8, seed=0):
    return unit(np.random.default_rng(seed).normal(size=(n, dimension)))


def true_distances(vectors):
    """All pairs, by differences in float64."""
    wide = vectors.astype(np.float64)
    return np.sqrt(((wide[:, None] - wide[None]) ** 2).sum(axis=2))


def ranked(vectors):
    """Return a search like Milvus: by inner product in float32, the document among its hits."""

    def search(queries, count):
        scores = queries @ vectors.T
        rows = np.argsort(-scores, axis=1)[:, :count]
        return rows, np.take_along_axis(scores, rows, axis=1)

    return search


def always(hits):
    """Return a search that finds these rows for every query; all others are far away."""

    def search(queries, count):
        return np.tile(np.array(hits), (len(queries), 1))[:, :count], np.zeros((len(queries), 1))

    return search


def doc_ids(n):
    return np.array([f"d{number:04}" for number in range(n)], dtype=np.str_)


def neighbours_of(vectors, k, keep=0, search=None, exact=True, **how):
    n = len(vectors)
    width = max(min(max(k, keep), n - 1), 0)
    indices, distances = np.empty((n, width), np.int32), np.empty((n, width), np.float32)
    search = search or ranked(vectors)
    fill_neighbours(Lookup(search, vectors, exact), np.arange(n), indices, distances, **how)
    return Neighbours(doc_ids(n), indices, distances, k)


def edges(matrix):
    """Return the distance of every stored entry, zeros included, by (row, column)."""
    coo = matrix.tocoo()
    pairs = list(zip(coo.row.tolist(), coo.col.tolist(), strict=True))
    assert len(set(pairs)) == coo.nnz
    return dict(zip(pairs, coo.data.tolist(), strict=True))


def expected_edges(vectors, k):
    """Return the edges by brute force: either is among the other's k nearest; ties by row."""
    distances = true_distances(vectors).astype(np.float32)
    np.fill_diagonal(distances, np.inf)
    nearest_k = np.argsort(distances, axis=1, kind="stable")[:, : min(k, len(vectors) - 1)]
    pairs = {(i, int(j)) for i, row in enumerate(nearest_k) for j in row}
    return {pair: float(distances[pair]) for pair in pairs | {(j, i) for i, j in pairs}}


@pytest.mark.parametrize("k", [1, 5, 50])
def test_neighbours_and_distances_are_those_of_brute_force(k):
    vectors = scattered(200)
    found = neighbours_of(vectors, k)
    distances = true_distances(vectors)
    np.fill_diagonal(distances, np.inf)
    np.testing.assert_array_equal(found.indices, np.argsort(distances, axis=1)[:, :k])
    np.testing.assert_array_equal(
        found.distances, np.sort(distances, axis=1)[:, :k].astype(np.float32)
    )


@pytest.mark.parametrize("k", [1, 5, 50])
def test_the_matrix_has_the_edges_and_distances_of_brute_force(k):
    vectors = scattered(200)
    assert edges(neighbours_of(vectors, k).matrix()) == expected_edges(vectors, k)


def test_hits_in_the_wrong_order_of_float32_are_sorted():
    # 2 − 2·x·y has no digits left at these distances: all hits look alike to a search.
    steps = np.array([0, 4, 1, 3, 2]) * 1e-5
    vectors = np.column_stack((np.cos(steps), np.sin(steps))).astype(np.float32)
    found = neighbours_of(vectors, 4, search=always([0, 1, 2, 3, 4]))
    assert found.indices[0].tolist() == [2, 4, 3, 1]
    np.testing.assert_allclose(found.distances[0], [1e-5, 2e-5, 3e-5, 4e-5], rtol=1e-3)


def test_ties_are_broken_by_row_for_any_order_of_the_hits():
    vectors = unit([[1, 0], [0, 1], [0, -1], [0, 1], [-1, 0]])
    found = neighbours_of(vectors, 3, search=always([4, 3, 2, 1, 0]))
    np.testing.assert_array_equal(found.indices[0], [1, 2, 3])


def test_a_search_is_repeated_with_more_hits_among_many_near_duplicates():
    copies = np.repeat(scattered(1, 16), 300, axis=0)
    vectors = unit(copies + np.random.default_rng(1).normal(scale=1e-6, size=copies.shape))
    queries_made = []

    def search(queries, count):
        queries_made.append((len(queries), count))
        return ranked(vectors)(queries, count)

    assert edges(neighbours_of(vectors, 5, search=search).matrix()) == expected_edges(vectors, 5)
    assert queries_made[-1] == (300, 300)


def test_only_uncertain_documents_are_searched_again():
    copies = np.repeat(scattered(1, 16, seed=3), 40, axis=0)
    vectors = np.concatenate([scattered(60, 16), copies])
    queries_made = []

    def search(queries, count):
        queries_made.append(len(queries))
        return ranked(vectors)(queries, count)

    assert edges(neighbours_of(vectors, 5, search=search).matrix()) == expected_edges(vectors, 5)
    # The near-duplicates, and a few documents whose nearest they are.
    assert queries_made[0] == 100
    assert 40 <= queries_made[1] < 50
    assert len(queries_made) == 2


def test_an_approximate_search_is_not_repeated():
    vectors, queries_made = np.repeat(scattered(1), 100, axis=0), []

    def search(queries, count):
        queries_made.append(count)
        return ranked(vectors)(queries, count)

    neighbours_of(vectors, 5, search=search, exact=False)
    assert len(queries_made) == 1


def test_the_matrix_is_symmetric_csr_in_order_without_a_diagonal():
    matrix = neighbours_of(scattered(100), 5).matrix()
    assert (matrix.format, matrix.shape, matrix.dtype) == ("csr", (100, 100), np.float32)
    assert matrix.has_sorted_indices
    assert matrix.has_canonical_format
    stored = edges(matrix)
    assert all(i != j and stored[j, i] == distance for (i, j), distance in stored.items())


def test_the_matrix_does_not_change_the_neighbours():
    found = neighbours_of(scattered(60), k=5)
    before = found.indices.copy(), found.distances.copy()
    found.matrix()
    np.testing.assert_array_equal(found.indices, before[0])
    np.testing.assert_array_equal(found.distances, before[1])


def test_one_direction_is_enough_for_an_edge():
    line = unit([[1, 0], [1, 0.1], [1, 0.3]])
    assert set(edges(neighbours_of(line, 1).matrix())) == {(0, 1), (1, 0), (1, 2), (2, 1)}


def test_identical_documents_have_edges_of_distance_zero():
    vectors = np.repeat(scattered(3), 2, axis=0)
    stored = edges(neighbours_of(vectors, 2).matrix())
    assert {pair for pair, distance in stored.items() if distance == 0} == {
        (0, 1),
        (1, 0),
        (2, 3),
        (3, 2),
        (4, 5),
        (5, 4),
    }
    assert stored == expected_edges(vectors, 2)


def test_more_identical_documents_than_k_give_k_others_each():
    n, k = 60, 5
    vectors = np.repeat(scattered(1), n, axis=0)
    found = neighbours_of(vectors, k, search=always(range(n)), exact=False)  # equal hits for all
    assert found.indices.shape == (n, k)
    assert not (found.indices == np.arange(n)[:, None]).any()
    assert all(len(set(row)) == k for row in found.indices.tolist())
    assert not found.distances.any()
    assert found.summary()["connected_components"] == 1


def test_with_fewer_documents_than_k_all_are_neighbours():
    vectors = scattered(4)
    found = neighbours_of(vectors, 50, keep=79)
    assert found.indices.shape == (4, 3)
    assert edges(found.matrix()) == expected_edges(vectors, 50)


@pytest.mark.parametrize("n", [0, 1])
def test_without_another_document_there_are_no_neighbours_and_no_edges(n):
    found = neighbours_of(scattered(n), 50, keep=79)
    assert found.indices.shape == found.distances.shape == (n, 0)
    assert (found.matrix().shape, found.matrix().nnz) == ((n, n), 0)
    assert found.summary() == {
        "documents": n,
        "edges": 0,
        "connected_components": n,
        "median_distance_to_kth": 0.0,
    }


def test_neighbours_beyond_k_are_not_edges():
    vectors = scattered(100)
    found = neighbours_of(vectors, 5, keep=20)
    assert found.indices.shape == (100, 20)
    assert edges(found.matrix()) == expected_edges(vectors, 5)
    distances = np.sort(true_distances(vectors), axis=1)
    assert found.summary()["median_distance_to_kth"] == pytest.approx(np.median(distances[:, 5]))


def test_types_are_as_documented():
    found = neighbours_of(scattered(30), 5)
    assert (found.indices.dtype, found.distances.dtype) == (np.int32, np.float32)
    assert found.doc_id.dtype.kind == "U"


def test_documents_are_searched_in_blocks():
    vectors, steps = scattered(2500, 4), []
    found = neighbours_of(vectors, 2, progress=lambda *step: steps.append(step))
    assert edges(found.matrix()) == expected_edges(vectors, 2)
    assert steps == [(2048, 2500), (2500, 2500)]


def test_the_summary_counts_edges_once_and_zero_distances_as_connections():
    two_pairs = unit([[1, 0], [1, 0], [0, 1], [0, 1]])
    assert neighbours_of(two_pairs, 1).summary() == {
        "documents": 4,
        "edges": 2,
        "connected_components": 2,
        "median_distance_to_kth": 0.0,
    }


def test_row_numbers_whose_product_exceeds_32_bits_give_the_right_edges():
    n = 70_000  # n² passes 2³²
    indices = np.column_stack((np.roll(np.arange(n), 1),)).astype(np.int32)
    ring = Neighbours(doc_ids(n), indices, np.ones((n, 1), dtype=np.float32), k=1).matrix()
    assert ring.nnz == 2 * n
    assert ring[[n - 1]].indices.tolist() == [0, n - 2]
