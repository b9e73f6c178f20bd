"""Dates that can't be right are found, and only those."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from newsclust_pipeline.ingest.suspect_dates import suspect_dates

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
WEEK = [NOW - timedelta(hours=7 * n) for n in range(24)]


def suspects(times, venues=None):
    """Return the times that are suspect."""
    table = pa.table(
        {
            "published_at": pa.array(times, pa.timestamp("us", tz="UTC")),
            "venue": pa.array(venues or [None] * len(times), pa.string()),
        }
    )
    flags = suspect_dates(table, NOW)
    return [time for time, is_suspect in zip(times, flags, strict=True) if is_suspect]


@pytest.mark.parametrize(
    "wrong",
    [
        datetime(2099, 12, 31, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(1970, 1, 1, 8, tzinfo=UTC),
        datetime(2001, 1, 1, tzinfo=UTC),
        datetime(2016, 3, 5, tzinfo=UTC),
        NOW + timedelta(days=2),
    ],
)
def test_one_wrong_date_among_many_is_suspect(wrong):
    assert suspects([*WEEK, wrong]) == [wrong]


def test_a_far_future_and_the_epoch_together_are_suspect():
    wrong = [datetime(2099, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)]
    assert suspects(WEEK + wrong) == wrong


@pytest.mark.parametrize(
    "times",
    [
        WEEK,
        [*WEEK, NOW + timedelta(hours=20)],  # tomorrow, in another zone
        [*WEEK, NOW - timedelta(days=400)],
        [datetime(year, 1, 1, tzinfo=UTC) for year in range(1950, 2026)],  # an archive
        [*[datetime(1990 + 4 * n, 1, 1, tzinfo=UTC) for n in range(8)], *WEEK],
        [datetime(1970, 1, 1, tzinfo=UTC)] * 5,  # a dump of that day
        [datetime(2001, 1, 1, tzinfo=UTC), NOW],
        [None, None],
        [],
    ],
)
def test_plausible_dates_are_not_suspect(times):
    assert suspects(times) == []


def test_the_range_of_each_outlet_counts():
    archive = [datetime(year, 6, 1, tzinfo=UTC) for year in range(1990, 2026)]
    old = datetime(1999, 6, 1, tzinfo=UTC)
    venues = ["Archive"] * len(archive) + ["Post"] * (len(WEEK) + 1)
    assert suspects([*archive, *WEEK, old], venues) == [old]


def test_a_dump_of_2014_has_no_article_of_2025():
    dates = [datetime(2014, 3, 10, hour, tzinfo=UTC) for hour in range(20)]
    wrong = datetime(2025, 3, 10, tzinfo=UTC)
    assert suspects([*dates, wrong]) == [wrong]
