"""Neighbours as one `.npz` file, whose matrix `scipy.sparse.load_npz` opens."""

import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from newsclust_pipeline.core.copies import local_copy
from newsclust_pipeline.core.locations import Location
from newsclust_pipeline.search.graph import Neighbours


def write_neighbours(neighbours: Neighbours, path: Path) -> None:
    """Write the matrix under SciPy's names, and beside it all that the neighbours consist of.

    The file is not compressed: compression saves a quarter of it, but takes sixty times as long.
    """
    matrix = neighbours.matrix()
    with path.open("wb") as file:
        np.savez(
            file,
            format=np.array(b"csr"),
            shape=np.array(matrix.shape),
            data=matrix.data,
            indices=matrix.indices,
            indptr=matrix.indptr,
            doc_id=neighbours.doc_id,
            neighbours=neighbours.indices,
            neighbour_distances=neighbours.distances,
            k=np.array(neighbours.k),
            provenance=np.array(neighbours.provenance),
            checksums=neighbours.checksums,
        )


def read_neighbours(path: Location) -> Neighbours:
    """Read neighbours; the matrix is derived from them.

    Raises:
        OSError: the file can't be opened.
        StoreError: it is in an object store, which can't be read.
        ValueError: it is damaged, or was written by another version.
    """
    with local_copy(path) as copy, copy.open("rb") as file:
        try:
            neighbours = _load(file)
        except KeyError as error:
            raise ValueError(f"no array {error}") from error
        except _DAMAGE as error:
            raise ValueError(str(error) or type(error).__name__) from error
    problem = _problem(neighbours)
    if problem:
        raise ValueError(problem)
    return neighbours


def _load(file: BinaryIO) -> Neighbours:
    with np.load(file, allow_pickle=False) as arrays:
        return Neighbours(
            doc_id=arrays["doc_id"],
            indices=arrays["neighbours"],
            distances=arrays["neighbour_distances"],
            k=int(arrays["k"]),
            provenance=str(arrays["provenance"]),
            checksums=arrays["checksums"],
        )


# What `np.load` raises for a damaged file. A flipped bit may make an entry look encrypted
# (RuntimeError), compressed in an unknown way (NotImplementedError), far too large (MemoryError) or
# outside the file (OSError).
_DAMAGE: Any = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    MemoryError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    TypeError,
    UnicodeError,
    AttributeError,
)


def _problem(neighbours: Neighbours) -> str:
    """Return what is wrong with neighbours from a file; empty if nothing is."""
    n = len(neighbours.doc_id) if neighbours.doc_id.ndim == 1 else -1
    indices, distances = neighbours.indices, neighbours.distances
    if indices.ndim != 2 or len(indices) != n or distances.shape != indices.shape:
        return "the arrays have different lengths"
    if indices.dtype != np.int32 or distances.dtype != np.float32:
        return "the arrays have other types"
    if neighbours.checksums.shape != (n,) or neighbours.k < 1:
        return "an array has another shape"
    if indices.size and not (indices.min() >= 0 and indices.max() < n):
        return "a neighbour is not among the documents"
    if not (np.isfinite(distances).all() and (distances >= 0).all()):
        return "a distance is negative or not finite"
    return ""
