"""Checks between the stages. The blocking ones stop a run before it builds on something broken."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from newsclust_pipeline.cluster.hdbscan import NOISE
from newsclust_pipeline.core.tables import matrix
from newsclust_pipeline.defs import assets
from newsclust_pipeline.defs.config import ArrivalConfig
from newsclust_pipeline.defs.console import last_word
from newsclust_pipeline.defs.resources import NewsDumps
from newsclust_pipeline.search.graph import Neighbours
from newsclust_pipeline.search.knn import recall
from newsclust_pipeline.stories.describe import noise_share
from newsclust_pipeline.stories.lineage import is_recorded

LEAST_RECALL = 0.95


@dg.asset_check(asset=assets.raw_news, blocking=True)
def has_documents(
    context: dg.AssetCheckExecutionContext, raw_news: pa.Table, news: NewsDumps
) -> dg.AssetCheckResult:
    """There is at least one article to cluster."""
    return _verdict(
        context,
        raw_news.num_rows > 0,
        f"{news.location}: no usable article. Every row was set aside, or there are none: "
        "rejected_rows.parquet in the data folder says why, row by row.",
        documents=raw_news.num_rows,
    )


@dg.asset_check(asset=assets.raw_news, blocking=True)
def ids_are_unique(
    context: dg.AssetCheckExecutionContext, raw_news: pa.Table
) -> dg.AssetCheckResult:
    """No two articles share an id."""
    repeated = raw_news.num_rows - pc.count_distinct(raw_news["doc_id"]).as_py()
    return _verdict(
        context,
        repeated == 0,
        f"{repeated} ids of raw_news are repeated. Materialise raw_news again.",
        repeated=repeated,
    )


def _of_raw_news(name: str, description: str, *, blocking: bool = False) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        name, asset=assets.raw_news, description=description, blocking=blocking
    )


@dg.multi_asset_check(
    name="raw_news_checks",
    specs=[
        _of_raw_news("few_rows_are_rejected", "Most rows could be used.", blocking=True),
        _of_raw_news(
            "rows_have_titles", "Most rows have a title that says something.", blocking=True
        ),
        _of_raw_news(
            "no_sudden_drop", "About as many articles as in the last runs.", blocking=True
        ),
        _of_raw_news("few_rows_are_copies", "Not all rows are copies of a few articles."),
        _of_raw_news("dates_are_plausible", "Few dates are unreadable, to come or ancient."),
    ],
    ins={"raw_news": dg.AssetIn("raw_news")},
)
def raw_news_checks(
    context: dg.AssetCheckExecutionContext, config: ArrivalConfig, raw_news: pa.Table
) -> Iterator[dg.AssetCheckResult]:
    """What arrived is worth embedding. So few rows that shares say nothing are not judged.

    What would lose stories or be embedded in vain blocks. Copies are folded and dates only place a
    story in time: a warning does.
    """
    told = next(iter(_figures(context, "raw_news").values()), {})
    rows = told.get("rows_read", raw_news.num_rows)
    yield _few_rows_are_rejected(context, config.max_rejected, told.get("rows_rejected", 0), rows)
    untitled = told.get("rows_untitled", 0) + _mute_titles(raw_news)
    yield _rows_have_titles(context, config.max_untitled, untitled, rows)
    yield _no_sudden_drop(context, config.max_drop, raw_news.num_rows, _usual_articles(context))
    yield _few_rows_are_copies(context, config.max_copies, raw_news)
    yield _dates_are_plausible(context, config, raw_news, told.get("dates_unparsed", 0))


def _few_rows_are_rejected(
    context: dg.AssetCheckExecutionContext, most: float, rejected: int, rows: int
) -> dg.AssetCheckResult:
    return _verdict(
        context,
        _share(rejected, rows) <= most,
        f"{rejected:,} of {rows:,} rows were set aside, more than max_rejected ({most:.0%}). "
        "rejected_rows.parquet in the data folder says why, row by row: mend the dump, or take it "
        f"out of the folder.{_or_allow('max_rejected')}",
        check_name="few_rows_are_rejected",
        rejected_share=_share(rejected, rows),
    )


def _rows_have_titles(
    context: dg.AssetCheckExecutionContext, most: float, untitled: int, rows: int
) -> dg.AssetCheckResult:
    return _verdict(
        context,
        _share(untitled, rows) <= most,
        f"{untitled:,} of {rows:,} rows have no title, or one without a letter, more than "
        f"max_untitled ({most:.0%}). Is another column the headline? Name it 'title'; or mend the "
        f"dump.{_or_allow('max_untitled')}",
        check_name="rows_have_titles",
        untitled_share=_share(untitled, rows),
    )


def _no_sudden_drop(
    context: dg.AssetCheckExecutionContext, most: float, articles: int, usual: int
) -> dg.AssetCheckResult:
    drop = max(0.0, _share(usual - articles, usual))
    return _verdict(
        context,
        drop <= most,
        f"{articles:,} articles where the last runs had {usual:,}: fewer by more than max_drop "
        f"({most:.0%}). Are all dumps there, and whole? If the others are meant to be gone, run "
        "once with max_drop: 1 in the run config of raw_news_checks.",
        check_name="no_sudden_drop",
        drop=drop,
    )


def _few_rows_are_copies(
    context: dg.AssetCheckExecutionContext, most: float, raw_news: pa.Table
) -> dg.AssetCheckResult:
    rows = _count(raw_news["copies"])
    share = _share(rows - raw_news.num_rows, rows)
    return _verdict(
        context,
        share <= most,
        f"{rows:,} rows hold only {raw_news.num_rows:,} articles: more than max_copies "
        f"({most:.0%}) are copies. They are folded, but does the export repeat itself? Take dumps "
        f"out of the folder that others contain.{_or_allow('max_copies')}",
        severity=dg.AssetCheckSeverity.WARN,
        check_name="few_rows_are_copies",
        copies_share=share,
    )


def _dates_are_plausible(
    context: dg.AssetCheckExecutionContext, config: ArrivalConfig, raw_news: pa.Table, unread: int
) -> dg.AssetCheckResult:
    dates = raw_news["published_at"].drop_null()
    future = _count(pc.greater(dates, datetime.now(UTC) + timedelta(days=config.days_ahead)))
    ancient = _count(pc.less(dates, datetime(config.first_year, 1, 1, tzinfo=UTC)))
    wrong = _share(future + ancient + unread, len(dates) + unread)
    return _verdict(
        context,
        wrong <= config.max_wrong_dates,
        f"{wrong:.0%} of the dates are wrong, more than max_wrong_dates "
        f"({config.max_wrong_dates:.0%}): {unread:,} can't be read, {future:,} lie in the future, "
        f"{ancient:,} before {config.first_year}. Export them as ISO 8601 "
        f"(2024-06-03T12:00:00Z).{_or_allow('max_wrong_dates')}",
        severity=dg.AssetCheckSeverity.WARN,
        check_name="dates_are_plausible",
        wrong_dates_share=wrong,
    )


def _or_allow(threshold: str) -> str:
    return f" If that is how it should be, raise {threshold} in the run config of raw_news_checks."


def _share(part: float, whole: float) -> float:
    """Give a share; of fewer than 20 it would say nothing, so it is 0."""
    return part / whole if whole >= 20 else 0.0


def _count(numbers: pa.ChunkedArray) -> int:
    return pc.sum(numbers).as_py() or 0  # of none, Arrow's sum is null


def _mute_titles(raw_news: pa.Table) -> int:
    """Count rows whose title has neither letter nor digit, in any script."""
    speaks = pc.match_substring_regex(raw_news["title"], r"[\pL\pN]")
    return _count(pc.filter(raw_news["copies"], pc.invert(speaks)))


def _figures(context: dg.AssetCheckExecutionContext, asset: str) -> dict[str, dict[str, Any]]:
    """Give what was recorded of an asset's last materialisations, by run, the newest first."""
    found = context.instance.fetch_materializations(dg.AssetKey(asset), limit=30).records
    events = {record.run_id: record.asset_materialization for record in found}
    return {run: {k: v.value for k, v in e.metadata.items()} for run, e in events.items() if e}


