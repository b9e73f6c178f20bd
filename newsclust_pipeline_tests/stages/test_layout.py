"""Vectors and neighbours → positions: the same every time, finite for any number of documents."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
import umap

from newsclust_pipeline.stages.layout import enough_neighbours, positions_table, project
from newsclust_pipeline.stages.neighbours import Neighbours, measure

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


def neighbours_of(vectors, keep=79, order=1):
    """All pairs by brute force; with order=-1 the farthest ones, as if they were the nearest."""
    n = len(vectors)
    squares = ((vectors[:, None].astype(float) - vectors[None]) ** 2).sum(axis=2)
    hits = np.argsort(squares, axis=1, kind="stable").astype(np.int32)
    ids = np.array([f"d{number}" for number in range(n)], dtype=np.str_)
    found = measure(hits, vectors, ids, 1, n if order < 0 else keep)
    wanted = slice(None, None, order)
    cut = (slice(None), slice(None, keep))
    indices, distances = found.indices[:, wanted][cut], found.distances[:, wanted][cut]
    return Neighbours(ids, np.ascontiguousarray(indices), np.ascontiguousarray(distances), 1)


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
