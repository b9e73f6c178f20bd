"""Searches by faiss: exact, or approximate by an inverted file whose effort follows its recall."""

from dataclasses import replace
from typing import Any

import numpy as np

from newsclust_pipeline.store.indexes import Index

_TARGET_RECALL = 0.99
_SAMPLE = 256  # documents whose neighbours are searched exactly to measure the recall
_HITS = 50  # their number of neighbours
_MIN_CAP, _MAX_SHARE = 16, 8  # never more than 16 cells or one in 8: vectors may have no clusters


class FaissSearch:
    """A search of vectors (n, d) by inner product.

    Attributes:
        index: the index. Without `nprobe` the smallest power of two is chosen with which a sample
            of the documents reaches a recall of 0.99, up to one cell in eight.
    """

    def __init__(self, vectors: np.ndarray, index: Index) -> None:
        self._vectors, self.index = vectors, index
        if not index.exact:
            self._cells = _build_cells(vectors, index.build["nlist"])
            nprobe = index.search.get("nprobe") or self._smallest_nprobe()
            self._cells.nprobe = min(nprobe, self._cells.nlist)
            self.index = replace(index, search={"nprobe": nprobe})

    def __call__(self, queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows and scores (q, count) of the hits, best first."""
        if self.index.exact:
            return self._search_exactly(queries, count)
        scores, rows = self._cells.search(queries, count)
        # The searched cells may contain fewer documents than requested.
        short = (rows < 0).any(axis=1)
        if short.any():
            rows[short], scores[short] = self._search_exactly(queries[short], count)
        return rows, scores

    def _search_exactly(self, queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        import faiss

        metric = faiss.METRIC_INNER_PRODUCT
        scores, rows = faiss.knn(queries, self._vectors, count, metric=metric)
        return rows, scores

    def _smallest_nprobe(self) -> int:
        """Return the number of cells to search for the recall that is aimed at."""
        n = len(self._vectors)
        rows = np.random.default_rng(0).choice(n, size=min(_SAMPLE, n), replace=False)
        queries, count = self._vectors[np.sort(rows)], min(_HITS, n)
        _, exact = self._search_exactly(queries, count)
        nprobe, cap = 1, max(self._cells.nlist // _MAX_SHARE, _MIN_CAP)
        while nprobe < cap:
            self._cells.nprobe = nprobe
            scores, _ = self._cells.search(queries, count)
            # Equally near documents are interchangeable.
            if np.mean(scores >= exact[:, -1:] - 1e-6) >= _TARGET_RECALL:
                break
            nprobe *= 2
        return min(nprobe, cap)


def _build_cells(vectors: np.ndarray, nlist: int) -> Any:
    """Return an inverted file of the vectors (Sivic and Zisserman 2003), always the same one."""
    import faiss

    n, dimension = vectors.shape
    nlist = min(nlist, n)
    centres = faiss.IndexFlatIP(dimension)
    cells = faiss.IndexIVFFlat(centres, dimension, nlist, faiss.METRIC_INNER_PRODUCT)
    cells.cp.min_points_per_centroid = 1
    cells.cp.max_points_per_centroid = 64
    every = max(n // (nlist * 64), 1)
    cells.train(np.ascontiguousarray(vectors[::every]))
    cells.add(vectors)
    return cells
