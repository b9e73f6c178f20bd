"""A map that continues the previous one: what moves, by how much, and when a new map is needed."""

import numpy as np
import pyarrow as pa
import pytest

from newsclust_pipeline.viz import projection
from newsclust_pipeline.viz.continuation import align, previous_map
from newsclust_pipeline.viz.projection import positions_table
from newsclust_pipeline_tests.viz.vectors import (
    Feed,
    as_previous,
    neighbours_of,
    project,
    span,
    spread,
    stories_of,
)


@pytest.fixture(scope="module")
def feed():
    return Feed()


def test_align_undoes_rotation_mirror_and_shift_and_keeps_the_scale():
    rng = np.random.default_rng(5)
    onto = rng.normal(size=(50, 2)).astype(np.float32)
    angle = 2.1
    turn = np.array([[np.cos(angle), np.sin(angle)], [np.sin(angle), -np.cos(angle)]])
    moved = (onto @ turn + [3, -8]).astype(np.float32)
    np.testing.assert_allclose(align(moved, moved[:20], onto[:20]), onto, atol=1e-5)
    wide = align(2 * moved, 2 * moved, onto)
    np.testing.assert_allclose(wide - wide.mean(axis=0), 2 * (onto - onto.mean(axis=0)), atol=1e-5)


PARAMS = {"n_neighbors": 80, "min_dist": 0.1, "fingerprint": "one"}


def with_params(table, **other):
    """A map as a run leaves it."""
    return table.replace_schema_metadata({k: str(v) for k, v in (PARAMS | other).items()})


def map_table(axes="xy"):
    return positions_table(np.array(["b", "a"]), np.eye(2, len(axes), dtype=np.float32))


@pytest.mark.parametrize("axes", ["xy", "xyz"])
def test_the_previous_map_is_read_from_its_table(axes):
    warnings = []
    last = previous_map(with_params(map_table(axes)), len(axes), PARAMS, warnings.append)
    assert last.doc_id.to_pylist() == ["b", "a"]
    np.testing.assert_array_equal(last.positions, np.eye(2, len(axes)))
    assert not warnings


def test_without_a_previous_map_there_is_no_warning():
    warnings = []
    assert previous_map(None, 2, PARAMS, warnings.append) is None
    assert not warnings


@pytest.mark.parametrize("name", PARAMS)
def test_another_parameter_or_embedder_starts_a_new_map_with_a_warning(name):
    warnings = []
    assert (
        previous_map(with_params(map_table(), **{name: "another"}), 2, PARAMS, warnings.append)
        is None
    )
    assert warnings == [f"A new map is computed: the previous one was made with other {name}."]


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (pa.table({"doc_id": ["a"], "label": [1]}), "not a table of positions"),
        (pa.table({"x": [1.0]}), "not a table of positions"),
        (positions_table(np.array(["a", "b"]), np.eye(2, 3)), "not a table of positions"),
        (pa.table({"doc_id": pa.nulls(1, pa.string())}), "not a table of positions"),
        (positions_table(np.array(["a", "a"]), np.eye(2)), "repeats documents"),
        (positions_table(np.array(["a", "b"]), np.full((2, 2), np.nan)), "lacks positions"),
    ],
)
def test_another_table_is_no_previous_map_and_the_warning_says_so(table, reason):
    warnings = []
    assert previous_map(with_params(table), 2, PARAMS, warnings.append) is None
    assert len(warnings) == 1
    assert reason in warnings[0]


@pytest.mark.parametrize("n_components", [2, 3])
def test_a_tenth_of_new_documents_moves_the_others_by_less_than_two_per_cent(feed, n_components):
    _, last = feed.project(slice(436), n_components=n_components)
    done, _ = feed.project(slice(480), last, n_components=n_components)
    lengths = np.linalg.norm(done.positions[:436] - last.positions, axis=1)
    assert 0 < np.median(lengths) < 0.02 * span(done.positions)
    assert done.moved_median_share_of_span == pytest.approx(
        np.median(lengths) / span(done.positions), rel=1e-5
    )
    assert (done.strategy, done.started_from, done.kept_documents) == (
        "refined",
        "last positions",
        436,
    )
    fresh, _ = feed.project(slice(480), n_components=n_components)
    assert feed.trust(done) > feed.trust(fresh) - 0.02


def test_after_fourteen_days_the_map_is_as_trustworthy_and_as_wide_as_a_new_one(feed):
    last = None
    for day in np.linspace(130, 480, 14).astype(int):
        done, last = feed.project(slice(day), last)
    fresh, _ = feed.project(slice(480))
    assert feed.trust(done) > feed.trust(fresh) - 0.02
    assert 0.6 < span(done.positions) / span(fresh.positions) < 1.6


def test_continuing_twice_gives_equal_bits(feed):
    _, last = feed.project(slice(220))
    one, other = (feed.project(slice(10, 240), last)[0] for _ in range(2))
    assert one.positions.tobytes() == other.positions.tobytes()


def test_documents_are_matched_by_id_not_by_position(feed):
    _, last = feed.project(slice(200))
    backwards = np.arange(200)[::-1]
    done, _ = feed.project(backwards, last)
    np.testing.assert_array_equal(done.positions, last.positions[::-1])


def test_removed_documents_hardly_move_the_others(feed):
    _, last = feed.project(slice(240))
    done, _ = feed.project(slice(24, 240), last)
    lengths = np.linalg.norm(done.positions - last.positions[24:], axis=1)
    assert done.kept_documents == 216
    assert 0 < np.median(lengths) < 0.02 * span(done.positions)


def test_a_new_article_lies_with_its_story():
    vectors, labels = stories_of(6, 20), np.repeat(range(6), 20)
    new = np.arange(0, 120, 20)
    old = np.setdiff1d(np.arange(120), new)
    last = as_previous(
        np.char.mod("d%d", old),
        projection.project(vectors[old], neighbours_of(vectors[old]), n_neighbors=10),
    )
    positions = project(vectors, neighbours_of(vectors), n_neighbors=10, previous=last)
    own, overall = spread(positions, labels)
    assert own < overall / 3
    middles = np.array([positions[old][labels[old] == label].mean(axis=0) for label in range(6)])
    lengths = np.linalg.norm(positions[new][:, None] - middles[None], axis=2)
    np.testing.assert_array_equal(lengths.argmin(axis=1), range(6))


def test_a_story_without_old_neighbours_gets_distinct_positions():
    vectors = stories_of(5, 20)
    old = np.arange(80)  # the fifth story is an island: its neighbours are all its own
    last = as_previous(
        np.char.mod("d%d", old),
        projection.project(vectors[old], neighbours_of(vectors[old]), n_neighbors=10),
    )
    positions = project(vectors, neighbours_of(vectors), n_neighbors=10, previous=last)
    assert np.isfinite(positions).all()
    assert len(np.unique(positions[80:], axis=0)) == 20


def test_equal_vectors_among_old_and_new_get_finite_positions():
    vectors = np.tile(np.eye(1, 8, dtype=np.float32), (40, 1))
    last = as_previous(
        np.char.mod("d%d", np.arange(30)),
        projection.project(vectors[:30], neighbours_of(vectors[:30]), n_neighbors=10),
    )
    assert np.isfinite(
        project(vectors, neighbours_of(vectors), n_neighbors=10, previous=last)
    ).all()
