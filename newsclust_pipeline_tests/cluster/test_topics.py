"""Topics and areas of stories."""

import numpy as np
import pytest
import scipy.sparse as sp

from newsclust_pipeline.cluster.topics import topics_and_areas


def complete(n):
    return sp.csr_array(np.ones((n, n)) - np.eye(n))


def nested(areas=3, topics=4, stories=5, size=3, seed=0):
    """Return vectors of documents in stories, in topics, in areas; and the story of each."""
    rng = np.random.default_rng(seed)
    centres = np.zeros((1, 32))
    for count, spread in ((areas, 3.0), (topics, 1.0), (stories, 0.4), (size, 0.05)):
        centres = np.repeat(centres, count, axis=0)
        centres = centres + spread * rng.normal(size=centres.shape)
    return centres.astype(np.float32), np.repeat(np.arange(areas * topics * stories), size)


def test_topics_are_groups_of_near_stories_and_areas_are_groups_of_topics():
    vectors, labels = nested()
    topics, areas = topics_and_areas(vectors, complete(len(vectors)), labels)
    assert len(topics) == len(areas) == 60
    assert len(set(topics)) == round(60 ** (2 / 3))
    assert len(set(areas)) == round(60 ** (1 / 3))
    for topic in set(topics):
        stories = np.flatnonzero(topics == topic)
        assert len(set(stories // 5)) == 1, "all stories are of one true topic"
        assert len(set(areas[stories])) == 1
    for area in set(areas):
        assert len(set(np.flatnonzero(areas == area) // 20)) == 1


def test_a_topic_is_named_by_its_largest_story():
    vectors, labels = nested()
    topics, areas = topics_and_areas(vectors, complete(len(vectors)), labels)
    for groups in (topics, areas):
        for group in set(groups):
            assert np.flatnonzero(groups == group).min() == group


def test_stories_without_edges_between_them_are_in_different_areas():
    vectors, labels = nested(1, 1, 4, 3)
    topics, areas = topics_and_areas(vectors, sp.csr_array((12, 12)), labels)
    assert topics.tolist() == areas.tolist() == [0, 1, 2, 3]


def test_documents_in_no_story_have_no_topic():
    vectors, labels = nested(1, 1, 4, 3)
    labels[labels == 3] = -1
    topics, _ = topics_and_areas(vectors, complete(12), labels)
    assert len(topics) == 3


@pytest.mark.parametrize("n", [0, 3])
def test_without_stories_there_are_no_topics(n):
    topics, areas = topics_and_areas(np.ones((n, 4), np.float32), complete(n), np.full(n, -1))
    assert len(topics) == len(areas) == 0
