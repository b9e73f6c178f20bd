"""Turn rows of dumps into articles: clean text, parsed dates, one row per distinct article.

Articles are ordered by publication time (undated last), then by id. The order depends on the
articles alone, not on the names of dumps or the order of their rows, so that the results of later
stages don't depend on those either.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from newsclust_pipeline.core.errors import DiskSpaceError, NewsclustError
from newsclust_pipeline.core.file_errors import temporary_files_error
from newsclust_pipeline.ingest.dates import DateColumn, Reading
from newsclust_pipeline.ingest.gold import GoldLabels
from newsclust_pipeline.ingest.rows import Row
from newsclust_pipeline.ingest.spool import Spool
from newsclust_pipeline.schemas import RAW_NEWS, REJECTED_ROWS

ARTICLES = RAW_NEWS.schema
REJECTED = REJECTED_ROWS.schema
_UNTITLED = "title is empty"
_MAX_TITLE = 1_000  # characters; longer texts are cut
_MAX_DESCRIPTION = 100_000
_BATCH_SIZE = 2_000  # articles that are Python objects at one time
_CREATE_TABLES = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA cache_size = -16384;  -- 16 MB
    CREATE TABLE text (doc_id TEXT PRIMARY KEY, title TEXT, description TEXT);
    CREATE TABLE copy (
        doc_id TEXT, published_at INTEGER, url TEXT, venue TEXT, dump TEXT, row INTEGER,
        other_at INTEGER, doubt TEXT, date_column INTEGER
    );
"""
_INSERT_TEXT = "INSERT OR IGNORE INTO text VALUES (:doc_id, :title, :description)"
_INSERT_COPY = """
    INSERT INTO copy VALUES (
        :doc_id, :published_at, :url, :venue, :dump, :row, :other_at, :doubt, :date_column
    )
"""
_SETTLE_DATES = "UPDATE copy SET published_at = {} WHERE date_column = ? AND doubt = ?"
_SELECT_DISTINCT = """
    WITH ranked AS (
        SELECT *, row_number() OVER (
            PARTITION BY doc_id ORDER BY published_at NULLS LAST, url NULLS LAST, venue NULLS LAST,
            dump, row
        ) AS rank FROM copy
    ), counted AS (
        SELECT doc_id, count(*) AS copies,
            json_group_array(DISTINCT venue) FILTER (WHERE venue IS NOT NULL) AS venues
        FROM copy GROUP BY doc_id
    )
    SELECT doc_id, title, description, published_at, url, venue, dump, copies, venues
    FROM ranked JOIN counted USING (doc_id) JOIN text USING (doc_id)
    WHERE rank = 1 ORDER BY published_at NULLS LAST, doc_id
"""


@dataclass(frozen=True)
class Articles:
    """The articles and the rejected rows of a set of dumps.

    The tables may be memory-mapped files; see `ingest.spool`.

    Attributes:
        table: one row per distinct article, schema `ARTICLES`.
        rejected: one row per row that can't be used, schema `REJECTED`.
        unparsed_dates: number of rows whose date can't be parsed. They are kept, undated.
        gold: gold labels of the articles, schema `schemas.GOLD_LABELS`.
        shortened: number of rows whose headline or description is too long and was cut.
    """

    table: pa.Table
    rejected: pa.Table
    unparsed_dates: int
    gold: pa.Table
    shortened: int = 0

    @property
    def untitled(self) -> int:
        """Number of rejected rows that have no title."""
        return pc.sum(pc.equal(self.rejected["reason"], _UNTITLED)).as_py() or 0

    @property
    def rows(self) -> int:
        """Number of rows read, rejected ones included."""
        return self.rejected.num_rows + (pc.sum(self.table["copies"]).as_py() or 0)


def collect_articles(rows: Iterable[Row], gold_column: str = "") -> Articles:
    """Return the articles of all usable rows, and the other rows with the reason.

    Of identical articles (same title and description) the first published is kept. Rows are
    processed as a stream and stored on disk, so that memory doesn't grow with the dumps.

    Args:
        rows: the rows of all dumps.
        gold_column: the column with the true story of every article; empty if there is none.

    Raises:
        DiskSpaceError: temporary files can't be written.
        SettingError: no row has the gold column.
    """
    gold = GoldLabels(gold_column)
    try:
        with (
            Spool(REJECTED) as rejected,
            Spool(ARTICLES) as kept,
            closing(_DistinctStore()) as store,
        ):
            unparsed, shortened = _fill(store, _usable_articles(rows, rejected, gold))
            unparsed += store.settle_dates()
            for article in store.distinct_articles():
                kept.add(article)
            return Articles(kept.table(), rejected.table(), unparsed, gold.table(), shortened)
    except NewsclustError:
        raise
    except (OSError, sqlite3.OperationalError) as error:
        raise DiskSpaceError(temporary_files_error(error)) from error


