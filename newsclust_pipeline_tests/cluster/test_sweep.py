"""The choice of parameters without labels."""

from dataclasses import astuple

import numpy as np
import pytest
import scipy.sparse as sp

from newsclust_pipeline.cluster.gold import gold_figures
from newsclust_pipeline.cluster.hdbscan import hdbscan
from newsclust_pipeline.cluster.silhouette import silhouettes
from newsclust_pipeline.cluster.sweep import SWEEP, Parameters, as_markdown, choose, sweep
from newsclust_pipeline.search.graph import Neighbours, fill_neighbours
from newsclust_pipeline.search.knn import faiss_search
from newsclust_pipeline.store.indexes import Index


def stories(sizes, spread, seed=0, alone=0):
    """Unit vectors in stories of these sizes, and some that stand alone; true stories beside."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(len(sizes), 48))
    gold = np.repeat(np.arange(len(sizes)), sizes)
    points = centres[gold] + spread * rng.normal(size=(len(gold), 48))
    vectors = np.concatenate([points, rng.normal(size=(alone, 48))]).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, np.concatenate([gold, len(sizes) + np.arange(alone)])


def graph_of(vectors, k=50):
    n, width = len(vectors), min(k, len(vectors) - 1)
    indices, distances = np.empty((n, width), np.int32), np.empty((n, width), np.float32)
    fill_neighbours(faiss_search(vectors, Index()), vectors, np.arange(n), indices, distances)
    return Neighbours(np.arange(n).astype(str), indices, distances, k).matrix()


def parameters(row):
    return Parameters(**{name: row[name] for name in Parameters.__dataclass_fields__})


def f1(graph, gold, chosen):
    return gold_figures(gold.tolist(), hdbscan(graph, *astuple(chosen)).labels)["bcubed_f1"]


@pytest.mark.parametrize(
    ("sizes", "spread", "alone"),
    [
        ([2] * 60 + [3] * 40, 0.6, 60),
        ([30] * 12, 0.9, 40),
        ([60, 30, 15, 8] + [4] * 10 + [2] * 30, 0.7, 60),
        # The 50 nearest are a small part of each story.
        ([150, 200, 120], 0.9, 0),
    ],
    ids=["tiny", "large", "of all sizes", "larger than the neighbourhood"],
)
def test_the_choice_is_near_the_best_of_the_grid_whatever_the_stories_sizes(sizes, spread, alone):
    vectors, gold = stories(sizes, spread, alone=alone)
    graph = graph_of(vectors)
    rows = sweep(graph, vectors).to_pylist()
    best = max(f1(graph, gold, parameters(row)) for row in rows)
    assert f1(graph, gold, choose(graph, vectors)) >= best - 0.05
    assert best > 0.9, "the case can be solved"


def test_no_fixed_parameters_serve_both_small_and_large_stories():
    tiny, large = stories([2] * 60 + [3] * 40, 0.6, alone=60), stories([30] * 12, 0.9, alone=40)
    for fixed in (Parameters(), Parameters(1, 15)):
        scores = [f1(graph_of(vectors), gold, fixed) for vectors, gold in (tiny, large)]
        assert min(scores) < 0.8


def test_rows_are_distinct_clusterings_sorted_by_silhouette():
    vectors, _ = stories([5] * 10 + [2] * 10, 0.7, alone=20)
    graph = graph_of(vectors)
    table = sweep(graph, vectors)
    assert table.schema == SWEEP
    rows = table.to_pylist()
    values = [row["silhouette"] for row in rows]
    assert values == sorted(values, reverse=True)
    labels = [hdbscan(graph, *astuple(parameters(row))).labels for row in rows]
    assert len({of_row.tobytes() for of_row in labels}) == len(rows)
    for row, of_row in zip(rows, labels, strict=True):
        assert row["silhouette"] == pytest.approx(silhouettes(vectors, graph, of_row).mean())
        assert row["stories"] == of_row.max() + 1
        assert row["noise_share"] == pytest.approx((of_row == -1).mean())
    assert choose(graph, vectors) == parameters(rows[0])


def test_the_best_rows_have_stability_which_is_high_for_clear_stories():
    vectors, _ = stories([12] * 12, 0.5)
    rows = sweep(graph_of(vectors), vectors).to_pylist()
    measured = [row for row in rows if row["stability"] is not None]
    assert measured == rows[: len(measured)]
    assert 0 < len(measured) <= 3
    assert rows[0]["stability"] > 0.95
    assert rows[0]["subset_agreement"] > 0.95


def test_clusters_of_random_vectors_are_not_stable():
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(200, 48)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    best = sweep(graph_of(vectors), vectors).to_pylist()[0]
    assert best["stability"] < 0.9
    assert best["silhouette"] < 0.2


def test_the_same_graph_gives_the_same_table():
    vectors, _ = stories([6] * 12, 0.8, alone=30)
    graph = graph_of(vectors)
    assert sweep(graph, vectors).equals(sweep(graph, vectors))


def test_the_scale_of_distances_does_not_change_the_choice():
    """Epsilons are relative, because the scale of distances depends on the embedder."""
    vectors, _ = stories([6] * 12 + [2] * 20, 0.8, alone=30)
    graph = graph_of(vectors)
    one, other = choose(graph, vectors), choose(graph * 0.25, vectors * 0.25)
    assert astuple(one)[:3] == astuple(other)[:3]


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
def test_a_handful_of_documents_has_a_table(n):
    vectors = stories([1] * 5, 0.5)[0][:n]
    graph = graph_of(vectors) if n else sp.csr_array((0, 0))
    table = sweep(graph, vectors)
    assert table.schema == SWEEP
    assert (table.num_rows > 0) == (n > 1)
    assert hdbscan(graph, *astuple(choose(graph, vectors))).labels.shape == (n,)


def test_graphs_without_edges_and_of_identical_documents_have_a_table():
    identical = np.repeat(stories([1, 1], 0.5)[0], 5, axis=0)
    assert sweep(sp.csr_array((6, 6), dtype=np.float32), identical[:6]).num_rows == 1
    assert sweep(graph_of(identical, k=9), identical).to_pylist()[0]["silhouette"] == pytest.approx(
        1
    )


def test_the_table_as_markdown_has_a_line_per_row():
    vectors, _ = stories([5] * 10, 0.7)
    lines = as_markdown(sweep(graph_of(vectors), vectors), rows=2).split("\n")
    assert len(lines) == 4
    assert len({line.count("|") for line in lines}) == 1
