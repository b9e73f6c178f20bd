"""Add the time between publications to the distance between documents, up to a limit.

Two stories may read alike and lie weeks apart: another fire, another match. Without a limit, time
would split stories that last for months.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from newsclust_pipeline.cluster.candidates import Documents
from newsclust_pipeline.cluster.vector_sums import rounded
from newsclust_pipeline.core.tables import vectors_of
from newsclust_pipeline.embed.base import UNRELATED_DISTANCE
from newsclust_pipeline.search.graph import Neighbours

_DAY = np.timedelta64(1, "D")
_FREQUENCIES = 64  # of `append_time`: twice as many columns


def with_time(
    neighbours: Neighbours, embeddings: pa.Table, articles: pa.Table, weight: float, scale: float
) -> Documents:
    """Return distance matrix and vectors of n documents, both with the time added.

    Args:
        neighbours: the neighbours of n documents.
        embeddings: columns doc_id, embedding; its schema's metadata names the embedder.
        articles: columns doc_id, published_at, date_suspect.
        weight: the largest distance that time alone can make; 0 adds nothing.
        scale: days after which about two thirds of it count.

    Returns:
        For distances see `add_time`, for vectors `append_time`.
    """
    graph, vectors = neighbours.matrix(), rounded(vectors_of(embeddings, neighbours.doc_id))
    embedder = (embeddings.schema.metadata or {}).get(b"embedder", b"").decode()
    documents = Documents(graph, vectors, UNRELATED_DISTANCE.get(embedder, 0.0))
    if not weight:
        return documents
    return add_time_to(documents, days_of(neighbours.doc_id, articles), weight, scale)


def add_time_to(documents: Documents, days: np.ndarray, weight: float, scale: float) -> Documents:
    """Return documents with the time in distances and vectors; arguments as of `add_time`."""
    known = documents.background
    return Documents(
        add_time(documents.distances, days, weight, scale),
        rounded(append_time(documents.vectors, days, weight, scale)),
        # Half the squared distance between documents with nothing in common.
        known + weight**2 / 2 if known else 0.0,
        has_time=True,
    )


def days_of(doc_id: np.ndarray, articles: pa.Table) -> np.ndarray:
    """Return the times of publication (n,) in days since 1970, float64; NaN where unknown.

    A time that can't be right (`date_suspect`) counts as unknown.

    Args:
        doc_id: (n,) ids.
        articles: columns doc_id, published_at, date_suspect, in any order.
    """
    rows = pc.index_in(pa.array(doc_id.tolist(), pa.string()), articles["doc_id"])
    missing = pa.scalar(None, articles.schema.field("published_at").type)
    believed = pc.if_else(articles["date_suspect"], missing, articles["published_at"])
    times = believed.take(rows).to_numpy().astype("datetime64[us]")
    return (times - np.datetime64(0, "us")) / _DAY


def add_time(
    distances: sp.csr_array, days: np.ndarray, weight: float, scale: float
) -> sp.csr_array:
    """Return distances √(d² + weight²·(1 − exp(−Δ/scale))), Δ being the days between documents.

    The added term is the squared Euclidean distance of two points whose inner product is the
    Laplacian kernel exp(−Δ/scale), up to a factor. So the result is the Euclidean distance of
    vectors with the time appended. The term is 0 at Δ = 0 and never more than `weight`².

    Args:
        distances: (n, n), symmetric.
        days: (n,) times of publication in days. NaN where unknown: the term is 0 there.
        weight: the largest distance that time alone can make. Unit vectors are 0 to 2 apart.
        scale: days after which the term reaches about two thirds of `weight`².

    Returns:
        The same edges, float64.
    """
    rows = np.repeat(np.arange(len(days)), np.diff(distances.indptr))
    apart = np.abs(days[rows] - days[distances.indices])
    added = np.nan_to_num(weight**2 * -np.expm1(-apart / scale), nan=0.0)
    longer = np.sqrt(distances.data.astype(np.float64) ** 2 + added)
    return sp.csr_array((longer, distances.indices, distances.indptr), shape=distances.shape)


def append_time(vectors: np.ndarray, days: np.ndarray, weight: float, scale: float) -> np.ndarray:
    """Return vectors with the time appended, whose distances are about those of `add_time`.

    The added columns are √½ · weight · cos(ω·t/scale) and sin(ω·t/scale) at frequencies ω that are
    evenly spaced quantiles of the Cauchy distribution. The mean of cos(ω·Δ/scale) over them
    approximates exp(−Δ/scale), which is the characteristic function of that distribution (Rahimi,
    Recht 2007). The root mean square error is 0.06 over Δ up to 1000 · scale.

    Args:
        vectors: (n, d) float32.
        days: (n,) times of publication in days. NaN where unknown: the mean of the known times'
            columns is used.
        weight: as of `add_time`.
        scale: as of `add_time`.

    Returns:
        (n, d + 128) float32.
    """
    known = ~np.isnan(days)
    frequencies = np.tan(np.pi / 2 * (np.arange(_FREQUENCIES) + 0.5) / _FREQUENCIES) / scale
    phases = np.where(known, days, 0.0)[:, None] * frequencies
    columns = np.hstack([np.cos(phases), np.sin(phases)]) * (weight / np.sqrt(2 * _FREQUENCIES))
    columns[~known] = columns[known].mean(axis=0) if known.any() else 0.0
    return np.hstack([vectors, columns.astype(vectors.dtype)])
