"""Vectors and neighbours → positions: equal every time, finite for any number of documents."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from newsclust_pipeline.viz.continuation import PreviousMap
from newsclust_pipeline.viz.projection import epochs_for, positions_table
from newsclust_pipeline_tests.viz.vectors import Feed, neighbours_of, project, spread, stories_of

# A new process shares no compiled code or state with this one.
ELSEWHERE = """
import sys
from newsclust_pipeline_tests.viz.vectors import neighbours_of, project, stories_of
vectors = stories_of(4, 10)
sys.stdout.write(project(vectors, neighbours_of(vectors), n_neighbors=8).tobytes().hex())
"""


@pytest.mark.parametrize("n_components", [2, 3])
@pytest.mark.parametrize("n", range(9))
def test_few_documents_get_finite_and_distinct_positions(n, n_components):
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


def test_equal_arguments_give_equal_bits_and_another_seed_another_map():
    vectors = stories_of(4, 10)
    known = neighbours_of(vectors)
    first = project(vectors, known, n_neighbors=8)
    np.random.default_rng().random()
    assert project(vectors, known, n_neighbors=8).tobytes() == first.tobytes()
    assert not np.array_equal(project(vectors, known, n_neighbors=8, random_state=7), first)


@pytest.mark.slow
def test_another_process_computes_the_same_bits():
    vectors = stories_of(4, 10)
    here = project(vectors, neighbours_of(vectors), n_neighbors=8)
    root = Path(__file__).parents[2]
    there = subprocess.run(
        [sys.executable, "-c", ELSEWHERE], capture_output=True, check=True, cwd=root
    )
    assert there.stdout.decode() == here.tobytes().hex()


def test_known_neighbours_are_used():
    vectors = stories_of(4, 20)
    right = project(vectors, neighbours_of(vectors), n_neighbors=10)
    wrong = project(vectors, neighbours_of(vectors, order=-1), n_neighbors=10)
    labels = np.repeat(range(4), 20)
    own, overall = spread(right, labels)
    assert own < overall / 3
    own, overall = spread(wrong, labels)
    assert own > overall / 3  # led astray, as it has to be if it searches nothing for itself


def test_surplus_neighbours_change_nothing():
    vectors = stories_of(4, 20)
    enough = project(vectors, neighbours_of(vectors, keep=9), n_neighbors=10)
    more = project(vectors, neighbours_of(vectors, keep=50), n_neighbors=10)
    assert more.tobytes() == enough.tobytes()


def test_with_too_few_neighbours_umap_searches_the_vectors(recwarn):
    vectors, labels = stories_of(4, 20), np.repeat(range(4), 20)
    # Only two, and wrong ones: a map made of them would show no stories.
    known = neighbours_of(vectors, keep=2, order=-1)
    own, overall = spread(project(vectors, known, n_neighbors=15), labels)
    assert own < overall / 3
    assert not [w for w in recwarn if "precomputed_knn" in str(w.message)]


@pytest.mark.parametrize("n_neighbors", [2, 29, 30, 31, 500])
def test_n_neighbors_may_be_below_equal_and_above_the_number_of_documents(n_neighbors, recwarn):
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
def test_equal_vectors_get_finite_positions(vectors, n_components):
    positions = project(vectors, neighbours_of(vectors, keep=9), n_components, n_neighbors=10)
    assert np.isfinite(positions).all()


@pytest.mark.parametrize("axes", ["xy", "xyz"])
def test_the_table_has_ids_in_order_and_one_column_per_axis(axes):
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


@pytest.fixture(scope="module")
def feed():
    return Feed()


def test_the_same_documents_keep_their_positions(feed):
    first, last = feed.project(slice(200))
    again, _ = feed.project(slice(200), last)
    assert again.positions.tobytes() == first.positions.tobytes()
    assert (first.started_from, first.strategy, first.kept_documents) == ("pca", "full", 0)
    assert again.summary() == {
        "strategy": "unchanged",
        "epochs": 0,
        "started_from": "last positions",
        "kept_documents": 200,
        "moved_median_share_of_span": 0.0,
        "sampled_documents": 0,
    }


def test_with_mostly_new_documents_the_map_is_new_and_rotated_towards_the_previous(feed):
    fresh, _ = feed.project(slice(100, 400))
    turn = np.array([[0, 1], [1, 0]], dtype=np.float32)  # a mirror
    seen = PreviousMap(
        pa.chunked_array([feed.names[100:200].tolist()], pa.string()),
        fresh.positions[:100] @ turn + 5,
    )
    done, _ = feed.project(slice(100, 400), seen)
    np.testing.assert_allclose(done.positions, fresh.positions @ turn + 5, atol=1e-4)
    assert (done.strategy, done.started_from, done.kept_documents) == ("full", "pca", 100)
    assert done.moved_median_share_of_span < 1e-4


def test_a_previous_map_of_other_documents_changes_nothing(feed):
    fresh, _ = feed.project(slice(100))
    _, last = feed.project(slice(100, 200))
    done, _ = feed.project(slice(100), last)
    assert done.positions.tobytes() == fresh.positions.tobytes()


@pytest.mark.parametrize(("before", "now"), [(0, 30), (3, 30), (5, 6), (30, 5), (30, 3), (30, 0)])
def test_a_map_may_grow_from_nothing_and_shrink_to_nothing(feed, before, now):
    _, last = feed.project(slice(before))
    done, _ = feed.project(slice(now), last)
    assert done.positions.shape == (now, 2)
    assert np.isfinite(done.positions).all()


@pytest.mark.parametrize("islands", [60, 150])
def test_separate_groups_share_one_map_that_is_not_mostly_empty(islands):
    vectors = stories_of(islands, 6)
    positions = project(vectors, neighbours_of(vectors), n_neighbors=5)
    quartiles = np.quantile(positions, [0.25, 0.75], axis=0)
    assert (np.ptp(positions, axis=0) < 4 * np.ptp(quartiles, axis=0)).all()


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
def test_large_maps_have_fewer_epochs(n, epochs):
    assert epochs_for(n) == epochs
