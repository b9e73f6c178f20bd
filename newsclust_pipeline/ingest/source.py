"""What a reader knows about the dump that it reads."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from newsclust_pipeline.core.errors import SettingError
from newsclust_pipeline.ingest.archives import Allowance
from newsclust_pipeline.ingest.names import FIELDS

_ORDERS = ("auto", "dmy", "mdy")
_EXAMPLE = 'Example: {"title": "headline.main", "published_at": "seen"}.'


@dataclass(frozen=True)
class Options:
    """What the user says about the columns of all dumps.

    Attributes:
        columns: column or path ("headline.main") by field, used where a dump has it.
        date_order: "dmy" or "mdy" for dates whose order the rows don't decide; "auto" for neither.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    date_order: str = "auto"


@dataclass(frozen=True)
class Source:
    """A stream of bytes that a reader turns into rows.

    Attributes:
        dump: its name, for rows and messages.
        warnings: takes lines for the user.
        allowance: the bound on what it may unpack to.
        options: what the user says about its columns.
    """

    dump: str
    warnings: list[str]
    allowance: Allowance
    options: Options = field(default_factory=Options)


def parse_options(columns: str, date_order: str) -> Options:
    """Return the options that two settings name.

    Args:
        columns: a JSON object, field → column or path; "" for none.
        date_order: "auto", "dmy" or "mdy".

    Raises:
        SettingError: one of them has another form.
    """
    if date_order not in _ORDERS:
        raise SettingError(f"`news.date_order`={date_order}: must be one of {', '.join(_ORDERS)}.")
    try:
        chosen = json.loads(columns or "{}")
    except ValueError as fault:
        raise SettingError(f"`news.columns`: not JSON ({fault}). {_EXAMPLE}") from None
    if not isinstance(chosen, dict) or not all(isinstance(c, str) for c in chosen.values()):
        raise SettingError(f"`news.columns`: must name one column for a field. {_EXAMPLE}")
    unknown = sorted(chosen.keys() - set(FIELDS))
    if unknown:
        raise SettingError(
            f"`news.columns`: no such field: {', '.join(unknown)}. Fields: {', '.join(FIELDS)}."
        )
    return Options(chosen, date_order)
