"""Labels → stories: a headline, keywords, counts and dates for every cluster."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from newsclust_pipeline import schemas
from newsclust_pipeline.cluster.condensed_tree import NOISE
from newsclust_pipeline.cluster.silhouette import cohesion
from newsclust_pipeline.core.engine import IN_PROCESS, Engine
from newsclust_pipeline.core.markdown import markdown_table
from newsclust_pipeline.core.tables import embedded_texts
from newsclust_pipeline.stories.exemplars import exemplars
from newsclust_pipeline.stories.headlines import clean_headline
from newsclust_pipeline.stories.keywords import Corpus, keywords
from newsclust_pipeline.stories.series import find_series, is_column
from newsclust_pipeline.stories.short_titles import short_titles

_NAME_WORDS = 3  # keywords that name a topic
# Stories with a lower mean silhouette are hardly nearer to themselves than to others.
DOUBTFUL = 0.1
STORIES = schemas.STORIES.schema


def describe(documents: pa.Table, vectors: np.ndarray, engine: Engine = IN_PROCESS) -> pa.Table:
    """Return a description of every story with schema `STORIES`.

    Doubtful stories (of low cohesion) come last, events before recurring columns, and larger
    stories before smaller ones.

    The headline of a story's exemplar (see `exemplars`) is its title, without labels and outlets'
    names.

    Args:
        documents: one row per document: doc_id, story_id, label, persistence, silhouette,
            topic_id, area_id, title, text, venues
            (the outlets of all its copies), venue, url, published_at, copies; language and
            embedded_text, if known. Keywords are taken from the latter where it is set.
        vectors: (n, d) of the same documents, unit length.
        engine: finds the keywords and exemplars of many stories.
    """
    labels = documents["label"].to_numpy()
    languages = _languages(documents, labels)
    main = _main_languages(languages)
    in_main = _in_main_language(documents, labels, main)
    corpus = Corpus(embedded_texts(documents).to_pylist(), engine)
    keyword_lists = keywords(
        corpus, np.where(in_main, labels, NOISE), languages=main, engine=engine
    )
    keyword_lists += [[]] * (len(main) - len(keyword_lists))
    titles = documents["title"].to_pylist()
    exemplar_rows = exemplars(titles, labels, vectors, keyword_lists, in_main, engine)
    columns = ["label", "venues", "published_at", "copies"]
    frame = documents.select(columns).to_pandas()
    aggregates = _aggregate(frame)
    chosen = documents.take(pa.array(exemplar_rows, pa.int64()))
    arrays = {name: pa.array(aggregates[name], from_pandas=True) for name in aggregates}
    arrays |= {name: chosen[name] for name in ("story_id", "label", "persistence")}
    arrays["title"] = pa.array(
        [
            clean_headline(title, venues) or title
            for title, venues in zip(
                *(chosen[n].to_pylist() for n in ("title", "venues")), strict=True
            )
        ],
        pa.string(),
    )
    arrays["exemplar_doc_id"] = chosen["doc_id"]
    arrays["title_source"] = pa.array(["headline"] * len(exemplar_rows), pa.string())
    arrays["keywords"] = pa.array(keyword_lists, STORIES.field("keywords").type)
    arrays["per_day"] = pa.array(_per_day(frame, len(exemplar_rows)), STORIES.field("per_day").type)
    arrays["short_title"] = pa.array(short_titles(arrays["title"].to_pylist(), keyword_lists))
    column = is_column(labels, find_series(documents), len(exemplar_rows))
    arrays["kind"] = pa.array(np.where(column, "column", "event"), pa.string())
    arrays["languages"] = pa.array(languages, STORIES.field("languages").type)
    arrays |= _topics(documents, chosen, corpus)
    arrays["cohesion"] = pa.array(cohesion(labels, documents["silhouette"].to_numpy()))
    columns = [arrays[f.name].cast(f.type) for f in STORIES]
    stories = pa.Table.from_arrays(columns, schema=STORIES)
    doubtful = arrays["cohesion"].to_numpy() < DOUBTFUL
    return stories.take(np.lexsort((column, doubtful)))


def _topics(documents: pa.Table, exemplars: pa.Table, corpus: Corpus) -> dict[str, pa.Array]:
    """Return id and name of every story's topic and area. Their names are their first keywords."""
    columns: dict[str, pa.Array] = {}
    for level in ("topic", "area"):
        ids = documents[f"{level}_id"].to_pylist()
        numbers = {name: n for n, name in enumerate(dict.fromkeys(filter(None, ids)))}
        groups = np.array([numbers.get(name, NOISE) for name in ids], dtype=np.int64)
        main = _main_languages(_languages(documents, groups))
        in_main = _in_main_language(documents, groups, main)
        words = keywords(corpus, np.where(in_main, groups, NOISE), languages=main)
        words += [[]] * (len(numbers) - len(words))
        of_story = exemplars[f"{level}_id"].to_pylist()
        columns[f"{level}_id"] = pa.array(of_story, pa.string())
        names = [", ".join(words[numbers[name]][:_NAME_WORDS]) for name in of_story]
        columns[level] = pa.array(names, pa.string())
    return columns


def as_markdown(stories: pa.Table, rows: int = 10) -> str:
    """Return the largest stories as a Markdown table."""
    return markdown_table(
        {
            "articles": "right",
            "outlets": "right",
            "story": "left",
            "keywords": "left",
            "kind": "left",
        },
        [
            [s["size"], s["outlets"], s["title"], ", ".join(s["keywords"]), s["kind"]]
            for s in stories.slice(0, rows).to_pylist()
        ],
    )


def _aggregate(frame: pd.DataFrame) -> pd.DataFrame:
    """Return every story's counts and dates, by label."""
    return (
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


def _in_main_language(
    documents: pa.Table, labels: np.ndarray, main: list[str | None]
) -> np.ndarray:
    """Return a mask (n,) of documents in their story's main language or in an unknown one."""
    if "language" not in documents.column_names:
        return np.ones(len(labels), dtype=bool)
    languages = documents["language"].to_pylist()
    return np.array(
        [
            label == NOISE or language is None or language == main[label]
            for label, language in zip(labels.tolist(), languages, strict=True)
        ],
        dtype=bool,
    )


def _languages(documents: pa.Table, labels: np.ndarray) -> list[list[dict[str, Any]]]:
    """Return every group's number of articles by language, the most frequent first."""
    counts = [Counter[str]() for _ in range(int(labels.max(initial=NOISE)) + 1)]
    if "language" in documents.column_names:
        for label, language in zip(labels, documents["language"].to_pylist(), strict=True):
            if label != NOISE and language:
                counts[label][language] += 1
    return [
        [
            {"language": language, "articles": articles}
            for language, articles in sorted(count.items(), key=lambda item: (-item[1], item[0]))
        ]
        for count in counts
    ]


def _main_languages(languages: list[list[dict[str, Any]]]) -> list[str | None]:
    """Return every group's most frequent language; None if no article's language is known."""
    return [counts[0]["language"] if counts else None for counts in languages]


def _per_day(frame: pd.DataFrame, stories: int) -> list[list[dict[str, Any]]]:
    """Return every story's number of articles by day of publication (UTC), omitting empty days."""
    dated = frame[(frame["label"] != NOISE) & frame["published_at"].notna()]
    counts = dated.groupby(["label", dated["published_at"].dt.date]).size()
    days: list[list[dict[str, Any]]] = [[] for _ in range(stories)]
    for (label, day), articles in counts.items():
        days[label].append({"day": day, "articles": articles})
    return days
