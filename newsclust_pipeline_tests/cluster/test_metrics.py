"""Measures of stories, held against cases made by hand and against scikit-learn."""

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp

from newsclust_pipeline.cluster.hdbscan import FAR, spanning_tree
from newsclust_pipeline.cluster.metrics import (
    Gold,
    against_gold,
    agreement,
    bcubed,
    density_validity,
    judge,
    judge_by_gold,
    known_distance,
    read_gold,
    silhouette,
)
from newsclust_pipeline.core.errors import SettingError
from newsclust_pipeline.ingest.articles import doc_id
from newsclust_pipeline.ingest.rows import Row
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


# --- against gold ---------------------------------------------------------------------------------


def test_bcubed_is_that_of_a_case_made_by_hand():
    """Two stories of 3 and 2, one article of the first put to the second.

    Precision: 2 × 1, then 3 in a cluster of three: 1/3, 2/3, 2/3. Recall: 2/3, 2/3, 1/3, then 1, 1.
    """
    precision, recall, f1 = bcubed(np.array([0, 0, 0, 1, 1]), np.array([5, 5, 7, 7, 7]))
    assert precision == pytest.approx((1 + 1 + 1 / 3 + 2 / 3 + 2 / 3) / 5)
    assert recall == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1 + 1) / 5)
    assert f1 == pytest.approx(2 * precision * recall / (precision + recall))


def test_noise_counts_as_singletons_and_the_covered_figures_leave_it_out():
    found = against_gold(["a", "a", "a", "b"], np.array([0, 0, -1, -1]))
    assert found["bcubed_precision"] == 1
    assert found["bcubed_recall"] == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1) / 4)
    assert found["covered_bcubed_f1"] == 1
    assert found["coverage"] == 0.5
    # One pair of three is found, none is wrong.
    assert found["pairwise_f1"] == pytest.approx(2 * 1 / (2 * 1 + 2))


def test_a_perfect_clustering_has_full_marks_in_everything():
    found = against_gold(["a", "a", "b", "b", "c"], np.array([1, 1, 0, 0, -1]))
    assert {name for name, value in found.items() if value != pytest.approx(1)} == {"coverage"}


def test_figures_are_scikit_learns_where_it_has_them():
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

    gold, labels = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 0, 0, 1, 1, 1])
    found = against_gold(gold.tolist(), labels)
    assert found["ari"] == adjusted_rand_score(gold, labels)
    assert found["ami"] == adjusted_mutual_info_score(gold, labels)


@pytest.mark.parametrize("labels", [[-1, -1], [0, 0]])
def test_all_noise_and_one_story_have_figures(labels):
    found = against_gold(["a", "b"], np.array(labels))
    assert all(np.isfinite(value) for value in found.values())
    assert ("covered_ari" in found) == (labels[0] == 0)


def test_no_documents_have_none():
    assert against_gold([], np.array([], dtype=int)) == {}


# --- the gold column ------------------------------------------------------------------------------


def row(title, story, **cells):
    return Row("dump.csv", 1, {"title": title, "event": story, **cells})


def test_gold_is_read_under_the_ids_of_the_articles():
    gold = read_gold([row(" Storm ", "s1"), row("Flood", "nan"), row("", "s2")], "event")
    assert gold == Gold({doc_id("Storm"): "s1", doc_id("Flood"): None}, conflicts=0)


def test_copies_that_disagree_are_counted_and_the_most_frequent_story_stands():
    copies = [row("Storm", story) for story in ("s2", "s1", "s1", "s3")]
    assert read_gold(copies, "event") == Gold({doc_id("Storm"): "s1"}, conflicts=1)
    assert read_gold(copies[:2], "event").stories == {doc_id("Storm"): "s1"}, "a tie: by name"


def test_a_missing_column_is_named_with_those_that_there_are():
    with pytest.raises(SettingError, match=r"gold_column=story: .*'title', 'event'.*story_quality"):
        read_gold([row("Storm", "s1")], "story")


# --- without gold ---------------------------------------------------------------------------------


def test_on_a_complete_graph_the_silhouette_is_scikit_learns():
    from sklearn.metrics import silhouette_samples

    points, labels = clouds(noise=0)
    expected = silhouette_samples(points, labels)
    np.testing.assert_allclose(silhouette(graph_of(points), labels), expected)


def test_noise_has_no_silhouette_and_changes_nobody_elses():
    points, labels = clouds()
    values = silhouette(graph_of(points), labels)
    np.testing.assert_array_equal(values[labels == -1], 0)
    np.testing.assert_allclose(values[:25], silhouette(graph_of(points[:25]), labels[:25]))


def test_who_is_no_neighbour_counts_as_far_as_the_last_one():
    """0 sees 1 (own) and 2 (other), both known within 3; the other story's second is not seen."""
    graph = graph_of([0.0, 1.0, 3.0, 50.0], k=2)
    assert known_distance(graph)[0] == 3
    value = silhouette(graph, np.array([0, 0, 1, 1]))[0]
    assert value == pytest.approx((3 - 1) / 3)


