"""What the loop of average linkage gets; its merges are tested in test_average_linkage.py."""

import numpy as np
import scipy.sparse as sp

from newsclust_pipeline.cluster.agglomeration import agglomerate_loop
from newsclust_pipeline.cluster.vector_sums import rounded, squared_norms
from newsclust_pipeline.core.jit import compiled


def documents(n, edges, seed):
    """Unit vectors of n documents, and a symmetric graph of some random edges."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n, 6)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ends = rng.integers(0, n, size=(2, edges))
    graph = sp.coo_array((np.ones(edges), ends), shape=(n, n)).tocsr()
    graph.setdiag(0)
    graph.eliminate_zeros()
    graph = graph.maximum(graph.T).tocsr()
    graph.sort_indices()
    return rounded(vectors), graph


def agglomerate(leaves, graph):
    sizes = np.ones(len(leaves), dtype=np.int64)
    loop = compiled(agglomerate_loop)
    return loop(leaves, squared_norms(leaves), sizes, graph.indptr, graph.indices)


def test_vectors_stay_as_they_are_and_may_be_of_either_precision():
    vectors, graph = documents(300, 2_000, seed=1)
    before = vectors.copy()
    single, double = agglomerate(vectors, graph), agglomerate(vectors.astype(np.float64), graph)
    np.testing.assert_array_equal(vectors, before)
    for one, other in zip(single, double, strict=True):
        np.testing.assert_array_equal(one, other)


def test_groups_to_begin_with_count_by_their_members():
    """Merging pairs of equal documents is merging the documents."""
    vectors, graph = documents(40, 200, seed=2)
    sums, sizes = 2 * vectors.astype(np.float64), np.full(40, 2)
    loop = compiled(agglomerate_loop)
    norms = 2 * squared_norms(vectors)
    of_pairs = loop(sums, norms, sizes, graph.indptr, graph.indices)
    for one, other in zip(of_pairs, agglomerate(vectors, graph), strict=True):
        np.testing.assert_array_equal(one, other)
