"""The columns that the page's scripts read."""

from datetime import timedelta

import pyarrow as pa
import pytest

from newsclust_pipeline.viz import page_data
from newsclust_pipeline.viz.page import build_page
from newsclust_pipeline_tests.viz.pages import (
    DAY,
    HARBOUR,
    LATER,
    NOISE,
    ORCHARD,
    Reader,
    build,
    document,
    mixed_page,
    points_of,
    stories_of,
    story,
)


@pytest.fixture
def mixed():
    return mixed_page()


def test_rows_of_the_cards_follow_the_traces(mixed):
    articles = Reader(mixed).articles()
    assert articles["noise"] == 1
    assert articles["title"] == ["Alone", "Headline 0", "Apples", "Headline 3", "Headline 4"]
    assert articles["story"] == [-1, 0, 1, 0, 0]
    assert articles["storyTitle"] == ["Harbour bridge reopens", "Orchard frost"]
    assert articles["copies"] == [1, 1, 4, 1, 1]


def test_venues_are_listed_once_and_times_are_minutes(mixed):
    articles = Reader(mixed).articles()
    assert articles["venues"] == ["The Lantern", "Daily Pear"]
    assert articles["venue"] == [0, 0, 1, 0, 0]
    assert set(articles["time"]) == {int(DAY.timestamp()) // 60}


def test_story_columns_follow_the_table(mixed):
    articles = Reader(mixed).articles()
    assert articles["storySize"] == [3, 1]
    assert articles["storyOutlets"] == [2, 1]
    assert articles["storyFirst"] == [int(DAY.timestamp()) // 60] * 2
    assert articles["storyLast"] == [int(LATER.timestamp()) // 60] * 2
    assert articles["storyKeywords"] == [[], []]
    assert articles["storyCopies"] == [None, None]


def test_keywords_and_copies_of_stories_are_included_if_known():
    stories = stories_of(story(), story(ORCHARD))
    stories = stories.append_column("keywords", pa.array([["ferry", "bri\u202edge"], None]))
    stories = stories.append_column("copies", pa.array([9, 1]))
    articles = Reader(build_page(points_of(document()), stories, {})).articles()
    assert articles["storyKeywords"] == [["ferry", "bridge"], []]
    assert articles["storyCopies"] == [9, 1]


def test_a_trend_spans_the_days_of_all_stories():
    days = [0, 0, 1, 23, 24]
    rows = [
        document(n, published_at=DAY + timedelta(days=day), label=HARBOUR if n else ORCHARD)
        for n, day in enumerate(days)
    ]
    rows += [document(5, published_at=None), document(6, label=NOISE)]
    articles = Reader(build(rows, [story(HARBOUR), story(ORCHARD)])).articles()
    harbour, orchard = articles["storyTrend"]
    assert harbour == [1, 1] + [0] * 21 + [2]
    assert orchard == [1] + [0] * 23


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://lantern.example/a?b=1&c", True),
        (" HTTP://lantern.example ", True),
        ("javascript:alert(1)", False),
        ("java\nscript:alert(1)", False),
        ("data:text/html,<script>", False),
        ("//lantern.example", False),
        ("file:///etc/passwd", False),
        ("", False),
        (None, False),
    ],
)
def test_only_web_addresses_can_be_opened(url, kept):
    articles = Reader(build([document(url=url)], [story()])).articles()
    assert articles["url"] == [url.strip() if kept else None]


def test_a_story_without_a_title_still_has_a_name():
    reader = Reader(build([document()], [story(title=None)]))
    assert reader.articles()["storyTitle"] == ["Untitled"]


def test_missing_dates_venues_and_texts():
    nothing = {"published_at": None, "venue": None, "description": None, "url": None}
    reader = Reader(
        build([document(**nothing)], [story(first_published=None, last_published=None)])
    )
    articles = reader.articles()
    assert articles["venue"] == articles["time"] == articles["snippet"] == [None]
    assert articles["venues"] == articles["storyTrend"] == []
    assert articles["storyFirst"] == articles["storyLast"] == [None]


def test_columns_without_a_type_are_empty_columns():
    table = points_of(document())
    for name in ("venue", "published_at", "description", "url"):
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, pa.nulls(1))
    articles = Reader(build_page(table, stories_of(story()), {})).articles()
    assert articles["time"] == [None]


def test_snippet_is_cut_between_words():
    cut = page_data.snippet("word, " * 100)
    assert len(cut) <= page_data.SNIPPET + 1
    assert cut.endswith("word…")


def test_snippet_without_spaces_is_still_cut():
    assert page_data.snippet("語" * 400) == "語" * page_data.SNIPPET + "…"


def test_snippets_are_shorter_where_there_are_many(monkeypatch):
    monkeypatch.setattr(page_data, "SNIPPETS_TOTAL", 120)
    rows = [document(n, description="word " * 100) for n in range(6)]
    assert Reader(build(rows)).articles()["snippet"] == ["word word word word…"] * 6


def test_a_trend_counts_what_the_sample_leaves_out():
    rows = [document(n, published_at=DAY + timedelta(days=n % 2)) for n in range(40)]
    page_text = build_page(points_of(*rows), stories_of(story(size=40)), {}, limit=10)
    assert sum(Reader(page_text).articles()["storyTrend"][0]) == 40
