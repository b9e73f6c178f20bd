"""Which column of every dump was used for which field, as text and a table."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from newsclust_pipeline.core.markdown import markdown_table

# Fields without which stories are worse. (A dump without titles is an error.)
_EXPECTED = ("description", "published_at", "venue")
_EXAMPLES = 3  # dumps named in one line


@dataclass(frozen=True)
class ColumnUse:
    """Where a field of a dump comes from; one line of the column report.

    Attributes:
        dump: the name of the dump.
        field: the field of an article.
        column: the columns or paths that were used, most used first; "" for none.
        filled: share of the rows that have the field.
        example: the first value.
        known_by: "name", "values" or "setting", and what else there is to say.
    """

    dump: str
    field: str
    column: str
    filled: float
    example: str
    known_by: str


def report_table(uses: Iterable[ColumnUse]) -> str:
    """Return the report as a Markdown table."""
    columns = {
        "dump": "left", "field": "left", "column": "left", "filled": "right", "example": "left",
        "known by": "left",
    }  # fmt: skip
    rows = [
        (use.dump, use.field, use.column, f"{use.filled:.0%}", use.example, use.known_by)
        for use in uses
    ]
    return markdown_table(columns, rows)  # type: ignore[arg-type]


def report_lines(uses: Iterable[ColumnUse]) -> list[str]:
    """Return one line for every dump, for a log."""
    by_dump: dict[str, list[str]] = defaultdict(list)
    for use in uses:
        note = f", {use.known_by}" if use.known_by not in {"", "name"} else ""
        column = f"{use.column} ({use.filled:.0%}{note})" if use.column else "none"
        by_dump[use.dump].append(f"{use.field} = {column}")
    return [f"{dump}: {'; '.join(parts)}" for dump, parts in by_dump.items()]


def missing_fields(uses: Iterable[ColumnUse]) -> dict[str, list[str]]:
    """Return the fields that no row of a dump has, by dump; titles and addresses aside."""
    missing: dict[str, list[str]] = defaultdict(list)
    for use in uses:
        if use.field in _EXPECTED and not use.filled:
            missing[use.dump].append(use.field)
    return dict(missing)


def list_missing(missing: dict[str, list[str]]) -> str:
    """Return a sentence about dumps without some fields."""
    listed = [f"{dump} has no {', no '.join(fields)}" for dump, fields in missing.items()]
    return _shorten(listed)


def _shorten(listed: Sequence[str]) -> str:
    more = len(listed) - _EXAMPLES
    return "; ".join(listed[:_EXAMPLES]) + (f"; and {more} more" if more > 0 else "")
