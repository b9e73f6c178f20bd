"""News-like vectors that cost nothing to make: what the benchmarks run on where none are given.

Topics hold stories, stories hold articles. Stories' sizes follow a power law from 3 up; four
articles in ten are of no story. Topics lie far apart, so the graph of nearest neighbours falls into
about as many components as there are topics. Articles come in no order, as they do in a feed.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from newsclust_pipeline.core.tables import matrix
from newsclust_pipeline.search.faiss_backend import FaissSearch
from newsclust_pipeline.search.graph import Lookup, Neighbours, fill_neighbours
from newsclust_pipeline.store.indexes import Index

_LONE = 0.4  # share of articles that are of no story
_TOPIC = (128, 2048)  # articles of a topic; more than the neighbours that are searched
# Lengths of the steps from a topic to its stories, and from these to their articles.
_APART, _SPREAD = 1.5, (0.15, 0.6)
_GRAPH_DIMENSION, _LINK = 64, 1.4


def collections(given: Path | None, sizes: list[int], dimension: int) -> Iterator[np.ndarray]:
    """Yield the sets of vectors to measure with: those of a file, or synthetic ones.

    Args:
        given: an embeddings.parquet of the pipeline.
        sizes: documents to make vectors for, where no file is given.
        dimension: of these vectors.
    """
    if given:
        yield matrix(pq.read_table(given))
        return
    for size in sizes:
        yield unit_vectors(size, dimension)


def unit_vectors(n: int, dimension: int, seed: int = 0) -> np.ndarray:
    """Make vectors (n, dimension), float32, of unit length."""
    vectors = np.empty((n, dimension), dtype=np.float32)
    for rows, found in topics(n, dimension, seed):
        vectors[rows] = found
    return vectors


def neighbours(
    n: int, k: int, dimension: int = _GRAPH_DIMENSION, linked: float = 0.0, seed: int = 0
) -> Neighbours:
    """Make the neighbours (n, k) of such vectors without a search of all: each in its topic.

    Args:
        n: documents.
        k: neighbours, fewer than a topic has articles.
        dimension: of the vectors.
        linked: share of documents whose last neighbour is one of another topic, at a distance
            beyond all others. A hundredth makes the graph one component, more or less.
        seed: of everything random.
    """
    rng = np.random.default_rng(seed)
    indices = np.empty((n, k), dtype=np.int32)
    distances = np.empty((n, k), dtype=np.float32)
    earlier = np.empty(0, dtype=np.int32)
    for rows, vectors in topics(n, dimension, seed):
        near = searched(vectors, k)
        indices[rows], distances[rows] = rows[near.indices], near.distances
        if len(earlier):
            chosen = rows[rng.random(len(rows)) < linked]
            indices[chosen, -1], distances[chosen, -1] = rng.choice(earlier, len(chosen)), _LINK
        earlier = rows
    return Neighbours(doc_ids(n), indices, distances, k)


def searched(vectors: np.ndarray, k: int) -> Neighbours:
    """Search the neighbours of all vectors (n, d), exactly."""
    n = len(vectors)
    width = min(k, n - 1)
    indices = np.empty((n, width), dtype=np.int32)
    distances = np.empty((n, width), dtype=np.float32)
    fill_neighbours(
        Lookup(FaissSearch(vectors, Index()), vectors), np.arange(n), indices, distances
    )
    return Neighbours(doc_ids(n), indices, distances, k)


def doc_ids(n: int) -> np.ndarray:
    """Make ids of the length that the pipeline's have."""
    return np.char.zfill(np.arange(n).astype("U16"), 16)


def topics(n: int, dimension: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Make one topic after another: the rows (m,) of its articles, and their vectors (m, d)."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(n).astype(np.int32)
    start = 0
    while start < n:
        size = _pareto(rng, 1, *_TOPIC)[0]
        # What is left over goes into the last one.
        stop = start + size if n - start - size >= _TOPIC[0] else n
        yield rows[start:stop], _topic(rng, stop - start, dimension)
        start = stop


def _topic(rng: np.random.Generator, n: int, dimension: int) -> np.ndarray:
    sizes = _pareto(rng, n, 3, n)
    filled = np.searchsorted(np.cumsum(sizes), (1 - _LONE) * n)
    sizes = np.append(sizes[:filled], np.ones(n - sizes[:filled].sum(), dtype=int))
    centre = _steps(rng, 1, dimension) + _APART * _steps(rng, len(sizes), dimension)
    spread = rng.uniform(*_SPREAD, size=(len(sizes), 1)).astype(np.float32)
    story = np.repeat(np.arange(len(sizes)), sizes)
    vectors = centre[story] + spread[story] * _steps(rng, n, dimension)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _steps(rng: np.random.Generator, n: int, dimension: int) -> np.ndarray:
    """Draw vectors (n, dimension) in any direction, about 1 long."""
    return rng.standard_normal((n, dimension), dtype=np.float32) / np.float32(dimension**0.5)


def _pareto(rng: np.random.Generator, n: int, least: int, most: int) -> np.ndarray:
    """Draw n whole numbers from a power law with exponent 2.2."""
    return np.minimum(least * (1 + rng.pareto(1.2, n)), most).astype(int)
