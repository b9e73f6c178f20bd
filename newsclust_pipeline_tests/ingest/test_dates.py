"""Dates of mixed formats become UTC times."""

import random
from datetime import UTC, datetime

import pandas as pd
import pytest

from newsclust_pipeline.ingest.dates import parse_dates

NOON = datetime(2024, 6, 3, 12, tzinfo=UTC)


def date(text):
    (parsed,) = parse_dates(pd.Series([text]))
    return None if parsed is pd.NaT else parsed.to_pydatetime()


def shuffled(values, seed):
    return random.Random(seed).sample(values, len(values))  # noqa: S311 (no secret)


@pytest.mark.parametrize(
    "text",
    [
        "2024-06-03T12:00:00Z",
        "2024-06-03 12:00:00",
        "2024-06-03 12:00:00.000000",
        "2024-06-03T12:00:00.000+00:00",
        "2024-06-03T14:00:00+0200",
        "2024-06-03 12:00:00 UTC",
        "20240603T120000Z",
        "Mon, 03 Jun 2024 12:00:00 GMT",
        "Mon, 3 Jun 2024 08:00:00 -0400",
        "Mon, 03 Jun 2024 07:00:00 EST",  # RFC 2822 names these zones
        "Mon, 03 Jun 2024 05:00:00 PDT",
        "June 3, 2024 12:00 PM",
        "3 June 2024 12:00",
        "06/03/2024 12:00",
        "1717416000",
        "1717416000000",
        "1717416000.0",  # how pandas writes whole numbers in a column with gaps
        1717416000,
    ],
)
def test_a_date_is_parsed_in_any_of_these_formats(text):
    assert date(str(text)) == NOON


def test_formats_may_be_mixed_in_one_column():
    formats = [
        "2024-06-03T12:00:00Z",
        "2024-06-03T12:00:00.000Z",
        "2024-06-03 12:00:00",
        "1717416000",
        "Mon, 03 Jun 2024 12:00:00 GMT",
        "20240603T120000Z",
    ]
    for seed in range(5):
        assert set(parse_dates(pd.Series(shuffled(formats, seed)))) == {NOON}


def test_fractions_of_seconds_and_the_index_are_preserved():
    parsed = parse_dates(pd.Series(["2024-06-03T12:00:00.123456Z"], index=[41]))
    assert parsed[41] == NOON.replace(microsecond=123456)


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "12:00",
        "Mon 3 Jun",
        "03/06/24",
        "2024-13-45",
        "10:30:00 +0000",  # the zone's four digits are no year
        "03 Jun 10:30 +0000",
        "Jun 3, 10:30:00.1234",
        "99999999999999999999",
    ],
)
def test_a_date_without_a_year_or_sense_is_not_guessed_at(text):
    assert date(text) is None
