"""Gold labels: figures on small examples and against scikit-learn."""

import numpy as np
import pyarrow as pa
import pytest

from newsclust_pipeline.cluster.gold import (
    Gold,
    bcubed,
    evaluate_with_gold,
    gold_figures,
    read_gold,
)
from newsclust_pipeline.cluster.metrics import Evaluation
from newsclust_pipeline.schemas import GOLD_LABELS


def test_bcubed_of_a_small_example():
    """Two stories of 3 and 2, one article of the first put to the second.

    Precision: 2 × 1, then 3 in a cluster of three: 1/3, 2/3, 2/3. Recall: 2/3, 2/3, 1/3, then 1, 1.
    """
    precision, recall, f1 = bcubed(np.array([0, 0, 0, 1, 1]), np.array([5, 5, 7, 7, 7]))
    assert precision == pytest.approx((1 + 1 + 1 / 3 + 2 / 3 + 2 / 3) / 5)
    assert recall == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1 + 1) / 5)
    assert f1 == pytest.approx(2 * precision * recall / (precision + recall))


def test_noise_counts_as_singletons_except_in_the_covered_figures():
    figures = gold_figures(["a", "a", "a", "b"], np.array([0, 0, -1, -1]))
    assert figures["bcubed_precision"] == 1
    assert figures["bcubed_recall"] == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1) / 4)
    assert figures["covered_bcubed_f1"] == 1
    assert figures["coverage"] == 0.5
    # One pair of three is figures, none is wrong.
    assert figures["pairwise_f1"] == pytest.approx(2 * 1 / (2 * 1 + 2))


def test_a_perfect_clustering_scores_one_in_every_figure():
    figures = gold_figures(["a", "a", "b", "b", "c"], np.array([1, 1, 0, 0, -1]))
    assert {name for name, value in figures.items() if value != pytest.approx(1)} == {"coverage"}


def test_ari_and_ami_equal_scikit_learn():
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

    gold, labels = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 0, 0, 1, 1, 1])
    figures = gold_figures(gold.tolist(), labels)
    assert figures["ari"] == adjusted_rand_score(gold, labels)
    assert figures["ami"] == adjusted_mutual_info_score(gold, labels)


@pytest.mark.parametrize("labels", [[-1, -1], [0, 0]])
def test_all_noise_and_one_story_have_figures(labels):
    figures = gold_figures(["a", "b"], np.array(labels))
    assert all(np.isfinite(value) for value in figures.values())
    assert ("covered_ari" in figures) == (labels[0] == 0)


def test_without_documents_there_are_no_figures():
    assert gold_figures([], np.array([], dtype=int)) == {}


def labels(*rows):
    """Gold labels: doc_id, label and the number of rows with it."""
    columns = dict(zip(("doc_id", "gold", "rows"), zip(*rows, strict=True), strict=True))
    return pa.table(columns, GOLD_LABELS.schema)


def test_gold_is_by_article():
    gold = read_gold(labels(("a", "s1", 1), ("b", None, 2)))
    assert gold == Gold({"a": "s1", "b": None}, conflicts=0)


def test_conflicting_copies_are_counted_and_the_most_frequent_story_is_used():
    copies = ("a", "s2", 1), ("a", "s1", 2), ("a", "s3", 1)
    assert read_gold(labels(*copies)) == Gold({"a": "s1"}, conflicts=1)
    tie = read_gold(labels(("a", "s2", 1), ("a", "s1", 1)))
    assert tie.stories == {"a": "s1"}, "the first by name"


def test_a_blank_gold_story_is_a_story_of_its_own_or_unknown():
    documents = pa.table({"doc_id": list("abcdefg"), "label": [0, 0, 0, 1, 1, 1, -1]})
    evaluation = Evaluation(documents, {"stories": 2})
    gold = Gold(dict.fromkeys("abc", "x") | {"d": "y", "e": "y"} | {"f": None}, conflicts=2)
    own = evaluate_with_gold(evaluation, gold)
    assert own.figures["stories"] == 2
    assert own.figures["gold_documents"] == 7
    assert own.figures["gold_stories"] == 2
    assert own.figures["gold_conflicts"] == 2
    assert own.figures["bcubed_precision"] < 1, "f is in the story of d and e"
    assert own.documents["gold"].to_pylist() == [*"xxxyy", None, None]
    unknown = evaluate_with_gold(evaluation, gold, blank_is_unknown=True)
    assert unknown.figures["gold_documents"] == 5
    assert unknown.figures["bcubed_f1"] == 1
