"""Rows of dumps → articles: text cleaned, dates parsed, identical articles folded into one.

Order of articles: by publication (undated last), then by id. It depends on the articles alone, not
on the names of the dumps or the order of their rows, so neither do the results of later stages.
"""

import hashlib
import html
import json
import sqlite3
import tempfile
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from itertools import islice
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from newsclust_pipeline.core.errors import DiskSpaceError
from newsclust_pipeline.core.tables import lists_of
from newsclust_pipeline.ingest import columns
from newsclust_pipeline.ingest.rows import Row
from newsclust_pipeline.ingest.spool import Spool

ARTICLES = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("title", pa.string(), nullable=False),
        pa.field("description", pa.string()),
        pa.field("text", pa.string(), nullable=False),
        pa.field("published_at", pa.timestamp("us", tz="UTC")),
        pa.field("url", pa.string()),
        pa.field("venue", pa.string()),
        pa.field("dump", pa.string(), nullable=False),
        pa.field("copies", pa.int32(), nullable=False),
        pa.field("venues", lists_of(pa.string()), nullable=False),
    ]
)
REJECTED = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("content", pa.string(), nullable=False),
    ]
)
_UNTITLED = "title is empty"
_BATCH = 2_000  # articles that are Python objects at one time
_TABLES = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA cache_size = -16384;  -- 16 MB
    CREATE TABLE text (doc_id TEXT PRIMARY KEY, title TEXT, description TEXT);
    CREATE TABLE copy (
        doc_id TEXT, published_at INTEGER, url TEXT, venue TEXT, dump TEXT, row INTEGER
    );
"""
_ADD_TEXT = "INSERT OR IGNORE INTO text VALUES (:doc_id, :title, :description)"
_ADD_COPY = "INSERT INTO copy VALUES (:doc_id, :published_at, :url, :venue, :dump, :row)"
_FOLDED = """
    WITH placed AS (
        SELECT *, row_number() OVER (
            PARTITION BY doc_id ORDER BY published_at NULLS LAST, url NULLS LAST, venue NULLS LAST,
            dump, row
        ) AS place FROM copy
    ), counted AS (
        SELECT doc_id, count(*) AS copies,
            json_group_array(DISTINCT venue) FILTER (WHERE venue IS NOT NULL) AS venues
        FROM copy GROUP BY doc_id
    )
    SELECT doc_id, title, description, published_at, url, venue, dump, copies, venues
    FROM placed JOIN counted USING (doc_id) JOIN text USING (doc_id)
    WHERE place = 1 ORDER BY published_at NULLS LAST, doc_id
"""
_CONTROLS = dict.fromkeys([*range(32), *range(127, 160)], " ")
# What exports write where they have nothing to say. As a whole cell only, in any case.
_YEAR = r"(?<![+:\d])(?<!:\d\d\.)(?:19|20)\d\d"  # not the digits of a zone or of a second
_MISSING = frozenset({"", "nan", "none", "null", "nat", "n/a", "<na>", "#n/a"})


@dataclass(frozen=True)
class Articles:
    """What became of a dump's rows.

    The tables may lie in files that are only mapped into memory; see `ingest.spool`.

    Attributes:
        table: one row per distinct article, schema `ARTICLES`.
        rejected: one row per row that can't be used, schema `REJECTED`.
        unparsed_dates: how many articles have a date that no rule could read (kept, undated).
    """

    table: pa.Table
    rejected: pa.Table
    unparsed_dates: int

    @property
    def untitled(self) -> int:
        """How many of the rejected rows have no title."""
        return pc.sum(pc.equal(self.rejected["reason"], _UNTITLED)).as_py() or 0

    @property
    def rows(self) -> int:
        """How many rows were read, used or not."""
        return self.rejected.num_rows + (pc.sum(self.table["copies"]).as_py() or 0)


def collect_articles(rows: Iterable[Row]) -> Articles:
    """Make articles of the usable rows, set the others aside with a reason.

    Of identical articles (same title and description) the first published stays. Rows are taken as
    they come: what is kept of them lies on disk, so that memory doesn't grow with the dumps.

    Raises:
        DiskSpaceError: the disk has no space left for temporary files.
    """
    try:
        with Spool(REJECTED) as rejected, Spool(ARTICLES) as kept, closing(_Copies()) as copies:
            unparsed = _fill(copies, _usable(rows, rejected))
            for article in copies.articles():
                kept.add(article)
            return Articles(kept.table(), rejected.table(), unparsed)
    except (OSError, sqlite3.OperationalError) as fault:
        raise DiskSpaceError(
            f"{tempfile.gettempdir()}: can't keep temporary files ({fault}). Make room there "
            "(three times the size of the dumps' texts), or set TMPDIR to a folder that has it."
        ) from fault


def _fill(copies: "_Copies", usable: Iterator[dict[str, Any]]) -> int:
    """Take in all articles; gives how many have a date that can't be read."""
    unparsed = 0
    while batch := list(islice(usable, _BATCH)):
        unparsed += _date(batch)
        copies.add(batch)
    return unparsed


