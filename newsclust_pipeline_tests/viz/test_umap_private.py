"""UMAP's private parts, as release 0.5.12 has them, and what is passed to them."""

import inspect

import numpy as np
import pytest
import umap
from umap import layouts, umap_

from newsclust_pipeline.search.graph import Neighbours
from newsclust_pipeline.viz.umap_private import Optimizer, has_enough_neighbours
from newsclust_pipeline_tests.viz.vectors import neighbours_of, stories_of


def graph_of_umap(vectors, known, count):
    """The graph that UMAP itself builds from known neighbours."""
    n = len(vectors)
    indices = np.column_stack((np.arange(n, dtype=np.int32), known.indices[:, : count - 1]))
    distances = np.column_stack((np.zeros(n, np.float32), known.distances[:, : count - 1]))
    model = umap.UMAP(
        n_neighbors=count,
        random_state=42,
        n_jobs=1,
        precomputed_knn=(indices, distances, None),
        transform_mode="graph",
    )
    return model.fit_transform(vectors).tocsr()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("stories", "articles", "n_neighbors"), [(4, 10, 8), (9, 40, 80), (2, 5, 80)]
)
@pytest.mark.parametrize("copies", [0, 6])
def test_the_graph_is_that_of_umap_bit_by_bit(stories, articles, n_neighbors, copies):
    vectors = stories_of(stories, articles)
    vectors[:copies] = vectors[0]  # equal articles are 0 apart
    known = neighbours_of(vectors)
    count = min(n_neighbors, len(vectors))
    expected = graph_of_umap(vectors, known, count)
    graph = Optimizer.from_vectors(vectors, known, n_neighbors, 0.1, 42).graph
    np.testing.assert_array_equal(graph.indptr, expected.indptr)
    np.testing.assert_array_equal(graph.indices, expected.indices)
    np.testing.assert_array_equal(graph.data, expected.data)


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
def test_has_enough_neighbours_counts_the_document_itself_and_never_asks_for_more_than_there_are(
    n, kept, n_neighbors, enough
):
    known = Neighbours(
        np.array([""] * n), np.zeros((n, kept), np.int32), np.zeros((n, kept), np.float32), 1
    )
    assert has_enough_neighbours(known, n_neighbors) is enough


def test_what_umap_compiles_is_kept_on_disk():
    vectors = stories_of(4, 10)
    optimizer = Optimizer.from_vectors(vectors, neighbours_of(vectors), 8, 0.1, 42)
    optimizer.run(vectors[:, :2], 2)
    epoch = layouts._nb_optimize_layout_euclidean_single_epoch
    functions = (umap_.smooth_knn_dist, umap_.compute_membership_strengths, epoch)
    assert all(function.stats.cache_path for function in functions)


def test_private_functions_take_the_parameters_that_are_passed():
    passed = {
        layouts.optimize_layout_euclidean: [
            "head_embedding", "tail_embedding", "head", "tail", "n_epochs", "n_vertices",
            "epochs_per_sample", "a", "b", "rng_state", "initial_alpha", "move_other",
        ],
        umap_.make_epochs_per_sample: ["weights", "n_epochs"],
        umap_.find_ab_params: ["spread", "min_dist"],
        umap_.smooth_knn_dist: ["distances", "k", "local_connectivity"],
        umap_.compute_membership_strengths: ["knn_indices", "knn_dists", "sigmas", "rhos"],
    }  # fmt: skip
    for function, names in passed.items():
        assert set(names) <= set(inspect.signature(function).parameters), function.__name__
    options = inspect.signature(umap.UMAP).parameters
    assert "transform_mode" in options


def test_the_requirement_admits_only_the_minor_release_that_was_read():
    from importlib.metadata import requires

    (umap_requirement,) = [
        line for line in requires("newsclust_pipeline") if line.startswith("umap-learn")
    ]
    assert set(umap_requirement.removeprefix("umap-learn").split(",")) == {">=0.5.12", "<0.6"}


def test_equal_edges_are_sampled_in_every_epoch():
    np.testing.assert_array_equal(umap_.make_epochs_per_sample(np.array([1.0, 0.5]), 10), [1, 2])
