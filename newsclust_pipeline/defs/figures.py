"""The figures that the UI shows of every asset."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from newsclust_pipeline.cluster import sweep
from newsclust_pipeline.core.markdown import escape_markdown
from newsclust_pipeline.core.text import one_line
from newsclust_pipeline.defs.resources.news import NewsDumps
from newsclust_pipeline.defs.settings import name_settings
from newsclust_pipeline.embed.base import Embedded, Embedder
from newsclust_pipeline.ingest.articles import Articles
from newsclust_pipeline.ingest.column_report import missing_fields, report_lines, report_table
from newsclust_pipeline.ingest.discover import Dumps
from newsclust_pipeline.ingest.feeds.update import Update
from newsclust_pipeline.ingest.language import count_languages
from newsclust_pipeline.ingest.prepare import Prepared
from newsclust_pipeline.search import knn
from newsclust_pipeline.search.graph import Neighbours
from newsclust_pipeline.store.collection import Sync
from newsclust_pipeline.store.indexes import Index
from newsclust_pipeline.stories import describe, lineage
from newsclust_pipeline.stories.labels import LabelResult, noise_share
from newsclust_pipeline.stories.titles import TitleResult
from newsclust_pipeline.viz import preview
from newsclust_pipeline.viz.projection import Projection
from newsclust_pipeline.viz.umap_private import has_enough_neighbours

Figures = dict[str, Any]


def warn(text: str) -> None:
    """Write a warning to the log of the asset being materialised."""
    dg.AssetExecutionContext.get().log.warning(one_line(text))


def info(text: str) -> None:
    """Write a line to the log of the asset being materialised."""
    dg.AssetExecutionContext.get().log.info(one_line(text))


def of_feeds(update: Update) -> Figures:
    """Return what an update of all feeds did; log what is wrong with feeds."""
    for warning in update.warnings:
        warn(warning)
    return {
        "feeds": update.table.num_rows,
        "feeds_asked": update.fetched,
        "articles_new": update.new,
        "articles_untitled": update.untitled,
        "files_pruned": update.pruned,
        "problems": dg.MetadataValue.md(_problems(update.table)),
    }


def _problems(feeds: pa.Table) -> str:
    rows = [r for r in feeds.to_pylist() if r["problem"]]
    lines = [f"| {escape_markdown(r['address'])} | {escape_markdown(r['problem'])} |" for r in rows]
    return "\n".join(["| feed | problem |", "|---|---|", *lines]) if rows else "None."


def of_articles(news: NewsDumps, dumps: Dumps, articles: Articles, unique: Prepared) -> Figures:
    """Return what became of the rows of all dumps; log the columns and the warnings."""
    warnings = [name_settings(warning) for warning in dumps.warnings]
    for line in report_lines(dumps.columns):
        info(line)
    for warning in warnings:
        warn(warning)
    if articles.rejected.num_rows:
        warn(f"{articles.rejected.num_rows} rows were rejected: see rejected_rows.parquet")
    return {
        "news": news.name,
        "dumps": len(dumps.paths),
        "rows_read": articles.rows,
        "rows_rejected": articles.rejected.num_rows,
        "rows_untitled": articles.untitled,
        "identical_copies": articles.rows - articles.rejected.num_rows - articles.table.num_rows,
        **unique.figures,
        "dates_unparsed": articles.unparsed_dates,
        "languages": count_languages(unique.table),
        "texts_shortened": articles.shortened,
        "missing_fields": missing_fields(dumps.columns),
        "columns": dg.MetadataValue.md(report_table(dumps.columns)),
        "warnings": warnings,
    }


def of_embeddings(embedded: Embedded, model: Embedder, choice: Mapping[str, str]) -> Figures:
    """Return how many vectors are new, and which model they are from; log why."""
    if reason := choice.get("embedder_reason", ""):
        info(f"{model.name}: {reason}.")
    for warning in embedded.warnings:
        warn(name_settings(warning))
    for doc_id, problem in embedded.rejected.items():
        warn(f"document {doc_id} was rejected, see rejected_rows.parquet: {problem}")
    return {
        "new": embedded.new,
        "reused": embedded.table.num_rows - embedded.new,
        "pruned_from_cache": embedded.pruned,
        "articles_without_vector": len(embedded.rejected),
        "embedder": model.name,
        "embedder_reason": choice.get("embedder_reason", "set by the user"),
        "model": model.model,
        "dimension": embedded.dimension,
    }


def of_sync(sync: Sync) -> Figures:
    """Return what was written and removed; warn of a repair and of collections that stay."""
    if sync.repair:
        warn(name_settings(sync.repair))
    for name in sync.not_dropped:
        warn(f"collection {name}: not used any more, but an alias points to it.")
    return {
        "new": sync.new,
        "reused": sync.reused,
        "removed": sync.removed,
        "rebuilt": sync.rebuilt,
    }


def of_neighbours(
    neighbours: Neighbours, searched: int, index: Index, vectors: np.ndarray
) -> Figures:
    """Return the figures of the graph and of the search, with its recall."""
    return {
        **neighbours.summary(),
        "searched": searched,
        "carried_over": len(neighbours.doc_id) - searched,
        "recall": knn.recall(neighbours, vectors),
        "searched_by": index.backend,
        "index": index.kind,
        "index_parameters": {**index.build, **index.search},
    }


def of_labels(labelled: LabelResult) -> Figures:
    """Return the number of stories, the noise, and what recurring columns did."""
    labels = labelled.table
    return {
        "stories": pc.count_distinct(labels["story_id"]).as_py(),
        "noise_share": noise_share(labels),
        "noise_near_a_story": len(labels["nearest_story_id"].drop_null()),
        "articles_in_recurring_columns": labelled.in_series,
    }


def of_titles(titled: TitleResult) -> Figures:
    """Return the largest stories, and what a language model added; log its warning."""
    if titled.warning:
        warn(titled.warning)
    return {
        "recurring_columns": pc.sum(pc.equal(titled.table["kind"], "column")).as_py() or 0,
        "titles_by_model": titled.by_model,
        "titles_asked": titled.requests,
        "titles_unusable": titled.rejected,
        "largest_stories": dg.MetadataValue.md(describe.as_markdown(titled.table)),
    }


def of_events(rows: pa.Table) -> Figures:
    """Return the number of a run's events by kind, and a table of merges and splits."""
    table = dg.MetadataValue.md(lineage.as_markdown(rows))
    return {**lineage.count_events(rows), "merges_and_splits": table}


