"""Read delimited text: comma, semicolon, tab or bar, with a header that names the columns."""

import csv
import io
from collections import deque
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from newsclust_pipeline.ingest.columns import has_title, no_title
from newsclust_pipeline.ingest.decoding import open_text, read_lines
from newsclust_pipeline.ingest.rows import Row

# A longer field is an unclosed quote that takes in the rest of the file.
_LONGEST_FIELD = 1 << 22


def read_delimited(stream: BinaryIO, dump: str, warnings: list[str]) -> Iterator[Row]:
    """Yield the records below the header; broken ones and repeated headers have a defect.

    Raises:
        DumpError: no delimiter gives a header with a title column.
    """
    text, head = open_text(stream, dump, warnings)
    delimiter, header = _find_header(head, dump)
    places: dict[str, int] = {}
    for place, name in enumerate(header):
        places.setdefault(name, place)
    records = _records(read_lines(text, dump), delimiter, len(header))
    next(records)  # the header itself
    for number, (cells, defect) in enumerate(records, start=1):
        if cells == header:  # several dumps in one file
            yield Row(dump, number, {"": delimiter.join(cells)}, "the header again")
        elif defect is None:
            named = {n: cells[p] if p < len(cells) else "" for n, p in places.items()}
            yield Row(dump, number, named)
        else:
            yield Row(dump, number, {"": delimiter.join(cells)}, defect)


def _find_header(head: str, dump: str) -> tuple[str, list[str]]:
    """Return the delimiter with which the first record names a title column, and that record."""
    likely = "\t,;|" if dump.lower().endswith(".tsv") else ",;\t|"
    headers = {d: next(filter(None, _lenient_reader(head, d)), []) for d in likely}
    for delimiter, header in headers.items():
        if has_title(header):
            return delimiter, header
    raise no_title(dump, max(headers.values(), key=len))


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

    def push_back(self) -> str:
        """Push back all recent lines but the first, and return the first."""
        first, *rest = self.recent
        self._pushed_back.extendleft(reversed(rest))
        return first


def _records(
    text: Iterator[str], delimiter: str, width: int
) -> Iterator[tuple[list[str], str | None]]:
    """Yield the cells of every record and its defect, if any. Blank lines are skipped.

    A quote that is never closed, or that the next quote far below closes, would take in other
    records. So where a record breaks the rules of quoting, its first line becomes a record of its
    own and the lines below are read again. A record from such lines is used only if it has as
    many cells as the header.
    """
    csv.field_size_limit(_LONGEST_FIELD)
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
            line = lines.push_back()
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            cells, doubtful = next(_lenient_reader(line, delimiter)), True
        if not cells:
            continue
        yield cells, _width_defect(cells, width, doubtful)


def _width_defect(cells: Sequence[str], width: int, doubtful: bool) -> str | None:
    """Return what is wrong with the number of cells; None if the record can be used."""
    if doubtful and len(cells) != width:
        return f"{len(cells)} cells where the header names {width}, by a quote that is not closed?"
    if len(cells) > width and any(cells[width:]):
        return f"{len(cells)} cells where the header names {width}: an unquoted delimiter?"
    return None  # a short record only lacks empty cells at its end
