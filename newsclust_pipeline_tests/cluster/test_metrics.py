"""Measures of stories without gold labels, on small examples and against scikit-learn."""

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp

from newsclust_pipeline.cluster.condensed_tree import FAR
from newsclust_pipeline.cluster.hdbscan import spanning_tree
from newsclust_pipeline.cluster.metrics import (
    agreement,
    density_validity,
    evaluate,
)
from newsclust_pipeline.search.graph import Neighbours


def graph_of(points, k=None):
    """Distances between points on a line or in space, to the k nearest (all by default)."""
    points = np.asarray(points, dtype=float).reshape(len(points), -1)
    full = np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1))
    near = np.argsort(full + np.diag(np.full(len(points), np.inf)), axis=1)[:, : k or -1]
    keep = np.zeros(full.shape, dtype=bool)
    np.put_along_axis(keep, near, True, axis=1)
    rows, columns = np.nonzero((keep | keep.T) & ~np.eye(len(points), dtype=bool))
    return sp.coo_array((full[rows, columns], (rows, columns)), shape=full.shape).tocsr()


def clouds(seed=0, noise=5):
    """Three clouds of points, their labels, and some noise between them."""
    rng = np.random.default_rng(seed)
    centres = np.repeat(rng.normal(size=(3, 4)) * 3, [12, 8, 5], axis=0)
    points = np.concatenate([centres + rng.normal(size=(25, 4)), rng.normal(size=(noise, 4)) * 3])
    return points, np.repeat([0, 1, 2, -1], [12, 8, 5, noise])


def test_density_validity_of_a_small_example():
    """Pairs 1 and 2 wide, 4 apart, and a lone document 5 off: (4−1)/4 and (4−2)/4, 2 of 5 each."""
    edges = spanning_tree(graph_of([0.0, 1.0, 5.0, 7.0, 12.0]), 1)
    labels = np.array([0, 0, 1, 1, -1])
    assert density_validity(edges, labels) == pytest.approx((2 * 3 / 4 + 2 * 2 / 4) / 5)


def test_density_validity_is_lower_where_a_story_is_split():
    points, labels = clouds(noise=0)
    edges = spanning_tree(graph_of(points), 1)
    cut = labels.copy()
    cut[:6] = 3
    assert density_validity(edges, cut) < density_validity(edges, labels)


def test_stories_that_are_connected_components_have_density_validity_near_one():
    edges = np.array([[0, 1, 1.0], [2, 3, 1.0], [0, 2, FAR]])
    assert density_validity(edges, np.array([0, 0, 1, 1])) == pytest.approx(1, abs=1e-5)
    assert density_validity(edges, np.full(4, -1)) == 0
    assert density_validity(np.empty((0, 3)), np.array([-1])) == 0


def test_agreement_counts_noise_as_singletons():
    assert agreement(np.array([0, 0, 1, -1]), np.array([4, 4, -1, 2])) == 1
    assert agreement(np.array([0, 0, -1, -1]), np.array([0, 0, 1, 1])) < 1
    assert agreement(np.array([]), np.array([])) == 1


@pytest.fixture
def stories():
    """Two stories of three documents and a lone one, with labels in another order."""
    points = np.array([0.0, 1, 2, 50, 51, 52, 90])
    full = np.abs(points[:, None] - points[None])
    order = np.argsort(full + np.diag(np.full(7, 1e9)), axis=1)[:, :6].astype(np.int32)
    distances = np.take_along_axis(full, order, axis=1).astype(np.float32)
    neighbours = Neighbours(np.array(list("abcdefg")), order, distances, 6)
    labels = pa.table(
        {"doc_id": list("gfedcba"), "label": pa.array([-1, 1, 1, 1, 0, 0, 0], pa.int32())}
    )
    return neighbours, points[:, None], labels


def test_documents_are_joined_by_id(stories):
    evaluation = evaluate(*stories)
    assert evaluation.documents["label"].to_pylist() == [0, 0, 0, 1, 1, 1, -1]
    assert evaluation.figures["stories"] == 2
    assert evaluation.figures["noise_share"] == pytest.approx(1 / 7)
    assert evaluation.figures["largest_story_share"] == pytest.approx(3 / 7)
    assert evaluation.figures["covered_silhouette"] > 0.9
    assert evaluation.figures["silhouette"] == pytest.approx(
        evaluation.figures["covered_silhouette"] * 6 / 7
    )


def test_labels_of_other_documents_raise_an_error(stories):
    neighbours, vectors, labels = stories
    with pytest.raises(ValueError, match="1 of 7 documents are missing"):
        evaluate(neighbours, vectors, labels.slice(1))


def test_the_last_run_is_compared_on_shared_documents_only(stories):
    last = pa.table({"doc_id": list("zadbe"), "label": [0, 7, 3, 7, 3]})
    figures = evaluate(*stories, last).figures
    assert (figures["shared_with_last_run"], figures["agreement_with_last_run"]) == (4, 1)
    other = last.set_column(1, "label", [[0, 7, 7, 3, 3]])
    assert evaluate(*stories, other).figures["agreement_with_last_run"] < 1
    assert "agreement_with_last_run" not in evaluate(*stories).figures
