"""Vectors and neighbours → positions: the same every time, finite for any number of documents."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
import umap
from sklearn.manifold import trustworthiness

from newsclust_pipeline.search.graph import Neighbours
from newsclust_pipeline.viz import projection
from newsclust_pipeline.viz.projection import (
    Last,
    aligned,
    enough_neighbours,
    epochs_for,
    last_map,
    positions_table,
)

# Nothing of this process's compiled code or warmed-up state is there.
ELSEWHERE = """
import sys
sys.path.insert(0, sys.argv[1])
from test_layout import stories_of, neighbours_of, project
vectors = stories_of(4, 10)
sys.stdout.write(project(vectors, neighbours_of(vectors), n_neighbors=8).tobytes().hex())
"""


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def stories_of(stories, articles, dimension=16, seed=3):
    """Vectors in tight groups, one group after the other."""
    rng = np.random.default_rng(seed)
    centres = np.repeat(unit(rng.normal(size=(stories, dimension))), articles, axis=0)
    return unit(centres + rng.normal(scale=0.03, size=centres.shape))


def neighbours_of(vectors, keep=79, order=1, names=None):
    """All pairs by brute force; with order=-1 the farthest ones, as if they were the nearest."""
    n = len(vectors)
    distances = np.linalg.norm(vectors[:, None].astype(float) - vectors[None], axis=2)
    distances = distances.astype(np.float32)
    np.fill_diagonal(distances, np.inf)  # the document itself sorts last, and is cut off
    indices = np.argsort(distances, axis=1, kind="stable")[:, : max(n - 1, 0)]
    indices = np.ascontiguousarray(indices[:, ::order][:, :keep].astype(np.int32))
    ids = np.array([f"d{number}" for number in range(n)] if names is None else names, dtype=np.str_)
    return Neighbours(ids, indices, np.take_along_axis(distances, indices, axis=1), 1)


def project(*args, **how):
    return projection.project(*args, **how).positions


def as_last(doc_id, done):
    return Last(pa.chunked_array([doc_id.tolist()], pa.string()), done.positions)


def spread(positions, labels):
    """Mean distance from the middle of one's own group, and of all."""
    middles = np.array([positions[labels == label].mean(axis=0) for label in labels])
    own = np.linalg.norm(positions - middles, axis=1).mean()
    return own, np.linalg.norm(positions - positions.mean(axis=0), axis=1).mean()


@pytest.mark.parametrize("n_components", [2, 3])
@pytest.mark.parametrize("n", range(9))
def test_any_handful_of_documents_gets_finite_places_of_its_own(n, n_components):
    vectors = stories_of(1, 8)[:n]
    positions = project(vectors, neighbours_of(vectors), n_components)
    assert positions.shape == (n, n_components)
    assert positions.dtype == np.float32
    assert np.isfinite(positions).all()
    assert len(np.unique(positions, axis=0)) == n


@pytest.mark.parametrize("n_components", [2, 3])
def test_documents_of_one_story_lie_together(n_components):
    vectors, labels = stories_of(5, 20), np.repeat(range(5), 20)
    positions = project(vectors, neighbours_of(vectors), n_components, n_neighbors=15)
    own, overall = spread(positions, labels)
    assert own < overall / 3


def test_the_same_arguments_give_the_same_bits_and_another_seed_another_map():
    vectors = stories_of(4, 10)
    known = neighbours_of(vectors)
    first = project(vectors, known, n_neighbors=8)
    np.random.default_rng().random()
    assert project(vectors, known, n_neighbors=8).tobytes() == first.tobytes()
    assert not np.array_equal(project(vectors, known, n_neighbors=8, random_state=7), first)


def test_another_process_gives_the_same_bits():
    vectors = stories_of(4, 10)
    here = project(vectors, neighbours_of(vectors), n_neighbors=8)
    folder = str(__file__).rpartition("/")[0]
    there = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, folder], capture_output=True, check=True
    )
    assert there.stdout.decode() == here.tobytes().hex()


