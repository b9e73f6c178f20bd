"""The columns of some rows of a dump, and what their values look like."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean
from typing import Any

from newsclust_pipeline.ingest.cleaning import clean_text
from newsclust_pipeline.ingest.dates import Reading, read_date
from newsclust_pipeline.ingest.values import as_scalar, count_words, is_url, paths_of

Path = tuple[str, ...]
DAY = 86_400_000_000  # microseconds
_MAX_CHARACTERS = 2000  # of a value that are looked at


@dataclass
class Values:
    """The values of one column in a sample, and what they look like.

    Attributes:
        by_row: non-empty values, cleaned, by the number of the row.
    """

    by_row: dict[int, str] = field(default_factory=dict)

    def share(self, test: Callable[[str], Any]) -> float:
        """Return the share of the values that pass a test."""
        return fmean(bool(test(text)) for text in self.by_row.values()) if self.by_row else 0.0

    @cached_property
    def urls(self) -> float:
        """Share of addresses."""
        return self.share(is_url)

    @cached_property
    def words(self) -> float:
        """Words of a value, on average."""
        return fmean(map(count_words, self.by_row.values())) if self.by_row else 0.0

    @cached_property
    def distinct(self) -> float:
        """Share of distinct values."""
        return len(set(self.by_row.values())) / len(self.by_row) if self.by_row else 0.0

    @cached_property
    def readings(self) -> dict[int, Reading]:
        """What the values say as dates, by row."""
        read = {row: read_date(text) for row, text in self.by_row.items()}
        return {row: reading for row, reading in read.items() if reading}

    @property
    def dates(self) -> float:
        """Share of readable dates."""
        return len(self.readings) / len(self.by_row) if self.by_row else 0.0

    @property
    def clocks(self) -> float:
        """Share of the dates that have a time of day other than midnight."""
        timed = [
            r.has_clock and (r.time or r.other or 0) % DAY != 0 for r in self.readings.values()
        ]
        return fmean(timed) if timed else 0.0


class Sample:
    """The columns of some rows, nested ones by their paths."""

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self.rows = rows
        columns: dict[Path, Values] = defaultdict(Values)
        for number, cells in enumerate(rows):
            for path, value in paths_of(cells):
                text = clean_text(as_scalar(value))
                values = columns[path]
                if text is not None:
                    values.by_row[number] = text[:_MAX_CHARACTERS]
        self.columns = dict(columns)
