"""Read delimited text: comma, semicolon, tab or bar, with a header that names the columns."""

import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import BinaryIO

from newsclust_pipeline.ingest.columns import NoTitleError
from newsclust_pipeline.ingest.decoding import open_text, read_lines
from newsclust_pipeline.ingest.headers import (
    MAX_JUNK,
    is_header,
    known_table,
    looks_like_data,
    no_header,
)
from newsclust_pipeline.ingest.rows import Row
from newsclust_pipeline.ingest.source import Source

# A longer field is an unclosed quote that takes in the rest of the file.
_LONGEST_FIELD = 1 << 22
_SEPARATOR_LINE = re.compile(r'\s*"?sep=(.)"?[\s,;]*', re.IGNORECASE)
_MAX_ESCAPED_LINES = 1000  # of a cell with backslashes
_SHAPE_RECORDS = 20  # from which a table without a header is recognised


@dataclass(frozen=True)
class _Dialect:
    """How a table is written.

    Attributes:
        delimiter: between cells.
        header: the names of the columns.
        skipped: lines above the header.
        has_header: whether the header is a line of the file.
    """

    delimiter: str
    header: list[str]
    skipped: int
    has_header: bool = True


def read_delimited(stream: BinaryIO, source: Source) -> Iterator[Row]:
    """Yield the records below the header; broken ones and repeated headers have a defect.

    Raises:
        DumpError: no delimiter gives a header, and the table is not a well-known one.
    """
    csv.field_size_limit(_LONGEST_FIELD)
    dump = source.dump
    text, head = open_text(stream, dump, source.warnings)
    dialect = _find_dialect(head, source)
    header = dialect.header
    places: dict[str, int] = {}
    for place, name in enumerate(header):
        places.setdefault(name, place)
    lines = islice(read_lines(text, dump), dialect.skipped, None)
    records = _records(lines, dialect.delimiter, len(header))
    if dialect.has_header:
        next(records)
    for number, (cells, defect) in enumerate(records, start=1):
        if cells == header:  # several dumps in one file
            yield Row(dump, number, {"": dialect.delimiter.join(cells)}, "the header again")
        elif defect is None:
            named = {n: cells[p] if p < len(cells) else "" for n, p in places.items()}
            yield Row(dump, number, named)
        else:
            yield Row(dump, number, {"": dialect.delimiter.join(cells)}, defect)


def _find_dialect(head: str, source: Source) -> _Dialect:
    """Return how the table is written, by the first line that names its columns."""
    lines = list(io.StringIO(head, newline=""))
    likely = "\t,;|" if ".tsv" in source.dump.lower() else ",;\t|"
    separator = _SEPARATOR_LINE.fullmatch(lines[0].removeprefix("\ufeff")) if lines else None
    if separator:
        likely = separator[1]
    start = 1 if separator else 0
    for skipped in range(start, min(len(lines), start + MAX_JUNK)):
        for delimiter in likely:
            header = next(csv.reader(lines[skipped:], delimiter=delimiter), [])
            first = not any(map(str.strip, lines[start:skipped]))
            if is_header(header, source.options.columns, first=first):
                _warn_about_junk(skipped - start, first, source)
                return _Dialect(delimiter, header, skipped)
    return _find_known_table(head, likely, source)


def _warn_about_junk(count: int, blank: bool, source: Source) -> None:
    if not blank:
        source.warnings.append(f"{source.dump}: {count} lines above the header skipped")


def _find_known_table(head: str, likely: str, source: Source) -> _Dialect:
    complete = head[: head.rfind("\n") + 1] or head  # the head may end within a record
    records = {d: list(islice(_lenient_reader(complete, d), _SHAPE_RECORDS)) for d in likely}
    for delimiter, found in records.items():
        table = known_table(filter(None, found))
        if table:
            name, header = table
            source.warnings.append(f"{source.dump}: no header; read as the {name} table")
            return _Dialect(delimiter, header, 0, has_header=False)
    first = max((next(filter(None, found), []) for found in records.values()), key=len)
    if looks_like_data(first):
        raise no_header(source.dump, first)
    raise NoTitleError(source.dump, first)


def _lenient_reader(text: str, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)


class _Lines:
    """Lines of a text, of which the last ones can be pushed back to be read again.

    Attributes:
        recent: the lines that were read since this list was last cleared.
    """

    def __init__(self, text: Iterator[str]) -> None:
        self._text = text
        self._pushed_back: deque[str] = deque()
        self.recent: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._pushed_back.popleft() if self._pushed_back else next(self._text)
        self.recent.append(line)
        return line

    @property
    def rereading(self) -> bool:
        """Whether the next line was pushed back."""
        return bool(self._pushed_back)

    def push_back(self, keep: int = 1) -> str:
        """Push back all recent lines but the first ones, and return those as one text."""
        kept, rest = self.recent[:keep], self.recent[keep:]
        self._pushed_back.extendleft(reversed(rest))
        self.recent = kept
        return "".join(kept)


def _records(
    text: Iterator[str], delimiter: str, width: int
) -> Iterator[tuple[list[str], str | None]]:
    """Yield the cells of every record and its defect, if any. Blank lines are skipped.

    A quote that is never closed, or that the next quote far below closes, would take in other
    records. So where a record breaks the rules of quoting, its first line becomes a record of its
    own and the lines below are read again. A record from such lines is used only if it has as
    many cells as the header.
    """
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.recent.clear()
        doubtful = lines.rereading
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            escaped = _escaped_record(lines, delimiter, width)
            line = "" if escaped else lines.push_back()
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            cells, doubtful = escaped or next(_lenient_reader(line, delimiter)), not escaped
        if len(cells) > width:
            cells = _escaped_record(lines, delimiter, width) or cells
        if cells:
            yield cells, _width_defect(cells, width, doubtful)


def _escaped_record(lines: _Lines, delimiter: str, width: int) -> list[str] | None:
    r"""Return a record whose quotes and delimiters are escaped by a backslash, or None.

    Spark, MySQL and Hive write \" within a quoted cell, where the rule is two quotes. The lines
    that belong to the record are used up; the others are read again.
    """
    count = len(lines.recent)
    text = "".join(lines.recent)
    if '\\"' not in text and "\\" + delimiter not in text:
        return None
    following = chain(list(lines.recent), islice(lines, _MAX_ESCAPED_LINES))
    again = csv.reader(following, delimiter=delimiter, escapechar="\\", strict=True)
    try:
        cells = next(again)
    except (csv.Error, StopIteration):
        cells = []
    fits = len(cells) == width
    lines.push_back(keep=again.line_num if fits else count)
    return cells if fits else None


def _width_defect(cells: Sequence[str], width: int, doubtful: bool) -> str | None:
    """Return what is wrong with the number of cells; None if the record can be used."""
    if doubtful and len(cells) != width:
        return f"{len(cells)} cells where the header names {width}, by a quote that is not closed?"
    if len(cells) > width and any(cells[width:]):
        return f"{len(cells)} cells where the header names {width}: an unquoted delimiter?"
    return None  # a short record only lacks empty cells at its end