def test_the_neighbours_handed_over_are_used():
    vectors = stories_of(4, 20)
    right = project(vectors, neighbours_of(vectors), n_neighbors=10)
    wrong = project(vectors, neighbours_of(vectors, order=-1), n_neighbors=10)
    labels = np.repeat(range(4), 20)
    own, overall = spread(right, labels)
    assert own < overall / 3
    own, overall = spread(wrong, labels)
    assert own > overall / 3  # led astray, as it has to be if it searches nothing for itself


def test_umap_is_handed_every_document_before_its_nearest_others(monkeypatch):
    handed = []

    class Watched(umap.UMAP):  # the real one; a wrong order only blurs its map
        def fit_transform(self, *args, **kwargs):
            handed.append(self.precomputed_knn)
            return super().fit_transform(*args, **kwargs)

    monkeypatch.setattr(umap, "UMAP", Watched)
    vectors = stories_of(4, 10)
    known = neighbours_of(vectors)
    project(vectors, known, n_neighbors=8)
    [(indices, distances, _)] = handed
    np.testing.assert_array_equal(indices[:, 0], np.arange(40))
    np.testing.assert_array_equal(indices[:, 1:], known.indices[:, :7])
    assert not distances[:, 0].any()
    np.testing.assert_array_equal(distances[:, 1:], known.distances[:, :7])


def test_neighbours_beyond_those_needed_change_nothing():
    vectors = stories_of(4, 20)
    enough = project(vectors, neighbours_of(vectors, keep=9), n_neighbors=10)
    more = project(vectors, neighbours_of(vectors, keep=50), n_neighbors=10)
    assert more.tobytes() == enough.tobytes()


def test_with_too_few_neighbours_they_are_searched_in_the_vectors(recwarn):
    vectors, labels = stories_of(4, 20), np.repeat(range(4), 20)
    # Only two, and wrong ones: a map made of them would show no stories.
    known = neighbours_of(vectors, keep=2, order=-1)
    own, overall = spread(project(vectors, known, n_neighbors=15), labels)
    assert own < overall / 3
    assert not [w for w in recwarn if "precomputed_knn" in str(w.message)]


@pytest.mark.parametrize("n_neighbors", [2, 29, 30, 31, 500])
def test_any_number_of_neighbours_will_do_beside_thirty_documents(n_neighbors, recwarn):
    vectors = stories_of(3, 10)
    positions = project(vectors, neighbours_of(vectors), n_neighbors=n_neighbors)
    assert positions.shape == (30, 2)
    assert np.isfinite(positions).all()
    assert not [w for w in recwarn if "precomputed_knn" in str(w.message)]


@pytest.mark.parametrize(
    "vectors",
    [
        # Not one component that its mean could round: exactly no spread at all.
        pytest.param(np.tile(np.eye(1, 8, dtype=np.float32), (20, 1)), id="all the same"),
        pytest.param(np.repeat(np.eye(2, 8, dtype=np.float32), 10, axis=0), id="two points"),
        pytest.param(np.repeat(stories_of(6, 1), 12, axis=0), id="twins in islands"),
    ],
)
@pytest.mark.parametrize("n_components", [2, 3])
def test_twins_get_finite_places(vectors, n_components):
    positions = project(vectors, neighbours_of(vectors, keep=9), n_components, n_neighbors=10)
    assert np.isfinite(positions).all()


@pytest.mark.parametrize(
    ("n", "kept", "n_neighbors", "enough"),
    [
        (100, 79, 80, True),
        (100, 78, 80, False),
        (20, 19, 80, True),
        (20, 18, 80, False),
        (1, 0, 80, True),
        (0, 0, 80, True),
    ],
)
def test_enough_neighbours_counts_the_document_itself_and_never_asks_for_more_than_there_are(
    n, kept, n_neighbors, enough
):
    known = Neighbours(
        np.array([""] * n), np.zeros((n, kept), np.int32), np.zeros((n, kept), np.float32), 1
    )
    assert enough_neighbours(known, n_neighbors) is enough


