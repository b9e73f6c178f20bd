"""HDBSCAN's parameters, chosen without labels: a sweep over a grid, on the stored graph.

The criterion is the silhouette on the graph (`quality.silhouette`), averaged over all documents
with noise as 0. It pays for every document that is put into the right story, so both drowning
small stories in noise and running large ones together cost; and it compares clusterings of any
parameters, as it looks at the distances alone. Density-based validity and the stability under
subsampling (Ben-Hur, Elisseeff, Guyon 2002) are shown beside it: see docs/quality.md for how each
chooses.

The work is shared: one spanning tree per min_samples, one condensed tree per min_cluster_size on
it, one score per distinct clustering.
"""

from collections.abc import Iterator
from dataclasses import asdict, astuple, dataclass
from itertools import product

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from newsclust_pipeline.cluster.hdbscan import (
    FAR,
    NOISE,
    Selection,
    condense,
    hdbscan,
    select,
    spanning_tree,
)
from newsclust_pipeline.cluster.metrics import (
    agreement,
    density_validity,
    known_distance,
    silhouette,
)
from newsclust_pipeline.core.markdown import markdown_table
from newsclust_pipeline.schemas import PARAMETER_SWEEP

MIN_SAMPLES = (1, 3)
MIN_CLUSTER_SIZES = (2, 3, 15)
SELECTIONS: tuple[Selection, ...] = ("eom", "leaf")
# Epsilons are quantiles of the spanning tree's edges, as a good distance in one embedder's space
# is none in another's. 0 is no epsilon.
EPSILON_QUANTILES = (0.0, 0.75)
_FINALISTS = 2  # clusterings whose stability is measured: each costs as much as two clusterings
_SUBSETS, _SHARE = 2, 0.8

SWEEP = PARAMETER_SWEEP.schema


@dataclass(frozen=True)
class Parameters:
    """Of `density.hdbscan`, under their names in run config."""

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


def sweep(distances: sp.csr_array, seed: int = 0) -> pa.Table:
    """Cluster a distance graph (n, n) with every parameter of the grid, and score each.

    Returns:
        One row per distinct clustering, best first, schema `SWEEP`: `silhouette` is the criterion,
        `stability` the mean adjusted Rand index to the clusterings of random subsets of the
        documents, `subset_agreement` that of these to each other (both of the best few only).
        Of parameters that give the same clustering, the first of the grid stand for all.
    """
    ranked = _ranked(distances)
    subsets = _subsets(distances, seed)
    rows = [
        asdict(found.parameters)
        | {"silhouette": found.silhouette, "density_validity": found.density_validity}
        | (_stability(found, subsets) if rank < _FINALISTS else {})
        | _sizes(found.labels)
        for rank, found in enumerate(ranked)
    ]
    return pa.Table.from_pylist(rows, SWEEP)


def choose(distances: sp.csr_array) -> Parameters:
    """Give the parameters that `sweep` recommends for a distance graph (n, n).

    Without two documents there is nothing to choose by, and the defaults stand.
    """
    ranked = _ranked(distances)
    return ranked[0].parameters if ranked else Parameters()


def as_markdown(table: pa.Table, rows: int = 10) -> str:
    """Return the best rows of a sweep as a Markdown table."""
    return markdown_table(
        dict.fromkeys(table.column_names, "left"),
        [[_cell(value) for value in row.values()] for row in table.slice(0, rows).to_pylist()],
    )


def _ranked(distances: sp.csr_array) -> list[_Candidate]:
    """Score every distinct clustering of the grid, best first; ties in the grid's order."""
    n = distances.shape[0]
    if n < 2:
        return []
    reach, tree = known_distance(distances), spanning_tree(distances, MIN_SAMPLES[0])
    found: dict[bytes, _Candidate] = {}
    for parameters, labels in _clusterings(distances):
        if labels.tobytes() not in found:
            found[labels.tobytes()] = _Candidate(
                parameters,
                labels,
                silhouette=float(silhouette(distances, labels, reach).mean()),
                density_validity=density_validity(tree, labels),
            )
    return sorted(found.values(), key=lambda candidate: -candidate.silhouette)


def _clusterings(distances: sp.csr_array) -> Iterator[tuple[Parameters, np.ndarray]]:
    for min_samples in MIN_SAMPLES:
        edges = spanning_tree(distances, min_samples)
        epsilons = _epsilons(edges)
        for min_cluster_size in MIN_CLUSTER_SIZES:
            condensed = condense(edges, min_cluster_size)
            for selection, epsilon in product(SELECTIONS, epsilons):
                parameters = Parameters(min_samples, min_cluster_size, selection, epsilon)
                yield parameters, select(condensed, selection, epsilon).labels


def _epsilons(edges: np.ndarray) -> list[float]:
    near = edges[edges[:, 2] < FAR, 2]
    if not len(near):
        return [0.0]
    # Rounded, so that what a user copies from the table gives the same clusters.
    return [round(float(np.quantile(near, q)), 4) if q else 0.0 for q in EPSILON_QUANTILES]


def _subsets(distances: sp.csr_array, seed: int) -> list[tuple[np.ndarray, sp.csr_array]]:
    """Draw random subsets of the documents: their rows, and the graph between them."""
    rng = np.random.default_rng(seed)
    n = distances.shape[0]
    drawn = [np.sort(rng.permutation(n)[: round(n * _SHARE)]) for _ in range(_SUBSETS)]
    return [(rows, distances[rows][:, rows].tocsr()) for rows in drawn]


def _stability(
    found: _Candidate, subsets: list[tuple[np.ndarray, sp.csr_array]]
) -> dict[str, float]:
    again = [(rows, hdbscan(graph, *astuple(found.parameters)).labels) for rows, graph in subsets]
    (one, first), (other, second) = again
    _, at_one, at_other = np.intersect1d(one, other, return_indices=True)
    return {
        "stability": float(np.mean([agreement(found.labels[rows], was) for rows, was in again])),
        "subset_agreement": agreement(first[at_one], second[at_other]),
    }


def _sizes(labels: np.ndarray) -> dict[str, float]:
    sizes = np.bincount(labels[labels != NOISE])
    return {
        "stories": len(sizes),
        "noise_share": float((labels == NOISE).mean()),
        "largest_story_share": float(sizes.max(initial=0) / len(labels)),
    }


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
