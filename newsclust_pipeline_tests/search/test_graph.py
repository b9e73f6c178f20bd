"""Hits → exact neighbours → a symmetric sparse matrix of true distances, none lost or added."""

import numpy as np
import pytest

from newsclust_pipeline.search.graph import Neighbours, nearest_of_each


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
    """A search as Milvus does it: by inner product in float32, the document among its hits."""

    def search(queries, count):
        scores = queries @ vectors.T
        rows = np.argsort(-scores, axis=1)[:, :count]
        return rows, np.take_along_axis(scores, rows, axis=1)

    return search


def always(hits):
    """A search that finds these rows, in this order, whoever asks; the rest is far away."""

    def search(queries, count):
        return np.tile(np.array(hits), (len(queries), 1))[:, :count], np.zeros((len(queries), 1))

    return search


def doc_ids(n):
    return np.array([f"d{number:04}" for number in range(n)], dtype=np.str_)


def measured(vectors, k, keep=0, search=None, **how):
    n = len(vectors)
    width = max(min(max(k, keep), n - 1), 0)
    indices, distances = np.empty((n, width), np.int32), np.empty((n, width), np.float32)
    search = search or ranked(vectors)
    nearest_of_each(search, vectors, np.arange(n), indices, distances, **how)
    return Neighbours(doc_ids(n), indices, distances, k)


def edges(matrix):
    """Stored entries of a sparse matrix, zeros as well: (row, column) → distance."""
    coo = matrix.tocoo()
    pairs = list(zip(coo.row.tolist(), coo.col.tolist(), strict=True))
    assert len(set(pairs)) == coo.nnz
    return dict(zip(pairs, coo.data.tolist(), strict=True))


def expected_edges(vectors, k):
    """An edge where either is among the other's k nearest, by brute force; ties go to the row."""
    distances = true_distances(vectors).astype(np.float32)
    np.fill_diagonal(distances, np.inf)
    nearest_k = np.argsort(distances, axis=1, kind="stable")[:, : min(k, len(vectors) - 1)]
    pairs = {(i, int(j)) for i, row in enumerate(nearest_k) for j in row}
    return {pair: float(distances[pair]) for pair in pairs | {(j, i) for i, j in pairs}}


@pytest.mark.parametrize("k", [1, 5, 50])
def test_neighbours_and_distances_are_those_of_brute_force(k):
    vectors = scattered(200)
    found = measured(vectors, k)
    distances = true_distances(vectors)
    np.fill_diagonal(distances, np.inf)
    np.testing.assert_array_equal(found.indices, np.argsort(distances, axis=1)[:, :k])
    np.testing.assert_array_equal(
        found.distances, np.sort(distances, axis=1)[:, :k].astype(np.float32)
    )


@pytest.mark.parametrize("k", [1, 5, 50])
def test_the_matrix_has_the_edges_and_distances_of_brute_force(k):
    vectors = scattered(200)
    assert edges(measured(vectors, k).matrix()) == expected_edges(vectors, k)


def test_hits_in_float32s_wrong_order_are_put_right():
    # 2 − 2·x·y has no digits left at these distances: all hits look alike to a search.
    steps = np.array([0, 4, 1, 3, 2]) * 1e-5
    vectors = np.column_stack((np.cos(steps), np.sin(steps))).astype(np.float32)
    found = measured(vectors, 4, search=always([0, 1, 2, 3, 4]))
    assert found.indices[0].tolist() == [2, 4, 3, 1]
    np.testing.assert_allclose(found.distances[0], [1e-5, 2e-5, 3e-5, 4e-5], rtol=1e-3)


def test_ties_go_to_the_lower_row_whatever_order_the_hits_come_in():
    vectors = unit([[1, 0], [0, 1], [0, -1], [0, 1], [-1, 0]])
    found = measured(vectors, 3, search=always([4, 3, 2, 1, 0]))
    np.testing.assert_array_equal(found.indices[0], [1, 2, 3])


def test_more_near_duplicates_than_hits_are_searched_until_none_can_be_missing():
    copies = np.repeat(scattered(1, 16), 300, axis=0)
    vectors = unit(copies + np.random.default_rng(1).normal(scale=1e-6, size=copies.shape))
    asked = []

    def search(queries, count):
        asked.append((len(queries), count))
        return ranked(vectors)(queries, count)

    assert edges(measured(vectors, 5, search=search).matrix()) == expected_edges(vectors, 5)
    assert asked[-1] == (300, 300)


def test_only_documents_in_doubt_are_searched_again():
    copies = np.repeat(scattered(1, 16, seed=3), 40, axis=0)
    vectors = np.concatenate([scattered(60, 16), copies])
    asked = []

    def search(queries, count):
        asked.append(len(queries))
        return ranked(vectors)(queries, count)

    assert edges(measured(vectors, 5, search=search).matrix()) == expected_edges(vectors, 5)
    # The copies, and a few whose nearest they are.
    assert asked[0] == 100
    assert 40 <= asked[1] < 50
    assert len(asked) == 2


