"""Find the header of a table, or recognise a well-known table without one."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from newsclust_pipeline.core.errors import DumpError
from newsclust_pipeline.ingest.names import LATER, field_of
from newsclust_pipeline.ingest.values import count_words, is_domain, is_url

# Records above a header that are looked through for it.
MAX_JUNK = 30

_Test = Callable[[str], bool]


def _matches(pattern: str) -> _Test:
    return lambda text: re.fullmatch(pattern, text) is not None


def _any(_: str) -> bool:
    return True


def _is_text(text: str) -> bool:
    return count_words(text) >= 2


# Tables that are published without a header: the name of every column, and what its values are.
_KNOWN_TABLES: dict[str, tuple[tuple[str, _Test], ...]] = {
    "MIND": (
        ("news_id", _matches(r"N\d+")),
        ("category", _any),
        ("subcategory", _any),
        ("title", _is_text),
        ("abstract", _any),
        ("url", lambda text: not text or is_url(text)),
        ("title_entities", lambda text: not text or text.startswith("[")),
        ("abstract_entities", lambda text: not text or text.startswith("[")),
    ),
    "UCI News Aggregator": (
        ("id", str.isdecimal),
        ("title", _is_text),
        ("url", is_url),
        ("publisher", _any),
        ("category", _matches(r"[a-z]")),
        ("story_id", _any),
        ("hostname", is_domain),
        ("timestamp", _matches(r"\d{13}")),
    ),
    "AG News": (
        ("class", _matches(r"\d{1,2}")),
        ("title", _is_text),
        ("description", _is_text),
    ),
}


def is_header(cells: Sequence[str], chosen: Mapping[str, str], *, first: bool) -> bool:
    """Return True if a record names the columns of a table of articles.

    Args:
        cells: the record.
        chosen: columns that the user named, by field.
        first: whether it is the first record. Below, a name must have company: "Title" alone could
            be part of a note above the table.
    """
    if chosen.get("title") in cells:
        return True
    named = [field_of((str(cell).strip(),)) for cell in cells if cell]
    fields = {field for field, rank in filter(None, named) if rank < LATER}
    return len(fields) >= 2 or (first and "title" in fields)


def known_table(records: Iterable[Sequence[str]]) -> tuple[str, list[str]] | None:
    """Return the name and the columns of a well-known table without a header; None if it is none.

    >>> known_table([["3", "Wall St. slips", "Stocks fell on Friday."]])
    ('AG News', ['class', 'title', 'description'])
    """
    records = list(records)
    for name, columns in _KNOWN_TABLES.items():
        if records and all(_fits(record, columns) for record in records):
            return name, [column for column, _ in columns]
    return None


def _fits(record: Sequence[str], columns: Sequence[tuple[str, _Test]]) -> bool:
    return len(record) == len(columns) and all(
        test(cell.strip()) for cell, (_, test) in zip(record, columns, strict=True)
    )


def no_header(dump: str, record: Sequence[str]) -> DumpError:
    """Return the error for a table whose first record is an article and not a header."""
    shown = ", ".join(repr(cell[:40]) for cell in record[:4])
    return DumpError(
        f"{dump}: no title column, because there is no header: the first line is {shown}. Add a "
        "first line with the names of the columns, such as title, description, published_at, url "
        "and venue."
    )


def looks_like_data(record: Sequence[str]) -> bool:
    """Return True if a record can't be a header: a cell is an address or a sentence."""
    return any(is_url(cell) or count_words(cell) > 6 for cell in record)
