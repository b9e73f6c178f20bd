"""Choose the parameters of HDBSCAN without labels, by a sweep over a grid on the stored graph.

The criterion is the exact silhouette (`silhouette.py`), averaged over all documents, with 0 for
noise. Every document in the right story raises it, so a clustering loses where small stories become
noise and where large ones are merged. It depends on the vectors alone, so it compares clusterings
of any parameters. Density-based validity and stability under subsampling (Ben-Hur, Elisseeff, Guyon
2002) are reported beside it; docs/quality.md compares the criteria.

Work is shared: one spanning tree per min_samples, one condensed tree per min_cluster_size on it,
one score per distinct clustering.
"""

from collections.abc import Iterator
from dataclasses import asdict, astuple, dataclass
from itertools import product

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from newsclust_pipeline.cluster.condensed_tree import FAR, Selection, condense, select
from newsclust_pipeline.cluster.hdbscan import hdbscan, ranked_by_size, spanning_tree
from newsclust_pipeline.cluster.metrics import (
    agreement,
    density_validity,
    story_sizes,
)
from newsclust_pipeline.cluster.silhouette import silhouettes
from newsclust_pipeline.core.markdown import markdown_table
from newsclust_pipeline.schemas import PARAMETER_SWEEP

MIN_SAMPLES = (1, 3)
MIN_CLUSTER_SIZES = (2, 3, 15)
SELECTIONS: tuple[Selection, ...] = ("eom", "leaf")
# Epsilons are quantiles of the spanning tree's edges, because the scale of distances depends on
# the embedder. 0 means no epsilon.
EPSILON_QUANTILES = (0.0, 0.75)
_FINALISTS = 2  # clusterings whose stability is measured; each measurement costs two clusterings
_SUBSETS, _SHARE = 2, 0.8

SWEEP = PARAMETER_SWEEP.schema


@dataclass(frozen=True)
class Parameters:
    """The parameters of `hdbscan.hdbscan`, under their names in the run config."""

    min_samples: int = 3
    min_cluster_size: int = 3
    cluster_selection_method: Selection = "eom"
    cluster_selection_epsilon: float = 0.0


@dataclass(frozen=True)
class _Candidate:
    parameters: Parameters
    labels: np.ndarray
    silhouette: float
    density_validity: float


def sweep(distances: sp.csr_array, vectors: np.ndarray, seed: int = 0) -> pa.Table:
    """Cluster a distance graph with all parameters of the grid, and score the results.

    Args:
        distances: (n, n), symmetric.
        vectors: (n, d) of the same documents, by which clusterings are scored.
        seed: of the random subsets.

    Returns:
        One row per distinct clustering, best first, schema `SWEEP`. `silhouette` is the criterion.
        `stability` is the mean adjusted Rand index to the clusterings of random subsets of the
        documents, `subset_agreement` the index between those; the best rows alone have them. Of
        parameters that give the same clustering, the first of the grid is in the table.
    """
    ranked = _ranked(distances, vectors)
    subsets = _subsets(distances, seed)
    rows = [
        asdict(candidate.parameters)
        | {"silhouette": candidate.silhouette, "density_validity": candidate.density_validity}
        | (_stability(candidate, subsets) if rank < _FINALISTS else {})
        | story_sizes(candidate.labels)
        for rank, candidate in enumerate(ranked)
    ]
    return pa.Table.from_pylist(rows, SWEEP)


def choose(distances: sp.csr_array, vectors: np.ndarray) -> Parameters:
    """Return the parameters that `sweep` ranks first for a graph (n, n) and vectors (n, d).

    With fewer than two documents there is nothing to choose, and the defaults are returned.
    """
    ranked = _ranked(distances, vectors)
    return ranked[0].parameters if ranked else Parameters()


def as_markdown(table: pa.Table, rows: int = 10) -> str:
    """Return the best rows of a sweep as a Markdown table."""
    return markdown_table(
        dict.fromkeys(table.column_names, "left"),
        [[_cell(value) for value in row.values()] for row in table.slice(0, rows).to_pylist()],
    )


def _ranked(distances: sp.csr_array, vectors: np.ndarray) -> list[_Candidate]:
    """Score every distinct clustering of the grid; best first, ties in the order of the grid."""
    n = distances.shape[0]
    if n < 2:
        return []
    tree = spanning_tree(distances, MIN_SAMPLES[0])
    candidates: dict[bytes, _Candidate] = {}
    for parameters, labels in _clusterings(distances):
        if labels.tobytes() not in candidates:
            candidates[labels.tobytes()] = _Candidate(
                parameters,
                labels,
                silhouette=float(silhouettes(vectors, distances, labels).mean()),
                density_validity=density_validity(tree, labels),
            )
    return sorted(candidates.values(), key=lambda candidate: -candidate.silhouette)


def _clusterings(distances: sp.csr_array) -> Iterator[tuple[Parameters, np.ndarray]]:
    for min_samples in MIN_SAMPLES:
        edges = spanning_tree(distances, min_samples)
        epsilons = _epsilons(edges)
        for min_cluster_size in MIN_CLUSTER_SIZES:
            condensed = condense(edges, min_cluster_size)
            for selection, epsilon in product(SELECTIONS, epsilons):
                parameters = Parameters(min_samples, min_cluster_size, selection, epsilon)
                yield parameters, ranked_by_size(*select(condensed, selection, epsilon)).labels


def _epsilons(edges: np.ndarray) -> list[float]:
    near = edges[edges[:, 2] < FAR, 2]
    if not len(near):
        return [0.0]
    # Rounded, so that a value copied from the table gives the same clusters.
    return [round(float(np.quantile(near, q)), 4) if q else 0.0 for q in EPSILON_QUANTILES]


def _subsets(distances: sp.csr_array, seed: int) -> list[tuple[np.ndarray, sp.csr_array]]:
    """Draw random subsets of the documents: their rows, and the graph between them."""
    rng = np.random.default_rng(seed)
    n = distances.shape[0]
    subsets = [np.sort(rng.permutation(n)[: round(n * _SHARE)]) for _ in range(_SUBSETS)]
    return [(rows, distances[rows][:, rows].tocsr()) for rows in subsets]


def _stability(
    candidate: _Candidate, subsets: list[tuple[np.ndarray, sp.csr_array]]
) -> dict[str, float]:
    parameters = astuple(candidate.parameters)
    labels = [hdbscan(graph, *parameters).labels for _, graph in subsets]
    to_all = [
        agreement(candidate.labels[rows], of_subset)
        for (rows, _), of_subset in zip(subsets, labels, strict=True)
    ]
    (rows, _), (other_rows, _) = subsets
    _, at, other_at = np.intersect1d(rows, other_rows, return_indices=True)
    return {
        "stability": float(np.mean(to_all)),
        "subset_agreement": agreement(labels[0][at], labels[1][other_at]),
    }


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
