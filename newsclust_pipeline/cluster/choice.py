"""Choose algorithm and parameters of the clustering without labels.

Stories whose cohesion is no better than chance count as noise. The score of a clustering is its
mean exact silhouette (`silhouette.py`), with 0 for noise, minus a small price for every document in
a story. It depends on the vectors alone, so it compares clusterings of any kind.

The silhouette does not tell apart two ways to cut that are nearly as good, and it favours the
coarser one. HDBSCAN cuts each branch of its tree at a height of its own, which suits small stories
of different density, so its best clustering stands unless that of average linkage is significantly
better. docs/quality.md compares this rule with others.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from newsclust_pipeline.cluster.average_linkage import clusters_at
from newsclust_pipeline.cluster.candidates import (
    Clustering,
    Documents,
    Parameters,
    candidates,
    cuts,
)
from newsclust_pipeline.cluster.condensed_tree import NOISE
from newsclust_pipeline.cluster.hdbscan import Clusters, hdbscan, ranked_by_size
from newsclust_pipeline.cluster.silhouette import cohesion
from newsclust_pipeline.cluster.vector_sums import rounded

PRICE = 0.03  # of a document in a story: of two equal scores the one with fewer such documents wins
# One-sided 5 % quantile of the normal distribution, for the paired comparison of two clusterings.
SIGNIFICANT = 1.645


@dataclass(frozen=True)
class Candidate:
    """What is known of a clustering: `cluster` makes it again from its parameters.

    Attributes:
        parameters: of the clustering.
        score: its mean silhouette, less the price of every document in a story.
        silhouette: the mean silhouette.
        figures: what `rank` was asked to find out about it.
    """

    parameters: Parameters
    score: float
    silhouette: float
    figures: Mapping[str, float]


class Ranking(NamedTuple):
    """The recommended clustering, and all candidates: that one first, the others by score."""

    best: Clustering
    candidates: list[Candidate]


@dataclass(frozen=True)
class _Scored:
    """A clustering with the score of every document.

    Attributes:
        clustering: without incoherent stories.
        labels: (n,) with them: they compete with the others for documents.
        counts: (n,) whether a document is in a coherent story, by the same mean for all sizes.
        values: (n,) silhouettes minus the price where `counts`, else 0.
        silhouette: the mean silhouette.
    """

    clustering: Clustering
    labels: np.ndarray
    counts: np.ndarray
    values: np.ndarray
    silhouette: float

    @property
    def score(self) -> float:
        """The mean of `values`."""
        return float(self.values.mean())


def cluster(documents: Documents, parameters: Parameters) -> Clustering:
    """Cluster documents by parameters.

    Average linkage without a height of the cut takes the best by score. That height is in the
    parameters of the result.
    """
    if parameters.algorithm == "hdbscan":
        clusters = hdbscan(
            documents.distances,
            parameters.min_samples,
            parameters.min_cluster_size,
            parameters.cluster_selection_method,
            parameters.cluster_selection_epsilon,
            parameters.allow_single_cluster,
            engine=documents.engine,
        )
    elif parameters.cut_height is None:
        best = _best_of(documents, cuts(documents, parameters))[0]
        if best is None:
            return cluster(documents, replace(parameters, cut_height=0.0))
        return best.clustering
    else:
        rows, size = rounded(documents.vectors), parameters.min_cluster_size
        clusters = clusters_at(documents.merge_tree, rows, parameters.cut_height, size)
    if parameters.min_cohesion is not None:
        values = documents.silhouettes.of(clusters.labels)
        clusters = drop_incoherent(clusters, values, parameters.min_cohesion)
    return Clustering(parameters, clusters)


def cluster_by_id(
    documents: Documents, doc_id: np.ndarray, parameters: Parameters, is_tuned: bool
) -> Clustering:
    """Cluster documents by parameters, or by the best ones if `is_tuned`.

    Ties are broken by document id (n,), so the order of the documents does not matter. HDBSCAN with
    fixed parameters is the exception: it breaks ties by row, as the package `hdbscan` does.
    """
    if parameters.algorithm == "hdbscan" and not is_tuned:
        return cluster(documents, parameters)
    order = np.argsort(doc_id)
    ordered = documents.take(order)
    found = choose(ordered) if is_tuned else cluster(ordered, parameters)
    return found._replace(clusters=found.clusters.restore(order))


def choose(documents: Documents) -> Clustering:
    """Return the clustering that `sweep` ranks first.

    With fewer than two documents there is nothing to choose, and the default parameters are used.
    """
    ranking = rank(documents)
    return ranking.best if ranking else cluster(documents, Parameters())


def rank(
    documents: Documents, figures: Callable[[Clustering], Mapping[str, float]] = lambda _: {}
) -> Ranking | None:
    """Score every distinct clustering. With fewer than two documents there is none.

    No more than the best ones are in memory at a time.

    Args:
        documents: the documents.
        figures: called with every clustering; the result is part of its `Candidate`.
    """
    if documents.distances.shape[0] < 2:
        return None
    grid, linkage = candidates(documents)
    best, of_grid = _best_of(documents, grid, figures)
    other, of_linkage = _best_of(documents, linkage, figures)
    if best and other and _is_better(documents, other, best):
        best = other
    if not best:
        return None
    ranked = sorted([*of_grid, *of_linkage], key=lambda candidate: -candidate.score)
    ranked.sort(key=lambda candidate: candidate.parameters != best.clustering.parameters)
    return Ranking(best.clustering, ranked)


def _best_of(
    documents: Documents,
    clusterings: Iterator[Clustering],
    figures: Callable[[Clustering], Mapping[str, float]] = lambda _: {},
) -> tuple[_Scored | None, list[Candidate]]:
    """Return the first clustering with the highest score, and all as candidates."""
    best, ranked = None, []
    for clustering in clusterings:
        scored = _scored(documents, clustering)
        found = figures(scored.clustering)
        ranked.append(Candidate(clustering.parameters, scored.score, scored.silhouette, found))
        if best is None or ranked[-1].score > best.score:
            best = scored
    return best, ranked


def _is_better(documents: Documents, candidate: _Scored, other: _Scored) -> bool:
    """Return True if a clustering is significantly better than another by one of two scores.

    The second score lets noise documents compete with the stories around them. It is low where
    documents are left out of stories whose other documents are farther away.
    """
    ours, theirs = (_with_lone_documents(documents, one) for one in (candidate, other))
    differences = (candidate.values - other.values, ours - theirs)
    errors = [SIGNIFICANT * values.std() / np.sqrt(len(values)) for values in differences]
    return any(
        bool(values.mean() > error) for values, error in zip(differences, errors, strict=True)
    )


def _with_lone_documents(documents: Documents, candidate: _Scored) -> np.ndarray:
    values = documents.silhouettes.of(candidate.labels, lone_compete=True)
    return np.where(candidate.counts, values - PRICE, 0.0)


def _scored(documents: Documents, clustering: Clustering) -> _Scored:
    parameters, clusters = clustering
    values = documents.silhouettes.of(clusters.labels)
    least = parameters.min_cohesion
    member = clusters.labels != NOISE
    if least is not None and member.any():
        member &= np.append(cohesion(clusters.labels, values) >= least, False)[clusters.labels]
    return _Scored(
        Clustering(parameters, drop_incoherent(clusters, values, least)),
        clusters.labels,
        member,
        np.where(member, values - PRICE, 0.0),
        float(np.where(member, values, 0.0).mean()),
    )


def drop_incoherent(clusters: Clusters, values: np.ndarray, least: float | None) -> Clusters:
    """Return clusters without those whose documents have too low a mean silhouette.

    Args:
        clusters: clusters of n documents.
        values: (n,) silhouettes.
        least: the mean that clusters of six and more need; None keeps all. Smaller ones need more,
            as two or three unrelated documents are often near each other: a third more if they are
            three, two thirds more if they are two.
    """
    if least is None or not len(clusters.persistence):
        return clusters
    sizes = np.bincount(clusters.labels[clusters.labels != NOISE])
    needed = least * np.maximum(1, 2 / 3 + 2 / sizes)
    keeps = np.append(cohesion(clusters.labels, values) >= needed, False)  # −1 is the last entry
    member = keeps[clusters.labels]
    labels = (np.cumsum(keeps) - 1)[clusters.labels]
    return ranked_by_size(
        np.where(member, labels, NOISE),
        np.where(member, clusters.probabilities, 0.0),
        clusters.persistence[keeps[:-1]],
    )
