"""The nearest story of noise documents, and how near it is."""

import numpy as np
import pytest
import scipy.sparse as sp

from newsclust_pipeline.cluster.condensed_tree import NOISE
from newsclust_pipeline.cluster.hdbscan import hdbscan
from newsclust_pipeline.cluster.nearest_story import nearest_stories
from newsclust_pipeline.cluster.reachability import core_distances


def graph(n, *edges):
    matrix = np.full((n, n), np.inf)
    for one, other, length in edges:
        matrix[one, other] = matrix[other, one] = length
    rows, columns = np.nonzero(np.isfinite(matrix))
    return sp.coo_array((matrix[rows, columns], (rows, columns)), shape=(n, n)).tocsr()


def nearest(distances, labels, min_samples=1):
    stories = nearest_stories(distances, np.array(labels, dtype=np.int32), min_samples)
    return stories.labels.tolist(), stories.strengths.tolist()


def test_the_story_is_that_of_the_nearest_member_and_the_strength_a_ratio_of_densities():
    distances = graph(5, (0, 1, 0.2), (2, 3, 0.3), (4, 0, 0.8), (4, 2, 0.6))
    labels, strengths = nearest(distances, [0, 0, 1, 1, NOISE])
    assert labels == [NOISE, NOISE, NOISE, NOISE, 1]
    assert strengths[4] == pytest.approx(0.3 / 0.6)
    assert np.isnan(strengths[:4]).all()


def test_nearness_is_mutual_reachability_and_distance_breaks_ties():
    distances = graph(6, (0, 1, 0.2), (2, 3, 0.2), (4, 0, 0.5), (4, 2, 0.4), (4, 5, 0.9))
    labels, strengths = nearest(distances, [0, 0, 1, 1, NOISE, NOISE], min_samples=3)
    assert labels[4] == 1, "the reachability of both is 0.9, the distance to the third neighbour"
    assert 0 <= strengths[4] <= 1


def test_a_document_far_from_all_stories_has_none():
    distances = graph(4, (0, 1, 0.2), (2, 3, 0.2))
    labels, strengths = nearest(distances, [0, 0, NOISE, NOISE])
    assert labels == [NOISE] * 4
    assert np.isnan(strengths).all()


def test_zero_distances_give_strengths_one_and_zero():
    distances = graph(3, (0, 1, 0.0), (2, 0, 0.0))
    assert nearest(distances, [0, 0, NOISE])[1][2] == 1
    distances = graph(3, (0, 1, 0.0), (2, 0, 0.5))
    assert nearest(distances, [0, 0, NOISE])[1][2] == 0


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_documents_without_edges_have_no_nearest_story(n):
    distances = sp.csr_array((n, n), dtype=np.float32)
    assert nearest(distances, [NOISE] * n, min_samples=3)[0] == [NOISE] * n


def test_the_result_equals_a_search_over_all_pairs():
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(4, 8))
    points = np.vstack(
        [c + 0.2 * rng.normal(size=(12, 8)) for c in centres] + [rng.normal(size=(30, 8))]
    )
    full = np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1))
    np.fill_diagonal(full, np.inf)
    rows, columns = np.nonzero(np.isfinite(full))
    distances = sp.coo_array((full[rows, columns], (rows, columns)), shape=full.shape).tocsr()
    clusters = hdbscan(distances, 3, 3)
    nearest = nearest_stories(distances, clusters.labels, 3)
    core = core_distances(distances.indptr, distances.data, 3)
    reach = np.maximum(full, np.maximum(core[:, None], core[None]))
    members = clusters.labels != NOISE
    assert members.any()
    assert not members.all()
    for row in np.flatnonzero(~members):
        there = np.flatnonzero(members)
        best = min(there, key=lambda c: (reach[row, c], full[row, c], c))
        story = clusters.labels[best]
        inside = np.flatnonzero(clusters.labels == story)
        assert nearest.labels[row] == story
        expected = min(1, reach[np.ix_(inside, inside)].min() / reach[row, best])
        assert nearest.strengths[row] == pytest.approx(expected)
