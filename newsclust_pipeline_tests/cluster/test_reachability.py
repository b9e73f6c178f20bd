"""Core distances are the distances to the nth other document."""

import numpy as np

from newsclust_pipeline.cluster.reachability import core_distances

# Documents at 0, 1, 3 and 7 on a line: every document's distances to the three others.
LINE = np.array([1.0, 3, 7, 1, 2, 6, 3, 2, 4, 7, 6, 4])
STARTS = np.arange(0, 13, 3)


def test_core_distance_is_the_distance_to_the_nth_other_document():
    np.testing.assert_array_equal(core_distances(STARTS, LINE, 1), [1, 1, 2, 4])
    np.testing.assert_array_equal(core_distances(STARTS, LINE, 3), [7, 6, 4, 7])


def test_a_document_with_too_few_neighbours_has_none():
    assert np.isinf(core_distances(STARTS, LINE, 4)).all()


def test_zero_distances_count_as_neighbours():
    identical, starts = np.array([0.0, 5, 0, 5, 5, 5]), np.arange(0, 7, 2)
    np.testing.assert_array_equal(core_distances(starts, identical, 1), [0, 0, 5])
