"""faiss finds what brute force finds, and searches as many cells as the recall requires."""

import pickle

import numpy as np
import pytest

from newsclust_pipeline.core.engine import ArrayFile
from newsclust_pipeline.search import faiss_backend
from newsclust_pipeline.search.faiss_backend import FaissSearch
from newsclust_pipeline.store.indexes import Index


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def clusters(n=4000, dimension=16, spread=0.1):
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(n // 100, dimension))
    noise = spread * rng.normal(size=(n, dimension))
    return unit(centres[rng.integers(0, len(centres), n)] + noise)


def recall(vectors, search, count=50):
    scores = vectors @ vectors.T
    kth = -np.partition(-scores, count - 1, axis=1)[:, count - 1 : count]
    return float(np.mean(search(vectors, count)[1] >= kth - 1e-6))


def cells(nlist=64, **search):
    return Index("IVF_FLAT", "faiss", {"nlist": nlist}, search)


def test_an_exact_search_finds_the_best_in_their_order():
    vectors = clusters(500)
    rows, scores = FaissSearch(vectors, Index())(vectors[:20], 5)
    expected = vectors[:20] @ vectors.T
    np.testing.assert_array_equal(rows, np.argsort(-expected, axis=1)[:, :5])
    np.testing.assert_allclose(scores, -np.sort(-expected, axis=1)[:, :5], rtol=1e-5)


@pytest.mark.parametrize("spread", [0.1, 0.3])
def test_as_many_cells_are_searched_as_the_recall_requires(spread):
    vectors = clusters(spread=spread)
    search = FaissSearch(vectors, cells())
    nprobe = search.index.search["nprobe"]
    assert recall(vectors, search) >= 0.98
    assert nprobe == 1 or recall(vectors, FaissSearch(vectors, cells(nprobe=nprobe // 2))) < 0.995


def test_scattered_documents_need_more_cells_than_clustered_ones_up_to_a_limit():
    few, many = (
        FaissSearch(clusters(spread=spread), cells(256)).index.search["nprobe"]
        for spread in (0.1, 10)
    )
    assert few < many == 256 // 8


def topics(n, count, dimension=64):
    """Tight topics of equal size, far apart."""
    rng = np.random.default_rng(0)
    centres = unit(rng.normal(size=(count, dimension)))
    return unit(centres[np.arange(n) % count] + 0.05 * rng.normal(size=(n, dimension)))


def test_cells_start_far_apart_so_that_few_have_to_be_searched():
    assert FaissSearch(topics(6000, 100), cells(128)).index.search["nprobe"] <= 2


def test_cells_that_find_nothing_more_are_not_searched(monkeypatch):
    monkeypatch.setattr(faiss_backend, "_TARGET_RECALL", 2.0)  # out of reach
    vectors = topics(6000, 100)
    search = FaissSearch(vectors, cells(128))
    assert search.index.search["nprobe"] <= 4 < 128 // 8
    assert recall(vectors, search) > 0.99


def test_a_set_number_of_cells_is_kept():
    assert FaissSearch(clusters(), cells(nprobe=3)).index.search == {"nprobe": 3}


def test_the_same_vectors_give_the_same_result():
    one, other = (FaissSearch(clusters(), cells()) for _ in range(2))
    assert one.index == other.index
    np.testing.assert_array_equal(one(clusters(), 10)[0], other(clusters(), 10)[0])


@pytest.mark.parametrize("n", [1, 2, 10])
def test_fewer_documents_than_cells_are_all_found(n):
    vectors = clusters(100)[:n]
    rows, _ = FaissSearch(vectors, cells())(vectors, n)
    assert all(sorted(row) == list(range(n)) for row in rows.tolist())


@pytest.mark.parametrize("piece", [64, 100_000])
def test_vectors_in_a_file_are_searched_piece_by_piece(tmp_path, monkeypatch, piece):
    monkeypatch.setattr(faiss_backend, "_PIECE", piece)
    vectors = clusters(500)
    search = FaissSearch(vectors, Index())
    file = ArrayFile.write(vectors, tmp_path / "vectors")
    pieces = pickle.loads(pickle.dumps(search.shared(file, tmp_path)))  # noqa: S301
    rows, scores = pieces(vectors[:20], 100)
    # Blocks of other sizes round differently, so nearly equal scores may change places.
    np.testing.assert_allclose(scores, search(vectors[:20], 100)[1], rtol=1e-6)
    products = np.einsum("qd,qcd->qc", vectors[:20], vectors[rows])
    np.testing.assert_allclose(scores, products, rtol=1e-6)
    assert all(len(set(row)) == 100 for row in rows.tolist())


@pytest.mark.parametrize("large", [1, 100_000], ids=["by cell", "by query"])
def test_cells_in_a_file_find_the_same(tmp_path, monkeypatch, large):
    monkeypatch.setattr(faiss_backend, "_LARGE", large)
    vectors = clusters()
    search = FaissSearch(vectors, cells())
    file = ArrayFile.write(vectors, tmp_path / "vectors")
    shared = pickle.loads(pickle.dumps(search.shared(file, tmp_path)))  # noqa: S301
    for own, other in zip(search(vectors, 20), shared(vectors, 20), strict=True):
        np.testing.assert_array_equal(own, other)


@pytest.mark.parametrize("nlist", [16, 300])  # of 300 cells, some are empty
def test_many_queries_grouped_by_cell_find_what_single_ones_find(tmp_path, monkeypatch, nlist):
    vectors = clusters(spread=0.5)
    search = FaissSearch(vectors, cells(nlist, nprobe=4))
    rows, scores = search(vectors, 20)
    monkeypatch.setattr(faiss_backend, "_LARGE", 1)
    grouped_rows, grouped_scores = search(vectors, 20)
    np.testing.assert_allclose(grouped_scores, scores, rtol=1e-5)
    # Only hits whose scores differ by rounding may be in another order.
    other = grouped_rows != rows
    assert other.mean() < 0.001
    np.testing.assert_allclose(grouped_scores[other], scores[other], rtol=1e-6)
    file = ArrayFile.write(vectors, tmp_path / "vectors")
    on_worker = pickle.loads(pickle.dumps(search.shared(file, tmp_path)))  # noqa: S301
    np.testing.assert_array_equal(on_worker(vectors, 20)[1], grouped_scores)


def test_many_queries_that_find_too_few_documents_in_their_cells_search_all(monkeypatch):
    monkeypatch.setattr(faiss_backend, "_LARGE", 1)
    vectors = clusters(400)
    rows, _ = FaissSearch(vectors, cells(64, nprobe=1))(vectors, 100)
    expected, _ = FaissSearch(vectors, Index())(vectors, 100)
    short = (np.sort(rows) == np.sort(expected)).all(axis=1)
    assert short.any()
    assert (rows >= 0).all()
