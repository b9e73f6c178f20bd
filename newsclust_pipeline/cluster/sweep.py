"""The table of a sweep: every clustering that `choice.py` considers, with its figures.

Density-based validity and stability under subsampling (Ben-Hur, Elisseeff, Guyon 2002) are reported
beside the score; docs/quality.md compares the criteria.
"""

from dataclasses import asdict

import numpy as np
import pyarrow as pa

from newsclust_pipeline.cluster.candidates import MIN_SAMPLES, Clustering, Documents
from newsclust_pipeline.cluster.choice import cluster, rank
from newsclust_pipeline.cluster.hdbscan import spanning_tree
from newsclust_pipeline.cluster.metrics import agreement, density_validity, story_sizes
from newsclust_pipeline.core.markdown import markdown_table
from newsclust_pipeline.schemas import PARAMETER_SWEEP

_FINALISTS = 2  # clusterings whose stability is measured; each measurement costs two clusterings
_SUBSETS, _SHARE = 2, 0.8
# Parameters of HDBSCAN that average linkage does not have.
_UNUSED = {
    "min_samples": None,
    "cluster_selection_method": None,
    "cluster_selection_epsilon": None,
}

SWEEP = PARAMETER_SWEEP.schema


def sweep(documents: Documents, seed: int = 0) -> pa.Table:
    """Cluster documents by all candidates, and score the results.

    Args:
        documents: the documents.
        seed: of the random subsets.

    Returns:
        One row per distinct clustering, schema `SWEEP`: the recommended one, then the others by
        score. `stability` is the mean adjusted Rand index to the clusterings of random subsets of
        the documents, `subset_agreement` the index between those; the first rows alone have them.
        Of parameters that give the same clustering, the first of the grid is in the table.
    """
    ranked = rank(documents)
    if not ranked:
        return SWEEP.empty_table()
    tree = spanning_tree(documents.distances, MIN_SAMPLES[0], documents.engine)
    subsets = _subsets(documents, seed)
    rows = [
        asdict(candidate.parameters)
        | (_UNUSED if candidate.parameters.algorithm == "average" else {})
        | {"score": candidate.score, "silhouette": candidate.silhouette}
        | {"density_validity": density_validity(tree, candidate.clustering.clusters.labels)}
        | (_stability(candidate.clustering, subsets) if rank < _FINALISTS else {})
        | story_sizes(candidate.clustering.clusters.labels)
        for rank, candidate in enumerate(ranked)
    ]
    return pa.Table.from_pylist(rows, SWEEP)


def as_markdown(table: pa.Table, rows: int = 10) -> str:
    """Return the best rows of a sweep as a Markdown table."""
    return markdown_table(
        dict.fromkeys(table.column_names, "left"),
        [[_cell(value) for value in row.values()] for row in table.slice(0, rows).to_pylist()],
    )


def _subsets(documents: Documents, seed: int) -> list[tuple[np.ndarray, Documents]]:
    """Draw random subsets of the documents: their rows, and the documents."""
    rng = np.random.default_rng(seed)
    n = len(documents.vectors)
    subsets = [np.sort(rng.permutation(n)[: round(n * _SHARE)]) for _ in range(_SUBSETS)]
    return [(rows, documents.take(rows)) for rows in subsets]


def _stability(
    clustering: Clustering, subsets: list[tuple[np.ndarray, Documents]]
) -> dict[str, float]:
    labels = [cluster(subset, clustering.parameters).clusters.labels for _, subset in subsets]
    to_all = [
        agreement(clustering.clusters.labels[rows], of_subset)
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
