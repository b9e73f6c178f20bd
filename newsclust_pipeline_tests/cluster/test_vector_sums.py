"""Sums of vectors stand for means over pairs."""

import numpy as np
import pytest

from newsclust_pipeline.cluster.vector_sums import (
    LANES,
    mean_within,
    padded,
    squared_norms,
    sum_groups,
)


@pytest.mark.parametrize("dimension", [1, LANES - 1, LANES, LANES + 1, 3 * LANES])
def test_padding_adds_zeros_up_to_whole_lanes(dimension):
    vectors = np.random.default_rng(0).normal(size=(5, dimension)).astype(np.float32)
    rows = padded(vectors)
    assert rows.shape[1] % LANES == 0
    assert rows.shape[1] < dimension + LANES
    np.testing.assert_array_equal(rows[:, :dimension], vectors)
    assert not rows[:, dimension:].any()
    np.testing.assert_allclose(squared_norms(rows), (vectors**2).sum(axis=1), rtol=1e-6)


def test_sums_leave_rows_without_a_label_out():
    rows = padded(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    sums, squares, sizes = sum_groups(rows, squared_norms(rows), np.array([1, -1, 1]), 2)
    assert sums[:, :2].tolist() == [[0, 0], [6, 8]]
    assert squares.tolist() == [0, 5 + 61]
    assert sizes.tolist() == [0, 2]


def test_the_mean_within_a_group_is_the_mean_over_its_pairs():
    rng = np.random.default_rng(1)
    vectors, labels = rng.normal(size=(30, 11)), rng.integers(-1, 4, size=30)
    labels[0] = 4  # alone
    rows = padded(vectors)
    means = mean_within(rows, squared_norms(rows), labels, 5)
    halves = ((vectors[:, None] - vectors[None]) ** 2).sum(-1) / 2
    for row, label in enumerate(labels):
        others = (labels == label) & (np.arange(30) != row)
        expected = halves[row, others].mean() if label >= 0 and others.any() else 0
        assert means[row] == pytest.approx(expected)
