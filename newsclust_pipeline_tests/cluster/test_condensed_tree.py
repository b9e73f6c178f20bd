"""The condensed tree: one tree serves several selections."""

import numpy as np
import pytest
import scipy.sparse as sp

from newsclust_pipeline.cluster.condensed_tree import NOISE, condense, select
from newsclust_pipeline.cluster.hdbscan import spanning_tree

# Lengths of a chain of six points: 0–1–2 and 3–4–5 are close, 2–3 is far.
CHAIN = [1.0, 1.0, 4.0, 2.0, 2.0]


def tree_of(lengths, min_cluster_size):
    ends = np.arange(len(lengths))
    edges = np.column_stack([ends, ends + 1, lengths]).astype(float)
    return condense(edges[np.argsort(edges[:, 2], kind="stable")], min_cluster_size)


def test_the_tree_of_a_chain_of_two_groups():
    tree = tree_of(CHAIN, 3)
    assert tree.parent.tolist() == [-1, 0, 0]
    assert tree.birth.tolist() == [0, 1 / 4, 1 / 4]
    assert sorted(tree.death.tolist()) == [1 / 4, 1 / 2, 1]
    assert tree.stability[0] == 2 * 3 / 4
    assert set(tree.cluster[:3]) != set(tree.cluster[3:])
    assert tree.departure.tolist() == [1, 1, 1, 0.5, 0.5, 0.5]


def test_probability_is_relative_to_the_highest_density_in_the_cluster():
    selected = select(tree_of([1.0, 2.0, 8.0, 1.0, 1.0], 3))
    assert len(set(selected.labels[:3])) == 1
    np.testing.assert_allclose(selected.probabilities, [1, 1, 1, 1, 1, 1])
    # Three of four points are 1 apart, the last joins them at 2: half of the density.
    selected = select(tree_of([1.0, 1.0, 2.0, 8.0, 1.0, 1.0], 3))
    np.testing.assert_allclose(selected.probabilities, [1, 1, 1, 0.5, 1, 1, 1])


def test_epsilon_keeps_clusters_that_split_within_it_together():
    lengths = [1.0, 1.0, 4.0, 1.0, 1.0, 9.0, 1.0, 1.0]  # three groups, two of them 4 apart
    assert select(tree_of(lengths, 3), "leaf").labels.max() == 2
    labels = select(tree_of(lengths, 3), "leaf", epsilon=5.0).labels
    assert len(set(labels[:6])) == 1
    assert labels.max() == 1


def test_the_root_is_no_cluster():
    assert (select(tree_of([1.0, 1.0, 1.0], 3)).labels == NOISE).all()
    assert (select(tree_of([1.0, 1.0, 1.0], 3), "leaf", 2.0).labels == NOISE).all()


def test_the_root_is_a_cluster_if_that_is_allowed_and_has_no_outliers():
    lengths = [1.0, 1.1, 1.2, 1.0, 1.1, 9.0]  # the last point is far from the others
    selected = select(tree_of(lengths, 3), allow_single_cluster=True)
    assert selected.labels.tolist() == [0, 0, 0, 0, 0, 0, NOISE]
    assert selected.probabilities[6] == 0
    assert len(selected.persistence) == 1
    within = select(tree_of(lengths, 3), epsilon=10.0, allow_single_cluster=True)
    assert (within.labels == 0).all()


@pytest.mark.parametrize("selection", ["eom", "leaf"])
def test_selection_does_not_change_the_tree(selection):
    rng = np.random.default_rng(0)
    full = rng.random((40, 40))
    edges = spanning_tree(sp.csr_array(np.triu(full, 1) + np.triu(full, 1).T), 1)
    before, tree = edges.copy(), condense(edges, 2)
    once = [select(tree, selection, epsilon) for epsilon in (0.3, 0.0)]
    again = [select(condense(edges, 2), selection, epsilon) for epsilon in (0.3, 0.0)]
    np.testing.assert_array_equal(edges, before)
    for one, other in zip(once, again, strict=True):
        np.testing.assert_array_equal(one.labels, other.labels)
        np.testing.assert_array_equal(one.probabilities, other.probabilities)
        np.testing.assert_array_equal(one.persistence, other.persistence)
