"""The union of fuzzy neighbourhoods, compared with its definition on dense matrices."""

import numpy as np
import pytest

from newsclust_pipeline.viz.fuzzy_union import fuzzy_union


@pytest.mark.parametrize(("n", "k"), [(1, 0), (2, 1), (30, 7)])
def test_an_edge_has_the_union_of_its_strengths_in_both_directions(n, k):
    rng = np.random.default_rng(n)
    indices = np.array(
        [rng.permutation(np.delete(np.arange(n), row))[:k] for row in range(n)], dtype=np.int32
    ).reshape(n, k)
    strengths = rng.uniform(0.1, 1, size=(n, k)).astype(np.float32)
    strengths[rng.random((n, k)) < 0.2] = 0
    dense = np.zeros((n, n), dtype=np.float32)
    np.put_along_axis(dense, indices.astype(np.int64), strengths, axis=1)
    union = fuzzy_union(indices, strengths)
    np.testing.assert_array_equal(union.toarray(), (dense + dense.T) - dense * dense.T)
    assert union.nnz == np.count_nonzero(dense + dense.T)  # 0 is no edge
    assert union.has_sorted_indices
