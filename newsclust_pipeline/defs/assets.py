"""The pipeline on one page: every asset, in the order in which data flows.

An asset calls its stage and returns the value, with the figures that the UI shows. Where values are
stored is in `io_managers.py`, when a stage is skipped in `reuse.py`. Assets on which nothing else
depends are in `exports.py` and `evaluation.py`.
"""

from dataclasses import asdict, replace
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa

from newsclust_pipeline.cluster.time_distance import with_time
from newsclust_pipeline.core.tables import join, matrix, sort_by_id
from newsclust_pipeline.defs import config as run_config
from newsclust_pipeline.defs import figures
from newsclust_pipeline.defs.config import plain
from newsclust_pipeline.defs.keys import asset_key
from newsclust_pipeline.defs.materialize import progress, result, run_start, stage
from newsclust_pipeline.defs.rejections import record_rejections
from newsclust_pipeline.defs.resources import (
    Embedder,
    Engine,
    Feeds,
    Milvus,
    NewsDumps,
    PreviousRun,
    Titles,
)
from newsclust_pipeline.defs.reuse import Result, Reuse
from newsclust_pipeline.embed.base import embed
from newsclust_pipeline.ingest.articles import collect_articles
from newsclust_pipeline.ingest.feeds.landing import content_digest
from newsclust_pipeline.ingest.prepare import prepare_articles
from newsclust_pipeline.search import knn
from newsclust_pipeline.search.graph import Neighbours
from newsclust_pipeline.store import collection
from newsclust_pipeline.store.contents import CollectionState
from newsclust_pipeline.stories import describe, lineage
from newsclust_pipeline.stories.labels import label_documents
from newsclust_pipeline.stories.series import find_series
from newsclust_pipeline.stories.series_clusters import cluster_apart
from newsclust_pipeline.viz import continuation, page, projection


@stage("rss", "parquet")
def feeds(config: run_config.FeedsConfig, subscriptions: Feeds) -> Result:
    """New articles of all feeds, appended to the landing folder; and how every feed is doing."""
    update = subscriptions.update(config.window_days, progress("feeds"))
    version = content_digest(subscriptions.landing)
    return replace(result(update.table, **figures.of_feeds(update)), version=version)


@stage(
    "pandas",
    "parquet",
    deps=("feeds", asset_key("news_dumps")),
    outputs=("rejected_rows", "near_duplicates", "gold_labels", "raw_news"),
    reuse=Reuse(reads=lambda news, **_: news.digest()),
)
def raw_news(config: run_config.ArticlesConfig, news: NewsDumps) -> dict[str, Result]:
    """Articles of all dumps: cleaned, dated, deduplicated, each with its own id."""
    dumps = news.open()
    articles = collect_articles(dumps.rows(), config.gold_column)
    unique = prepare_articles(articles.table, **config.preparation())
    facts = figures.of_articles(news, dumps, articles, unique)
    return {
        "rejected_rows": result(articles.rejected),
        "near_duplicates": result(unique.duplicates),
        "gold_labels": result(articles.gold, {"gold_column": config.gold_column}),
        "raw_news": result(unique.table, config.deduplication(), **facts),
    }


@stage("onnx", "parquet", service="embedding_service")
def embeddings(
    config: run_config.EmbeddingsConfig,
    raw_news: pa.Table,
    embedder: Embedder,
    previous: PreviousRun,
    engine: Engine,
) -> Result:
    """One unit vector per article, by the embedder of the settings or for the languages."""
    model, choice = embedder.choose(raw_news, previous.embeddings())
    limits = embedder.keep_days, config.max_rejected
    how = (progress("texts embedded"), *limits, engine.open())
    embedded = embed(raw_news, model, embedder.cache, *how)
    record_rejections(previous.folder, raw_news, embedded.rejected)
    return result(embedded.table, choice, **figures.of_embeddings(embedded, model, choice))


@stage("milvus", io="json", service="milvus")
def milvus_collection(raw_news: pa.Table, embeddings: pa.Table, milvus: Milvus) -> Result:
    """The documents in Milvus, searchable: exactly those of the dumps."""
    index, name = milvus.index_for(embeddings.num_rows).stored, milvus.collection
    articles = sort_by_id(raw_news, np.array(embeddings["doc_id"]))
    with milvus.client() as client:
        sync = collection.sync(
            client, name, articles, embeddings, index, progress("documents written")
        )
    return result(asdict(sync.state), documents=sync.state.count, **figures.of_sync(sync))


