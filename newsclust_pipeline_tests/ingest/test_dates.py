"""Dates in many forms become one moment, or none if they have several meanings."""

from datetime import UTC, datetime, timedelta

import pytest

from newsclust_pipeline.ingest.dates import DateColumn, read_date

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(microseconds):
    return None if microseconds is None else EPOCH + timedelta(microseconds=microseconds)


def date(text):
    reading = read_date(text)
    return None if reading is None or reading.doubt else moment(reading.time)


def settled(*texts, setting="auto", urls=()):
    """Return the dates of a column, decided from all of its rows."""
    column, readings = DateColumn(setting), [read_date(text) for text in texts]
    for number, reading in enumerate(readings):
        if reading:
            column.add(reading, urls[number] if urls else None)
    found = []
    for reading in filter(None, readings):
        other = column.doubts.get(reading.doubt, False)
        time = None if other is None else reading.other if other else reading.time
        found.append(time and f"{moment(time):%Y-%m-%d}")
    return found, column


AT_0815 = [
    "2024-03-05T08:15:00Z",
    "2024-03-05 08:15:00",
    "2024-03-05T09:15:00.000+01:00",
    "2024-03-05T03:15:00-0500",
    "2024-03-05T03:15:00-05:00[America/New_York]",
    "2024-03-05 08:15:00 UTC",
    "2024-03-05 08:15:00 +0000 UTC",
    "2024-03-05 8:15",
    "2024/03/05 08:15",
    "20240305T081500Z",
    "20240305081500",
    "20240305081500000",
    "202403050815",
    "Tue, 05 Mar 2024 08:15:00 GMT",
    "Tue, 5 Mar 2024 08:15 Z",
    "Tue, 05 Mar 2024 03:15:00 EST",
    "Tue Mar 05 08:15:00 +0000 2024",
    "Tue Mar 05 03:15:00 EST 2024",
    "March 05, 2024 03:15 AM ET",
    "8:15 AM GMT, Tuesday, March 5th, 2024",
    "Updated March 05, 2024 at 08:15 AM",
    "Published: 5 March 2024 8.15am",
    "05-MAR-24 08.15.00.000000 AM",
    "Tuesday, 05-Mar-2024 08:15",
    "05.03.2024 08:15",
    "5. 3. 2024 8:15",
    "05.03.2024, 09:15 Uhr MEZ",
    "5. März 2024, 08:15 Uhr",
    "mardi 5 mars 2024 à 08h15",
    "5 de marzo de 2024, 08:15",
    "5 марта 2024 г., 08:15",
    "2024年3月5日 08:15",
    "2024년 3월 5일 오전 8:15",
    "٥ مارس ٢٠٢٤ 08:15",
    "1709626500",
    "1709626500.0",
    "1709626500000",
    "1709626500000000",
    "1709626500000000000",
    "1.7096265000E+12",
    "45356.34375",
    "/Date(1709626500000)/",
    "Timestamp('2024-03-05 08:15:00+0000', tz='UTC')",
    "datetime.datetime(2024, 3, 5, 8, 15, tzinfo=datetime.timezone.utc)",
    "[2024, 3, 5, 8, 15, 0, 1, 65, -1]",
    "time.struct_time(tm_year=2024, tm_mon=3, tm_mday=5, tm_hour=8, tm_min=15, tm_sec=0)",
]


@pytest.mark.parametrize("text", AT_0815)
def test_a_moment_is_read_in_any_of_these_forms(text):
    assert date(text) == datetime(2024, 3, 5, 8, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-05",
        "2024-3-5",
        "2024-W10-2",
        "20240305",
        "05-Mar-24",
        "5 Mar '24",
        "5.3.2024",
        "2024. március 5.",
        "5 tháng 3, 2024",
        "ngày 5 tháng 3 năm 2024",
        "5 मार्च 2024",
        "5 Mart 2024 Salı",
        "5 مارس 2024",
        "45356",
    ],
)
def test_a_day_is_read_in_any_of_these_forms(text):
    assert date(text) == datetime(2024, 3, 5, tzinfo=UTC)
    assert not read_date(text).has_clock


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("March 5, 2024 12:30 AM", 0),
        ("March 5, 2024 12:30 PM", 12),
        ("5 March 2024 8:30 p.m.", 20),
        ("2024-03-05 下午8:30", 20),
    ],
)
def test_a_clock_of_twelve_hours_is_read(text, hour):
    assert date(text) == datetime(2024, 3, 5, hour, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "hours"), [("CET", 1), ("CEST", 2), ("BST", 1), ("JST", 9), ("PST", -8), ("MSK", 3)]
)
def test_a_named_zone_counts(zone, hours):
    assert date(f"3 June 2024 12:00 {zone}") == datetime(2024, 6, 3, 12 - hours, tzinfo=UTC)


