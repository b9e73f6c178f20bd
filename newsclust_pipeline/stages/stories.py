"""Labels → stories: a headline, counts and dates for every cluster."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from newsclust_pipeline.stages.density import NOISE, Clusters

STORIES = pa.schema(
    [
        pa.field("story_id", pa.string(), nullable=False),
        pa.field("label", pa.int32(), nullable=False),
        pa.field("title", pa.string(), nullable=False),
        pa.field("size", pa.int32(), nullable=False),
        pa.field("outlets", pa.int32(), nullable=False),
        pa.field("first_published", pa.timestamp("us", tz="UTC")),
        pa.field("last_published", pa.timestamp("us", tz="UTC")),
    ]
)


def labels_table(doc_id: np.ndarray, clusters: Clusters, names: Sequence[str]) -> pa.Table:
    """Make the table of labels: doc_id, label, probability, story_id (null for noise).

    Args:
        doc_id: (n,) ids.
        clusters: of these documents.
        names: the story id of every label; see `identity.name_stories`.
    """
    story = [None if label == NOISE else names[label] for label in clusters.labels]
    return pa.table(
        {
            "doc_id": pa.array(doc_id.tolist(), pa.string()),
            "label": pa.array(clusters.labels, pa.int32()),
            "probability": pa.array(clusters.probabilities, pa.float64()),
            "story_id": pa.array(story, pa.string()),
        }
    )


def join(documents: pa.Table, *others: pa.Table) -> pa.Table:
    """Append other tables' columns by doc_id; rows stay in the order of the first.

    Raises:
        ValueError: a document is missing from one of the others.
    """
    for other in others:
        rows = pc.index_in(documents["doc_id"], other["doc_id"])
        if rows.null_count:
            raise ValueError(
                f"{rows.null_count} of {documents.num_rows} documents are missing from one stage. "
                "Materialise all assets again, from raw_news on."
            )
        matched = other.take(rows)
        for name in (n for n in other.column_names if n != "doc_id"):
            documents = documents.append_column(other.schema.field(name), matched[name])
    return documents


def describe(documents: pa.Table) -> pa.Table:
    """Describe the stories of labelled documents, largest first, schema `STORIES`.

    Args:
        documents: one row per document: story_id, label, probability, title, venue, published_at.

    The title of a story is the headline of the document that is surest to belong to it.
    """
    columns = ["story_id", "label", "probability", "title", "venue", "published_at"]
    frame = documents.select(columns).to_pandas()
    stories = frame[frame["label"] != NOISE].sort_values(
        ["label", "probability", "published_at"], ascending=[True, False, True], kind="stable"
    )
    described = stories.groupby("label", as_index=False).agg(
        story_id=("story_id", "first"),
        title=("title", "first"),
        size=("title", "size"),
        outlets=("venue", "nunique"),
        first_published=("published_at", "min"),
        last_published=("published_at", "max"),
    )
    arrays = [pa.array(described[f.name], f.type, from_pandas=True) for f in STORIES]
    return pa.Table.from_arrays(arrays, schema=STORIES)


def noise_share(labels: pa.Table) -> float:
    """Give the share of documents in no story; 0 where there are no documents."""
    values = np.asarray(labels["label"])
    return float(np.mean(values == NOISE)) if len(values) else 0.0


def as_markdown(stories: pa.Table, rows: int = 10) -> str:
    """Write the largest stories as a Markdown table."""
    lines = ["| articles | outlets | story |", "|---:|---:|---|"]
    lines += [
        f"| {s['size']} | {s['outlets']} | {escape_markdown(s['title'])} |"
        for s in stories.slice(0, rows).to_pylist()
    ]
    return "\n".join(lines)


_MARKS = str.maketrans({mark: f"&#{ord(mark)};" for mark in "\\`*_~[]<>|&!"})


def escape_markdown(text: str) -> str:
    """Take from a headline what Markdown or HTML would act on."""
    return text.translate(_MARKS)
