"""One record of a dump, as it passes from the readers to the articles."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from newsclust_pipeline.ingest.dates import DateColumn, Reading


class Fields(NamedTuple):
    """The fields of an article, cleaned; None where the row has none.

    Attributes:
        title: the headline.
        description: a description, a lead or a body.
        url: the address.
        venue: the outlet.
        date_text: the date of publication as it is written.
        date: what that text says; None if it can't be read.
        dates: the column that it comes from, which decides about dates with two meanings.
    """

    title: str | None
    description: str | None
    url: str | None
    venue: str | None
    date_text: str | None
    date: Reading | None
    dates: DateColumn


class Row(NamedTuple):
    """One record of a dump.

    Attributes:
        dump: the name of the dump; for a member of an archive `<archive>/<member>`.
        number: 1-based; headers and blank lines are not counted.
        cells: values by column. Of a row with a defect only the text of the record, under "".
        defect: why the record can't be used, or None.
        fields: the fields in these cells, once the columns of the dump are known.
    """

    dump: str
    number: int
    cells: Mapping[str, Any]
    defect: str | None = None
    fields: Fields | None = None
