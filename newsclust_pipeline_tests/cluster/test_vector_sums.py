"""Sums of vectors stand for means over pairs."""

import math

import numpy as np
import pytest

from newsclust_pipeline.cluster.vector_sums import (
    mean_within,
    rounded,
    squared_norms,
    sum_groups,
)


def test_rounding_changes_distances_by_a_hundred_thousandth():
    vectors = np.random.default_rng(0).normal(size=(50, 40)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = rounded(vectors)
    assert rows.dtype == np.float32
    assert (rows * 2**16 == np.rint(rows * 2**16)).all()
    assert np.abs(rows @ rows.T - vectors @ vectors.T).max() < 5e-5
    np.testing.assert_allclose(squared_norms(rows), 1, atol=5e-5)


def test_sums_of_rounded_vectors_are_exact_in_every_order():
    """Else the bits would depend on the width of the processor's vector unit."""
    rng = np.random.default_rng(1)
    rows = rounded((rng.normal(size=(2000, 64)) / 8).astype(np.float32)).astype(np.float64)
    total = rows.sum(axis=0)
    for _ in range(5):
        columns = rng.permutation(64)
        assert np.dot(total[columns], rows[0][columns]) == math.fsum(total * rows[0])


def test_sums_leave_rows_without_a_label_out():
    rows = rounded(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    sums, squares, sizes = sum_groups(rows, squared_norms(rows), np.array([1, -1, 1]), 2)
    assert sums[:, :2].tolist() == [[0, 0], [6, 8]]
    assert squares.tolist() == [0, 5 + 61]
    assert sizes.tolist() == [0, 2]


def test_the_mean_within_a_group_is_the_mean_over_its_pairs():
    rng = np.random.default_rng(1)
    vectors, labels = rng.normal(size=(30, 11)), rng.integers(-1, 4, size=30)
    labels[0] = 4  # alone
    rows = rounded(vectors)
    means = mean_within(rows, squared_norms(rows), labels, 5)
    halves = ((vectors[:, None] - vectors[None]) ** 2).sum(-1) / 2
    for row, label in enumerate(labels):
        others = (labels == label) & (np.arange(30) != row)
        expected = halves[row, others].mean() if label >= 0 and others.any() else 0
        assert means[row] == pytest.approx(expected, abs=1e-4)
