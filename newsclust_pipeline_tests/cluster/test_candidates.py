"""The clusterings to choose from."""

import numpy as np
import pytest
import scipy.sparse as sp

from newsclust_pipeline.cluster.candidates import Documents, candidates
from newsclust_pipeline_tests.cluster.documents import documents_of, stories


def test_both_algorithms_have_distinct_candidates():
    documents, _ = stories([6] * 12 + [2] * 20, 0.8, alone=30)
    grid, linkage = map(list, candidates(documents))
    assert {one.parameters.algorithm for one in grid} == {"hdbscan"}
    assert {one.parameters.algorithm for one in linkage} == {"average"}
    for some in (grid, linkage):
        assert len({one.clusters.labels.tobytes() for one in some}) == len(some) > 5


@pytest.mark.parametrize(("background", "tried"), [(0.0, False), (1.0, True)])
def test_one_story_of_all_is_tried_if_the_distance_of_unrelated_documents_is_known(
    background, tried
):
    rng = np.random.default_rng(0)
    documents = documents_of(np.eye(24)[0] + 0.1 * rng.normal(size=(20, 24)), 19, background)
    _, linkage = candidates(documents)
    whole = [one for one in linkage if (one.clusters.labels == 0).all()]
    assert bool(whole) == tried
    assert all(one.parameters.allow_single_cluster for one in whole)


def test_rows_are_taken_from_distances_and_vectors_alike():
    documents, _ = stories([4] * 5, 0.5)
    rows = np.array([3, 0, 7])
    part = documents.take(rows)
    np.testing.assert_array_equal(part.vectors, documents.vectors[rows])
    np.testing.assert_array_equal(
        part.distances.toarray(), documents.distances.toarray()[np.ix_(rows, rows)]
    )


def test_without_edges_average_linkage_has_no_candidates():
    documents = Documents(sp.csr_array((6, 6)), np.eye(6, dtype=np.float32))
    grid, linkage = map(list, candidates(documents))
    assert (grid[0].clusters.labels == -1).all()
    assert linkage == []
