"""What a map shows when there is more than it can: stories first, and always the same."""

import numpy as np
import pyarrow as pa
import pytest

from newsclust_pipeline.viz.sampling import MIN_PER_STORY, thin


def points_of(sizes, noise=0):
    labels = np.concatenate([np.repeat(np.arange(len(sizes)), sizes), np.full(noise, -1)])
    labels = np.random.default_rng(0).permutation(labels.astype(np.int64))
    return pa.table({"doc_id": [f"d{n}" for n in range(len(labels))], "label": labels})


def stories_of(points):
    """The last document of every story is its exemplar."""
    labels = points["label"].to_pylist()
    last = {label: f"d{row}" for row, label in enumerate(labels) if label >= 0}
    return pa.table({"label": list(last), "exemplar_doc_id": list(last.values())})


def sizes_of(points):
    labels = points["label"].to_numpy()
    return np.bincount(labels[labels >= 0]), int(np.sum(labels < 0))


def test_few_enough_documents_all_stay():
    points = points_of([5, 3], noise=4)
    assert thin(points, stories_of(points), 12) is points


def test_noise_gives_way_before_any_story():
    points = points_of([50, 30], noise=100)
    sizes, noise = sizes_of(thin(points, stories_of(points), 100))
    assert sizes.tolist() == [50, 30]
    assert noise == 20


def test_noise_keeps_a_tenth_and_stories_shrink_in_proportion():
    points = points_of([400, 200, 4], noise=500)
    sizes, noise = sizes_of(thin(points, stories_of(points), 200))
    assert noise == 20
    assert sizes.sum() == 180
    assert sizes[0] == pytest.approx(2 * sizes[1], abs=4)
    assert sizes[2] >= MIN_PER_STORY


def test_every_story_keeps_its_exemplar_and_a_few_more():
    points = points_of([3] * 40 + [900], noise=30)
    stories = stories_of(points)
    kept = thin(points, stories, 200)
    assert set(stories["exemplar_doc_id"].to_pylist()) <= set(kept["doc_id"].to_pylist())
    assert min(sizes_of(kept)[0]) >= MIN_PER_STORY
    assert kept.num_rows == 200


def test_exemplars_stay_even_beyond_the_limit():
    points = points_of([2] * 50)
    stories = stories_of(points)
    kept = thin(points, stories, 20)
    assert set(kept["doc_id"].to_pylist()) == set(stories["exemplar_doc_id"].to_pylist())


def test_the_same_documents_are_drawn_whatever_their_order():
    points = points_of([300, 200], noise=300)
    stories = stories_of(points)
    shuffled = points.take(np.random.default_rng(1).permutation(points.num_rows))
    once, again = (thin(table, stories, 100)["doc_id"].to_pylist() for table in (points, shuffled))
    assert set(once) == set(again)
    order = {doc: row for row, doc in enumerate(points["doc_id"].to_pylist())}
    assert once == sorted(once, key=order.get)


def test_stories_without_known_exemplars_are_thinned_all_the_same():
    points = points_of([30, 20], noise=10)
    assert thin(points, pa.table({"label": [0, 1]}), 25).num_rows == 25