def doc_id(text: str) -> str:
    """Return the id of an article by its text: 16 hexadecimal digits (BLAKE2b, 64 bits).

    >>> doc_id("Storm nears coast")
    '5fe5895012c0c156'
    """
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


class _DistinctStore:
    """Store of articles that groups identical ones, in a temporary SQLite database on disk.

    The database is deleted when it is closed. A text is stored once per article. Which of its
    copies is kept, and the order of articles, depend on the content of the copies; names of dumps
    break the last ties.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("")
        self._database.row_factory = sqlite3.Row
        self._database.executescript(_CREATE_TABLES)
        self._date_columns: dict[int, DateColumn] = {}

    def close(self) -> None:
        self._database.close()

    def add(self, batch: list[dict[str, Any]]) -> None:
        """Store articles, whether or not identical ones are stored already."""
        dated = [article | self._date(article["date"], article["dates"]) for article in batch]
        self._database.executemany(_INSERT_TEXT, dated)
        self._database.executemany(_INSERT_COPY, dated)

    def _date(self, reading: Reading | None, column: DateColumn) -> dict[str, Any]:
        if reading is None:
            return dict.fromkeys(("published_at", "other_at", "doubt", "date_column"))
        if reading.doubt:
            self._date_columns[id(column)] = column
        return {
            "published_at": reading.time,
            "other_at": reading.other,
            "doubt": reading.doubt or None,
            "date_column": id(column) if reading.doubt else None,
        }

    def settle_dates(self) -> int:
        """Choose one reading of dates with two, by their columns; return how many have none."""
        undated = 0
        for key, column in self._date_columns.items():
            for doubt, is_other in column.doubts.items():
                if is_other is None:
                    undated += self._settle("NULL", key, doubt)
                elif is_other:
                    self._settle("other_at", key, doubt)
        return undated

    def _settle(self, value: str, key: int, doubt: str) -> int:
        return self._database.execute(_SETTLE_DATES.format(value), (key, doubt)).rowcount

    def distinct_articles(self) -> Iterator[dict[str, Any]]:
        """Yield the first published of all identical articles, in the order of articles."""
        for row in self._database.execute(_SELECT_DISTINCT):
            article = dict(row)
            article["text"] = _join_text(article["title"], article["description"])
            article["venues"] = sorted(json.loads(article["venues"]))
            article |= {"versions": 1, "date_suspect": False}
            yield article


def _fill(store: _DistinctStore, articles: Iterator[dict[str, Any]]) -> tuple[int, int]:
    """Store all articles in batches; return how many have an unreadable date, and a cut text."""
    unparsed = shortened = 0
    while batch := list(islice(articles, _BATCH_SIZE)):
        unparsed += sum(article["is_dated"] and not article["date"] for article in batch)
        shortened += sum(article["is_shortened"] for article in batch)
        store.add(batch)
    return unparsed, shortened


def _usable_articles(
    rows: Iterable[Row], rejected: Spool, gold: GoldLabels
) -> Iterator[dict[str, Any]]:
    """Yield the articles of usable rows, with their gold labels taken; reject all other rows."""
    for row in rows:
        article = None if row.defect else _article(row)
        if article:
            gold.add(article["doc_id"], row)
            yield article
        else:
            rejected.add(_rejection(row))


def _article(row: Row) -> dict[str, Any] | None:
    """Return the article of a row, or None if it has no title."""
    fields = row.fields
    if fields is None or fields.title is None:
        return None
    title = _shorten(fields.title, _MAX_TITLE)
    description = fields.description and _shorten(fields.description, _MAX_DESCRIPTION)
    return {
        "doc_id": doc_id(_join_text(title, description)),
        "title": title,
        "description": description,
        "url": fields.url,
        "venue": fields.venue,
        "dump": row.dump,
        "row": row.number,
        "date": fields.date,
        "dates": fields.dates,
        "is_dated": fields.date_text is not None,
        "is_shortened": (title, description) != (fields.title, fields.description),
    }


def _shorten(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[:limit].rstrip()


def _join_text(title: str, description: str | None) -> str:
    return title if description is None else f"{title}\n{description}"


def _rejection(row: Row) -> dict[str, Any]:
    content = row.cells.get("") if row.defect else row.cells
    text = (
        content
        if isinstance(content, str)
        else json.dumps(content, ensure_ascii=False, default=str)
    )
    return {
        "file": row.dump,
        "row": row.number,
        "reason": row.defect or _UNTITLED,
        "content": text.encode("utf-8", "replace").decode(),
    }