def _usual_articles(context: dg.AssetCheckExecutionContext) -> int:
    """Tell how many articles the last runs on this dump or folder had; 0 if there was none.

    Runs that were stopped before anything was embedded don't count: a bad dump doesn't become
    usual by being tried again. One that was let pass does at once, an unusually large one doesn't.
    """
    runs, embedded = _figures(context, "raw_news"), _figures(context, "embeddings")
    news = next((told.get("news") for told in runs.values()), None)
    counts = [
        told["dagster/row_count"]
        for run, told in runs.items()
        if run in embedded and told.get("news") == news
    ]
    return min(counts[0], round(median(counts[:5]))) if counts else 0


@dg.asset_check(
    asset=assets.embeddings, blocking=True, additional_ins={"raw_news": dg.AssetIn("raw_news")}
)
def vectors_are_sound(
    context: dg.AssetCheckExecutionContext, embeddings: pa.Table, raw_news: pa.Table
) -> dg.AssetCheckResult:
    """Every article has one vector: finite, of the model's dimension, of unit length."""
    vectors = matrix(embeddings)
    dimension = int((embeddings.schema.metadata or {}).get(b"dimension", b"-1"))
    lengths = np.linalg.norm(vectors, axis=1)
    bad = int(np.count_nonzero(~(np.abs(lengths - 1) < 1e-3)))  # NaN is bad, too
    same = embeddings["doc_id"].equals(raw_news["doc_id"])
    return _verdict(
        context,
        bad == 0 and same and vectors.shape[1] == dimension,
        f"{bad} of {len(vectors)} vectors are not finite or not of unit length; "
        f"dimension {vectors.shape[1]}, the model's is {dimension}; documents "
        f"{'agree' if same else 'differ'} with raw_news. Materialise embeddings again.",
        bad_vectors=bad,
    )


