"""The spanning tree from parts of the graph is that of the whole graph, to the last bit."""

import numpy as np
import pytest
import scipy.sparse as sp

from newsclust_pipeline.cluster import forest
from newsclust_pipeline.cluster.hdbscan import hdbscan, spanning_tree
from newsclust_pipeline_tests.engines import Pickling


def graph(seed, step):
    """Return the symmetric graph of nearest neighbours of points on a grid: many equal distances.

    Args:
        seed: of the points.
        step: of the grid; 0 for no grid.
    """
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(2, 150)), int(rng.integers(1, 12))
    points = rng.normal(size=(n, 2)) * rng.choice([1, 3])
    if step:
        points = np.round(points / step) * step
    full = np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1)).astype(np.float32)
    np.fill_diagonal(full, np.inf)
    near = np.argsort(full, axis=1)[:, :k]
    has_edge = np.zeros((n, n), dtype=bool)
    np.put_along_axis(has_edge, near, values=True, axis=1)
    rows, columns = np.nonzero((has_edge | has_edge.T) & np.isfinite(full))
    return sp.csr_array((full[rows, columns], (rows, columns)), shape=(n, n))


@pytest.fixture(params=[True, False], ids=["files", "no shared folder"])
def engine(request, tmp_path):
    return Pickling(tmp_path if request.param else None)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(forest, "_ENTRIES", 60)
    monkeypatch.setattr(forest, "_LEAST", 60)


@pytest.mark.parametrize("step", [0, 0.5, 2])
def test_the_tree_is_that_of_one_process(engine, step):
    for seed in range(25):
        distances, min_samples = graph(seed, step), 1 + seed % 5
        expected = spanning_tree(distances, min_samples)
        np.testing.assert_array_equal(spanning_tree(distances, min_samples, engine), expected)


def test_labels_are_those_of_one_process(engine):
    distances = graph(4, 0.5)
    one, other = hdbscan(distances), hdbscan(distances, engine=engine)
    np.testing.assert_array_equal(one.labels, other.labels)
    np.testing.assert_array_equal(one.probabilities, other.probabilities)
    assert one.labels.max() > 1


def test_the_light_edges_are_those_that_no_shorter_path_replaces(engine):
    distances = graph(4, 0.5)
    n = distances.shape[0]
    parts = forest.parts_of(engine, distances)
    assert len(parts) > 3
    core = forest.core_distances(engine, parts, 2)
    light = forest.graph_of(forest.light_edges(engine, parts, core), n)
    reach = distances.tocoo()
    lengths = np.maximum(np.maximum(core[reach.row], core[reach.col]), reach.data)
    for row, column, length in zip(reach.row, reach.col, lengths, strict=True):
        shorter = lengths < length
        ends = (reach.row[shorter], reach.col[shorter])
        paths = sp.csr_array((np.ones(int(shorter.sum())), ends), shape=(n, n))
        component = sp.csgraph.connected_components(paths, directed=False)[1]
        stays = [c for c in light.indices[light.indptr[row] : light.indptr[row + 1]] if c == column]
        assert len(stays) == int(component[row] != component[column])


def test_without_ties_only_a_tree_is_left(engine):
    distances = graph(4, 0)
    n = distances.shape[0]
    parts = forest.parts_of(engine, distances)
    edges = forest.light_edges(engine, parts, np.zeros(n))
    components = sp.csgraph.connected_components(distances, directed=False)[0]
    assert len(edges.lengths) == n - components
    assert distances.nnz > 4 * len(edges.lengths)