def test_an_approximate_search_is_taken_at_its_word():
    vectors, asked = np.repeat(scattered(1), 100, axis=0), []

    def search(queries, count):
        asked.append(count)
        return ranked(vectors)(queries, count)

    measured(vectors, 5, search=search, exact=False)
    assert len(asked) == 1


def test_the_matrix_is_symmetric_csr_in_order_without_a_diagonal():
    matrix = measured(scattered(100), 5).matrix()
    assert (matrix.format, matrix.shape, matrix.dtype) == ("csr", (100, 100), np.float32)
    assert matrix.has_sorted_indices
    assert matrix.has_canonical_format
    stored = edges(matrix)
    assert all(i != j and stored[j, i] == distance for (i, j), distance in stored.items())


def test_making_the_matrix_leaves_the_neighbours_as_they_were():
    found = measured(scattered(60), k=5)
    before = found.indices.copy(), found.distances.copy()
    found.matrix()
    np.testing.assert_array_equal(found.indices, before[0])
    np.testing.assert_array_equal(found.distances, before[1])


def test_a_pair_that_only_one_side_counts_among_its_nearest_is_an_edge():
    line = unit([[1, 0], [1, 0.1], [1, 0.3]])
    assert set(edges(measured(line, 1).matrix())) == {(0, 1), (1, 0), (1, 2), (2, 1)}


def test_twins_stay_edges_of_distance_zero():
    vectors = np.repeat(scattered(3), 2, axis=0)
    stored = edges(measured(vectors, 2).matrix())
    assert {pair for pair, distance in stored.items() if distance == 0} == {
        (0, 1),
        (1, 0),
        (2, 3),
        (3, 2),
        (4, 5),
        (5, 4),
    }
    assert stored == expected_edges(vectors, 2)


def test_more_twins_than_k_leave_a_document_k_others_even_if_it_is_not_among_its_hits():
    n, k = 60, 5
    vectors = np.repeat(scattered(1), n, axis=0)
    found = measured(vectors, k, search=always(range(n)), exact=False)  # the same few for all
    assert found.indices.shape == (n, k)
    assert not (found.indices == np.arange(n)[:, None]).any()
    assert all(len(set(row)) == k for row in found.indices.tolist())
    assert not found.distances.any()
    assert found.summary()["connected_components"] == 1


def test_fewer_documents_than_k_are_all_neighbours():
    vectors = scattered(4)
    found = measured(vectors, 50, keep=79)
    assert found.indices.shape == (4, 3)
    assert edges(found.matrix()) == expected_edges(vectors, 50)


@pytest.mark.parametrize("n", [0, 1])
def test_without_another_document_there_are_no_neighbours_and_no_edges(n):
    found = measured(scattered(n), 50, keep=79)
    assert found.indices.shape == found.distances.shape == (n, 0)
    assert (found.matrix().shape, found.matrix().nnz) == ((n, n), 0)
    assert found.summary() == {
        "documents": n,
        "edges": 0,
        "connected_components": n,
        "median_distance_to_kth": 0.0,
    }


def test_neighbours_kept_for_the_projection_are_no_edges():
    vectors = scattered(100)
    found = measured(vectors, 5, keep=20)
    assert found.indices.shape == (100, 20)
    assert edges(found.matrix()) == expected_edges(vectors, 5)
    distances = np.sort(true_distances(vectors), axis=1)
    assert found.summary()["median_distance_to_kth"] == pytest.approx(np.median(distances[:, 5]))


def test_types_are_those_promised():
    found = measured(scattered(30), 5)
    assert (found.indices.dtype, found.distances.dtype) == (np.int32, np.float32)
    assert found.doc_id.dtype.kind == "U"


def test_documents_beyond_one_block_are_measured_against_their_own_vectors():
    vectors, steps = scattered(2500, 4), []
    found = measured(vectors, 2, progress=lambda *step: steps.append(step))
    assert edges(found.matrix()) == expected_edges(vectors, 2)
    assert steps == [(2048, 2500), (2500, 2500)]


def test_the_summary_counts_twins_as_connected_and_edges_once():
    two_pairs = unit([[1, 0], [1, 0], [0, 1], [0, 1]])
    assert measured(two_pairs, 1).summary() == {
        "documents": 4,
        "edges": 2,
        "connected_components": 2,
        "median_distance_to_kth": 0.0,
    }


def test_row_numbers_beyond_what_an_int32_product_holds_make_the_right_edges():
    n = 70_000  # n² passes 2³²
    indices = np.column_stack((np.roll(np.arange(n), 1),)).astype(np.int32)
    ring = Neighbours(doc_ids(n), indices, np.ones((n, 1), dtype=np.float32), k=1).matrix()
    assert ring.nnz == 2 * n
    assert ring[[n - 1]].indices.tolist() == [0, n - 2]
