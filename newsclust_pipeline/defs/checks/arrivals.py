"""Checks of what came in: are these dumps worth embedding?"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from newsclust_pipeline.defs import assets
from newsclust_pipeline.defs.checks.verdict import verdict
from newsclust_pipeline.defs.config import ArrivalConfig
from newsclust_pipeline.defs.resources.news import NewsDumps
from newsclust_pipeline.ingest.column_report import list_missing, missing_fields, read_report


@dg.asset_check(asset=assets.raw_news, blocking=True)
def has_documents(
    context: dg.AssetCheckExecutionContext, raw_news: pa.Table, news: NewsDumps
) -> dg.AssetCheckResult:
    """There is at least one article to cluster."""
    return verdict(
        context,
        raw_news.num_rows > 0,
        f"{news.location}: no usable article. Every row was set aside, or there are none: "
        "rejected_rows.parquet in the data folder says why, row by row.",
        documents=raw_news.num_rows,
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
        _of_raw_news(
            "dumps_have_all_fields", "Every dump has dates, outlets and descriptions or bodies."
        ),
    ],
    ins={"raw_news": dg.AssetIn("raw_news")},
)
def raw_news_checks(
    context: dg.AssetCheckExecutionContext, config: ArrivalConfig, raw_news: pa.Table
) -> Iterator[dg.AssetCheckResult]:
    """What arrived is worth embedding. So few rows that shares say nothing are not judged.

    What would lose stories or be embedded in vain blocks. Copies are merged and dates only place a
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
    yield _dumps_have_all_fields(context, raw_news)


def _few_rows_are_rejected(
    context: dg.AssetCheckExecutionContext, most: float, rejected: int, rows: int
) -> dg.AssetCheckResult:
    return verdict(
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
    return verdict(
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
    return verdict(
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
    return verdict(
        context,
        share <= most,
        f"{rows:,} rows hold only {raw_news.num_rows:,} articles: more than max_copies "
        f"({most:.0%}) are copies. They were merged, but does the export repeat itself? Take dumps "
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
    return verdict(
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


def _dumps_have_all_fields(
    context: dg.AssetCheckExecutionContext, raw_news: pa.Table
) -> dg.AssetCheckResult:
    report = (raw_news.schema.metadata or {}).get(b"column_report", b"[]").decode()
    missing = missing_fields(read_report(report))
    return verdict(
        context,
        not missing,
        f"{list_missing(missing)}. If there is such a column under another name, name it in "
        "NEWSCLUST_COLUMNS; the column report (metadata of raw_news) shows what was recognised.",
        severity=dg.AssetCheckSeverity.WARN,
        check_name="dumps_have_all_fields",
        dumps_with_gaps=len(missing),
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


CHECKS = [has_documents, raw_news_checks]
