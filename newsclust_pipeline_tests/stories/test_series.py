"""Recurring columns: one outlet, one frame, a regular rhythm; events stay events."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from newsclust_pipeline.cluster.condensed_tree import NOISE
from newsclust_pipeline.stories import series
from newsclust_pipeline.stories.series import (
    NO_SERIES,
    find_series,
    is_column,
)
from newsclust_pipeline.stories.tokens import tokenize

START = datetime(2026, 3, 2, 6, tzinfo=UTC)
SCHEMA = pa.schema(
    [
        ("title", pa.string()),
        ("venue", pa.string()),
        ("url", pa.string()),
        ("published_at", pa.timestamp("us", tz="UTC")),
    ]
)


def table(rows):
    return pa.Table.from_pylist(rows, SCHEMA)


def issues(template, days=range(12), venue="Coastal Wire", hours=None, **more):
    """One article a day; `{day}` and `{what}` vary."""
    subjects = ["fog", "heavy rain", "sunny spells", "light winds", "snow"]
    return [
        {
            "title": template.format(day=2 + day, what=subjects[day % 5]),
            "venue": venue,
            "published_at": START + timedelta(days=day, hours=hours[i] if hours else 0),
        }
        | more
        for i, day in enumerate(days)
    ]


def series_of(rows):
    return find_series(table(rows)).tolist()


COLUMNS = [
    "Weather forecast for {day} March: {what} in the south",
    "Lottery results {day} March: winning numbers for the midweek draw",
    "Crossword answers for {day} March",
    "Stocks close lower as {what} weighs",
    "Wetterbericht für den {day}. März: {what} im Süden",
    "Horoscope du {day} mars : ce que disent les astres",
    "Прогноз погоды на {day} марта: {what}",
    "3月{day}日天気予報:全国の天気",
    "{day}月体彩开奖号码公布",
    "حالة الطقس يوم {day} مارس: {what}",
    "พยากรณ์อากาศวันที่ {day} มีนาคม",
]


@pytest.mark.parametrize("template", COLUMNS)
def test_a_daily_column_is_a_series_in_any_language(template):
    assert series_of(issues(template)) == [0] * 12


@pytest.mark.parametrize(
    "days",
    [
        pytest.param([0, 7, 14, 21], id="weekly"),
        pytest.param([0, 1, 2, 3, 4, 7, 8, 9, 10, 11], id="weekdays"),
        pytest.param([0, 2, 4, 6, 8, 12, 14], id="every second day, one missed"),
        pytest.param([0, 1, 2, 3], id="four days"),
    ],
)
def test_the_rhythm_may_be_any_and_issues_may_be_missed(days):
    assert series_of(issues(COLUMNS[0], days)) == [0] * len(days)


def test_the_hour_may_vary_a_little():
    hours = [0, 1, 0.5, 1.5, 1, 0.2, 1.2, 0, 0.7, 1.4, 0.3, 1]
    assert series_of(issues(COLUMNS[0], hours=hours)) == [0] * 12


def test_a_morning_and_an_evening_edition_are_one_series():
    rows = [
        {"title": f"News in brief, {when}", "venue": "Kestel Times",
         "published_at": START + timedelta(days=day, hours=hour)}
        for day in range(4) for when, hour in (("morning", 0), ("evening", 9))
    ]  # fmt: skip
    assert series_of(rows) == [0] * 8


def test_several_articles_of_one_issue_belong_to_the_series():
    rows = [
        {"title": f"{sector} Roundup: Market Talk", "venue": "Ledger",
         "published_at": START + timedelta(days=day, minutes=minute)}
        for day in range(4)
        for minute, sector in enumerate(["Energy", "Financial Services", "Basic Materials"])
    ]  # fmt: skip
    assert series_of(rows) == [0] * 12


def test_every_outlet_and_frame_has_a_series_of_its_own():
    rows = issues(COLUMNS[0]) + issues(COLUMNS[1]) + issues(COLUMNS[2], venue="The Meridian")
    series = np.array(series_of(rows))
    assert sorted(set(series.tolist())) == [0, 1, 2]
    assert all(len(set(part)) == 1 for part in np.split(series, 3))


def test_without_a_venue_the_host_is_the_outlet():
    rows = issues(COLUMNS[0], venue=None, url="https://wire.example/weather/1")
    assert series_of(rows) == [0] * 12
    rows = [r | {"url": f"https://outlet{i}.example/"} for i, r in enumerate(rows)]
    assert set(series_of(rows)) == {NO_SERIES}


def test_a_frame_that_several_outlets_use_is_not_a_column():
    rows = issues("Petra river flood: {what} on day {day}")
    rows += issues("Petra river flood: {what} feared", [0, 3, 4, 9], venue="Kestel Times")
    assert set(series_of(rows)) == {NO_SERIES}


def test_daily_reports_on_one_event_have_no_common_frame():
    titles = [
        "Petra river rises above the old mark", "Thousands flee homes along the Petra river",
        "Army builds levees on the Petra river", "Rain to worsen flooding on the Petra river",
        "Petra river towns count the damage", "Minister visits flooded towns on the Petra river",
    ]  # fmt: skip
    rows = [
        {"title": title, "venue": "Harbour Post", "published_at": START + timedelta(days=day)}
        for day, title in enumerate(titles)
    ]
    assert set(series_of(rows)) == {NO_SERIES}


def test_updates_within_hours_or_at_no_regular_hour_are_not_a_column():
    template = "Petra river flood live: {what} reported, what we know"
    within_hours = [
        row | {"published_at": START + timedelta(hours=2 * i)}
        for i, row in enumerate(issues(template))
    ]
    assert set(series_of(within_hours)) == {NO_SERIES}
    irregular = issues(template, [0, 0, 1, 1, 1, 3, 4, 4], hours=[1, 9, 3, 8, 16, 11, 2, 20])
    assert set(series_of(irregular)) == {NO_SERIES}


def test_dates_without_a_time_need_a_clearer_frame():
    reasons = [
        "banks gain", "oil slides on truce", "traders await data", "retailers disappoint again",
        "chips rally", "airlines warn of strikes", "miners fall", "utilities cut their outlook",
        "bond yields ease", "carmakers surge", "insurers report losses", "telecoms merge",
    ]  # fmt: skip
    ways = ["lower", "flat", "higher", "mixed"]
    markets = [f"Stocks close {ways[n % 4]} as {reason}" for n, reason in enumerate(reasons)]
    vague = [row | {"title": t} for row, t in zip(issues(""), markets, strict=True)]
    clear = issues(COLUMNS[1])
    assert series_of(vague) == series_of(clear) == [0] * 12
    for row in vague + clear:
        row["published_at"] -= timedelta(hours=6)
    assert set(series_of(vague)) == {NO_SERIES}
    assert series_of(clear) == [0] * 12


def test_undated_articles_and_too_few_are_in_no_series():
    undated = [row | {"published_at": None} for row in issues(COLUMNS[0])]
    assert set(series_of(undated)) == {NO_SERIES}
    assert set(series_of(issues(COLUMNS[0], range(3)))) == {NO_SERIES}
    assert series_of([]) == []


def test_a_story_is_a_column_if_most_of_its_articles_are_in_a_series():
    labels = np.array([0, 0, 0, 1, 1, 1, NOISE])
    series = np.array([0, 0, NO_SERIES, 0, NO_SERIES, NO_SERIES, 0])
    assert is_column(labels, series, 2).tolist() == [True, False]


def series_by_comparing_all(rows):
    """The definition of `find_series`, on lists: every bigram of every outlet, one by one."""
    headlines = [
        (
            row["venue"],
            series._Headline(
                number,
                row["published_at"].timestamp(),
                [t.text for t in tokenize(row["title"]) if not t.text.isnumeric()],
            ),
        )
        for number, row in enumerate(rows)
    ]
    found, count = np.full(len(rows), NO_SERIES), 0
    for outlet in sorted({venue for venue, _ in headlines}):
        having = defaultdict(list)
        for venue, headline in headlines:
            for bigram in set(pairwise(headline.tokens)) if venue == outlet else ():
                having[bigram].append(headline)
        for bigram in sorted(having, key=lambda b: (-len(having[b]), b)):
            everywhere = sum(bigram in set(pairwise(h.tokens)) for _, h in headlines)
            own = [h for h in having[bigram] if found[h.row] == NO_SERIES]
            is_frequent = len(having[bigram]) >= max(series.MIN_ISSUES, 0.8 * everywhere)
            if not is_frequent or len(own) < series.MIN_ISSUES or not series._is_series(own):
                continue
            bigrams = Counter(b for h in own for b in set(pairwise(h.tokens)))
            frame = {b for b, times in bigrams.items() if times >= 0.8 * len(own)}
            others = [
                h
                for venue, h in headlines
                if venue != outlet
                and frame
                and len(frame & set(pairwise(h.tokens))) >= max(1, 0.5 * len(frame))
            ]
            if len(own) >= 0.8 * (len(own) + len(others)):
                found[[h.row for h in own]] = count
                count += 1
    return found


@pytest.mark.parametrize("seed", range(6))
def test_random_headlines_have_the_series_of_the_definition(seed):
    rng = np.random.default_rng(seed)
    words = ["fog", "harbour", "vote", "storm", "goal", "strike", "fire", "budget"]
    rows = []
    for template in rng.choice(COLUMNS, 5, replace=False):
        for venue in rng.choice(["Coastal Wire", "Harbour Post", "Herald"], rng.integers(1, 3)):
            days = np.flatnonzero(rng.random(20) < 0.7)
            rows += issues(template, days=days.tolist(), venue=venue)
    for _ in range(80):
        title = " ".join(rng.choice(words, 5))
        rows += issues(title, days=[int(rng.integers(20))], venue=rng.choice(["Herald", "Star"]))
    rows = [rows[place] for place in rng.permutation(len(rows))]
    found = series_of(rows)
    assert max(found) >= 0
    assert found == series_by_comparing_all(rows).tolist()
