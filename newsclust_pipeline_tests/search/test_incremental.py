"""The last run's neighbours, brought up to date: exactly what a search of everything gives."""

import numpy as np
import pytest

from newsclust_pipeline.search.graph import Neighbours, nearest_of_each
from newsclust_pipeline.search.incremental import carry_over
from newsclust_pipeline.search.knn import by_faiss
from newsclust_pipeline.store.indexes import Index


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def corpus(n, dimension=16, seed=0):
    """Documents in clumps, some of them word for word the same, others alone."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(n // 6 + 1, dimension))
    vectors = unit(
        centres[rng.integers(0, len(centres), n)] + 0.3 * rng.normal(size=(n, dimension))
    )
    twins = rng.integers(0, n, n // 10)
    vectors[rng.permutation(n)[: len(twins)]] = vectors[twins]
    return vectors, np.array([f"{i:016x}" for i in rng.permutation(n)])


def searched(vectors, doc_id, k, last=None):
    """Bring `last` up to date and search the rest: the neighbours, and the rows searched."""
    width = max(min(k, len(vectors) - 1), 0)
    known = carry_over(last, "minilm/16", vectors, doc_id, width)
    nearest_of_each(by_faiss(vectors, Index()), vectors, known.todo, known.indices, known.distances)
    return Neighbours(doc_id, known.indices, known.distances, k, "minilm/16"), known.todo


def expect_same(one, other):
    np.testing.assert_array_equal(one.indices, other.indices)
    np.testing.assert_array_equal(one.distances, other.distances)


def run(before, after, k=10, n=600, seed=0):
    """Two runs over parts of one corpus; gives the rows searched in the second."""
    vectors, doc_id = corpus(n, seed=seed)
    last, _ = searched(vectors[before], doc_id[before], k)
    scratch, _ = searched(vectors[after], doc_id[after], k)
    found, todo = searched(vectors[after], doc_id[after], k, last)
    expect_same(found, scratch)
    return todo


ALL = np.arange(600)


@pytest.mark.parametrize("seed", range(5))
def test_new_documents_enter_the_lists_of_old_ones_wherever_they_stand(seed):
    rng = np.random.default_rng(seed)
    before = np.sort(rng.choice(600, size=570, replace=False))
    todo = run(before, ALL, seed=seed)
    assert set(np.setdiff1d(ALL, before)) == set(todo)  # and nobody else is searched


@pytest.mark.parametrize("seed", range(5))
def test_documents_that_left_are_made_up_for(seed):
    rng = np.random.default_rng(seed)
    after = np.sort(rng.choice(600, size=590, replace=False))
    todo = run(ALL, after, seed=seed)
    assert 0 < len(todo) < 300


@pytest.mark.parametrize("seed", range(10))
def test_some_come_and_some_go(seed):
    rng = np.random.default_rng(seed)
    before = np.sort(rng.choice(600, size=560, replace=False))
    after = np.sort(rng.choice(600, size=560, replace=False))
    assert len(run(before, after, seed=seed)) < 560


def test_over_many_runs_nothing_drifts():
    vectors, doc_id = corpus(600, seed=4)
    last = None
    for start in range(0, 300, 20):  # a window that moves on
        window = np.arange(start, start + 300)
        last, _ = searched(vectors[window], doc_id[window], 8, last)
    scratch, _ = searched(vectors[window], doc_id[window], 8)
    expect_same(last, scratch)


def test_nothing_new_searches_nothing():
    assert len(run(ALL, ALL)) == 0


def test_everything_gone_and_replaced_is_a_search_of_everything():
    assert len(run(np.arange(300), np.arange(300, 600))) == 300


def test_identical_vectors_that_come_and_go_keep_their_order():
    vectors = np.repeat(unit(np.random.default_rng(0).normal(size=(3, 16))), 40, axis=0)
    doc_id = np.array([f"{i:016x}" for i in range(120)])
    before, after = np.arange(0, 110), np.arange(5, 120)
    last, _ = searched(vectors[before], doc_id[before], 6)
    found, _ = searched(vectors[after], doc_id[after], 6, last)
    expect_same(found, searched(vectors[after], doc_id[after], 6)[0])


def test_documents_in_another_order_are_searched_anew():
    vectors, doc_id = corpus(100)
    last, _ = searched(vectors, doc_id, 5)
    turned, todo = searched(vectors[::-1], doc_id[::-1], 5, last)
    assert len(todo) == 100
    expect_same(turned, searched(vectors[::-1], doc_id[::-1], 5)[0])


def test_another_embedder_or_index_carries_nothing_over():
    vectors, doc_id = corpus(100)
    last, _ = searched(vectors, doc_id, 5)
    assert len(carry_over(last, "bge-m3/16", vectors, doc_id, 5).todo) == 100


@pytest.mark.parametrize(("k", "searches"), [(4, 0), (5, 0), (6, 100)])
def test_fewer_neighbours_are_cut_from_those_there_are_and_more_are_searched(k, searches):
    vectors, doc_id = corpus(100)
    last, _ = searched(vectors, doc_id, 5)
    found, todo = searched(vectors, doc_id, k, last)
    assert len(todo) == searches
    expect_same(found, searched(vectors, doc_id, k)[0])


@pytest.mark.parametrize(("before", "after"), [(0, 5), (1, 5), (3, 5), (5, 1), (5, 0)])
def test_a_handful_of_documents_is_no_exception(before, after):
    vectors, doc_id = corpus(5)
    last, _ = searched(vectors[:before], doc_id[:before], 3)
    found, _ = searched(vectors[:after], doc_id[:after], 3, last)
    expect_same(found, searched(vectors[:after], doc_id[:after], 3)[0])