@pytest.mark.parametrize("axes", ["xy", "xyz"])
def test_the_table_has_a_column_for_every_axis_and_the_ids_in_order(axes):
    positions = np.arange(2 * len(axes), dtype=np.float32).reshape(2, -1)
    table = positions_table(np.array(["b", "a"]), positions)
    types = [("doc_id", pa.string())] + [(axis, pa.float32()) for axis in axes]
    assert table.schema == pa.schema(types)
    assert table["doc_id"].to_pylist() == ["b", "a"]
    assert table["y"].to_pylist() == [1, 1 + len(axes)]


def test_the_table_of_no_documents_keeps_its_columns():
    table = positions_table(np.array([], dtype=np.str_), np.zeros((0, 2), dtype=np.float32))
    assert (table.num_rows, table.column_names) == (0, ["doc_id", "x", "y"])
    assert table.schema.field("doc_id").type == pa.string()


class Feed:
    """A growing feed, laid out day by day: 24 stories and as many documents of none."""

    def __init__(self, documents=480):
        rng = np.random.default_rng(11)
        scattered = unit(rng.normal(size=(documents // 2, 16)))
        vectors = np.concatenate([stories_of(24, documents // 48), scattered])
        self.vectors = vectors[rng.permutation(documents)]
        self.names = np.array([f"a{number}" for number in range(documents)])

    def lay_out(self, rows, last=None, **how):
        """Lay out these rows; give the layout, and what the next run will find of it."""
        rows = np.arange(*rows.indices(len(self.names))) if isinstance(rows, slice) else rows
        known = neighbours_of(self.vectors[rows], names=self.names[rows])
        how = {"n_neighbors": 20} | how
        done = projection.project(self.vectors[rows], known, last=last, **how)
        return done, as_last(self.names[rows], done)

    def trust(self, done):
        return trustworthiness(self.vectors[: len(done.positions)], done.positions, n_neighbors=10)


@pytest.fixture(scope="module")
def feed():
    return Feed()


def span(positions):
    return np.ptp(positions, axis=0).max()


def test_the_same_documents_again_lie_where_they_lay(feed):
    first, last = feed.lay_out(slice(200))
    again, _ = feed.lay_out(slice(200), last)
    assert again.positions.tobytes() == first.positions.tobytes()
    assert (first.started_from, first.strategy, first.kept_documents) == ("pca", "full", 0)
    assert again.summary() == {
        "strategy": "unchanged",
        "epochs": 0,
        "started_from": "last positions",
        "kept_documents": 200,
        "moved_median_share_of_span": 0.0,
    }


@pytest.mark.parametrize("n_components", [2, 3])
def test_a_tenth_of_news_moves_the_rest_by_less_than_two_per_cent_and_the_map_stays_true(
    feed, n_components
):
    _, last = feed.lay_out(slice(436), n_components=n_components)
    done, _ = feed.lay_out(slice(480), last, n_components=n_components)
    ways = np.linalg.norm(done.positions[:436] - last.positions, axis=1)
    assert 0 < np.median(ways) < 0.02 * span(done.positions)
    assert done.moved_median_share_of_span == pytest.approx(
        np.median(ways) / span(done.positions), rel=1e-5
    )
    assert (done.strategy, done.started_from, done.kept_documents) == (
        "refined",
        "last positions",
        436,
    )
    fresh, _ = feed.lay_out(slice(480), n_components=n_components)
    assert feed.trust(done) > feed.trust(fresh) - 0.02


def test_a_fortnight_of_days_leaves_the_map_as_true_and_as_wide_as_a_new_one(feed):
    last = None
    for day in np.linspace(130, 480, 14).astype(int):
        done, last = feed.lay_out(slice(day), last)
    fresh, _ = feed.lay_out(slice(480))
    assert feed.trust(done) > feed.trust(fresh) - 0.02
    assert 0.6 < span(done.positions) / span(fresh.positions) < 1.6


def test_the_continued_map_is_the_same_every_time(feed):
    _, last = feed.lay_out(slice(220))
    one, other = (feed.lay_out(slice(10, 240), last)[0] for _ in range(2))
    assert one.positions.tobytes() == other.positions.tobytes()


def test_documents_are_known_by_their_ids_in_whatever_order_they_come(feed):
    _, last = feed.lay_out(slice(200))
    backwards = np.arange(200)[::-1]
    done, _ = feed.lay_out(backwards, last)
    np.testing.assert_array_equal(done.positions, last.positions[::-1])


def test_documents_that_only_go_leave_the_others_about_where_they_were(feed):
    _, last = feed.lay_out(slice(240))
    done, _ = feed.lay_out(slice(24, 240), last)
    ways = np.linalg.norm(done.positions - last.positions[24:], axis=1)
    assert done.kept_documents == 216
    assert 0 < np.median(ways) < 0.02 * span(done.positions)


def test_a_new_article_lies_with_its_story():
    vectors, labels = stories_of(6, 20), np.repeat(range(6), 20)
    new = np.arange(0, 120, 20)
    old = np.setdiff1d(np.arange(120), new)
    last = as_last(
        np.char.mod("d%d", old),
        projection.project(vectors[old], neighbours_of(vectors[old]), n_neighbors=10),
    )
    positions = project(vectors, neighbours_of(vectors), n_neighbors=10, last=last)
    own, overall = spread(positions, labels)
    assert own < overall / 3
    middles = np.array([positions[old][labels[old] == label].mean(axis=0) for label in range(6)])
    ways = np.linalg.norm(positions[new][:, None] - middles[None], axis=2)
    np.testing.assert_array_equal(ways.argmin(axis=1), range(6))


def test_news_that_no_known_document_is_near_finds_a_place_and_shape_of_its_own():
    vectors = stories_of(5, 20)
    old = np.arange(80)  # the fifth story is an island: its neighbours are all its own
    last = as_last(
        np.char.mod("d%d", old),
        projection.project(vectors[old], neighbours_of(vectors[old]), n_neighbors=10),
    )
    positions = project(vectors, neighbours_of(vectors), n_neighbors=10, last=last)
    assert np.isfinite(positions).all()
    assert len(np.unique(positions[80:], axis=0)) == 20


def test_where_most_documents_are_new_the_map_is_new_but_turned_towards_the_last(feed):
    fresh, _ = feed.lay_out(slice(100, 400))
    turn = np.array([[0, 1], [1, 0]], dtype=np.float32)  # a mirror
    seen = Last(
        pa.chunked_array([feed.names[100:200].tolist()], pa.string()),
        fresh.positions[:100] @ turn + 5,
    )
    done, _ = feed.lay_out(slice(100, 400), seen)
    np.testing.assert_allclose(done.positions, fresh.positions @ turn + 5, atol=1e-4)
    assert (done.strategy, done.started_from, done.kept_documents) == ("full", "pca", 100)
    assert done.moved_median_share_of_span < 1e-4


def test_a_last_map_without_one_of_these_documents_changes_nothing(feed):
    fresh, _ = feed.lay_out(slice(100))
    _, last = feed.lay_out(slice(100, 200))
    done, _ = feed.lay_out(slice(100), last)
    assert done.positions.tobytes() == fresh.positions.tobytes()


@pytest.mark.parametrize(("before", "now"), [(0, 30), (3, 30), (5, 6), (30, 5), (30, 3), (30, 0)])
def test_a_map_may_grow_from_nothing_and_shrink_to_it(feed, before, now):
    _, last = feed.lay_out(slice(before))
    done, _ = feed.lay_out(slice(now), last)
    assert done.positions.shape == (now, 2)
    assert np.isfinite(done.positions).all()


def test_twins_among_old_and_new_get_finite_places():
    vectors = np.tile(np.eye(1, 8, dtype=np.float32), (40, 1))
    last = as_last(
        np.char.mod("d%d", np.arange(30)),
        projection.project(vectors[:30], neighbours_of(vectors[:30]), n_neighbors=10),
    )
    assert np.isfinite(project(vectors, neighbours_of(vectors), n_neighbors=10, last=last)).all()


@pytest.mark.parametrize("islands", [60, 150])
def test_islands_stay_on_one_map_that_is_not_mostly_empty(islands):
    vectors = stories_of(islands, 6)
    positions = project(vectors, neighbours_of(vectors), n_neighbors=5)
    quartiles = np.quantile(positions, [0.25, 0.75], axis=0)
    assert (np.ptp(positions, axis=0) < 4 * np.ptp(quartiles, axis=0)).all()


def test_alignment_undoes_turn_mirror_and_shift_and_keeps_the_scale():
    rng = np.random.default_rng(5)
    onto = rng.normal(size=(50, 2)).astype(np.float32)
    angle = 2.1
    turn = np.array([[np.cos(angle), np.sin(angle)], [np.sin(angle), -np.cos(angle)]])
    moved = (onto @ turn + [3, -8]).astype(np.float32)
    np.testing.assert_allclose(aligned(moved, moved[:20], onto[:20]), onto, atol=1e-5)
    wide = aligned(2 * moved, 2 * moved, onto)
    np.testing.assert_allclose(wide - wide.mean(axis=0), 2 * (onto - onto.mean(axis=0)), atol=1e-5)


@pytest.mark.parametrize(
    ("n", "epochs"),
    [
        (10_000, 500),
        (10_001, 200),
        (200_000, 200),
        (400_000, 100),
        (1_000_000, 50),
        (9_000_000, 50),
    ],
)
def test_large_maps_take_fewer_epochs(n, epochs):
    assert epochs_for(n) == epochs


PARAMS = {"n_neighbors": 80, "min_dist": 0.1, "fingerprint": "one"}


def kept(table, **other):
    """A map as a run leaves it."""
    return table.replace_schema_metadata({k: str(v) for k, v in (PARAMS | other).items()})


def a_map(axes="xy"):
    return positions_table(np.array(["b", "a"]), np.eye(2, len(axes), dtype=np.float32))


@pytest.mark.parametrize("axes", ["xy", "xyz"])
def test_the_last_map_comes_back_as_it_was(axes):
    said = []
    last = last_map(kept(a_map(axes)), len(axes), PARAMS, said.append)
    assert last.doc_id.to_pylist() == ["b", "a"]
    np.testing.assert_array_equal(last.positions, np.eye(2, len(axes)))
    assert not said


def test_no_last_map_is_nothing_to_speak_of():
    said = []
    assert last_map(None, 2, PARAMS, said.append) is None
    assert not said


@pytest.mark.parametrize("name", PARAMS)
def test_another_parameter_or_embedder_starts_anew_and_says_so(name):
    said = []
    assert last_map(kept(a_map(), **{name: "another"}), 2, PARAMS, said.append) is None
    assert said == [f"The map starts anew: the last one was made with other {name}."]


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (pa.table({"doc_id": ["a"], "label": [1]}), "isn't a table of positions"),
        (pa.table({"x": [1.0]}), "isn't a table of positions"),
        (positions_table(np.array(["a", "b"]), np.eye(2, 3)), "isn't a table of positions"),
        (pa.table({"doc_id": pa.nulls(1, pa.string())}), "isn't a table of positions"),
        (positions_table(np.array(["a", "a"]), np.eye(2)), "repeats documents"),
        (positions_table(np.array(["a", "b"]), np.full((2, 2), np.nan)), "no place for some"),
    ],
)
def test_a_foreign_table_is_no_last_map_and_the_log_says_so(table, reason):
    said = []
    assert last_map(kept(table), 2, PARAMS, said.append) is None
    assert len(said) == 1
    assert reason in said[0]