def test_eastern_time_is_that_of_the_season():
    assert date("March 5, 2024 08:15 ET").hour == 13
    assert date("June 5, 2024 08:15 ET").hour == 12


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "3 hours ago",
        "3 days ago (2024-03-05)",
        "12:00",
        "Mon 3 Jun",
        "05 Mar, 08:15",
        "03/06/24",
        "2024",
        "2024-03",
        "March 2024",
        "2024-13-45",
        "31/02/2024",
        "10:30:00 +0000",  # the zone's four digits are no year
        "03 Jun 10:30 +0000",
        "Jun 3, 10:30:00.1234",
        "99999999999999999999",
        "1.70963E+12",  # rounded to hours
        "0001-01-01T00:00:00Z",  # no date, in Go and .NET
        "1402/12/15",  # another calendar
        "datetime.datetime(1402, 12, 15)",
        "Timestamp('1402-12-15')",
        "datetime.datetime(2024, 3, 99999999999999999999)",
        "1700-01-01T00:00:00+09:00",  # in UTC it is before 1700
        "2567-03-05",
        "2024-03-05 08:15:00 XYZT",
        "2024-03-05 25:00",
        "03.25.2024",
        "x" * 10_000,
        "5 " * 10_000,
        "[" * 10_000,
    ],
)
def test_what_is_no_complete_date_is_not_guessed_at(text):
    assert read_date(text) is None


def test_fractions_of_seconds_are_kept():
    assert date("2024-06-03T12:00:00.123456Z").microsecond == 123456
    assert date("1717416000.25").microsecond == 250_000


def test_one_row_that_proves_the_order_decides_for_all():
    assert settled("03/06/2024", "25/06/2024")[0] == ["2024-06-03", "2024-06-25"]
    assert settled("03/06/2024", "06/25/2024")[0] == ["2024-03-06", "2024-06-25"]
    assert settled("03-06-2024 10:00", "25-06-2024 10:00")[0] == ["2024-06-03", "2024-06-25"]


def test_dots_mean_day_first_even_among_slashes_with_month_first():
    assert settled("03.06.2024", "06/25/2024", "03/06/2024")[0] == [
        "2024-06-03", "2024-06-25", "2024-03-06",
    ]  # fmt: skip


def test_days_of_one_month_are_not_one_day_of_many_months():
    days, column = settled(*(f"{day:02}/03/2026 06:00" for day in range(2, 8)))
    assert days == [f"2026-03-{day:02}" for day in range(2, 8)]
    assert column.note == "day first"
    assert settled(*(f"03/{day:02}/2026" for day in range(2, 8)))[0] == days


def test_the_date_in_an_address_decides():
    url = "https://post.example/2024/06/03/ferry"
    assert settled("03/06/2024", urls=[url])[0] == ["2024-06-03"]
    assert settled("06/03/2024", urls=[url])[0] == ["2024-06-03"]


def test_an_undecided_order_is_month_first_with_a_warning():
    days, column = settled("03/06/2024")
    assert days == ["2024-03-06"]
    assert "undecided" in column.note
    assert "1 dates such as 03/06/2024 may be" in column.warning
    assert "`news.date_order`" in column.warning


def test_the_setting_decides_only_where_the_rows_do_not():
    assert settled("03/06/2024", setting="dmy")[0] == ["2024-06-03"]
    assert settled("03/06/2024", setting="mdy")[0] == ["2024-03-06"]
    assert settled("03/06/2024", "06/25/2024", setting="dmy")[0] == ["2024-03-06", "2024-06-25"]
    assert not settled("03/06/2024", setting="dmy")[1].warning


def test_rows_that_contradict_each_other_leave_the_others_undated():
    days, column = settled("03/06/2024", "25/06/2024", "06/25/2024")
    assert days == [None, "2024-06-25", "2024-06-25"]
    assert "contradict" in column.warning


def test_an_ambiguous_zone_is_read_only_with_evidence():
    without, column = settled("Mar 05, 2024 08:15 IST")
    assert without == [None]
    assert column.note == "1 in zone IST, undated"
    assert settled("Mar 05, 2024 08:15 IST", urls=["https://post.in/1"])[0] == ["2024-03-05"]
    assert settled("Mar 05, 2024 08:15 IST", urls=["https://post.ie/.in/"])[0] == [None]
    indian, _ = settled("Mar 05, 2024 08:15 IST", "2024-03-05T08:15:00+05:30")
    assert indian == ["2024-03-05", "2024-03-05"]
