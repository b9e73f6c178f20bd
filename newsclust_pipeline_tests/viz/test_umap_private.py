"""UMAP's private parts, as release 0.5.12 has them, and what is passed to them."""

import inspect

import numpy as np
import pytest
import umap
from umap import layouts, umap_

from newsclust_pipeline.search.graph import Neighbours
from newsclust_pipeline.viz.umap_private import has_enough_neighbours
from newsclust_pipeline_tests.viz.vectors import neighbours_of, project, stories_of


def test_umap_receives_each_document_before_its_neighbours(monkeypatch):
    received = []

    class Recorder(umap.UMAP):  # a wrong order would only blur the map
        def fit_transform(self, *args, **kwargs):
            received.append(self.precomputed_knn)
            return super().fit_transform(*args, **kwargs)

    monkeypatch.setattr(umap, "UMAP", Recorder)
    vectors = stories_of(4, 10)
    known = neighbours_of(vectors)
    project(vectors, known, n_neighbors=8)
    [(indices, distances, _)] = received
    np.testing.assert_array_equal(indices[:, 0], np.arange(40))
    np.testing.assert_array_equal(indices[:, 1:], known.indices[:, :7])
    assert not distances[:, 0].any()
    np.testing.assert_array_equal(distances[:, 1:], known.distances[:, :7])


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


def test_private_functions_take_the_parameters_that_are_passed():
    passed = {
        layouts.optimize_layout_euclidean: [
            "head_embedding", "tail_embedding", "head", "tail", "n_epochs", "n_vertices",
            "epochs_per_sample", "a", "b", "rng_state", "initial_alpha", "move_other",
        ],
        umap_.make_epochs_per_sample: ["weights", "n_epochs"],
        umap_.find_ab_params: ["spread", "min_dist"],
    }  # fmt: skip
    for function, names in passed.items():
        assert set(names) <= set(inspect.signature(function).parameters), function.__name__
    options = inspect.signature(umap.UMAP).parameters
    assert {"precomputed_knn", "transform_mode"} <= set(options)


def test_the_requirement_admits_only_the_minor_release_that_was_read():
    from importlib.metadata import requires

    (umap_requirement,) = [
        line for line in requires("newsclust_pipeline") if line.startswith("umap-learn")
    ]
    assert set(umap_requirement.removeprefix("umap-learn").split(",")) == {">=0.5.12", "<0.6"}


def test_equal_edges_are_sampled_in_every_epoch():
    np.testing.assert_array_equal(umap_.make_epochs_per_sample(np.array([1.0, 0.5]), 10), [1, 2])
