"""Cluster labels with the ids of their stories: the table that `hdbscan_labels` persists."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from newsclust_pipeline.cluster.candidates import Documents
from newsclust_pipeline.cluster.condensed_tree import NOISE
from newsclust_pipeline.cluster.hdbscan import Clusters
from newsclust_pipeline.cluster.nearest_story import Nearest, nearest_stories
from newsclust_pipeline.cluster.topics import topics_and_areas
from newsclust_pipeline.stories.identity import name_stories
from newsclust_pipeline.stories.series import NO_SERIES


@dataclass(frozen=True)
class LabelResult:
    """Labelled documents.

    Attributes:
        table: schema `HDBSCAN_LABELS`.
        in_series: number of articles of recurring columns.
    """

    table: pa.Table
    in_series: int


def label_documents(
    clusters: Clusters,
    documents: Documents,
    articles: pa.Table,
    members: pa.Table,
    series: np.ndarray,
    min_samples: int,
) -> LabelResult:
    """Return the table of labels of clustered documents, with story ids and nearest stories.

    Args:
        clusters: clusters of n documents.
        documents: what was clustered.
        articles: the n documents in the order of the graph: doc_id.
        members: the documents of known stories; see `identity.name_stories`.
        series: (n,) see `series.find_series`.
        min_samples: parameter of the clustering.
    """
    doc_id = articles["doc_id"].to_numpy()
    names = name_stories(doc_id, clusters.labels, members)
    nearest = nearest_stories(documents.distances, clusters.labels, min_samples)
    table = add_nearest_story(labels_table(doc_id, clusters, names), nearest)
    table = add_cohesion_and_topics(table, documents)
    return LabelResult(table, int((series != NO_SERIES).sum()))


def labels_table(doc_id: np.ndarray, clusters: Clusters, names: Sequence[str]) -> pa.Table:
    """Return the table of labels: doc_id, label, probability, story_id, persistence.

    The last two columns describe the document's story; they are null for noise.

    Args:
        doc_id: (n,) ids.
        clusters: the clusters of these documents.
        names: the story id of every label; see `identity.name_stories`.
    """
    story = [None if label == NOISE else names[label] for label in clusters.labels]
    persistence = np.append(clusters.persistence, np.nan)[clusters.labels]  # −1 is the last
    return pa.table(
        {
            "doc_id": pa.array(doc_id.tolist(), pa.string()),
            "label": pa.array(clusters.labels, pa.int32()),
            "probability": pa.array(clusters.probabilities, pa.float64()),
            "story_id": pa.array(story, pa.string()),
            "persistence": pa.array(persistence, pa.float64(), from_pandas=True),
        }
    )


def add_nearest_story(labels: pa.Table, nearest: Nearest) -> pa.Table:
    """Append nearest_story_id and nearest_story_strength to the table of labels.

    Both are set for noise that has a neighbour in a story, and null for all other documents.
    """
    of_label = dict(zip(labels["label"].to_pylist(), labels["story_id"].to_pylist(), strict=True))
    story = [None if label == NOISE else of_label[label] for label in nearest.labels]
    strength = pa.array(nearest.strengths, pa.float64(), from_pandas=True)
    labels = labels.append_column("nearest_story_id", pa.array(story, pa.string()))
    return labels.append_column("nearest_story_strength", strength)


def add_cohesion_and_topics(labels: pa.Table, documents: Documents) -> pa.Table:
    """Append silhouette, topic_id and area_id to the table of labels.

    A topic and an area have the id of their largest story; both are null for noise.
    """
    label = labels["label"].to_numpy()
    values = documents.silhouettes.of(label)
    labels = labels.append_column("silhouette", pa.array(values, pa.float64()))
    of_label = dict(zip(label.tolist(), labels["story_id"].to_pylist(), strict=True))
    levels = topics_and_areas(documents.vectors, documents.distances, label)
    for name, groups in zip(("topic_id", "area_id"), levels, strict=True):
        ids = [None if story == NOISE else of_label[int(groups[story])] for story in label]
        labels = labels.append_column(name, pa.array(ids, pa.string()))
    return labels


def noise_share(labels: pa.Table) -> float:
    """Return the share of documents in no story; 0 if there are no documents."""
    values = np.asarray(labels["label"])
    return float(np.mean(values == NOISE)) if len(values) else 0.0
