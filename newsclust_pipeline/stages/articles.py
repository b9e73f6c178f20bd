"""Rows of dumps → articles: text cleaned, dates parsed, identical articles folded into one.

Order of articles: by publication (undated last), then by id. It depends on the articles alone, not
on the names of the dumps or the order of their rows, so neither do the results of later stages.
"""

import hashlib
import html
import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
    if isinstance(value, Mapping):  # {"source": {"id": …, "name": …}}
        value = value.get("name")
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124 (NaN)
        return None
    text = str(value)
    while (decoded := html.unescape(text)) != text:
        text = decoded
    # Lone surrogates break tokenizers and files; control characters are no text.
    text = text.encode("utf-8", "replace").decode()
    text = "".join(" " if unicodedata.category(c) == "Cc" else c for c in text)
    text = unicodedata.normalize("NFC", " ".join(text.split()))
    return None if text.lower() in _MISSING or not _visible(text) else text


def parse_dates(values: pd.Series) -> pd.Series:
    """Parse dates that mix forms into UTC times; what no rule can read becomes NaT.

    Read are ISO 8601 in its variants, RFC 2822, dates with slashes (month first), Unix seconds and
    milliseconds. A date without a zone counts as UTC. A date without a year of four digits is not
    guessed at: parsers would fill it in from today's date.
    """
    texts = values.astype("string").str.strip()
    epoch = texts.str.fullmatch(r"\d{10}|\d{13}").fillna(False).astype(bool)
    dated = texts.str.contains(r"\d{4}").fillna(False).astype(bool) & ~epoch
    parsed = pd.Series(pd.NaT, index=values.index, dtype="datetime64[us, UTC]")
    numbers = texts[epoch].astype("int64")
    milliseconds = numbers.where(numbers >= 10**10, numbers * 1000)
    parsed[epoch] = pd.to_datetime(milliseconds, unit="ms", utc=True).astype(parsed.dtype)
    parsed[dated] = pd.to_datetime(texts[dated], format="mixed", utc=True, errors="coerce").astype(
        parsed.dtype
    )
    return parsed


def _visible(text: str) -> bool:
    """Tell whether a text has a character that can be seen (zero-width ones can't)."""
    return any(c.isprintable() and not c.isspace() for c in text)


@cache
def _fields(names: tuple[str, ...]) -> dict[str, list[str]]:
    return columns.match(names)


def _article(row: Row) -> dict[str, Any] | None:
    """Make one article of a row; None if it has no title."""
    fields = _fields(tuple(row.cells))
    found = {field: _first(row.cells, names) for field, names in fields.items()}
    title, description = found["title"], found["description"]
    if title is None:
        return None
    text = title if description is None else f"{title}\n{description}"
    extra = {"doc_id": doc_id(text), "text": text, "dump": row.dump, "copies": 1, "row": row.number}
    return found | extra


def _first(cells: Mapping[str, Any], names: Iterable[str]) -> str | None:
    """Give the first of these cells that says something, cleaned."""
    return next((text for name in names if (text := clean(cells[name])) is not None), None)


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
    ordered = frame.sort_values(["published_at", "doc_id", "dump", "row"], na_position="last")
    copies = ordered.groupby("doc_id")["copies"].sum()
    first = ordered.drop_duplicates("doc_id")
    first = first.assign(copies=first["doc_id"].map(copies))
    arrays = [pa.array(first[f.name], f.type, from_pandas=True) for f in ARTICLES]
    return pa.Table.from_arrays(arrays, schema=ARTICLES)
