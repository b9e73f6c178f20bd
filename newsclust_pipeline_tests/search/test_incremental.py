"""Updated neighbours of the previous run equal those of a search of everything."""

import numpy as np
import pytest

from newsclust_pipeline.core.tables import checksums
from newsclust_pipeline.search.faiss_backend import FaissSearch
from newsclust_pipeline.search.graph import Lookup, Neighbours, fill_neighbours
from newsclust_pipeline.search.incremental import carry_over
from newsclust_pipeline.store.indexes import Index


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def corpus(n, dimension=16, seed=0):
    """Return clustered vectors, some of them identical, and random ids."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(n // 6 + 1, dimension))
    vectors = unit(
        centres[rng.integers(0, len(centres), n)] + 0.3 * rng.normal(size=(n, dimension))
    )
    twins = rng.integers(0, n, n // 10)
    vectors[rng.permutation(n)[: len(twins)]] = vectors[twins]
    return vectors, np.array([f"{i:016x}" for i in rng.permutation(n)])


def search(vectors, doc_id, k, previous=None):
    """Update `previous` and search the rest; return the neighbours and the searched rows."""
    width = max(min(k, len(vectors) - 1), 0)
    known = carry_over(previous, "minilm/16", vectors, doc_id, width)
    every = FaissSearch(vectors, Index())
    fill_neighbours(Lookup(every, vectors), known.pending, known.indices, known.distances)
    return Neighbours(
        doc_id, known.indices, known.distances, k, "minilm/16", checksums(vectors)
    ), known.pending


def assert_same(one, other):
    np.testing.assert_array_equal(one.indices, other.indices)
    np.testing.assert_array_equal(one.distances, other.distances)


def run(before, after, k=10, n=600, seed=0):
    """Run twice on parts of one corpus, and return the rows searched in the second run."""
    vectors, doc_id = corpus(n, seed=seed)
    previous, _ = search(vectors[before], doc_id[before], k)
    scratch, _ = search(vectors[after], doc_id[after], k)
    updated, rows = search(vectors[after], doc_id[after], k, previous)
    assert_same(updated, scratch)
    return rows


ALL = np.arange(600)


@pytest.mark.parametrize("seed", range(5))
def test_new_documents_enter_the_lists_of_old_ones(seed):
    rng = np.random.default_rng(seed)
    before = np.sort(rng.choice(600, size=570, replace=False))
    rows = run(before, ALL, seed=seed)
    assert set(np.setdiff1d(ALL, before)) == set(rows)  # and no other one is searched


@pytest.mark.parametrize("seed", range(5))
def test_documents_that_left_are_replaced_in_the_lists(seed):
    rng = np.random.default_rng(seed)
    after = np.sort(rng.choice(600, size=590, replace=False))
    rows = run(ALL, after, seed=seed)
    assert 0 < len(rows) < 300


@pytest.mark.parametrize("seed", range(10))
def test_documents_arrive_and_leave_at_once(seed):
    rng = np.random.default_rng(seed)
    before = np.sort(rng.choice(600, size=560, replace=False))
    after = np.sort(rng.choice(600, size=560, replace=False))
    assert len(run(before, after, seed=seed)) < 560


def test_many_updates_in_a_row_stay_exact():
    vectors, doc_id = corpus(600, seed=4)
    previous = None
    for start in range(0, 300, 20):  # a window that moves on
        window = np.arange(start, start + 300)
        previous, _ = search(vectors[window], doc_id[window], 8, previous)
    scratch, _ = search(vectors[window], doc_id[window], 8)
    assert_same(previous, scratch)


def test_nothing_new_searches_nothing():
    assert len(run(ALL, ALL)) == 0


def test_everything_gone_and_replaced_is_a_search_of_everything():
    assert len(run(np.arange(300), np.arange(300, 600))) == 300


def test_identical_vectors_keep_their_order():
    vectors = np.repeat(unit(np.random.default_rng(0).normal(size=(3, 16))), 40, axis=0)
    doc_id = np.array([f"{i:016x}" for i in range(120)])
    before, after = np.arange(0, 110), np.arange(5, 120)
    previous, _ = search(vectors[before], doc_id[before], 6)
    updated, _ = search(vectors[after], doc_id[after], 6, previous)
    assert_same(updated, search(vectors[after], doc_id[after], 6)[0])


def test_documents_in_another_order_are_searched_again():
    vectors, doc_id = corpus(100)
    previous, _ = search(vectors, doc_id, 5)
    turned, rows = search(vectors[::-1], doc_id[::-1], 5, previous)
    assert len(rows) == 100
    assert_same(turned, search(vectors[::-1], doc_id[::-1], 5)[0])


def test_neighbours_of_another_provenance_are_not_used():
    vectors, doc_id = corpus(100)
    previous, _ = search(vectors, doc_id, 5)
    assert len(carry_over(previous, "bge-m3/16", vectors, doc_id, 5).pending) == 100


@pytest.mark.parametrize(("k", "searches"), [(4, 0), (5, 0), (6, 100)])
def test_fewer_neighbours_need_no_search_and_more_do(k, searches):
    vectors, doc_id = corpus(100)
    previous, _ = search(vectors, doc_id, 5)
    updated, rows = search(vectors, doc_id, k, previous)
    assert len(rows) == searches
    assert_same(updated, search(vectors, doc_id, k)[0])


@pytest.mark.parametrize(("before", "after"), [(0, 5), (1, 5), (3, 5), (5, 1), (5, 0)])
def test_a_handful_of_documents_is_updated_too(before, after):
    vectors, doc_id = corpus(5)
    previous, _ = search(vectors[:before], doc_id[:before], 3)
    updated, _ = search(vectors[:after], doc_id[:after], 3, previous)
    assert_same(updated, search(vectors[:after], doc_id[:after], 3)[0])


@pytest.mark.parametrize("seed", range(5))
def test_changed_vectors_are_searched_again(seed):
    vectors, doc_id = corpus(600, seed=seed)
    previous, _ = search(vectors, doc_id, 10)
    changed = np.random.default_rng(seed).choice(600, size=20, replace=False)
    vectors = vectors.copy()
    vectors[changed] = unit(np.random.default_rng(seed + 9).normal(size=(20, 16)))
    updated, rows = search(vectors, doc_id, 10, previous)
    assert set(changed) <= set(rows)
    assert len(rows) < 600
    assert_same(updated, search(vectors, doc_id, 10)[0])


def test_if_all_vectors_have_changed_everything_is_searched_again():
    vectors, doc_id = corpus(100)
    previous, _ = search(vectors, doc_id, 5)
    turned = np.roll(vectors, 1, axis=1)
    updated, rows = search(turned, doc_id, 5, previous)
    assert len(rows) == 100
    assert_same(updated, search(turned, doc_id, 5)[0])
