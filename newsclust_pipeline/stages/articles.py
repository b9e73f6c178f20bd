"""Rows of dumps → articles: text cleaned, dates parsed, identical articles folded into one.

Order of articles: by publication (undated last), then by id. It depends on the articles alone, not
on the names of the dumps or the order of their rows, so neither do the results of later stages.
"""

import hashlib
import html
import json
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

import pandas as pd
import pyarrow as pa

from newsclust_pipeline.stages import columns
from newsclust_pipeline.stages.dumps import Row

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
# What exports write where they have nothing to say. As a whole cell only, in any case.
_YEAR = r"(?<![+:\d])(?<!:\d\d\.)(?:19|20)\d\d"  # not the digits of a zone or of a second
_MISSING = frozenset({"", "nan", "none", "null", "nat", "n/a", "<na>", "#n/a"})


@dataclass(frozen=True)
class Articles:
    """What became of a dump's rows.

    Attributes:
        table: one row per distinct article, schema `ARTICLES`.
        rejected: one row per row that can't be used, schema `REJECTED`.
        unparsed_dates: how many articles have a date that no rule could read (kept, undated).
    """

    table: pa.Table
    rejected: pa.Table
    unparsed_dates: int

    @property
    def rows(self) -> int:
        """How many rows were read, used or not."""
        return self.rejected.num_rows + sum(self.table["copies"].to_pylist())


def collect_articles(rows: Iterable[Row]) -> Articles:
    """Make articles of the usable rows, set the others aside with a reason.

    Of identical articles (same title and description) the first published stays.
    """
    usable: list[dict[str, Any]] = []
    rejected: list[dict[str, Any]] = []
    for row in rows:
        article = None if row.defect else _article(row)
        if article:
            usable.append(article)
        else:
            rejected.append(_rejection(row))
    frame = pd.DataFrame(usable, columns=[*ARTICLES.names, "row"])
    given = frame["published_at"].notna()
    frame["published_at"] = parse_dates(frame["published_at"])
    return Articles(
        table=_folded(frame),
        rejected=pa.Table.from_pylist(rejected, REJECTED),
        unparsed_dates=int((given & frame["published_at"].isna()).sum()),
    )


def identified(rows: Iterable[Row]) -> Iterator[tuple[str, Row]]:
    """Yield the rows that can be used, each under the id of the article that it makes."""
    for row in rows:
        article = None if row.defect else _article(row)
        if article:
            yield article["doc_id"], row


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
    text = "".join(" " if unicodedata.category(c) == "Cc" else c for c in text)
    text = " ".join(text.split())
    return None if text.lower() in _MISSING or not _visible(text) else text


def _visible(text: str) -> bool:
    """Tell whether a text has a character that can be seen (zero-width ones can't)."""
    return any(c.isprintable() and not c.isspace() for c in text)


@cache
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
    text = title if description is None else f"{title}\n{description}"
    extra = {"doc_id": doc_id(text), "text": text, "dump": row.dump, "copies": 1, "row": row.number}
    return found | extra


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
        "reason": row.defect or "title is empty",
        "content": readable.encode("utf-8", "replace").decode(),
    }


def _folded(frame: pd.DataFrame) -> pa.Table:
    """Fold identical articles into the first published of them, counting the copies."""
    # Of copies printed at one moment it must not be the dumps' names that choose.
    order = ["published_at", "doc_id", "url", "venue", "dump", "row"]
    ordered = frame.sort_values(order, na_position="last")
    copies = ordered.groupby("doc_id")["copies"].sum()
    first = ordered.drop_duplicates("doc_id")
    first = first.assign(copies=first["doc_id"].map(copies))
    arrays = [pa.array(first[f.name], f.type, from_pandas=True) for f in ARTICLES]
    return pa.Table.from_arrays(arrays, schema=ARTICLES)
