"""Dates with separators or words are taken apart."""

from datetime import UTC, datetime, timedelta

import pytest

from newsclust_pipeline.ingest.date_words import split_date


def test_all_parts_of_a_date_are_found():
    parts = split_date("Tuesday, 5th of March 2024, 8:15:30.25 pm CET")
    assert (parts.year, parts.month, parts.day) == (2024, 3, 5)
    assert parts.clock == (20, 15, 30, 250_000)
    assert parts.zone.utcoffset(None) == timedelta(hours=1)
    assert not parts.slashed


def test_day_and_month_of_a_slashed_date_may_be_swapped():
    parts = split_date("03/06/2024")
    assert parts.slashed
    assert parts.moment() == datetime(2024, 6, 3, tzinfo=UTC)
    assert parts.moment(swapped=True) == datetime(2024, 3, 6, tzinfo=UTC)
    assert split_date("13/06/2024").moment(swapped=True) is None


@pytest.mark.parametrize("text", ["5 Marzember 2024", "5 March", "March 2024", "5 March 2024 99"])
def test_a_date_with_a_missing_or_unknown_part_is_refused(text):
    assert split_date(text) is None


def test_a_short_year_is_not_in_the_future():
    assert split_date("05-Mar-24").year == 2024
    assert split_date("05-Mar-98").year == 1998


def test_an_ambiguous_zone_is_named():
    assert split_date("5 March 2024 08:15 IST").doubt == "ist"
