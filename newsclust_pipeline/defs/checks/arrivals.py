"""Checks of what came in: are these dumps worth embedding?

Checks of what would lose stories, or be embedded in vain, stop the run. Copies are removed and
dates only place a story in time, so these are warnings. With fewer than 20 rows a share is
meaningless, so the check passes.
"""

from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from newsclust_pipeline.defs.checks.check import Verdict, check
from newsclust_pipeline.defs.config import ArticlesConfig
from newsclust_pipeline.defs.keys import asset_key
from newsclust_pipeline.defs.resources.news import NewsDumps
from newsclust_pipeline.ingest.column_report import list_missing

_MIN_ROWS = 20
_RUNS = 5  # runs whose median is the usual number of articles


@check("raw_news", blocking=True)
def has_documents(raw_news: pa.Table, news: NewsDumps) -> Verdict:
    """There is at least one article to cluster."""
    return Verdict(
        raw_news.num_rows > 0,
        f"{news.location}: no usable article. Every row was rejected, or there are none: "
        "rejected_rows.parquet in the data folder gives the reason for each row.",
        {"documents": raw_news.num_rows},
    )


@check("raw_news", blocking=True)
def few_rows_are_rejected(config: ArticlesConfig, figures: dict[str, Any]) -> Verdict:
    """Most rows could be used."""
    rejected, rows = figures["rows_rejected"], figures["rows_read"]
    return Verdict(
        _share(rejected, rows) <= config.max_rejected,
        f"{rejected:,} of {rows:,} rows were rejected, more than max_rejected "
        f"({config.max_rejected:.0%}). rejected_rows.parquet in the data folder gives the reason "
        f"for each row: repair the dump, or remove it.{_raise_to_allow('max_rejected')}",
        {"rejected_share": _share(rejected, rows)},
    )


@check("raw_news", blocking=True)
def rows_have_titles(
    config: ArticlesConfig, figures: dict[str, Any], raw_news: pa.Table
) -> Verdict:
    """Most rows have a title with at least one letter or digit."""
    untitled, rows = figures["rows_untitled"] + _wordless_titles(raw_news), figures["rows_read"]
    return Verdict(
        _share(untitled, rows) <= config.max_untitled,
        f"{untitled:,} of {rows:,} rows have no title, or one without a letter, more than "
        f"max_untitled ({config.max_untitled:.0%}). Is another column the headline? Rename it to "
        f"'title', or repair the dump.{_raise_to_allow('max_untitled')}",
        {"untitled_share": _share(untitled, rows)},
    )


@check("raw_news", blocking=True)
def no_sudden_drop(
    context: dg.AssetExecutionContext,
    config: ArticlesConfig,
    figures: dict[str, Any],
    raw_news: pa.Table,
) -> Verdict:
    """About as many articles as in the last runs."""
    articles = raw_news.num_rows
    usual = _usual_articles(context.instance, figures["news"])
    drop = max(0.0, _share(usual - articles, usual))
    return Verdict(
        drop <= config.max_drop,
        f"{articles:,} articles where the last runs had {usual:,}: fewer by more than max_drop "
        f"({config.max_drop:.0%}). Are all dumps there, and complete? If the others were removed "
        "on purpose, run once with max_drop: 1 in the run config of raw_news.",
        {"drop": drop},
    )


@check("raw_news")
def few_rows_are_copies(config: ArticlesConfig, raw_news: pa.Table) -> Verdict:
    """Not all rows are copies of a few articles."""
    rows = _sum(raw_news["copies"])
    share = _share(rows - raw_news.num_rows, rows)
    return Verdict(
        share <= config.max_copies,
        f"{rows:,} rows hold only {raw_news.num_rows:,} articles: more than max_copies "
        f"({config.max_copies:.0%}) are copies. They are removed, but does the export repeat "
        f"itself? Remove dumps that others contain.{_raise_to_allow('max_copies')}",
        {"copies_share": share},
    )


@check("raw_news")
def dates_are_plausible(
    config: ArticlesConfig, figures: dict[str, Any], raw_news: pa.Table
) -> Verdict:
    """Few dates are unreadable, in the future or ancient."""
    dates, unparsed = raw_news["published_at"].drop_null(), figures["dates_unparsed"]
    future = _sum(pc.greater(dates, datetime.now(UTC) + timedelta(days=config.days_ahead)))
    ancient = _sum(pc.less(dates, datetime(config.first_year, 1, 1, tzinfo=UTC)))
    wrong = _share(future + ancient + unparsed, len(dates) + unparsed)
    return Verdict(
        wrong <= config.max_wrong_dates,
        f"{wrong:.0%} of the dates are wrong, more than max_wrong_dates "
        f"({config.max_wrong_dates:.0%}): {unparsed:,} can't be read, {future:,} lie in the "
        f"future, {ancient:,} before {config.first_year}. Export them as ISO 8601 "
        f"(2024-06-03T12:00:00Z).{_raise_to_allow('max_wrong_dates')}",
        {"wrong_dates_share": wrong},
    )


@check("raw_news")
def dumps_have_all_fields(figures: dict[str, Any]) -> Verdict:
    """Every dump has dates, outlets and descriptions or bodies."""
    missing = figures["missing_fields"]
    return Verdict(
        not missing,
        f"{list_missing(missing)}. If there is such a column under another name, name it in "
        "`news.columns`; the table of columns (metadata of raw_news) shows what was recognised.",
        {"dumps_with_gaps": len(missing)},
    )


def _raise_to_allow(threshold: str) -> str:
    return f" If this is as it should be, raise {threshold} in the run config of raw_news."


def _share(part: float, whole: float) -> float:
    return part / whole if whole >= _MIN_ROWS else 0.0


def _sum(numbers: pa.ChunkedArray) -> int:
    return pc.sum(numbers).as_py() or 0  # the sum of an empty array is null


def _wordless_titles(raw_news: pa.Table) -> int:
    """Return the number of rows whose title has neither letter nor digit, in any script."""
    has_word = pc.match_substring_regex(raw_news["title"], r"[\pL\pN]")
    return _sum(pc.filter(raw_news["copies"], pc.invert(has_word)))


def _usual_articles(instance: dg.DagsterInstance, news: str) -> int:
    """Return the usual number of articles of a dump or folder; 0 before its first run.

    That is the median of the last runs, or the number of the last run if it is lower: a drop that
    was allowed once is usual from then on, one unusually large run is not.
    """
    records = instance.fetch_materializations(asset_key("raw_news"), limit=30).records
    events = [record.asset_materialization for record in records]
    counts = [
        int(str(event.metadata["dagster/row_count"].value))
        for event in events
        if event and "news" in event.metadata and event.metadata["news"].value == news
    ]
    return min(counts[0], round(median(counts[:_RUNS]))) if counts else 0


CHECKS = [
    has_documents,
    few_rows_are_rejected,
    rows_have_titles,
    no_sudden_drop,
    few_rows_are_copies,
    dates_are_plausible,
    dumps_have_all_fields,
]