@stage("milvus", "scipy", io="csr", service="milvus")
def knn_distance_matrix(
    config: run_config.KnnConfig,
    milvus_collection: dict[str, Any],
    embeddings: pa.Table,
    milvus: Milvus,
    previous: PreviousRun,
    engine: Engine,
) -> Result:
    """The nearest documents of every document, as a symmetric sparse matrix of distances."""
    state = CollectionState(**milvus_collection)
    index, last = milvus.index_for(state.count), previous.neighbours()
    with milvus.client() as client:
        what, report = (client, state, embeddings, index), progress("documents searched")
        found = knn.nearest(*what, config.width, last, report, engine=engine.open())
    neighbours = replace(found.neighbours, k=config.k)
    facts = figures.of_neighbours(neighbours, found.searched, found.index, matrix(embeddings))
    return result(neighbours, **facts, **plain(config))


@stage(
    "hdbscan",
    "parquet",
    # Once the labels are in the history, naming the stories again changes nothing.
    reuse=Reuse(valid=lambda last, previous, **_: lineage.is_recorded(previous.history(), last)),
)
def hdbscan_labels(
    config: run_config.HdbscanConfig,
    knn_distance_matrix: Neighbours,
    embeddings: pa.Table,
    raw_news: pa.Table,
    previous: PreviousRun,
    engine: Engine,
) -> Result:
    """The story that every document belongs to, if any, and how strongly."""
    doc_id, k = knn_distance_matrix.doc_id, knn_distance_matrix.k
    articles, members = sort_by_id(raw_news, doc_id), lineage.members(previous.history())
    series = find_series(articles)
    documents = with_time(knn_distance_matrix, embeddings, raw_news, *config.time())
    documents, given = replace(documents, engine=engine.open()), config.parameters()
    chosen, clusters = cluster_apart(documents, series, doc_id, given, config.is_tuned)
    near = chosen.min_samples
    labelled = label_documents(clusters, documents, articles, members, series, near)
    params = {"k": k} | plain(config) | asdict(chosen)
    return result(labelled.table, params, **figures.of_labels(labelled), **params)


@stage(
    "parquet",
    "csv",
    io="stories",
    must_be_fresh=True,
    service="titles_service",
    reuse=Reuse(valid=lambda _, titles, **__: not titles.model),  # it may write better ones now
)
def stories(
    config: run_config.StoriesConfig,
    raw_news: pa.Table,
    embeddings: pa.Table,
    hdbscan_labels: pa.Table,
    titles: Titles,
    engine: Engine,
) -> Result:
    """The stories by name: title, keywords, counts, days, exemplar; as CSV and JSON, too."""
    documents = join(embeddings.select(["doc_id"]), raw_news, hdbscan_labels)
    described = describe.describe(documents, matrix(embeddings), engine.open())
    titled = titles.retitle(described, documents, config.titles_per_run, config.titles_seconds)
    return result(titled.table, **figures.of_titles(titled))


@stage("scipy", "parquet", io="history")
def story_lineage(
    context: dg.AssetExecutionContext,
    stories: pa.Table,
    hdbscan_labels: pa.Table,
    previous: PreviousRun,
) -> Result:
    """What became of every story since the last run, appended to what became of it before."""
    run_id, at = context.run.run_id, run_start(context)
    history = lineage.record(previous.history(), hdbscan_labels, stories, run_id, at)
    return result(history, **figures.of_events(lineage.rows_of_run(history, run_id)))


@stage("umap", "parquet")
def umap_projection(
    config: run_config.UmapConfig,
    knn_distance_matrix: Neighbours,
    embeddings: pa.Table,
    previous: PreviousRun,
    engine: Engine,
) -> Result:
    """The position of every document on the map, which continues the map of the last run."""
    params = {"fingerprint": figures.fingerprint(embeddings)} | plain(config)
    old = continuation.previous_map(previous.positions(), config.n_components, params, figures.warn)
    what, how = (matrix(embeddings), knn_distance_matrix), config.model_dump()
    done = projection.project(*what, **how, previous=old, engine=engine.open())
    table = projection.positions_table(knn_distance_matrix.doc_id, done.positions)
    facts = figures.of_projection(done, knn_distance_matrix, config.n_neighbors)
    return result(table, params, **facts, **plain(config))


@stage(
    "plotly",
    "html",
    io="html",
    must_be_fresh=True,
    ins={"embeddings": dg.AssetIn(input_manager_key="schema_io")},  # only to name the model
    reuse=Reuse(),
)
def cluster_plot(
    raw_news: pa.Table,
    embeddings: pa.Schema,
    hdbscan_labels: pa.Table,
    stories: pa.Table,
    story_lineage: pa.Table,
    umap_projection: pa.Table,
    knn_distance_matrix: Neighbours,
) -> Result:
    """The map: one page that works offline, for those who only ever open the map."""
    articles = sort_by_id(raw_news, knn_distance_matrix.doc_id)
    documents = join(articles, hdbscan_labels, umap_projection)
    facts = page.footer_facts(embeddings, hdbscan_labels.schema, umap_projection.schema)
    html = page.build_page(
        documents, stories, facts, lineage=story_lineage, neighbours=knn_distance_matrix
    )
    return result(html, **figures.of_map(documents, stories, hdbscan_labels))