def _usable(rows: Iterable[Row], rejected: Spool) -> Iterator[dict[str, Any]]:
    """Yield the articles of the rows that hold one; the others are set aside."""
    for row in rows:
        article = None if row.defect else _article(row)
        if article:
            yield article
        else:
            rejected.add(_rejection(row))


def _date(batch: list[dict[str, Any]]) -> int:
    """Replace the dates of a batch by microseconds since 1970; count those that can't be read."""
    given = pd.Series([article["published_at"] for article in batch], dtype="object")
    parsed = pa.array(parse_dates(given), ARTICLES.field("published_at").type, from_pandas=True)
    for article, time in zip(batch, parsed.cast(pa.int64()).to_pylist(), strict=True):
        article["published_at"] = time
    return parsed.null_count - int(given.isna().sum())


class _Copies:
    """Folds identical articles, in a database of SQLite's own on disk.

    It vanishes when it is closed. Texts lie there once per article; which of its copies stays, and
    in which order, depends on the copies alone: names of dumps come last.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("")
        self._database.row_factory = sqlite3.Row
        self._database.executescript(_TABLES)

    def close(self) -> None:
        self._database.close()

    def add(self, batch: list[dict[str, Any]]) -> None:
        """Take in articles, copies or not."""
        self._database.executemany(_ADD_TEXT, batch)
        self._database.executemany(_ADD_COPY, batch)

    def articles(self) -> Iterator[dict[str, Any]]:
        """Yield the first published of all copies, in the order of articles."""
        for row in self._database.execute(_FOLDED):
            article = dict(row)
            article["text"] = _text(article["title"], article["description"])
            article["venues"] = sorted(json.loads(article["venues"]))
            yield article


def identified(rows: Iterable[Row]) -> Iterator[tuple[str, Row]]:
    """Yield the rows that can be used, each under the id of the article that it makes."""
    for row in rows:
        article = None if row.defect else _article(row)
        if article:
            yield article["doc_id"], row


def within(articles: pa.Table, days: int | None) -> pa.Table:
    """Keep articles of the last days before the newest; those without a date stay, too.

    Dates in the future don't count as the newest: one wrong date would drop all other articles.

    Args:
        articles: column published_at, in UTC.
        days: length of the window; None keeps everything.
    """
    published = articles["published_at"]
    now = pa.scalar(datetime.now(UTC), published.type)
    newest = pc.max(published.filter(pc.less_equal(published, now))).as_py()
    if days is None or newest is None:
        return articles
    first = pa.scalar(newest - timedelta(days=days), published.type)
    return articles.filter(pc.fill_null(pc.greater(published, first), True))


def doc_id(text: str) -> str:
    """Give the id of an article by its text: 16 hexadecimal digits (BLAKE2b, 64 bits).

    >>> doc_id("Storm nears coast")
    '5fe5895012c0c156'
    """
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def clean(value: object) -> str | None:
    r"""Give a cell's text with entities decoded and whitespace folded; None if it says nothing.

    Cleaning twice changes nothing: a dump that was cleaned before gives the same ids.

    >>> clean("  Fish &amp;amp; chips&nbsp;\n row "), clean("NaN")
    ('Fish & chips row', None)
    """
    text = _plain_text(value)
    while (decoded := unicodedata.normalize("NFC", html.unescape(text))) != text:
        text = decoded
    return _said(text)


def clean_url(value: object) -> str | None:
    """Give an address without whitespace; None if there is none.

    Only `&amp;` is decoded: to HTML, the parameters of `?a=1&copy=2` hold a copyright sign.
    """
    return _said("".join(_plain_text(value).replace("&amp;", "&").split()))


def parse_dates(values: pd.Series) -> pd.Series:
    """Parse dates that mix forms into UTC times; what no rule can read becomes NaT.

    Read are ISO 8601 in its variants, RFC 2822, dates with slashes (month first), Unix seconds and
    milliseconds. A date without a zone counts as UTC. A date without a year of four digits is not
    guessed at: parsers would fill it in from today's date.
    """
    texts = values.astype("string").str.strip()
    epoch = texts.str.fullmatch(r"\d{10}(\d{3})?(\.\d+)?").fillna(False).astype(bool)
    dated = texts.str.contains(_YEAR).fillna(False).astype(bool) & ~epoch
    parsed = pd.Series(pd.NaT, index=values.index, dtype="datetime64[us, UTC]")
    numbers = texts[epoch].astype("float64")
    milliseconds = numbers.where(numbers >= 10**10, numbers * 1000).round().astype("int64")
    parsed[epoch] = pd.to_datetime(milliseconds, unit="ms", utc=True).astype(parsed.dtype)
    parsed[dated] = pd.to_datetime(texts[dated], format="mixed", utc=True, errors="coerce").astype(
        parsed.dtype
    )
    for row in values.index[dated & parsed.isna()]:
        parsed[row] = _mail_date(texts[row])
    return parsed


def _mail_date(text: str) -> pd.Timestamp:
    """Parse a date of RFC 2822 with a named zone, as feeds have it; NaT if it is none."""
    try:
        parsed = pd.Timestamp(parsedate_to_datetime(text))
    except ValueError:
        return pd.NaT
    return parsed.tz_localize("UTC") if parsed.tz is None else parsed.tz_convert("UTC")


def _plain_text(value: object) -> str:
    """Give a cell's value as text that can be written down; an empty one for no value."""
    if isinstance(value, Mapping):  # {"source": {"id": …, "name": …}}
        value = value.get("name")
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124 (NaN)
        return ""
    # Lone surrogates break tokenizers and files.
    return str(value).encode("utf-8", "replace").decode()


