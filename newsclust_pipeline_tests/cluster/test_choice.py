"""The choice of algorithm and parameters without labels."""

import zlib

import numpy as np
import pytest
import scipy.sparse as sp

from newsclust_pipeline.cluster.candidates import Documents, Parameters, candidates
from newsclust_pipeline.cluster.choice import choose, cluster, drop_incoherent, rank
from newsclust_pipeline.cluster.condensed_tree import NOISE
from newsclust_pipeline.cluster.hdbscan import Clusters, hdbscan
from newsclust_pipeline_tests.cluster.documents import documents_of, f1, stories

CASES = [
    ([2] * 60 + [3] * 40, 0.6, 60),
    ([30] * 12, 0.9, 40),
    ([60, 30, 15, 8] + [4] * 10 + [2] * 30, 0.7, 60),
    # The 50 nearest are a small part of each story.
    ([150, 200, 120], 0.9, 0),
]


@pytest.mark.parametrize(
    ("sizes", "spread", "alone"),
    CASES,
    ids=["tiny", "large", "of all sizes", "larger than the neighbourhood"],
)
def test_the_choice_is_near_the_best_candidate_whatever_the_stories_sizes(sizes, spread, alone):
    documents, gold = stories(sizes, spread, alone=alone)
    grid, linkage = candidates(documents)
    best = max(f1(one, gold) for one in [*grid, *linkage])
    assert f1(choose(documents), gold) >= best - 0.05
    assert best > 0.9, "the case can be solved"


def test_no_fixed_parameters_serve_both_small_and_large_stories():
    cases = [stories(sizes, spread, alone=alone) for sizes, spread, alone in CASES[:2]]
    for fixed in (Parameters(), Parameters("hdbscan", 1, 15)):
        assert min(f1(cluster(documents, fixed), gold) for documents, gold in cases) < 0.8


def test_an_event_and_some_strays_are_one_story():
    rng = np.random.default_rng(0)
    event = np.eye(64)[0] + 0.12 * rng.normal(size=(20, 64))
    strays = rng.normal(size=(6, 64))
    for vectors, grey in ((event, 0), (event[:5], 0), (np.vstack([event, strays]), 6)):
        chosen = choose(documents_of(vectors.astype(np.float32), background=1.0))
        assert len(chosen.clusters.persistence) == 1
        assert (chosen.clusters.labels == NOISE).sum() == grey
        assert chosen.parameters.allow_single_cluster


def test_unrelated_documents_stay_noise():
    rng = np.random.default_rng(2)
    vectors = rng.normal(size=(60, 64)).astype(np.float32)
    for background in (0.0, 1.0):
        chosen = choose(documents_of(vectors, background=background))
        assert (chosen.clusters.labels == NOISE).mean() > 0.9


@pytest.mark.parametrize("algorithm", ["hdbscan", "average"])
def test_the_parameters_of_every_rank_give_its_clustering_again(algorithm):
    documents, _ = stories([5] * 10 + [2] * 10, 0.7, alone=20)
    found = rank(documents, lambda one: {"labels": zlib.crc32(one.clusters.labels.tobytes())})
    ranked = [one for one in found.candidates if one.parameters.algorithm == algorithm]
    assert len(ranked) > 5
    for candidate in ranked:
        again = cluster(documents, candidate.parameters).clusters
        assert candidate.figures["labels"] == zlib.crc32(again.labels.tobytes())


def test_the_best_clustering_is_that_of_the_first_candidate():
    documents, _ = stories([5] * 10 + [2] * 10, 0.7, alone=20)
    best, ranked = rank(documents)
    assert best.parameters == ranked[0].parameters
    again = cluster(documents, best.parameters).clusters
    np.testing.assert_array_equal(again.labels, best.clusters.labels)
    scores = [candidate.score for candidate in ranked[1:]]
    assert scores == sorted(scores, reverse=True)


def test_average_linkage_without_a_height_takes_the_best_cut():
    documents, gold = stories([6] * 12, 0.6, alone=10)
    found = cluster(documents, Parameters("average", min_cluster_size=3))
    assert found.parameters.cut_height is not None
    assert f1(found, gold) > 0.95
    assert np.bincount(found.clusters.labels[found.clusters.labels >= 0]).min() >= 3


def test_hdbscan_may_return_all_documents_as_one_story():
    rng = np.random.default_rng(0)
    documents = documents_of(np.eye(32)[0] + 0.1 * rng.normal(size=(20, 32)), 19)
    labels = cluster(documents, Parameters(allow_single_cluster=True)).clusters.labels
    assert (labels == 0).sum() >= 17
    assert (labels[labels != 0] == NOISE).all()


def test_defaults_are_hdbscan_with_the_notebooks_parameters():
    documents, _ = stories([6] * 12, 0.6, alone=10)
    expected = hdbscan(documents.distances, 3, 3, "eom", 0.0)
    np.testing.assert_array_equal(cluster(documents, Parameters()).clusters.labels, expected.labels)


def test_the_choice_does_not_depend_on_cores_or_earlier_calls():
    documents, _ = stories([6] * 12 + [2] * 20, 0.8, alone=30)
    first, second = choose(documents), choose(documents)
    assert first.parameters == second.parameters
    np.testing.assert_array_equal(first.clusters.labels, second.clusters.labels)
    np.testing.assert_array_equal(first.clusters.probabilities, second.clusters.probabilities)


def test_the_scale_of_distances_does_not_change_the_choice():
    """Cuts and epsilons are relative, because the scale depends on the embedder."""
    documents, _ = stories([6] * 12 + [2] * 20, 0.8, alone=30)
    scaled = Documents(documents.distances * 0.25, documents.vectors * 0.25)
    np.testing.assert_array_equal(choose(documents).clusters.labels, choose(scaled).clusters.labels)


def test_incoherent_stories_become_noise_and_small_ones_need_more_cohesion():
    labels = np.repeat([0, 1, 2, 3], [8, 6, 3, 2])
    clusters = Clusters(labels, np.ones(19), np.array([0.4, 0.3, 0.2, 0.1]))
    values = np.repeat([0.16, 0.14, 0.21, 0.21], [8, 6, 3, 2])
    left = drop_incoherent(clusters, values, 0.15)
    assert left.labels.tolist() == [0] * 8 + [NOISE] * 6 + [1] * 3 + [NOISE] * 2
    assert left.persistence.tolist() == [0.4, 0.2]
    assert left.probabilities[8] == 0
    assert drop_incoherent(clusters, values, None) is clusters


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
def test_a_handful_of_documents_can_be_clustered(n):
    vectors = stories([1] * 5, 0.5)[0].vectors[:n]
    documents = documents_of(vectors) if n > 1 else Documents(sp.csr_array((n, n)), vectors)
    assert choose(documents).clusters.labels.shape == (n,)
    average = cluster(documents, Parameters("average"))
    assert average.clusters.labels.shape == (n,)
