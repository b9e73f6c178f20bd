"""The pipeline on one page: every asset in the order in which data flows.

An asset calls a stage and returns its value, with the figures that its page in the UI shows. How
things are done is in `stages/`, where they are kept in `io_managers.py`.
"""

from collections.abc import Callable
from dataclasses import asdict, astuple, replace
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from newsclust_pipeline.cluster import gold, hdbscan, metrics, sweep, time_distance
from newsclust_pipeline.core.progress import log_progress
from newsclust_pipeline.core.tables import join, matrix
from newsclust_pipeline.defs.config import (
    ArticlesConfig,
    HdbscanConfig,
    KnnConfig,
    QualityConfig,
    StoriesConfig,
    TimeConfig,
    Tuning,
    UmapConfig,
    plain,
)
from newsclust_pipeline.defs.io_managers import CsrIO, ParquetIO
from newsclust_pipeline.defs.materialize import Reuse, plain_errors, result, reusing
from newsclust_pipeline.defs.resources import Embedder, Milvus, NewsDumps, StoryHistory, Titles
from newsclust_pipeline.defs.settings import name_settings
from newsclust_pipeline.embed.base import embed
from newsclust_pipeline.ingest.articles import collect_articles
from newsclust_pipeline.ingest.column_report import report_lines, report_table, write_report
from newsclust_pipeline.ingest.language import add_languages, count_languages
from newsclust_pipeline.ingest.prepare import prepare_articles
from newsclust_pipeline.search import knn
from newsclust_pipeline.search.graph import Neighbours
from newsclust_pipeline.store import collection, contents
from newsclust_pipeline.stories import lineage
from newsclust_pipeline.stories.describe import as_markdown, describe
from newsclust_pipeline.stories.digest import digest as write_digest
from newsclust_pipeline.stories.exports import documents_table
from newsclust_pipeline.stories.labels import label_documents, noise_share
from newsclust_pipeline.viz import continuation, page, preview, projection, umap_private
from newsclust_pipeline.viz import parameter_plot as parameter_plot_page


