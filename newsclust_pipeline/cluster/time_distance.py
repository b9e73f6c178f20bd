"""Time of publication as a bounded part of the distance between documents.

Two stories may read alike and lie weeks apart: another fire, another match. Unbounded, time would
tear stories that last: here it saturates.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

_DAY = np.timedelta64(1, "D")


def days_of(doc_id: np.ndarray, articles: pa.Table) -> np.ndarray:
    """Give documents' times of publication in days since 1970; NaN where unknown: (n,) float64.

    Args:
        doc_id: (n,) ids.
        articles: columns doc_id, published_at, in any order.
    """
    rows = pc.index_in(pa.array(doc_id.tolist(), pa.string()), articles["doc_id"])
    times = articles["published_at"].take(rows).to_numpy().astype("datetime64[us]")
    return (times - np.datetime64(0, "us")) / _DAY


def add_time(
    distances: sp.csr_array, days: np.ndarray, weight: float, scale: float
) -> sp.csr_array:
    """Lengthen distances d to √(d² + weight²·(1 − exp(−Δ/scale))), Δ the days between documents.

    The term under the root is the squared Euclidean distance of two points whose inner product is
    the Laplacian kernel exp(−Δ/scale), so this is still the Euclidean distance of vectors, each
    with its time appended. It adds nothing at Δ = 0, and never more than `weight`.

    Args:
        distances: (n, n), symmetric.
        days: (n,) times of publication in days; NaN where unknown: time says nothing there.
        weight: the most that time can count for, in units of distance. Unit vectors are 0 to 2
            apart.
        scale: days after which about two thirds of it count.

    Returns:
        The same edges, float64.
    """
    rows = np.repeat(np.arange(len(days)), np.diff(distances.indptr))
    apart = np.abs(days[rows] - days[distances.indices])
    added = np.nan_to_num(weight**2 * -np.expm1(-apart / scale), nan=0.0)
    longer = np.sqrt(distances.data.astype(np.float64) ** 2 + added)
    return sp.csr_array((longer, distances.indices, distances.indptr), shape=distances.shape)
