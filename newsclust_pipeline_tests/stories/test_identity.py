"""Clusters get the ids of the stories they continue, and no id passes to another story."""

import numpy as np
import pyarrow as pa
import pytest
from scipy.optimize import linear_sum_assignment

from newsclust_pipeline.cluster.condensed_tree import NOISE
from newsclust_pipeline.stories.identity import MEMBERS, compare, name_stories, split_members


def remember(living=None, ended=None):
    """Stories by id, their documents a letter each."""
    rows = [
        {"doc_id": doc_id, "story_id": story, "living": alive}
        for stories, alive in ((living, True), (ended, False))
        for story, documents in (stories or {}).items()
        for doc_id in documents
    ]
    return pa.Table.from_pylist(rows, MEMBERS)


def name(clusters, members=None, noise=""):
    """Name clusters, each a word of documents; ids are in alphabetical order, as is publication."""
    label = {doc_id: row for row, documents in enumerate(clusters) for doc_id in documents}
    doc_id = sorted([*label, *noise])
    labels = np.array([label.get(d, NOISE) for d in doc_id], dtype=np.int32)
    return name_stories(np.array(doc_id, dtype=np.str_), labels, members or remember())


def test_without_a_history_stories_are_named_by_their_first_documents():
    assert name(["bde", "acf"], noise="gh") == ["sb", "sa"]


def test_without_stories_nothing_is_named():
    assert name([]) == name([], noise="abc") == []
    assert name([], remember({"s1": "abc"}), noise="xyz") == []


def test_a_story_keeps_its_id_whatever_joins_before_it_or_leaves():
    members = remember({"sb": "bcd", "sx": "xyz"})
    assert name(["abcdef", "xy"], members) == ["sb", "sx"]


def test_labels_may_be_renumbered():
    assert name(["xyzw", "abc"], remember({"sa": "abc", "sx": "xyz"})) == ["sx", "sa"]


def test_a_story_whose_first_documents_have_all_left_keeps_its_id_day_by_day():
    members = remember({"sa": "abc"})
    for today in ("bcd", "cde", "def", "fgh", "hij"):
        assert name([today], members) == ["sa"]
        members = remember({"sa": today})


def test_documents_that_were_in_no_story_do_not_count_against_one_that_grows():
    assert name(["abc" + "defghijklmnopqrstuvw"], remember({"sa": "abc"})) == ["sa"]


def test_documents_that_are_still_there_do_count_against_one_that_falls_apart():
    assert name(["axy"], remember({"sa": "abcdef"}), noise="bcdef") == ["sa-2"]


def test_two_thirds_of_a_split_keep_the_id_and_the_rest_gets_its_own():
    assert name(["abcd", "ef"], remember({"s1": "abcdef"})) == ["s1", "se"]


def test_of_stories_that_merge_the_larger_one_gives_the_id():
    assert name(["abcdefgh"], remember({"s1": "abc", "s2": "defgh"})) == ["s2"]


def test_as_many_documents_as_possible_keep_their_id():
    """The pair that shares the most, four, would leave s2 with nothing: three and three are six."""
    members = remember({"s1": "abcdefg", "s2": "hij"})
    assert name(["abcdhij", "efg"], members) == ["s2", "s1"]


def test_the_number_of_articles_has_priority_over_the_overlap():
    members = remember({"s1": "abcdefgh", "s2": "xyz"})
    assert name(["abcdxyz"], members, noise="efgh") == ["s1"]


@pytest.mark.parametrize(("fits", "other"), [("s1", "s2"), ("s2", "s1")])
def test_ties_are_decided_by_the_overlap(fits, other):
    members = remember({fits: "ab", other: "cdef"})
    assert name(["abcd"], members, noise="ef") == [fits]


def test_two_stories_that_swap_a_minority_keep_their_ids_and_a_majority_takes_the_id_along():
    members = remember({"s1": "abcde", "s2": "vwxyz"})
    assert name(["abcyz", "devwx"], members) == ["s1", "s2"]
    assert name(["abxyz", "cdevw"], members) == ["s2", "s1"]


def test_a_story_that_ended_gets_its_id_back_with_its_documents():
    assert name(["abcx"], remember(ended={"s1": "abc"})) == ["s1"]


