"""Prepare articles for the later stages: window, versions, boilerplate, copies, languages."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from newsclust_pipeline.ingest.boilerplate import find_boilerplate
from newsclust_pipeline.ingest.language import add_languages
from newsclust_pipeline.ingest.near_duplicates import Match, find_near_duplicates
from newsclust_pipeline.ingest.suspect_dates import suspect_dates
from newsclust_pipeline.ingest.versions import Versions, find_versions
from newsclust_pipeline.schemas import NEAR_DUPLICATES, RAW_NEWS

NEAR_DUPLICATE = "near-duplicate"
_MAX_LISTED = 20  # sentences of boilerplate in the metadata of a run


@dataclass(frozen=True)
class Prepared:
    """The articles of a run, and those that are represented by another.

    Attributes:
        table: one row per article, schema of `raw_news`.
        duplicates: versions and near-duplicates, schema of `near_duplicates`.
        outside_window: number of articles that are older than the window.
        boilerplate: number of articles by sentence, for sentences that are not embedded.
        checked_on: the day after which dates are in the future. A later run may decide otherwise.
    """

    table: pa.Table
    duplicates: pa.Table
    outside_window: int
    boilerplate: Mapping[str, int]
    checked_on: date

    @property
    def figures(self) -> dict[str, Any]:
        """What was merged, left out and flagged, for the metadata of a run."""
        near_duplicates = pc.sum(pc.equal(self.duplicates["reason"], NEAR_DUPLICATE)).as_py() or 0
        return {
            "near_duplicates": near_duplicates,
            "earlier_versions": self.duplicates.num_rows - near_duplicates,
            "before_window": self.outside_window,
            "dates_checked_on": self.checked_on.isoformat(),
            "dates_suspect": pc.sum(self.table["date_suspect"]).as_py() or 0,
            "texts_with_boilerplate": self.table["embedded_text"].drop_null().length(),
            "boilerplate": dict(islice(self.boilerplate.items(), _MAX_LISTED)),
        }


def prepare_articles(
    articles: pa.Table, *, days: int | None, similarity: float | None, now: datetime
) -> Prepared:
    """Return the articles of a window, each once, with its language and what is embedded of it.

    Args:
        articles: schema of `raw_news`, as of `collect_articles`.
        days: length of the window, see `select_recent`.
        similarity: of near-duplicates, see `find_near_duplicates`; None keeps them.
        now: the current time, in UTC.
    """
    flagged = _set(articles, "date_suspect", suspect_dates(articles, now))
    recent = select_recent(flagged, days)
    versions = find_versions(_without_suspect_dates(recent))
    latest = _latest_versions(recent, versions)
    boilerplate = find_boilerplate(latest)
    latest = _set(latest, "embedded_text", boilerplate.embedded)
    matches = find_near_duplicates(latest, similarity, boilerplate.bodies) if similarity else {}
    duplicates = pa.concat_tables(
        [_superseded(recent, versions, latest, matches), _near_duplicates(latest, matches)]
    )
    table = add_languages(_merge(latest, matches))
    outside_window = articles.num_rows - recent.num_rows
    return Prepared(table, duplicates, outside_window, boilerplate.counts, now.date())


def select_recent(articles: pa.Table, days: int | None) -> pa.Table:
    """Return the articles of the last days before the newest one, and all undated articles.

    Suspect dates don't count as the newest: one wrong date would drop all other articles.

    Args:
        articles: columns published_at (UTC), date_suspect.
        days: length of the window; None keeps everything.
    """
    published = articles["published_at"]
    newest = pc.max(published.filter(pc.invert(articles["date_suspect"]))).as_py()
    if days is None or newest is None:
        return articles
    first = pa.scalar(newest - timedelta(days=days), published.type)
    return articles.filter(pc.fill_null(pc.greater(published, first), True))


def _without_suspect_dates(articles: pa.Table) -> pa.Table:
    missing = pa.scalar(None, articles["published_at"].type)
    times = pc.if_else(articles["date_suspect"], missing, articles["published_at"])
    return _set(articles, "published_at", times)


def _latest_versions(articles: pa.Table, versions: Versions) -> pa.Table:
    """Return the latest version of each article, with the number of its versions."""
    count = np.bincount(versions.latest, minlength=articles.num_rows)
    is_latest = versions.latest == np.arange(articles.num_rows)
    return _set(_filter(articles, is_latest), "versions", count[is_latest])


def _superseded(
    articles: pa.Table, versions: Versions, latest: pa.Table, matches: Mapping[int, Match]
) -> pa.Table:
    """Return the other versions, as rows of `near_duplicates`."""
    rows = sorted(versions.reason)
    places = pc.index_in(articles["doc_id"].take(pa.array(versions.latest[rows])), latest["doc_id"])
    originals = [matches[p].original if p in matches else p for p in places.to_pylist()]
    return _duplicate_rows(
        articles.take(pa.array(rows, pa.int64())),
        duplicate_of=latest["doc_id"].take(pa.array(originals, pa.int64())),
        reason=[versions.reason[row] for row in rows],
    )


def _near_duplicates(articles: pa.Table, matches: Mapping[int, Match]) -> pa.Table:
    """Return the near-duplicates, as rows of `near_duplicates`."""
    rows = sorted(matches)
    found = [matches[row] for row in rows]
    originals = pa.array([match.original for match in found], pa.int64())
    return _duplicate_rows(
        articles.take(pa.array(rows, pa.int64())),
        duplicate_of=articles["doc_id"].take(originals),
        text_similarity=[match.text_similarity for match in found],
        headline_similarity=[match.headline_similarity for match in found],
        reason=[NEAR_DUPLICATE] * len(rows),
    )


def _merge(articles: pa.Table, matches: Mapping[int, Match]) -> pa.Table:
    """Return the articles that are no near-duplicates, with the copies and outlets of those."""
    original = np.arange(articles.num_rows)
    for row, match in matches.items():
        original[row] = match.original
    is_kept = original == np.arange(articles.num_rows)
    copies = np.bincount(original, articles["copies"].to_numpy(), minlength=len(original))
    kept = _set(_filter(articles, is_kept), "copies", copies[is_kept].astype(np.int32))
    venues = kept["venues"].to_pylist()
    places = np.cumsum(is_kept) - 1
    for row, match in matches.items():
        place = places[match.original]
        venues[place] = sorted({*venues[place], *articles["venues"][row].as_py()})
    return _set(kept, "venues", venues)


def _duplicate_rows(articles: pa.Table, **columns: Any) -> pa.Table:
    """Append the columns of `near_duplicates`; those that are missing are null."""
    schema = NEAR_DUPLICATES.schema
    for field in list(schema)[articles.num_columns :]:
        values = columns.get(field.name, [None] * articles.num_rows)
        articles = articles.append_column(field, _column(values, field.type))
    return articles


def _filter(articles: pa.Table, mask: np.ndarray) -> pa.Table:
    """Return the rows of a mask; the table itself, which may be a mapped file, if these are all."""
    return articles if mask.all() else articles.filter(mask)


def _set(articles: pa.Table, name: str, values: Any) -> pa.Table:
    """Replace a column of `raw_news`."""
    field = RAW_NEWS.schema.field(name)
    place = articles.schema.get_field_index(name)
    return articles.set_column(place, field, _column(values, field.type))


def _column(values: Any, kind: pa.DataType) -> pa.ChunkedArray | pa.Array:
    return values if isinstance(values, pa.ChunkedArray) else pa.array(values, kind)