def test_a_story_whose_members_do_not_see_each_other_has_no_merit():
    graph = graph_of([0.0, 1.0, 100.0, 101.0], k=1)
    np.testing.assert_array_equal(silhouette(graph, np.array([0, 1, 0, 1])), np.zeros(4))


def test_validity_is_that_of_a_case_made_by_hand():
    """Pairs 1 and 2 wide, 4 apart, and a lone document 5 off: (4−1)/4 and (4−2)/4, 2 of 5 each."""
    edges = spanning_tree(graph_of([0.0, 1.0, 5.0, 7.0, 12.0]), 1)
    labels = np.array([0, 0, 1, 1, -1])
    assert density_validity(edges, labels) == pytest.approx((2 * 3 / 4 + 2 * 2 / 4) / 5)


def test_validity_falls_where_a_story_is_cut_in_two():
    points, labels = clouds(noise=0)
    edges = spanning_tree(graph_of(points), 1)
    cut = labels.copy()
    cut[:6] = 3
    assert density_validity(edges, cut) < density_validity(edges, labels)


def test_validity_of_stories_in_pieces_of_their_own_is_nearly_whole():
    edges = np.array([[0, 1, 1.0], [2, 3, 1.0], [0, 2, FAR]])
    assert density_validity(edges, np.array([0, 0, 1, 1])) == pytest.approx(1, abs=1e-5)
    assert density_validity(edges, np.full(4, -1)) == 0
    assert density_validity(np.empty((0, 3)), np.array([-1])) == 0


def test_agreement_takes_noise_as_singletons():
    assert agreement(np.array([0, 0, 1, -1]), np.array([4, 4, -1, 2])) == 1
    assert agreement(np.array([0, 0, -1, -1]), np.array([0, 0, 1, 1])) < 1
    assert agreement(np.array([]), np.array([])) == 1


# --- both -----------------------------------------------------------------------------------------


@pytest.fixture
def found():
    """Two stories of three documents and a lone one, with labels in another order."""
    points = np.array([0.0, 1, 2, 50, 51, 52, 90])
    full = np.abs(points[:, None] - points[None])
    order = np.argsort(full + np.diag(np.full(7, 1e9)), axis=1)[:, :6].astype(np.int32)
    distances = np.take_along_axis(full, order, axis=1).astype(np.float32)
    neighbours = Neighbours(np.array(list("abcdefg")), order, distances, 6)
    labels = pa.table(
        {"doc_id": list("gfedcba"), "label": pa.array([-1, 1, 1, 1, 0, 0, 0], pa.int32())}
    )
    return neighbours, labels


def test_documents_are_joined_by_id(found):
    judged = judge(*found)
    assert judged.documents["label"].to_pylist() == [0, 0, 0, 1, 1, 1, -1]
    assert judged.figures["stories"] == 2
    assert judged.figures["noise_share"] == pytest.approx(1 / 7)
    assert judged.figures["largest_story_share"] == pytest.approx(3 / 7)
    assert judged.figures["covered_silhouette"] > 0.9
    assert judged.figures["silhouette"] == pytest.approx(
        judged.figures["covered_silhouette"] * 6 / 7
    )


def test_labels_of_other_documents_are_refused(found):
    neighbours, labels = found
    with pytest.raises(ValueError, match="1 of 7 documents are missing"):
        judge(neighbours, labels.slice(1))


def test_the_last_run_is_compared_on_shared_documents_alone(found):
    last = pa.table({"doc_id": list("zadbe"), "label": [0, 7, 3, 7, 3]})
    figures = judge(*found, last).figures
    assert (figures["shared_with_last_run"], figures["agreement_with_last_run"]) == (4, 1)
    other = last.set_column(1, "label", [[0, 7, 7, 3, 3]])
    assert judge(*found, other).figures["agreement_with_last_run"] < 1
    assert "agreement_with_last_run" not in judge(*found).figures


def test_a_blank_gold_story_is_a_story_of_its_own_or_unknown(found):
    gold = Gold(dict.fromkeys("abc", "x") | {"d": "y", "e": "y"} | {"f": None}, conflicts=2)
    own = judge_by_gold(judge(*found), gold)
    assert own.figures["gold_documents"] == 7
    assert own.figures["gold_stories"] == 2
    assert own.figures["gold_conflicts"] == 2
    assert own.figures["bcubed_precision"] < 1, "f stands with d and e"
    assert own.documents["gold"].to_pylist() == [*"xxxyy", None, None]
    unknown = judge_by_gold(judge(*found), gold, blank_is_unknown=True)
    assert unknown.figures["gold_documents"] == 5
    assert unknown.figures["bcubed_f1"] == 1