@dg.asset_check(
    asset=assets.milvus_collection,
    blocking=True,
    additional_ins={"embeddings": dg.AssetIn("embeddings")},
)
def collection_is_complete(
    context: dg.AssetCheckExecutionContext,
    milvus_collection: dict[str, object],
    embeddings: pa.Table,
) -> dg.AssetCheckResult:
    """Milvus holds as many documents as were embedded."""
    count = milvus_collection["count"]
    return _verdict(
        context,
        count == embeddings.num_rows,
        f"the collection holds {count} documents where {embeddings.num_rows} were embedded. "
        "Materialise milvus_collection again.",
    )


@dg.asset_check(
    asset=assets.knn_distance_matrix,
    blocking=True,
    additional_ins={"embeddings": dg.AssetIn("embeddings")},
)
def matrix_is_sound(
    context: dg.AssetCheckExecutionContext, knn_distance_matrix: Neighbours, embeddings: pa.Table
) -> dg.AssetCheckResult:
    """The matrix covers the embedded documents, its distances are finite and not negative."""
    distances = knn_distance_matrix.distances
    bad = int(np.count_nonzero(~(np.isfinite(distances) & (distances >= 0))))
    same = knn_distance_matrix.doc_id.tolist() == embeddings["doc_id"].to_pylist()
    return _verdict(
        context,
        bad == 0 and same,
        f"{bad} distances are negative or not finite; documents "
        f"{'agree' if same else 'differ'} with embeddings. Materialise knn_distance_matrix again.",
        bad_distances=bad,
    )


@dg.asset_check(
    asset=assets.knn_distance_matrix,
    additional_ins={"embeddings": dg.AssetIn("embeddings")},
)
def neighbours_are_nearest(
    context: dg.AssetCheckExecutionContext, knn_distance_matrix: Neighbours, embeddings: pa.Table
) -> dg.AssetCheckResult:
    """An approximate search missed few of the nearest documents."""
    share = recall(knn_distance_matrix, matrix(embeddings))
    return _verdict(
        context,
        share >= LEAST_RECALL,
        f"the search found {share:.1%} of the true neighbours, fewer than {LEAST_RECALL:.0%}: "
        "stories may fall apart. Raise ef (HNSW) or nprobe (IVF_FLAT) in MILVUS_INDEX_PARAMS, or "
        "set MILVUS_INDEX=FLAT.",
        severity=dg.AssetCheckSeverity.WARN,
        recall=share,
    )


@dg.asset_check(
    asset=assets.hdbscan_labels, blocking=True, additional_ins={"raw_news": dg.AssetIn("raw_news")}
)
def labels_cover_raw_news(
    context: dg.AssetCheckExecutionContext, hdbscan_labels: pa.Table, raw_news: pa.Table
) -> dg.AssetCheckResult:
    """Every article has one label, and nothing else has."""
    return _same_documents(context, hdbscan_labels, raw_news, "hdbscan_labels")


@dg.asset_check(
    asset=assets.umap_projection, blocking=True, additional_ins={"raw_news": dg.AssetIn("raw_news")}
)
def positions_cover_raw_news(
    context: dg.AssetCheckExecutionContext, umap_projection: pa.Table, raw_news: pa.Table
) -> dg.AssetCheckResult:
    """Every article has one position, and nothing else has."""
    return _same_documents(context, umap_projection, raw_news, "umap_projection")


@dg.asset_check(asset=assets.hdbscan_labels)
def stories_were_found(
    context: dg.AssetCheckExecutionContext, hdbscan_labels: pa.Table
) -> dg.AssetCheckResult:
    """Not every document is noise."""
    share = noise_share(hdbscan_labels)
    return _verdict(
        context,
        share < 1,
        f"all {hdbscan_labels.num_rows} documents are noise. Lower min_samples or "
        "min_cluster_size in the run config of hdbscan_labels, or bring in more news.",
        severity=dg.AssetCheckSeverity.WARN,
        noise_share=share,
    )