def of_projection(done: Projection, neighbours: Neighbours, n_neighbors: int) -> Figures:
    """Return how the map was computed; warn if UMAP had to search neighbours again."""
    enough = has_enough_neighbours(neighbours, n_neighbors)
    if not enough:
        warn(
            "UMAP searched neighbours again: knn_distance_matrix kept fewer than n_neighbors. "
            f"Set its projection_neighbors to {n_neighbors}."
        )
    return {"neighbours_handed_over": enough, **done.summary()}


def of_map(documents: pa.Table, stories: pa.Table, labels: pa.Table) -> Figures:
    """Return a preview of the map, and its counts."""
    return {
        "preview": dg.MetadataValue.md(preview.markdown(documents)),
        "documents": documents.num_rows,
        "stories": stories.num_rows,
        "noise_share": noise_share(labels),
    }


def of_sweep(table: pa.Table) -> Figures:
    """Return the best parameters, and a table of the best few."""
    best = table.slice(0, 1).to_pylist()
    return {
        "best_parameters": dg.MetadataValue.md(sweep.as_markdown(table)),
        **{f"recommended_{name}": value for row in best for name, value in row.items()},
    }


def fingerprint(embeddings: pa.Table) -> str:
    """Return the fingerprint of the embedder, from the metadata of the vectors' schema."""
    return (embeddings.schema.metadata or {}).get(b"fingerprint", b"").decode()
