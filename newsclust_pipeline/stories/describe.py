"""Labels → stories: a headline, keywords, counts and dates for every cluster."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from newsclust_pipeline import schemas
from newsclust_pipeline.cluster.hdbscan import NOISE, Clusters
from newsclust_pipeline.cluster.nearest_story import Nearest
from newsclust_pipeline.core.markdown import markdown_table
from newsclust_pipeline.stories.keywords import keywords, segmented

_FIRST = 3  # keywords of which an exemplar's headline has one
_LONG = 1.5  # times the median of a story's headlines: longer ones are no headlines
STORIES = schemas.STORIES.schema


def labels_table(doc_id: np.ndarray, clusters: Clusters, names: Sequence[str]) -> pa.Table:
    """Make the table of labels: doc_id, label, probability, story_id, the story's persistence.

    The last two are null for noise.

    Args:
        doc_id: (n,) ids.
        clusters: of these documents.
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


def with_nearest(labels: pa.Table, nearest: Nearest) -> pa.Table:
    """Append nearest_story_id and nearest_story_strength to the table of labels.

    They are told of documents in no story, as far as one is near; null for all others.
    """
    of_label = dict(zip(labels["label"].to_pylist(), labels["story_id"].to_pylist(), strict=True))
    story = [None if label == NOISE else of_label[label] for label in nearest.labels]
    strength = pa.array(nearest.strengths, pa.float64(), from_pandas=True)
    labels = labels.append_column("nearest_story_id", pa.array(story, pa.string()))
    return labels.append_column("nearest_story_strength", strength)


def describe(documents: pa.Table, vectors: np.ndarray) -> pa.Table:
    """Describe the stories of labelled documents, largest first, schema `STORIES`.

    A story's title is the headline of its exemplar: the document nearest to all others, which is
    the medoid by squared Euclidean distance (Kaufman, Rousseeuw 1987). One whose headline has none
    of the story's first keywords ("Live updates"), or is a whole paragraph beside the others,
    leaves it to the next nearest.

    Args:
        documents: one row per document: doc_id, story_id, label, persistence, title, text, venues
            (outlets of all its copies), published_at, copies.
        vectors: (n, d) of the same documents, unit length.
    """
    labels = documents["label"].to_numpy()
    told = keywords(documents["text"].to_pylist(), labels)
    faces = _exemplars(documents["title"].to_pylist(), labels, vectors, told)
    columns = ["label", "venues", "published_at", "copies"]
    frame = documents.select(columns).to_pandas()
    counted = (
        frame[frame["label"] != NOISE]
        .groupby("label")
        .agg(
            size=("label", "size"),
            copies=("copies", "sum"),
            outlets=("venues", lambda lists: len(set().union(*lists))),
            first_published=("published_at", "min"),
            last_published=("published_at", "max"),
        )
    )
    exemplars = documents.take(pa.array(faces, pa.int64()))
    arrays = {name: pa.array(counted[name], from_pandas=True) for name in counted}
    arrays |= {name: exemplars[name] for name in ("story_id", "label", "title", "persistence")}
    arrays["exemplar_doc_id"] = exemplars["doc_id"]
    arrays["title_source"] = pa.array(["headline"] * len(faces), pa.string())
    arrays["keywords"] = pa.array(told, STORIES.field("keywords").type)
    arrays["per_day"] = pa.array(_per_day(frame, len(faces)), STORIES.field("per_day").type)
    columns = [arrays[f.name].cast(f.type) for f in STORIES]
    return pa.Table.from_arrays(columns, schema=STORIES)


def _exemplars(
    titles: list[str], labels: np.ndarray, vectors: np.ndarray, told: list[list[str]]
) -> list[int]:
    """Give the row of every story's exemplar.

    Between unit vectors, the squared distances to all members add up to 2·m − 2·v·Σv: the nearest
    to all is that with the largest product with their sum. So there is no need of all pairs.
    """
    found = []
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(len(told) + 1))
    for label, keyed in enumerate(told):
        members = order[starts[label] : starts[label + 1]]
        central = vectors[members] @ vectors[members].sum(axis=0, dtype=np.float64)
        # What differs by float32's last digits is equal, and the first published comes first.
        ranked = members[np.argsort(-central.round(5), kind="stable")]
        telling = {unit.text for keyword in keyed[:_FIRST] for unit in segmented(keyword)}
        longest = _LONG * np.median([len(titles[row]) for row in members])
        faces = (row for row in ranked if _heads(titles[row], telling, longest))
        found.append(int(next(faces, ranked[0])))
    return found


def _heads(title: str, telling: set[str], longest: float) -> bool:
    """Tell whether a headline can stand for a story: it says what it is about, and is one."""
    return len(title) <= longest and any(unit.text in telling for unit in segmented(title))


def _per_day(frame: pd.DataFrame, stories: int) -> list[list[dict[str, Any]]]:
    """Count every story's articles by day of publication (UTC), days without any left out."""
    dated = frame[(frame["label"] != NOISE) & frame["published_at"].notna()]
    counts = dated.groupby(["label", dated["published_at"].dt.date]).size()
    days: list[list[dict[str, Any]]] = [[] for _ in range(stories)]
    for (label, day), articles in counts.items():
        days[label].append({"day": day, "articles": articles})
    return days


def noise_share(labels: pa.Table) -> float:
    """Give the share of documents in no story; 0 where there are no documents."""
    values = np.asarray(labels["label"])
    return float(np.mean(values == NOISE)) if len(values) else 0.0


def as_markdown(stories: pa.Table, rows: int = 10) -> str:
    """Return the largest stories as a Markdown table."""
    columns = stories.select(["size", "outlets", "title", "keywords"]).slice(0, rows)
    return markdown_table(
        {"articles": "right", "outlets": "right", "story": "left", "keywords": "left"},
        [
            [size, outlets, title, ", ".join(words)]
            for size, outlets, title, words in zip(
                *(column.to_pylist() for column in columns.columns), strict=True
            )
        ],
    )