@dg.asset_check(asset=assets.hdbscan_labels, blocking=True)
def ids_are_consistent(
    context: dg.AssetCheckExecutionContext, hdbscan_labels: pa.Table
) -> dg.AssetCheckResult:
    """Every story has one id, no id stands for two stories, and noise has none."""
    pairs = hdbscan_labels.group_by(["label", "story_id"]).aggregate([])
    noise = pc.equal(pairs["label"], NOISE)
    named = pairs.filter(pc.invert(noise))
    stories, ids = (pc.count_distinct(named[name]).as_py() for name in ("label", "story_id"))
    of_noise = pairs.filter(noise)["story_id"].drop_null()
    return _verdict(
        context,
        named.num_rows == stories == ids and len(of_noise) == 0,
        f"{stories} stories of hdbscan_labels have {ids} ids in {named.num_rows} combinations, "
        f"noise has {len(of_noise)}. Materialise hdbscan_labels again.",
        stories=stories,
    )


@dg.asset_check(
    asset=assets.story_lineage,
    blocking=True,
    additional_ins={"hdbscan_labels": dg.AssetIn("hdbscan_labels")},
)
def history_is_up_to_date(
    context: dg.AssetCheckExecutionContext, story_lineage: pa.Table, hdbscan_labels: pa.Table
) -> dg.AssetCheckResult:
    """By the history, the living stories and their articles are those of the labels."""
    return _verdict(
        context,
        is_recorded(story_lineage, hdbscan_labels),
        "story_lineage doesn't end with the stories of hdbscan_labels. "
        "Materialise story_lineage again.",
    )


@dg.asset_check(
    asset=assets.stories,
    blocking=True,
    additional_ins={"hdbscan_labels": dg.AssetIn("hdbscan_labels")},
)
def stories_match_labels(
    context: dg.AssetCheckExecutionContext, stories: pa.Table, hdbscan_labels: pa.Table
) -> dg.AssetCheckResult:
    """The stories are those of the labels, each with as many articles, its exemplar among them."""
    told = stories.select(["story_id", "label", "size"]).to_pylist()
    grouped = hdbscan_labels.group_by(["story_id", "label"]).aggregate([([], "count_all")])
    counted = {tuple(row.values()) for row in grouped.to_pylist() if row["label"] != NOISE}
    wrong = counted.symmetric_difference(tuple(row.values()) for row in told)
    faces = pc.index_in(stories["exemplar_doc_id"], hdbscan_labels["doc_id"])
    foreign = pc.not_equal(hdbscan_labels["story_id"].take(faces), stories["story_id"])
    strangers = int(pc.sum(pc.fill_null(foreign, fill_value=True)).as_py() or 0)
    return _verdict(
        context,
        not wrong and not strangers and len(told) == len(counted),
        f"stories has {len(told)} stories, hdbscan_labels {len(counted)}; {len(wrong)} differ in "
        f"id, label or size, {strangers} have an exemplar of another story. "
        "Materialise stories again, with all that lies before it.",
        stories=len(told),
    )


def _same_documents(
    context: dg.AssetCheckExecutionContext, table: pa.Table, raw_news: pa.Table, name: str
) -> dg.AssetCheckResult:
    same = sorted(table["doc_id"].to_pylist()) == sorted(raw_news["doc_id"].to_pylist())
    return _verdict(
        context,
        same,
        f"{name} has {table.num_rows} rows, raw_news {raw_news.num_rows}, and their documents "
        f"differ. Materialise {name} again, with all that lies before it.",
        rows=table.num_rows,
    )


def _verdict(
    context: dg.AssetCheckExecutionContext,
    passed: bool,
    complaint: str,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    check_name: str | None = None,
    **metadata: float,
) -> dg.AssetCheckResult:
    """Give the result; say what is wrong in the log, too, as Dagster's own line doesn't."""
    if not passed and severity == dg.AssetCheckSeverity.WARN:
        context.log.warning(complaint)
    elif not passed:
        context.log.error(complaint)
        last_word(complaint)
    return dg.AssetCheckResult(
        check_name=check_name,
        passed=passed,
        severity=severity,
        description=None if passed else complaint,
        metadata=metadata,
    )


CHECKS = [
    has_documents,
    ids_are_unique,
    raw_news_checks,
    vectors_are_sound,
    collection_is_complete,
    matrix_is_sound,
    neighbours_are_nearest,
    labels_cover_raw_news,
    positions_cover_raw_news,
    stories_were_found,
    ids_are_consistent,
    stories_match_labels,
    history_is_up_to_date,
]