def _said(text: str) -> str | None:
    """Fold whitespace and control characters; None for what only looks like text."""
    text = " ".join(text.translate(_CONTROLS).split())
    return None if text.lower() in _MISSING or not _visible(text) else text


def _visible(text: str) -> bool:
    """Tell whether a text has a character that can be seen (zero-width ones can't)."""
    return any(c.isprintable() and not c.isspace() for c in text)


@lru_cache(maxsize=1024)  # objects of JSON may all differ in their keys
def _fields(names: tuple[str, ...]) -> dict[str, list[str]]:
    return columns.match(names)


def _article(row: Row) -> dict[str, Any] | None:
    """Make one article of a row; None if it has no title."""
    fields = _fields(tuple(row.cells))
    found = {
        field: _first(row.cells, names, clean_url if field == "url" else clean)
        for field, names in fields.items()
    }
    title, description = found["title"], found["description"]
    if title is None:
        return None
    extra = {"doc_id": doc_id(_text(title, description)), "dump": row.dump, "row": row.number}
    return found | extra


def _text(title: str, description: str | None) -> str:
    return title if description is None else f"{title}\n{description}"


def _first(
    cells: Mapping[str, Any], names: Iterable[str], cleaned: Callable[[object], str | None]
) -> str | None:
    """Give the first of these cells that says something, cleaned."""
    return next((text for name in names if (text := cleaned(cells[name])) is not None), None)


def _rejection(row: Row) -> dict[str, Any]:
    content = row.cells.get("") if row.defect else row.cells
    readable = (
        content
        if isinstance(content, str)
        else json.dumps(content, ensure_ascii=False, default=str)
    )
    return {
        "file": row.dump,
        "row": row.number,
        "reason": row.defect or _UNTITLED,
        "content": readable.encode("utf-8", "replace").decode(),
    }
