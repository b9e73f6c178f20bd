"""The columns that the page's scripts read."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from newsclust_pipeline.search.graph import Neighbours
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
    history_of,
    mixed_page,
    numbers,
    points_of,
    stories_of,
    story,
)


@pytest.fixture
def mixed():
    return mixed_page()


def test_rows_have_noise_first(mixed):
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
    assert articles["storyCopies"] == [3, 3]


def test_keywords_and_copies_of_stories_are_included():
    words = ["ferry", "bri\u202edge"]
    stories = stories_of(story(keywords=words, copies=9), story(ORCHARD, keywords=[], copies=1))
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


def test_positions_and_marker_size():
    articles = Reader(build([document(0, x=1.5, y=-2.0), document(1)], [story()])).articles()
    assert numbers(articles["x"], "<f4") == [1.5, 1.0]
    assert numbers(articles["y"], "<f4") == [-2.0, 1.0]
    few, many = (
        Reader(build([document(n) for n in range(size)], [story()])).articles()["markerSize"]
        for size in (2, 200)
    )
    assert many < few


def test_similar_articles_are_rows_on_the_map_nearest_first():
    rows = [document(n, label=NOISE if n == 3 else HARBOUR) for n in range(4)]
    ids = np.array(["d3", "d2", "d1", "d0"])  # another order than the documents
    nearest = np.array([[1, 2, 3], [0, 3, 2], [3, 1, 0], [2, 1, 0]], np.int32)
    known = Neighbours(ids, nearest, np.zeros((4, 3), np.float32), 3)
    page = build_page(points_of(*rows), stories_of(story()), {}, neighbours=known)
    articles = Reader(page).articles()
    assert articles["id"] == ["d3", "d0", "d1", "d2"]  # noise first
    similar = np.reshape(numbers(articles["similar"], "<i4"), (4, 3)).tolist()
    assert similar[0] == [3, 2, 1]  # of d3: d2, d1, d0
    assert similar[1] == [2, 3, 0]  # of d0: d1, d2, d3


def test_similar_articles_that_a_sample_leaves_out_are_skipped():
    rows = [document(n, label=NOISE) for n in range(40)]
    ids = np.array([row["doc_id"] for row in rows])
    nearest = np.array([[(n + step) % 40 for step in range(1, 16)] for n in range(40)], np.int32)
    known = Neighbours(ids, nearest, np.zeros((40, 15), np.float32), 15)
    page = build_page(points_of(*rows), stories_of(), {}, limit=20, neighbours=known)
    articles = Reader(page).articles()
    similar = np.reshape(numbers(articles["similar"], "<i4"), (20, 5))
    assert (similar < 20).all()
    for row, others in enumerate(similar):
        shown = [other for other in others.tolist() if other >= 0]
        assert shown
        steps = [(int(articles["id"][o][1:]) - int(articles["id"][row][1:])) % 40 for o in shown]
        assert steps == sorted(steps)
        assert row not in shown


def test_history_and_joins_reach_their_stories_and_articles():
    events = history_of(
        ("born", 1, "s7", "Harbour", None, ["d0"]), ("grown", 2, "s7", "Harbour", None, ["d1"])
    )
    page = build_page(points_of(document(0), document(1)), stories_of(story()), {}, lineage=events)
    articles = Reader(page).articles()
    second, first = articles["runs"]
    assert second - first == 24 * 60
    assert articles["joined"] == [None, second]
    assert articles["storyEvents"] == [[[first, "born", 0, 3, None], [second, "grown", 2, 3, None]]]


def test_stories_are_named_by_their_short_titles():
    names = page_data.short_names(stories_of(story(short_title="Bridge"), story(short_title=None)))
    assert names == ["Bridge", "Untitled"]


def test_topics_have_an_index_and_a_name():
    topics = [("s1", "gaza, aid"), ("s1", "gaza, aid"), ("s3", "foot\u202eball"), (None, None)]
    rows = (story(n, topic_id=of, topic=name) for n, (of, name) in enumerate(topics, start=1))
    articles = Reader(build([document()], rows)).articles()
    assert articles["storyTopic"] == [0, 0, 1, -1]
    assert articles["topics"] == ["gaza, aid", "football"]


def test_a_storys_lead_is_its_exemplars_description():
    table = stories_of(story(exemplar_doc_id="d1"), story(ORCHARD))
    rows = [document(0), document(1, description="The bridge is open again.")]
    articles = Reader(build_page(points_of(*rows), table, {})).articles()
    assert articles["storyLead"] == ["The bridge is open again.", None]


def test_languages_and_suspect_dates_are_included():
    plain = Reader(build([document(0)], [story()])).articles()
    assert (plain["languages"], plain["suspect"]) == ([], [0])
    rows = [document(0, language="de", date_suspect=True), document(1, language="en")]
    articles = Reader(build(rows, [story()])).articles()
    assert [articles["languages"][at] for at in articles["language"]] == ["de", "en"]
    assert articles["suspect"] == [1, 0]


def test_a_few_far_dates_do_not_stretch_the_time_axis():
    rows = [document(n, published_at=DAY + timedelta(hours=n)) for n in range(100)]
    rows.append(document(100, published_at=DAY - timedelta(days=3650)))
    articles = Reader(build(rows, [story(size=101)])).articles()
    first, last = articles["timeRange"]
    assert first == int(DAY.timestamp()) // 60
    assert last - first == 99 * 60
    assert sum(articles["storyTrend"][0]) == 100
