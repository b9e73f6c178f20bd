"""Neighbours are the same after writing and reading, and damaged files are noticed."""

import numpy as np
import pytest
import scipy.sparse as sp

from newsclust_pipeline.search.files import read_neighbours, write_neighbours
from newsclust_pipeline.search.graph import Neighbours

NEIGHBOURS = Neighbours(
    doc_id=np.array(["a", "bb", "c"]),
    indices=np.array([[1, 2], [0, 2], [1, 0]], dtype=np.int32),
    distances=np.array([[0, 0.5], [0, 0.25], [0.25, 0.5]], dtype=np.float32),
    k=1,
    provenance='minilm/384 ["FLAT", {}]',
    checksums=np.array([1, 2, 3]),
)
ARRAYS = ("doc_id", "indices", "distances", "checksums")


@pytest.fixture
def path(tmp_path):
    write_neighbours(NEIGHBOURS, tmp_path / "knn.npz")
    return tmp_path / "knn.npz"


def equal(one, other):
    arrays = all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ARRAYS)
    return arrays and (one.k, one.provenance) == (other.k, other.provenance)


def test_neighbours_are_read_as_written(path):
    assert equal(read_neighbours(path), NEIGHBOURS)


def test_scipy_opens_the_matrix(path):
    matrix = sp.load_npz(path)
    np.testing.assert_array_equal(matrix.toarray(), NEIGHBOURS.matrix().toarray())


def test_every_flipped_bit_is_noticed_or_has_no_effect(path):
    content = bytearray(path.read_bytes())
    noticed = 0
    for bit in range(0, 8 * len(content), 13):
        content[bit // 8] ^= 1 << bit % 8
        path.write_bytes(content)
        try:
            assert equal(read_neighbours(path), NEIGHBOURS), bit
        except ValueError:
            noticed += 1
        content[bit // 8] ^= 1 << bit % 8
    assert noticed > 100


@pytest.mark.parametrize("size", [0, 1, 100, 1000])
def test_a_truncated_file_is_damaged(path, size):
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match=r"."):
        read_neighbours(path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"neighbours": np.array([[1, 3], [0, 2], [1, 0]], np.int32)}, "not among the documents"),
        ({"neighbours": np.array([[1, -1], [0, 2], [1, 0]], np.int32)}, "not among the documents"),
        ({"neighbour_distances": np.full((3, 2), np.nan, np.float32)}, "not finite"),
        ({"neighbour_distances": np.full((3, 2), -1, np.float32)}, "negative"),
        ({"neighbour_distances": np.zeros((3, 1), np.float32)}, "different lengths"),
        ({"neighbours": np.zeros((3, 2))}, "other types"),
        ({"doc_id": np.array(["a"])}, "different lengths"),
        ({"checksums": np.zeros(1)}, "another shape"),
        ({"k": np.array(0)}, "another shape"),
        ({"doc_id": np.array([{}, {}, {}], dtype=object)}, "allow_pickle"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_arrays_that_contradict_each_other_are_damaged(path, changed, message):
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **(arrays | changed))
    with pytest.raises(ValueError, match=message):
        read_neighbours(path)


def test_a_file_of_version_1_is_refused(path):
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **{name: arrays[name] for name in arrays if name != "checksums"})
    with pytest.raises(ValueError, match="no array 'checksums"):
        read_neighbours(path)
