"""Hits → exact neighbours → a symmetric sparse matrix of true distances, none lost or added."""

import numpy as np
import pyarrow as pa
import pytest

from newsclust_pipeline.stages.collection import milvus, nearest, sync
from newsclust_pipeline.stages.neighbours import MARGIN, Neighbours, measure


def unit(vectors):
    vectors = np.asarray(vectors, dtype=np.float64)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def scattered(n, dimension=8, seed=0):
    return unit(np.random.default_rng(seed).normal(size=(n, dimension)))


def true_distances(vectors):
    """All pairs, by differences in float64."""
    wide = vectors.astype(np.float64)
    return np.sqrt(((wide[:, None] - wide[None]) ** 2).sum(axis=2))


def search(vectors, count):
    """Hits as Milvus gives them: ranked by inner product in float32, the document among them."""
    return np.argsort(-(vectors @ vectors.T), axis=1)[:, :count].astype(np.int32)


def doc_ids(n):
    return np.array([f"d{number:04}" for number in range(n)], dtype=np.str_)


def measured(vectors, k, keep=0, hits=None):
    if hits is None:
        hits = search(vectors, min(max(k, keep) + 1 + MARGIN, len(vectors)))
    return measure(hits, vectors, doc_ids(len(vectors)), k, keep)


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


def test_what_milvus_finds_becomes_the_graph_of_brute_force(tmp_path):
    # Clumps tighter than float32's inner products can rank, and some documents in full twice.
    rng = np.random.default_rng(7)
    clumps = np.repeat(scattered(40, 32), 5, axis=0)
    vectors = unit(clumps + rng.normal(scale=1e-4, size=clumps.shape))
    vectors = np.concatenate([vectors, vectors[:30]])
    n, ids = len(vectors), doc_ids(len(vectors)).tolist()
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), 32)
    table = pa.table({"doc_id": ids, "embedding": column})
    table = table.replace_schema_metadata({"fingerprint": "clumps/1"})
    with milvus(str(tmp_path / "milvus.db")) as client:
        state = sync(client, "news", pa.table({"doc_id": ids, "text": ids}), table).state
        hits = nearest(client, state, table, 10 + 1 + MARGIN)
    found = measure(hits, vectors, doc_ids(n), k=10, keep=0)
    assert edges(found.matrix()) == expected_edges(vectors, 10)


def test_hits_in_float32s_wrong_order_are_put_right():
    # 2 − 2·x·y has no digits left at these distances: all hits look alike to Milvus.
    steps = np.array([0, 4, 1, 3, 2]) * 1e-5
    vectors = np.column_stack((np.cos(steps), np.sin(steps))).astype(np.float32)
    shuffled = np.tile(np.arange(5, dtype=np.int32), (5, 1))
    found = measured(vectors, 4, hits=shuffled)
    assert found.indices[0].tolist() == [2, 4, 3, 1]
    np.testing.assert_allclose(found.distances[0], [1e-5, 2e-5, 3e-5, 4e-5], rtol=1e-3)


def test_ties_go_to_the_lower_row_whatever_order_the_hits_come_in():
    vectors = unit([[1, 0], [0, 1], [0, -1], [0, 1], [-1, 0]])
    hits = np.tile(np.array([4, 3, 2, 1, 0], dtype=np.int32), (5, 1))
    np.testing.assert_array_equal(measured(vectors, 3, hits=hits).indices[0], [1, 2, 3])


def test_the_matrix_is_symmetric_csr_in_order_without_a_diagonal():
    matrix = measured(scattered(100), 5).matrix()
    assert (matrix.format, matrix.shape, matrix.dtype) == ("csr", (100, 100), np.float32)
    assert matrix.has_sorted_indices
    assert matrix.has_canonical_format
    stored = edges(matrix)
    assert all(i != j and stored[j, i] == distance for (i, j), distance in stored.items())


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
    hits = np.tile(np.arange(k + 1 + MARGIN, dtype=np.int32), (n, 1))  # the same few for all
    found = measured(vectors, k, hits=hits)
    assert found.indices.shape == (n, k)
    assert not (found.indices == np.arange(n)[:, None]).any()
    assert all(len(set(row)) == k for row in found.indices.tolist())
    assert not found.distances.any()
    assert found.summary()["connected_components"] == 1


@pytest.mark.parametrize("m", [1, 5])
def test_no_document_is_its_own_neighbour_however_few_hits_there_are(m):
    vectors = scattered(20)
    found = measured(vectors, 5, hits=search(vectors, m))
    assert not (found.indices == np.arange(20)[:, None]).any()
    assert np.isfinite(found.distances).all()


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


def test_rows_beyond_one_block_are_measured_against_their_own_vectors():
    n = 4096 + 3
    angles = np.linspace(0, 1, n)
    vectors = np.column_stack((np.cos(angles), np.sin(angles))).astype(np.float32)
    before = np.maximum(np.arange(n) - 1, 0)
    after = np.minimum(np.arange(n) + 1, n - 1)
    hits = np.column_stack((np.arange(n), before, after)).astype(np.int32)[1:-1]
    hits = np.concatenate([[[0, 1, 2]], hits, [[n - 1, n - 2, n - 3]]]).astype(np.int32)
    found = measured(vectors, 2, hits=hits)
    assert set(found.indices[-2].tolist()) == {n - 3, n - 1}
    np.testing.assert_allclose(found.distances[1:-1], 1 / (n - 1), rtol=1e-3)


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
