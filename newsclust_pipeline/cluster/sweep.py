"""The table of a sweep: every clustering that `choice.py` considers, with its figures.

Density-based validity and stability under subsampling (Ben-Hur, Elisseeff, Guyon 2002) are reported
beside the score; docs/quality.md compares the criteria.
"""

from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import pyarrow as pa

from newsclust_pipeline.cluster.candidates import MIN_SAMPLES, Clustering, Documents
from newsclust_pipeline.cluster.choice import Candidate, cluster, rank
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
    ranking = rank(documents, lambda clustering: _figures(documents, clustering))
    if not ranking:
        return SWEEP.empty_table()
    rows = [
        asdict(candidate.parameters)
        | (_UNUSED if candidate.parameters.algorithm == "average" else {})
        | {"score": candidate.score, "silhouette": candidate.silhouette}
        | dict(candidate.figures)
        for candidate in ranking.candidates
    ]
    finalists = [ranking.best, *_clusterings(documents, ranking.candidates[1:_FINALISTS])]
    for row, stability in enumerate(_stability(documents, finalists, seed)):
        rows[row] |= stability
    return pa.Table.from_pylist(rows, SWEEP)


def _figures(documents: Documents, clustering: Clustering) -> dict[str, float]:
    tree, labels = documents.spanning_tree(MIN_SAMPLES[0]), clustering.clusters.labels
    return {"density_validity": density_validity(tree, labels)} | story_sizes(labels)


def _clusterings(documents: Documents, candidates: list[Candidate]) -> list[Clustering]:
    return [cluster(documents, candidate.parameters) for candidate in candidates]


def as_markdown(table: pa.Table, rows: int = 10) -> str:
    """Return the best rows of a sweep as a Markdown table."""
    return markdown_table(
        dict.fromkeys(table.column_names, "left"),
        [[_cell(value) for value in row.values()] for row in table.slice(0, rows).to_pylist()],
    )


def _stability(
    documents: Documents, clusterings: list[Clustering], seed: int
) -> Iterator[dict[str, float]]:
    """Yield `stability` and `subset_agreement` of each clustering."""
    rng, n = np.random.default_rng(seed), len(documents.vectors)
    subsets = [np.sort(rng.permutation(n)[: round(n * _SHARE)]) for _ in range(_SUBSETS)]
    # One subset at a time: each takes about as much memory as all documents.
    found = [_labels_of_subset(documents, rows, clusterings) for rows in subsets]
    first, second = subsets
    _, at, other_at = np.intersect1d(first, second, return_indices=True)
    for clustering, *labels in zip(clusterings, *found, strict=True):
        to_all = [
            agreement(clustering.clusters.labels[rows], of_subset)
            for rows, of_subset in zip(subsets, labels, strict=True)
        ]
        yield {
            "stability": float(np.mean(to_all)),
            "subset_agreement": agreement(labels[0][at], labels[1][other_at]),
        }


def _labels_of_subset(
    documents: Documents, rows: np.ndarray, clusterings: list[Clustering]
) -> list[np.ndarray]:
    """Return the labels (r,) of these rows if they are clustered alone, by each's parameters."""
    subset = documents.take(rows)
    return [cluster(subset, one.parameters).clusters.labels for one in clusterings]


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
