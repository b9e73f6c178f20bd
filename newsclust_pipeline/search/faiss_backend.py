"""Searches by faiss: exact, or approximate by an inverted file whose effort follows its recall."""

from copy import copy
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from newsclust_pipeline.core.engine import Rows
from newsclust_pipeline.search.graph import BLOCK
from newsclust_pipeline.store.indexes import Index

_TARGET_RECALL = 0.99
# From this recall on, twice as many cells must find a little more to be worth twice the time: a few
# documents between all cells can be out of reach of many times as many.
_ENOUGH_RECALL, _LEAST_GAIN = 0.97, 0.001
_SAMPLE = 256  # documents whose neighbours are searched exactly to measure the recall
_HITS = 50  # their number of neighbours
_PIECE = 65_536  # documents read from a file at a time
_LARGE = 16_384  # queries from which on they are grouped by cell
_MIN_CAP, _MAX_SHARE = 16, 8  # never more than 16 cells or one in 8: vectors may have no clusters


class FaissSearch:
    """A search of vectors (n, d) by inner product.

    Attributes:
        index: the index. Without `nprobe` the smallest power of two is chosen with which a sample
            of the documents reaches a recall of 0.99, up to one cell in eight, or with which it
            reaches 0.97 and would hardly reach more with twice as many.
    """

    _file: Path | None = None  # of the cells

    def __init__(self, vectors: np.ndarray, index: Index) -> None:
        self._vectors: Rows = vectors
        self.index = index
        if not index.exact:
            self._cells = _build_cells(vectors, index.build["nlist"])
            nprobe = index.search.get("nprobe") or self._smallest_nprobe()
            self._cells.nprobe = min(nprobe, self._cells.nlist)
            self.index = replace(index, search={"nprobe": nprobe})

    def shared(self, vectors: Rows, folder: Path | None) -> "FaissSearch":
        """Return the same search for the workers of an engine.

        Args:
            vectors: the vectors as the engine shares them.
            folder: the engine's, which an approximate search needs.
        """
        other = copy(self)
        other._vectors = vectors
        if not self.index.exact and folder:
            import faiss

            other._file = folder / "cells.faiss"
            faiss.write_index(self._cells, str(other._file))
            other.__dict__.pop("_cells", None)
        return other

    @cached_property
    def _cells(self) -> Any:
        """The cells, mapped from their file; a worker keeps them for its next block."""
        import faiss

        return faiss.read_index(str(self._file), faiss.IO_FLAG_MMAP)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_cells"}

    def __call__(self, queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows and scores (q, count) of the hits, best first."""
        if self.index.exact:
            return self._search_exactly(queries, count)
        search = self._search_by_cell if len(queries) >= _LARGE else self._cells.search
        scores, rows = search(queries, count)
        # The searched cells may contain fewer documents than requested.
        short = (rows < 0).any(axis=1)
        if short.any():
            rows[short], scores[short] = self._search_exactly(queries[short], count)
        return rows, scores

    @property
    def block(self) -> int:
        """The number of queries to search at a time: many, if they are grouped by cell."""
        return BLOCK if self.index.exact else 4 * _LARGE

    def _search_by_cell(self, queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return what `search` of the cells returns, computed cell by cell.

        A cell and all queries that look into it are one product of matrices. That takes a third of
        the time, because otherwise every query reads all of its vectors from memory.
        """
        import faiss

        _, cells = self._cells.quantizer.search(queries, self._cells.nprobe)
        order = np.argsort(cells, axis=None, kind="stable")
        queries_of = order // self._cells.nprobe
        starts = np.searchsorted(cells.ravel()[order], np.arange(self._cells.nlist + 1))
        heap = faiss.ResultHeap(len(queries), count, keep_max=True)
        for cell, (start, end) in enumerate(pairwise(starts)):
            rows, vectors = self._content(cell)
            if start < end and len(rows):
                some = queries_of[start:end]
                heap.add_result_subset(some, queries[some] @ vectors.T, rows)
        heap.finalize()
        return heap.D, heap.I

    def _content(self, cell: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows (m,) and vectors (m, d) of a cell, as a view."""
        import faiss

        lists, width = self._cells.invlists, self._vectors.shape[1]
        size = lists.list_size(cell)
        if not size:
            return np.zeros(0, np.int64), np.zeros((0, width), np.float32)
        rows = faiss.rev_swig_ptr(lists.get_ids(cell), size)
        codes = faiss.rev_swig_ptr(lists.get_codes(cell), size * width * 4)
        return rows, codes.view(np.float32).reshape(size, width)

    def _search_exactly(self, queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        vectors = self._vectors
        if isinstance(vectors, np.ndarray):
            return _search(queries, vectors, count)
        import faiss

        heap = faiss.ResultHeap(len(queries), count, keep_max=True)
        for start in range(0, len(vectors), _PIECE):
            piece = vectors.mapped()[start : start + _PIECE]  # of which no page stays mapped
            rows, scores = _search(queries, piece, min(count, len(piece)))
            heap.add_result(scores, rows + start)
        heap.finalize()
        return heap.I, heap.D

    def _smallest_nprobe(self) -> int:
        """Return the number of cells to search for the recall that is aimed at."""
        vectors = self._vectors
        n = len(vectors)
        rows = np.random.default_rng(0).choice(n, size=min(_SAMPLE, n), replace=False)
        queries, count = vectors[np.sort(rows)], min(_HITS, n)
        _, exact = self._search_exactly(queries, count)
        nprobe, cap, last = 1, max(self._cells.nlist // _MAX_SHARE, _MIN_CAP), 0.0
        while nprobe < cap:
            self._cells.nprobe = nprobe
            scores, _ = self._cells.search(queries, count)
            # Equally near documents are interchangeable.
            recall = float(np.mean(scores >= exact[:, -1:] - 1e-6))
            if recall >= _TARGET_RECALL:
                break
            if recall >= _ENOUGH_RECALL and recall - last < _LEAST_GAIN:
                return nprobe // 2
            nprobe, last = nprobe * 2, recall
        return min(nprobe, cap)


def _search(queries: np.ndarray, vectors: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows and scores (q, count) of the best vectors, best first."""
    import faiss

    scores, rows = faiss.knn(queries, vectors, count, metric=faiss.METRIC_INNER_PRODUCT)
    return rows, scores


def _build_cells(vectors: np.ndarray, nlist: int) -> Any:
    """Return an inverted file of the vectors (Sivic and Zisserman 2003), always the same one.

    The first centres are far apart (Bachem, Lucic, Hassani, Krause 2016, an approximate k-means++).
    Random ones leave topics without any, and their documents scattered over the cells of others.
    """
    import faiss

    n, dimension = vectors.shape
    nlist = min(nlist, n)
    centres = faiss.IndexFlatIP(dimension)
    cells = faiss.IndexIVFFlat(centres, dimension, nlist, faiss.METRIC_INNER_PRODUCT)
    cells.cp.min_points_per_centroid = 1
    cells.cp.max_points_per_centroid = 64
    cells.cp.init_method = faiss.ClusteringInitMethod_AFK_MC2
    every = max(n // (nlist * 64), 1)
    cells.train(np.ascontiguousarray(vectors[::every]))
    cells.add(vectors)
    return cells
