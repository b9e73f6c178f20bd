"""The map of very many documents: a sample is laid out, the others join it."""

import numpy as np
import pytest

from newsclust_pipeline.core.engine import IN_PROCESS
from newsclust_pipeline.viz import projection, sample_map
from newsclust_pipeline.viz.sample_map import Sample, draw, place_others, share_for
from newsclust_pipeline.viz.umap_private import curve, strengths
from newsclust_pipeline_tests.viz.vectors import neighbours_of, spread, stories_of

CURVE = curve(0.1)
AROUND = 40


@pytest.fixture(scope="module")
def documents():
    """Vectors of 15 stories of 60 documents in no order, their labels, and their neighbours."""
    order = np.random.default_rng(5).permutation(900)
    vectors, labels = stories_of(15, 60)[order], np.repeat(range(15), 60)[order]
    return vectors, labels, neighbours_of(vectors, keep=AROUND - 1)


@pytest.fixture(scope="module")
def sample(documents):
    _, _, known = documents
    return draw(known.indices, strengths(known, AROUND), 0.4, seed=1)


def project_many(documents, monkeypatch, engine=IN_PROCESS):
    """Project documents as if they were very many."""
    vectors, _, known = documents
    monkeypatch.setattr(projection, "_LARGE", 100)
    return projection.project(vectors, known, n_neighbors=AROUND, engine=engine)


def test_documents_of_a_story_lie_together_whether_or_not_they_are_in_the_sample(
    documents, monkeypatch
):
    vectors, labels, known = documents
    done = project_many(documents, monkeypatch)
    assert (done.strategy, done.started_from) == ("sample", "pca")
    rows = draw(known.indices, strengths(known, AROUND), share_for(AROUND), 42).rows
    assert done.sampled_documents == len(rows) == round(len(vectors) * share_for(AROUND))
    others = np.setdiff1d(np.arange(len(vectors)), rows)
    for some in (rows, others):
        own, overall = spread(done.positions[some], labels[some])
        assert own < overall / 3


def test_equal_arguments_give_equal_bits(documents, monkeypatch):
    first = project_many(documents, monkeypatch)
    assert project_many(documents, monkeypatch).positions.tobytes() == first.positions.tobytes()


@pytest.mark.parametrize("block", [1, 50, 333])
def test_the_size_of_the_parts_changes_nothing(documents, block, monkeypatch):
    expected = project_many(documents, monkeypatch).positions
    monkeypatch.setattr(sample_map, "_BLOCK", block)
    assert project_many(documents, monkeypatch).positions.tobytes() == expected.tobytes()


@pytest.mark.slow
def test_workers_give_the_same_map(documents, engine, monkeypatch):
    expected = project_many(documents, monkeypatch).positions
    monkeypatch.setattr(sample_map, "_BLOCK", 100)
    found = project_many(documents, monkeypatch, engine).positions
    assert found.tobytes() == expected.tobytes()


def test_documents_of_the_sample_stay_where_they_are(documents, sample):
    vectors, _, known = documents
    positions = np.random.default_rng(0).normal(size=(len(sample.rows), 2)).astype(np.float32)
    out = place_others(sample, positions, vectors, known.indices, CURVE, 1)
    np.testing.assert_array_equal(out[sample.rows], positions)
    assert np.isfinite(out).all()
    assert len(np.unique(out, axis=0)) == len(out)


def test_a_sample_knows_its_documents_neighbours_and_the_strongest_counts_1(documents, sample):
    _, _, known = documents
    inside = np.isin(known.indices, sample.rows)
    np.testing.assert_array_equal(sample.rows[sample.columns[inside]], known.indices[inside])
    assert not sample.strengths[~inside].any()
    strongest = sample.strengths.max(axis=1)
    assert set(np.unique(strongest)) <= {0, 1}
    assert (strongest == 1).mean() > 0.99


def test_a_document_without_neighbours_in_the_sample_joins_its_neighbour_or_the_most_similar():
    vectors = np.eye(4, dtype=np.float32)
    vectors[3] = [0, 0.9, 0, 0.1]
    indices = np.array([[1], [0], [1], [3]], dtype=np.int32)  # 3 has no neighbour but itself
    # The sample is 0 and 1; 2 is tied to nothing in it, but 1 is its neighbour.
    nothing = np.zeros((4, 1), dtype=np.float32)
    sample = Sample(np.array([0, 1]), np.zeros((4, 1), dtype=np.int32), nothing)
    positions = np.array([[0, 0], [10, 5]], dtype=np.float32)
    out = place_others(sample, positions, vectors, indices, CURVE, 0)
    np.testing.assert_allclose(out[2:], [[10, 5], [10, 5]], atol=0.1)
    assert not np.array_equal(out[2], out[3])


def test_a_sample_pays_only_with_many_neighbours(documents, monkeypatch):
    assert share_for(80) == pytest.approx(0.2, abs=0.01)
    assert share_for(15) is None
    vectors, _, known = documents
    monkeypatch.setattr(projection, "_LARGE", 100)
    done = projection.project(vectors, known, n_neighbors=15)
    assert (done.strategy, done.sampled_documents) == ("fewer epochs", 0)