def test_a_story_that_ended_does_not_give_its_id_to_one_of_mostly_other_documents():
    assert name(["abcxyzw"], remember(ended={"s1": "abc"})) == ["sa"]
    assert name(["abcxyzw"], remember(ended={"sa": "abc"})) == ["sa-2"]


def test_living_stories_have_priority_over_ended_ones():
    assert name(["abc"], remember({"s2": "abc"}, ended={"s1": "abc"})) == ["s2"]
    assert name(["abcd"], remember({"s2": "cd"}, ended={"s1": "abcd"})) == ["s2"]


def test_a_cluster_left_over_can_be_an_ended_story():
    assert name(["abcd", "xyz"], remember({"s1": "abcdxyz"}, ended={"s2": "xyz"})) == ["s1", "s2"]


def test_an_id_that_any_other_story_has_had_is_numbered():
    assert name(["abc"], remember(ended={"sa": "vwxyz", "sa-2": "u"})) == ["sa-3"]


def test_ties_are_decided_the_same_way_every_time_and_ids_stay_apart():
    members = remember({"s1": "abcd", "s2": "efgh"})
    clusters = ["abef", "cdgh"]
    first = name(clusters, members)
    assert sorted(first) == ["s1", "s2"]
    assert all(name(clusters, members) == first for _ in range(5))


def without_gaps(labels):
    used = np.unique(labels[labels >= 0])
    return np.where(labels >= 0, np.searchsorted(used, labels), NOISE)


def recorded(doc_id, labels, names):
    return remember({name: doc_id[labels == label] for label, name in enumerate(names)})


@pytest.mark.parametrize("seed", range(20))
def test_of_random_clusterings_the_best_assignment_is_found_and_once_recorded_it_stays(seed):
    random = np.random.default_rng(seed)
    doc_id = np.array([f"{i:03}" for i in range(120)], dtype=np.str_)
    before = without_gaps(random.integers(-1, 15, 120))
    moved = random.random(120) < 0.4
    after = without_gaps(np.where(moved, random.integers(-1, 12, 120), before))
    named = name_stories(doc_id, before, remember())
    names = name_stories(doc_id, after, recorded(doc_id, before, named))
    assert len(set(names)) == len(names) == after.max() + 1
    assert name_stories(doc_id, after, recorded(doc_id, after, names)) == names
    in_both = (before >= 0) & (after >= 0)
    same_id = np.array(named)[before[in_both]] == np.array(names)[after[in_both]]
    assert same_id.sum() == best_assignment(before, after)


def best_assignment(before, after):
    """Count the documents that can keep their id, by the dense algorithm."""
    known = before >= 0
    shared = np.zeros((before.max() + 1, after.max() + 1))
    np.add.at(shared, (before[known & (after >= 0)], after[known & (after >= 0)]), 1)
    old = np.bincount(before[known], minlength=len(shared))[:, None]
    new = shared.sum(0)[None]
    shared[shared / np.maximum(old + new - shared, 1) < 0.3] = 0
    return shared[linear_sum_assignment(shared, maximize=True)].sum()


def test_pairs_are_compared_by_what_they_share():
    before, after = split_members(
        remember({"s1": "abcd", "s2": "xy"}, ended={"s1": "ab", "s3": "be"})
    )
    pairs = compare(before, after).to_dict("records")
    assert pairs == [
        {"before": "s1", "after": "s1", "shared": 2, "of_before": 0.5, "of_after": 1.0,
         "overlap": 0.5},
        {"before": "s1", "after": "s3", "shared": 1, "of_before": 0.25, "of_after": 0.5,
         "overlap": 0.2},
    ]  # fmt: skip


def test_thirty_thousand_documents_in_a_chain_of_stories_are_matched_in_sparse_memory():
    """Every story overlaps two clusters, so all are one piece: dense, 800 MB and minutes."""
    n = 30_000
    doc_id = np.array([f"{i:05}" for i in range(n)], dtype=np.str_)
    stories = [f"s{i // 3}" for i in range(n)]
    members = pa.Table.from_arrays(
        [pa.array(doc_id), pa.array(stories), pa.repeat(True, n)],
        schema=MEMBERS,
    )
    names = name_stories(doc_id, (np.arange(n) + 1) // 3, members)
    assert names[:10_000] == [f"s{i}" for i in range(10_000)]