def stage(
    io: str, *kinds: str, reuse: Reuse | None = None
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """Make an asset of a function: what all of ours have in common.

    One with `reuse` gives its last value again where it would make the same.
    """

    def made(function: Callable[..., Any]) -> dg.AssetsDefinition:
        return dg.asset(
            group_name="news",
            kinds=set(kinds),
            owners=["team:newsclust"],
            io_manager_key=f"{io}_io",
        )(plain_errors(reusing(f"{io}_io", reuse, function) if reuse else function))

    return made


@stage(
    "parquet",
    "pandas",
    "parquet",
    reuse=Reuse(lambda _, news, **__: news.digest(), lambda *_, news, **__: news.all_kept()),
)
def raw_news(
    context: dg.AssetExecutionContext, config: ArticlesConfig, news: NewsDumps
) -> dg.MaterializeResult[pa.Table]:
    """Articles of all dumps: cleaned, dated, deduplicated, each with its own id."""
    dumps = news.open()
    found = collect_articles(dumps.rows())
    rejected = news.keep("rejected_rows", found.rejected)
    unique = prepare_articles(
        add_languages(found.table),
        days=config.window_days,
        similarity=config.near_duplicate_similarity,
        now=datetime.now(UTC),
    )
    news.keep("near_duplicates", unique.duplicates)
    warnings = [name_settings(warning) for warning in dumps.warnings]
    for line in report_lines(dumps.columns):
        context.log.info(line)
    for warning in warnings:
        context.log.warning(warning)
    if found.rejected.num_rows:
        context.log.warning(f"{found.rejected.num_rows} rows set aside in {rejected}")
    return result(
        unique.table,
        plain(config) | {"column_report": write_report(dumps.columns)},
        news=news.location.name,
        dumps=len(dumps.paths),
        rows_read=found.rows,
        rows_rejected=found.rejected.num_rows,
        rows_untitled=found.untitled,
        identical_copies=found.rows - found.rejected.num_rows - found.table.num_rows,
        **unique.figures,
        dates_unparsed=found.unparsed_dates,
        languages=count_languages(unique.table),
        texts_shortened=found.shortened,
        columns=dg.MarkdownMetadataValue(report_table(dumps.columns)),
        warnings=warnings,
    )


@stage("parquet", "onnx", "parquet")
def embeddings(
    context: dg.AssetExecutionContext, raw_news: pa.Table, embedder: Embedder
) -> dg.MaterializeResult[pa.Table]:
    """One unit vector per article, by the embedder of the settings."""
    model = embedder.load()
    progress = log_progress(context.log.info, "texts embedded")
    found = embed(raw_news, model, embedder.cache, progress, embedder.keep_days)
    return result(
        found.table,
        new=found.new,
        reused=found.table.num_rows - found.new,
        pruned_from_cache=found.pruned,
        embedder=model.name,
        model=model.model,
        dimension=found.dimension,
    )


@stage("json", "milvus")
def milvus_collection(
    context: dg.AssetExecutionContext, raw_news: pa.Table, embeddings: pa.Table, milvus: Milvus
) -> dg.MaterializeResult[dict[str, Any]]:
    """The documents in Milvus, searchable: exactly those of the dump."""
    progress = log_progress(context.log.info, "documents written")
    index = milvus.index_for(raw_news.num_rows).stored
    with milvus.client() as client:
        done = collection.sync(client, milvus.collection, raw_news, embeddings, index, progress)
    for name in done.not_dropped:
        context.log.warning(f"collection {name}: not used any more, but an alias points to it.")
    return result(
        asdict(done.state),
        documents=done.state.count,
        new=done.new,
        reused=done.reused,
        removed=done.removed,
        rebuilt=done.rebuilt,
    )


@stage("csr", "milvus", "scipy")
def knn_distance_matrix(
    context: dg.AssetExecutionContext,
    config: KnnConfig,
    milvus_collection: dict[str, Any],
    embeddings: pa.Table,
    milvus: Milvus,
    csr_io: dg.ResourceParam[CsrIO],
) -> dg.MaterializeResult[Neighbours]:
    """The nearest documents of every document, as a symmetric sparse matrix of distances."""
    state = contents.CollectionState(**milvus_collection)
    progress = log_progress(context.log.info, "documents searched")
    index = milvus.index_for(state.count)
    wanted, last = (
        max(config.k, config.projection_neighbors - 1),
        csr_io.last("knn_distance_matrix", context.log.warning),
    )
    with milvus.client() as client:
        done = knn.nearest(client, state, embeddings, index, wanted, last, progress)
    found = replace(done.neighbours, k=config.k)
    return result(
        found,
        plain(config),
        **found.summary(),
        searched=done.searched,
        carried_over=state.count - done.searched,
        searched_by=index.backend,
        index=index.kind,
        index_parameters={**index.build, **index.search},
        **plain(config),
    )


@stage(
    "parquet",
    "hdbscan",
    "parquet",
    # Once the labels are recorded, naming them again changes nothing.
    reuse=Reuse(still=lambda last, history, **_: lineage.is_recorded(history.read(), last)),
)
def hdbscan_labels(
    config: HdbscanConfig,
    knn_distance_matrix: Neighbours,
    embeddings: pa.Table,
    raw_news: pa.Table,
    history: StoryHistory,
) -> dg.MaterializeResult[pa.Table]:
    """Which story every document belongs to, if any, and how surely."""
    graph, vectors = timed(knn_distance_matrix, embeddings, raw_news, config)
    chosen = sweep.choose(graph, vectors) if config.tuning is Tuning.auto else given(config)
    clusters = hdbscan.hdbscan(graph, *astuple(chosen))
    params = {"k": knn_distance_matrix.k} | plain(config) | asdict(chosen)
    order = pa.table({"doc_id": pa.array(knn_distance_matrix.doc_id.tolist(), pa.string())})
    articles, members = join(order, raw_news), lineage.members(history.read())
    sizes = chosen.min_samples, chosen.min_cluster_size
    labelled = label_documents(clusters, graph, articles, members, *sizes)
    labels = labelled.table
    return result(
        labels,
        params,
        stories=pc.count_distinct(labels["story_id"]).as_py(),
        noise_share=noise_share(labels),
        noise_near_a_story=len(labels["nearest_story_id"].drop_null()),
        articles_in_recurring_columns=labelled.in_series,
        events_separated_from_columns=labelled.separated,
        **params,
    )


@stage(
    "stories",
    "parquet",
    "csv",
    reuse=Reuse(still=lambda *_, titles, **__: not titles.model),  # it may know better ones by now
)
def stories(
    context: dg.AssetExecutionContext,
    config: StoriesConfig,
    raw_news: pa.Table,
    embeddings: pa.Table,
    hdbscan_labels: pa.Table,
    titles: Titles,
) -> dg.MaterializeResult[pa.Table]:
    """The stories by name: title, keywords, counts, days, exemplar; as CSV and JSON, too."""
    documents = join(embeddings.select(["doc_id"]), raw_news, hdbscan_labels)
    told = describe(documents, matrix(embeddings))
    named = titles.retitle(told, documents, config.titles_per_run, config.titles_seconds)
    if named.warning:
        context.log.warning(named.warning)
    return result(
        named.table,
        recurring_columns=pc.sum(pc.equal(named.table["kind"], "column")).as_py() or 0,
        titles_by_model=named.by_model,
        titles_asked=named.requests,
        titles_unusable=named.rejected,
        largest_stories=dg.MetadataValue.md(as_markdown(named.table)),
    )


@stage("history", "scipy", "parquet")
def story_lineage(
    context: dg.AssetExecutionContext,
    stories: pa.Table,
    hdbscan_labels: pa.Table,
    history: StoryHistory,
) -> dg.MaterializeResult[pa.Table]:
    """What became of every story since the last run, appended to what became of it before."""
    run_id = context.run.run_id
    grown = lineage.record(history.read(), hdbscan_labels, stories, run_id, began(context))
    rows = lineage.rows_of_run(grown, run_id)
    met = dg.MetadataValue.md(lineage.as_markdown(rows))
    return result(grown, None, **lineage.count_events(rows), merges_and_splits=met)


@stage("parquet", "umap", "parquet")
def umap_projection(
    context: dg.AssetExecutionContext,
    config: UmapConfig,
    knn_distance_matrix: Neighbours,
    embeddings: pa.Table,
    parquet_io: dg.ResourceParam[ParquetIO],
) -> dg.MaterializeResult[pa.Table]:
    """Every document's place on the map, which continues that of the last run."""
    known = umap_private.has_enough_neighbours(knn_distance_matrix, config.n_neighbors)
    if not known:
        context.log.warning(
            "UMAP searches neighbours again: knn_distance_matrix kept fewer than n_neighbors. "
            f"Set its projection_neighbors to {config.n_neighbors}."
        )
    fingerprint = (embeddings.schema.metadata or {}).get(b"fingerprint", b"").decode()
    params = {"fingerprint": fingerprint} | plain(config)
    seen = parquet_io.last("umap_projection", context.log.warning)
    last = continuation.previous_map(seen, config.n_components, params, context.log.warning)
    done = projection.project(
        matrix(embeddings), knn_distance_matrix, **config.model_dump(), previous=last
    )
    table = projection.positions_table(knn_distance_matrix.doc_id, done.positions)
    return result(table, params, neighbours_handed_over=known, **done.summary(), **plain(config))


@stage("html", "plotly", "html", reuse=Reuse())
def cluster_plot(
    raw_news: pa.Table,
    embeddings: pa.Table,
    hdbscan_labels: pa.Table,
    stories: pa.Table,
    umap_projection: pa.Table,
) -> dg.MaterializeResult[str]:
    """The map: one page that works offline, for those who only ever open the map."""
    documents = join(raw_news, hdbscan_labels, umap_projection)
    made_with = told_by(embeddings, hdbscan_labels, umap_projection)
    html = page.build_page(documents, stories, made_with)
    return result(
        html,
        preview=dg.MetadataValue.md(preview.markdown(documents)),
        documents=documents.num_rows,
        stories=stories.num_rows,
        noise_share=noise_share(hdbscan_labels),
    )


@stage("parquet", "parquet", reuse=Reuse())
def documents(
    raw_news: pa.Table,
    hdbscan_labels: pa.Table,
    stories: pa.Table,
    umap_projection: pa.Table,
    knn_distance_matrix: Neighbours,
) -> dg.MaterializeResult[pa.Table]:
    """All that is known of every article in one table, which embedding-atlas opens as it is."""
    return result(
        documents_table(raw_news, hdbscan_labels, stories, umap_projection, knn_distance_matrix)
    )


@stage("markdown", "markdown")
def digest(
    stories: pa.Table, story_lineage: pa.Table, raw_news: pa.Table
) -> dg.MaterializeResult[str]:
    """What happened, to be mailed: what is new, biggest, growing fastest, merged, split, ended."""
    text = write_digest(stories, story_lineage, raw_news)
    return result(text, digest=dg.MetadataValue.md(text))


def began(context: dg.AssetExecutionContext) -> datetime:
    """Tell when the run began."""
    record = context.instance.get_run_record_by_id(context.run.run_id)
    started = record.start_time if record else None
    return datetime.fromtimestamp(started, UTC) if started else datetime.now(UTC)


@stage("parquet", "hdbscan", "parquet", reuse=Reuse())
def parameter_sweep(
    config: TimeConfig,
    knn_distance_matrix: Neighbours,
    embeddings: pa.Table,
    raw_news: pa.Table,
) -> dg.MaterializeResult[pa.Table]:
    """Which parameters of HDBSCAN suit these documents, judged without labels; best first."""
    found = sweep.sweep(*timed(knn_distance_matrix, embeddings, raw_news, config))
    best = found.slice(0, 1).to_pylist()
    return result(
        found,
        {"k": knn_distance_matrix.k} | plain(config),
        best_parameters=dg.MetadataValue.md(sweep.as_markdown(found)),
        **{f"recommended_{name}": value for row in best for name, value in row.items()},
    )


@stage("page", "html", reuse=Reuse())
def parameter_plot(parameter_sweep: pa.Table) -> dg.MaterializeResult[str]:
    """The sweep as a plot: how much noise and how good a silhouette every clustering has."""
    return result(parameter_plot_page.build_page(parameter_sweep))


@stage(
    "parquet",
    "scikitlearn",
    "parquet",
    reuse=Reuse(
        reads=lambda config, news, **_: news.digest() if config.gold_column else "",
        figures=lambda last, **_: metrics.compare_with_last_run(last, last),
    ),
)
def story_quality(
    config: QualityConfig,
    knn_distance_matrix: Neighbours,
    embeddings: pa.Table,
    hdbscan_labels: pa.Table,
    news: NewsDumps,
    parquet_io: dg.ResourceParam[ParquetIO],
) -> dg.MaterializeResult[pa.Table]:
    """How good the stories are: by the graph, by the last run, by gold labels if there are any."""
    previous = parquet_io.last("story_quality")
    vectors = rows_of(embeddings, knn_distance_matrix)
    found = metrics.evaluate(knn_distance_matrix, vectors, hdbscan_labels, previous)
    if config.gold_column:
        true_stories = gold.read_gold(news.open().rows(), config.gold_column)
        found = gold.evaluate_with_gold(found, true_stories, config.blank_gold_is_unknown)
    return result(found.documents, plain(config), **found.figures)


def given(config: HdbscanConfig) -> sweep.Parameters:
    """Give the parameters as the run config has them."""
    return sweep.Parameters(
        config.min_samples,
        config.min_cluster_size,
        config.cluster_selection_method.value,
        config.cluster_selection_epsilon,
    )


def timed(
    neighbours: Neighbours, embeddings: pa.Table, raw_news: pa.Table, config: TimeConfig
) -> tuple[sp.csr_array, np.ndarray]:
    """Return the distance matrix and the vectors, with the time in both as the config says."""
    graph, vectors = neighbours.matrix(), rows_of(embeddings, neighbours)
    if not config.time_weight:
        return graph, vectors
    days = time_distance.days_of(neighbours.doc_id, raw_news)
    weight, scale = config.time_weight, config.time_scale_days
    graph = time_distance.add_time(graph, days, weight, scale)
    return graph, time_distance.append_time(vectors, days, weight, scale)


def rows_of(embeddings: pa.Table, neighbours: Neighbours) -> np.ndarray:
    """Return the vectors of documents in the order of the distance matrix."""
    ids = pa.table({"doc_id": pa.array(neighbours.doc_id.tolist(), pa.string())})
    return matrix(join(ids, embeddings))


def told_by(*tables: pa.Table) -> dict[str, str]:
    """Collect what the map's footer says of its making from what the stages' tables carry."""
    metadata = [table.schema.metadata or {} for table in tables]
    told = {key.decode(): value.decode() for carried in metadata for key, value in carried.items()}
    return {name: told[name] for name in FOOTER if name in told}


FOOTER = (
    "embedder",
    "model",
    "k",
    "min_samples",
    "min_cluster_size",
    "cluster_selection_method",
    "n_neighbors",
    "min_dist",
    "random_state",
)
PIPELINE = [
    raw_news,
    embeddings,
    milvus_collection,
    knn_distance_matrix,
    hdbscan_labels,
    stories,
    story_lineage,
    umap_projection,
    cluster_plot,
    parameter_sweep,
    parameter_plot,
    story_quality,
    documents,
    digest,
]
