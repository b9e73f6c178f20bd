"""One record of a dump, as it passes from the readers to the articles."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Row(NamedTuple):
    """One record of a dump.

    Attributes:
        dump: the name of the dump; for a member of an archive `<archive>/<member>`.
        number: 1-based; headers and blank lines are not counted.
        cells: values by column. Of a row with a defect only the text of the record, under "".
        defect: why the record can't be used, or None.
    """

    dump: str
    number: int
    cells: Mapping[str, Any]
    defect: str | None = None
