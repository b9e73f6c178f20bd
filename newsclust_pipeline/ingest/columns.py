"""Which columns of a dump hold which field: by their names, then by their values.

A layout is decided once per dump from a sample of its rows. Objects of JSON may differ in their
keys, so keys that first occur later are added by their names.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby, islice
from textwrap import shorten
from typing import Any

from newsclust_pipeline.core.errors import DumpError
from newsclust_pipeline.ingest.cleaning import clean_text, clean_url
from newsclust_pipeline.ingest.column_report import ColumnUse
from newsclust_pipeline.ingest.dates import DateColumn, Reading, read_date
from newsclust_pipeline.ingest.guesses import Guess, guess_columns
from newsclust_pipeline.ingest.names import FIELDS, LATER, field_of
from newsclust_pipeline.ingest.rows import Fields, Row
from newsclust_pipeline.ingest.samples import Path, Sample
from newsclust_pipeline.ingest.source import Options
from newsclust_pipeline.ingest.values import as_scalar, is_url, paths_of, value_at

_SAMPLE_ROWS = 500
_SAMPLE_CHARACTERS = 1 << 22
_MAX_TITLE = 10_000  # characters; more are no headline but a damaged record
_MAX_KEYS = 10_000  # sets of keys of one dump that are remembered


class _Column:
    """A column or path that may hold a field, and how often it did.

    Attributes:
        guess: where it is.
        used: the number of rows whose field it held.
    """

    def __init__(self, guess: Guess) -> None:
        self.guess = guess
        self.used = 0
        self._key = guess.path[0] if len(guess.path) == 1 else None
        self._clean = clean_url if guess.field == "url" else clean_text
        self._refuses_urls = guess.field == "venue"

    @property
    def name(self) -> str:
        """The column, or the keys that lead to the value."""
        paths = filter(None, (self.guess.path, self.guess.clock))
        return " + ".join(".".join(map(str, path)) for path in paths)

    def text(self, cells: Mapping[str, Any]) -> str | None:
        """Return the cleaned value in a row; None if it is empty."""
        path, clock = self.guess.path, self.guess.clock
        value = value_at(cells, path) if self._key is None else cells.get(self._key)
        if value is None or value == "":
            return None
        text = self._clean(as_scalar(value))
        if text and self._refuses_urls and is_url(text):
            return None
        if text and clock:
            return f"{text} {clean_text(value_at(cells, clock)) or ''}"
        return text


class Layout:
    """The columns of one dump: decided from its first rows, applied to all, and counted."""

    def __init__(self, dump: str, options: Options | None = None) -> None:
        self.dump = dump
        self._options = options or Options()
        self._columns: dict[str, list[_Column]] = {name: [] for name in FIELDS}
        self._dates = DateColumn(self._options.date_order)
        self._known_paths: set[Path] = set()
        self._known_keys: set[tuple[Any, ...]] = set()
        self._examples: dict[str, str] = {}
        self._rows = 0
        self._unread_dates = 0

    def resolve(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield the rows with their fields.

        Raises:
            NoTitleError: no column holds titles.
        """
        rows = iter(rows)
        first = list(_take_sample(rows))
        self._decide([row.cells for row in first if row.defect is None])
        for row in chain(first, rows):
            yield row if row.defect else self._with_fields(row)

    def _decide(self, cells: Sequence[Mapping[str, Any]]) -> None:
        if not cells:
            return
        sample = Sample(cells)
        for guess in guess_columns(sample, self._options.columns):
            self._columns[guess.field].append(_Column(guess))
        self._known_paths = set(sample.columns)
        if not self._columns["title"]:
            raise NoTitleError(self.dump, list(dict.fromkeys(str(k) for c in cells for k in c)))

    def _with_fields(self, row: Row) -> Row:
        cells = row.cells
        if (keys := tuple(cells)) not in self._known_keys:
            self._add_new_columns(keys, cells)
        self._rows += 1
        title = self._text("title", cells)
        if title is not None and len(title) > _MAX_TITLE:
            defect = f"the title has {len(title):,} characters, more than {_MAX_TITLE:,}"
            return row._replace(cells={"": title}, defect=defect)
        url = self._text("url", cells)
        date_text, date = self._date(cells)
        if date is not None and (date.doubt or date.order or date.offset):
            self._dates.add(date, url)
        description = self._text("description", cells, title)
        venue = self._text("venue", cells)
        fields = Fields(title, description, url, venue, date_text, date, self._dates)
        return row._replace(fields=fields)

    def _text(self, field: str, cells: Mapping[str, Any], title: str | None = None) -> str | None:
        """Return the first value that isn't empty, nor the title again where there are others."""
        columns = self._columns[field]
        for column in columns:
            text = column.text(cells)
            if text is not None and not (text == title and len(columns) > 1):
                self._count(column, text)
                return text
        return None

    def _date(self, cells: Mapping[str, Any]) -> tuple[str | None, Reading | None]:
        """Return the first readable date; without one, the first text that should be a date."""
        unread: str | None = None
        for column in self._columns["published_at"]:
            text = column.text(cells)
            if text is None:
                continue
            reading = read_date(text)
            if reading:
                self._count(column, text)
                return text, reading
            unread = unread or text
        self._unread_dates += unread is not None
        return unread, None

    def _count(self, column: _Column, text: str) -> None:
        column.used += 1
        if column.guess.field not in self._examples:
            self._examples[column.guess.field] = text

    def _add_new_columns(self, keys: tuple[Any, ...], cells: Mapping[str, Any]) -> None:
        """Add the columns of keys that occur for the first time, by their names."""
        if len(self._known_keys) < _MAX_KEYS:
            self._known_keys.add(keys)
        for path, _ in paths_of(cells):
            named = None if path in self._known_paths else field_of(path)
            self._known_paths.add(path)
            if named and named[1] < LATER and named[0] not in self._options.columns:
                columns = self._columns[named[0]]
                columns.append(_Column(Guess(named[0], path, named[1], "name")))
                columns.sort(key=lambda column: column.guess.rank)

    @property
    def warning(self) -> str:
        """What the user should know about the dates; "" if there is nothing to say."""
        return f"{self.dump}: {self._dates.warning}" if self._dates.warning else ""

    def report(self) -> list[ColumnUse]:
        """Return the columns that were used for every field."""
        return [self._use(field) for field in FIELDS]

    def _use(self, field: str) -> ColumnUse:
        used = sorted((c for c in self._columns[field] if c.used), key=lambda c: -c.used)
        filled = sum(column.used for column in used)
        notes = list(dict.fromkeys(column.guess.known_by for column in used))
        if field == "published_at":
            notes += [self._dates.note] * bool(self._dates.note)
            notes += [f"{self._unread_dates:,} unreadable"] * bool(self._unread_dates)
        return ColumnUse(
            dump=self.dump,
            field=field,
            column=", ".join(column.name for column in used),
            filled=filled / self._rows if self._rows else 0.0,
            example=shorten(self._examples.get(field, ""), 60, placeholder="…"),
            known_by="; ".join(notes),
        )


def _take_sample(rows: Iterator[Row]) -> Iterator[Row]:
    """Yield the first rows: so many that all columns show, so few that they fit into memory."""
    characters = 0
    for row in islice(rows, _SAMPLE_ROWS):
        yield row
        characters += sum(len(v) for v in row.cells.values() if isinstance(v, str))
        if characters > _SAMPLE_CHARACTERS:
            return


def resolve_rows(rows: Iterable[Row], options: Options | None = None) -> Iterator[Row]:
    """Yield the rows of several dumps with their fields; each dump's rows must be together."""
    for dump, of_dump in groupby(rows, key=lambda row: row.dump):
        yield from Layout(dump, options).resolve(of_dump)


class NoTitleError(DumpError):
    """No column of a dump holds headlines."""

    def __init__(self, dump: str, columns: Sequence[str]) -> None:
        self.dump = dump
        names = ", ".join(repr(c) for c in columns[:12]) or "none"
        super().__init__(
            f"{dump}: no title column. Columns found: {names}. Name the column with the headlines "
            "'title' (or 'headline'), or set `news.columns`. If these are cells of an article, the "
            "file lacks a line that names its columns: add one."
        )
