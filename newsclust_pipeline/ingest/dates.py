"""Parse publication dates, which come in many formats, often several in one column."""

from email.utils import parsedate_to_datetime

import pandas as pd

_EPOCH = r"\d{10}(\d{3})?(\.\d+)?"  # Unix seconds or milliseconds
# Four digits that are a year, not part of a zone (+2000) or of a fraction of a second (:30.2000).
_YEAR = r"(?<![+:\d])(?<!:\d\d\.)(?:19|20)\d\d"


def parse_dates(values: pd.Series) -> pd.Series:
    """Return dates of mixed formats as UTC times; NaT where no rule can read one.

    Formats: variants of ISO 8601, RFC 2822, dates with slashes (month first), Unix seconds and
    milliseconds. A date without a zone is taken as UTC. A date without a year of four digits is NaT
    because parsers would complete it from today's date.
    """
    texts = values.astype("string").str.strip()
    is_epoch = texts.str.fullmatch(_EPOCH).fillna(False).astype(bool)
    has_year = texts.str.contains(_YEAR).fillna(False).astype(bool) & ~is_epoch
    parsed = pd.Series(pd.NaT, index=values.index, dtype="datetime64[us, UTC]")
    parsed[is_epoch] = _parse_epochs(texts[is_epoch]).astype(parsed.dtype)
    parsed[has_year] = pd.to_datetime(
        texts[has_year], format="mixed", utc=True, errors="coerce"
    ).astype(parsed.dtype)
    for row in values.index[has_year & parsed.isna()]:
        parsed[row] = _parse_mail_date(texts[row])
    return parsed


def _parse_epochs(texts: pd.Series) -> pd.Series:
    """Return the times of Unix seconds (ten digits) and milliseconds (thirteen)."""
    numbers = texts.astype("float64")
    milliseconds = numbers.where(numbers >= 10**10, numbers * 1000).round().astype("int64")
    return pd.to_datetime(milliseconds, unit="ms", utc=True)


def _parse_mail_date(text: str) -> pd.Timestamp:
    """Return the time of a date of RFC 2822 with a named zone, as in feeds; NaT for other text."""
    try:
        parsed = pd.Timestamp(parsedate_to_datetime(text))
    except ValueError:
        return pd.NaT
    return parsed.tz_localize("UTC") if parsed.tz is None else parsed.tz_convert("UTC")
