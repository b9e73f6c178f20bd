"""The table of a sweep."""

import numpy as np
import pytest
import scipy.sparse as sp

from newsclust_pipeline.cluster.candidates import Documents
from newsclust_pipeline.cluster.choice import choose
from newsclust_pipeline.cluster.sweep import SWEEP, as_markdown, sweep
from newsclust_pipeline_tests.cluster.documents import documents_of, stories


def test_the_first_row_is_the_choice_and_the_others_are_sorted_by_score():
    documents, _ = stories([5] * 10 + [2] * 10, 0.7, alone=20)
    table = sweep(documents)
    assert table.schema == SWEEP
    rows, chosen = table.to_pylist(), choose(documents)
    scores = [row["score"] for row in rows[1:]]
    assert scores == sorted(scores, reverse=True)
    assert rows[0]["algorithm"] == chosen.parameters.algorithm
    assert rows[0]["stories"] == len(chosen.clusters.persistence)
    assert rows[0]["noise_share"] == pytest.approx((chosen.clusters.labels == -1).mean())


def test_rows_of_both_algorithms_have_their_own_parameters():
    rows = sweep(stories([5] * 10, 0.7, alone=20)[0]).to_pylist()
    for row in rows:
        average = row["algorithm"] == "average"
        assert (row["cut_height"] is not None) == average
        assert (row["min_samples"] is None) == average
    assert {row["algorithm"] for row in rows} == {"hdbscan", "average"}


def test_the_first_rows_have_stability_which_is_high_for_clear_stories():
    rows = sweep(stories([12] * 12, 0.5)[0]).to_pylist()
    measured = [row for row in rows if row["stability"] is not None]
    assert measured == rows[: len(measured)]
    assert 0 < len(measured) <= 3
    assert rows[0]["stability"] > 0.95
    assert rows[0]["subset_agreement"] > 0.95


def test_random_vectors_have_a_low_score():
    vectors = np.random.default_rng(1).normal(size=(200, 48)).astype(np.float32)
    assert sweep(documents_of(vectors)).to_pylist()[0]["silhouette"] < 0.2


def test_the_same_documents_give_the_same_table():
    documents, _ = stories([6] * 12, 0.8, alone=30)
    assert sweep(documents).equals(sweep(documents))


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
def test_a_handful_of_documents_has_a_table(n):
    vectors = stories([1] * 5, 0.5)[0].vectors[:n]
    documents = documents_of(vectors) if n > 1 else Documents(sp.csr_array((n, n)), vectors)
    table = sweep(documents)
    assert table.schema == SWEEP
    assert (table.num_rows > 0) == (n > 1)


def test_graphs_without_edges_and_of_identical_documents_have_a_table():
    identical = np.repeat(stories([1, 1], 0.5)[0].vectors, 5, axis=0)
    assert sweep(Documents(sp.csr_array((6, 6)), identical[:6])).num_rows == 1
    best = sweep(documents_of(identical, k=9)).to_pylist()[0]
    assert best["silhouette"] == pytest.approx(1)


def test_the_table_as_markdown_has_a_line_per_row():
    lines = as_markdown(sweep(stories([5] * 10, 0.7)[0]), rows=2).split("\n")
    assert len(lines) == 4
    assert len({line.count("|") for line in lines}) == 1
