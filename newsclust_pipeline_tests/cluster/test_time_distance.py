"""The time between publications as a part of the distance."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp

from newsclust_pipeline.cluster.candidates import Documents
from newsclust_pipeline.cluster.time_distance import add_time, add_time_to, append_time, days_of


@pytest.fixture
def graph():
    """Three documents, 0.6 apart, except the identical 0 and 1."""
    dense = np.array([[9, 0, 0.6], [0, 9, 0.6], [0.6, 0.6, 9]])
    rows, columns = np.nonzero(dense < 9)
    return sp.coo_array((dense[rows, columns], (rows, columns)), shape=(3, 3)).tocsr()


def test_time_adds_nothing_at_the_same_moment_and_at_most_its_weight(graph):
    longer = add_time(graph, np.array([0.0, 0.0, 1e6]), weight=0.8, scale=7)
    assert longer[0, 1] == 0
    assert longer.nnz == graph.nnz, "identical documents stay neighbours"
    assert longer[0, 2] == pytest.approx(1.0), "0.6² + 0.8² = 1"


def test_at_its_scale_about_two_thirds_of_the_weight_count(graph):
    longer = add_time(graph, np.array([0.0, 7.0, 0.0]), weight=1.0, scale=7)
    assert longer[0, 1] ** 2 == pytest.approx(1 - np.exp(-1))


def test_an_unknown_time_adds_nothing(graph):
    longer = add_time(graph, np.array([0.0, np.nan, 500.0]), weight=1.0, scale=7)
    assert longer[0, 1] == 0
    assert longer[1, 2] == pytest.approx(0.6)


def test_the_graph_stays_symmetric(graph):
    longer = add_time(graph, np.array([3.0, 1.0, 4.0]), weight=0.5, scale=7)
    assert abs(longer - longer.T).max() == 0


def test_days_are_joined_by_id_and_nan_where_unknown_or_not_believed():
    articles = pa.table(
        {
            "doc_id": ["late", "undated", "early", "wrong"],
            "published_at": pa.array(
                [
                    datetime(1970, 1, 3, 12, tzinfo=UTC),
                    None,
                    datetime(1970, 1, 2, tzinfo=UTC),
                    datetime(2093, 1, 1, tzinfo=UTC),
                ],
                pa.timestamp("us", tz="UTC"),
            ),
            "date_suspect": [False, False, False, True],
        }
    )
    days = days_of(np.array(["early", "late", "undated", "wrong"]), articles)
    np.testing.assert_array_equal(days, [1.0, 2.5, np.nan, np.nan])


def test_vectors_with_time_have_about_the_distances_with_time():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(60, 16)).astype(np.float32)
    days = rng.uniform(0, 90, size=60)
    complete = sp.csr_array(np.sqrt(((vectors[:, None] - vectors[None]) ** 2).sum(-1)))
    longer = append_time(vectors, days, weight=0.5, scale=7)
    distances = add_time(complete, days, weight=0.5, scale=7).toarray()
    approximate = np.sqrt(((longer[:, None] - longer[None]) ** 2).sum(-1))
    assert longer.shape == (60, 16 + 128)
    assert np.sqrt(((approximate**2 - distances**2) ** 2).mean()) < 0.25 * 0.1


def test_an_unknown_time_is_as_near_to_all_times_as_the_average():
    vectors = np.zeros((3, 2), dtype=np.float32)
    longer = append_time(vectors, np.array([0.0, 30.0, np.nan]), weight=1.0, scale=7)
    np.testing.assert_allclose(longer[2], longer[:2].mean(axis=0), atol=1e-6)
    assert not append_time(vectors, np.full(3, np.nan), weight=1.0, scale=7).any()


def test_documents_with_time_have_it_in_distances_vectors_and_background(graph):
    documents = Documents(graph, np.eye(3, dtype=np.float32), background=0.9)
    timed = add_time_to(documents, np.array([0.0, 30.0, 60.0]), weight=0.6, scale=7)
    assert (timed.distances.data >= graph.data).all()
    assert timed.vectors.shape == (3, 3 + 128)
    assert timed.background == pytest.approx(0.9 + 0.18)
    assert (
        add_time_to(
            documents.__class__(graph, np.eye(3, dtype=np.float32)), np.zeros(3), 0.6, 7
        ).background
        == 0
    )
