"""Vectors, neighbours and growing feeds for tests of the projection."""

import numpy as np
import pyarrow as pa
from sklearn.manifold import trustworthiness

from newsclust_pipeline.search.graph import Neighbours
from newsclust_pipeline.viz import projection
from newsclust_pipeline.viz.continuation import PreviousMap


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def stories_of(stories, articles, dimension=16, seed=3):
    """Vectors in tight groups, one group after the other."""
    rng = np.random.default_rng(seed)
    centres = np.repeat(unit(rng.normal(size=(stories, dimension))), articles, axis=0)
    return unit(centres + rng.normal(scale=0.03, size=centres.shape))


def neighbours_of(vectors, keep=79, order=1, names=None):
    """All pairs by brute force; with order=-1 the farthest ones, as if they were the nearest."""
    n = len(vectors)
    distances = np.linalg.norm(vectors[:, None].astype(float) - vectors[None], axis=2)
    distances = distances.astype(np.float32)
    np.fill_diagonal(distances, np.inf)  # the document itself sorts last, and is cut off
    indices = np.argsort(distances, axis=1, kind="stable")[:, : max(n - 1, 0)]
    indices = np.ascontiguousarray(indices[:, ::order][:, :keep].astype(np.int32))
    ids = np.array([f"d{number}" for number in range(n)] if names is None else names, dtype=np.str_)
    return Neighbours(ids, indices, np.take_along_axis(distances, indices, axis=1), 1)


def project(*args, **how):
    return projection.project(*args, **how).positions


def as_previous(doc_id, done):
    return PreviousMap(pa.chunked_array([doc_id.tolist()], pa.string()), done.positions)


def spread(positions, labels):
    """Mean distance from the middle of one's own group, and of all."""
    middles = np.array([positions[labels == label].mean(axis=0) for label in labels])
    own = np.linalg.norm(positions - middles, axis=1).mean()
    return own, np.linalg.norm(positions - positions.mean(axis=0), axis=1).mean()


class Feed:
    """A growing feed: 24 stories, and as many documents that belong to no story."""

    def __init__(self, documents=480):
        rng = np.random.default_rng(11)
        scattered = unit(rng.normal(size=(documents // 2, 16)))
        vectors = np.concatenate([stories_of(24, documents // 48), scattered])
        self.vectors = vectors[rng.permutation(documents)]
        self.names = np.array([f"a{number}" for number in range(documents)])

    def project(self, rows, previous=None, **how):
        """Project these rows; return the projection, and the previous map for the next run."""
        rows = np.arange(*rows.indices(len(self.names))) if isinstance(rows, slice) else rows
        known = neighbours_of(self.vectors[rows], names=self.names[rows])
        how = {"n_neighbors": 20} | how
        done = projection.project(self.vectors[rows], known, previous=previous, **how)
        return done, as_previous(self.names[rows], done)

    def trust(self, done):
        return trustworthiness(self.vectors[: len(done.positions)], done.positions, n_neighbors=10)


def span(positions):
    return np.ptp(positions, axis=0).max()
