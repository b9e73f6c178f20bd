"""Versions of one article are merged, and different articles of one address are not."""

import pytest

from newsclust_pipeline.ingest.versions import SAME_HEADLINE, SAME_PAGE, find_versions
from newsclust_pipeline_tests.articles_table import article, articles_table

LIVE = "https://herald.example/live/harbour-fire"
STORY = "https://herald.example/news/ferry-fire-off-vesterglans"
HOME = "https://herald.example/"
STATES = [
    "Smoke seen over the grain terminal",
    "Two crews reach the burning silo",
    "Mayor asks residents to stay indoors",
    "Wind turns towards the old town",
    "Schools to stay shut on Tuesday",
]
UNRELATED = [
    "Clock museum opens its vault",
    "Striker signs for Torvia rovers",
    "Grape harvest starts three weeks early",
    "Parliament votes on dog licences",
    "Comet seen above the northern hills",
]


def latest(*rows):
    """For each article the place of the one that represents it."""
    return find_versions(articles_table(*rows)).latest.tolist()


def at(url, titles, gap=1, **fields):
    return [article(t, url=url, hours=i * gap, **fields) for i, t in enumerate(titles)]


def test_states_of_a_live_page_are_one_article_whose_last_text_stands():
    assert latest(*at(LIVE, STATES)) == [4] * 5


def test_states_at_an_articles_address_are_one_article():
    titles = ["Fire on ferry", "Fire on night ferry off Vesterglans", "All safe after ferry fire"]
    assert latest(*at(STORY, titles)) == [2, 2, 2]


def test_a_rewritten_headline_at_an_articles_address_is_a_version():
    url = "https://herald.example/world-68898923"
    assert latest(*at(url, ["Quake felt across Torvia", "Dozens dead as flats collapse"])) == [1, 1]


@pytest.mark.parametrize(
    "url",
    [
        HOME,
        "https://herald.example/world/europe",
        "https://herald.example/live",
        "https://herald.example/latest-news",
        "https://herald.example/index.php?utm_source=rss",
        "https://herald.example/feed/68898923",  # one number for everything
    ],
)
def test_an_address_of_everything_merges_no_different_headlines(url):
    assert latest(*at(url, UNRELATED)) == list(range(5))


@pytest.mark.parametrize("gap", [1, 30])
def test_two_articles_of_a_home_page_stay_apart(gap):
    assert latest(*at(HOME, UNRELATED[:2], gap)) == [0, 1]


def test_a_column_that_has_a_new_edition_every_day_stays_apart():
    url = "https://herald.example/weather-for-larn-today"
    titles = [f"Weather for Larn: {day}" for day in ("sun", "rain", "fog", "frost")]
    assert latest(*at(url, titles, gap=24)) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "url",
    [
        f"{STORY}?utm_source=rss&utm_medium=feed",
        f"{STORY}#video",
        f"{STORY}?print=1",
        f"{STORY}?page=2",
        f"{STORY}?PHPSESSID=4f1e9c2b7d8a6e5f0123",
        "https://m.herald.example/news/ferry-fire-off-vesterglans",
        "https://amp.herald.example/news/ferry-fire-off-vesterglans.amp.html",
    ],
)
@pytest.mark.parametrize(
    "title", ["Fire on ferry | Herald", "WATCH: Fire on ferry", "Fire  on ferry - Herald"]
)
def test_one_article_under_another_address_is_one_article(url, title):
    rows = [
        article("Fire on ferry", url=STORY, venue="Herald"),
        article(title, url=url, venue="Herald", hours=1),
    ]
    assert latest(*rows) == [0, 0], "the bare headline represents versions of the same words"


def test_the_spaces_of_gdelt_make_no_second_article():
    rows = [
        article("Quake: 90,000 flee", url="https://r.example/0/1", venue="Herald"),
        article("Quake : 90 ,000 flee", url="https://r.example/0/1", venue="r.example", hours=1),
    ]
    assert latest(*rows) == [0, 0]


def test_a_headline_alone_does_not_replace_the_article_with_its_description():
    rows = [
        article("Fire on ferry", "All are safe.", url=STORY),
        article("Fire on ferry", url=STORY, hours=1),
    ]
    assert latest(*rows) == [0, 0]


@pytest.mark.parametrize("mark", ["UPDATE 2-", "CORRECTED-", "WRAPUP 1-", "RPT-", "LIVE: "])
def test_an_agencys_new_version_is_the_same_article(mark):
    rows = [
        article("Ferry burns off Vesterglans", "One.", venue="Wire", url="https://w.example/1"),
        article(
            f"{mark}Ferry burns off Vesterglans",
            "One and two.",
            venue="Wire",
            url="https://w.example/2",
            hours=3,
        ),
    ]
    assert latest(*rows) == [1, 1]
    assert find_versions(articles_table(*rows)).reason == {0: SAME_HEADLINE}


@pytest.mark.parametrize(
    "other",
    [
        article("UPDATE 1-Ferry burns off Vesterglans", "B.", venue="Post", hours=1),
        article("UPDATE 1-Ferry burns off Vesterglans", "B.", venue="Wire", hours=200),
        article("UPDATE 1-Ferry sinks off Vesterglans", "B.", venue="Wire", hours=1),
        article("Ferry burns off Vesterglans", "B.", venue="Wire", hours=1),
    ],
    ids=["another outlet", "next week", "another headline", "no mark"],
)
def test_only_marked_headlines_of_one_outlet_are_versions(other):
    assert latest(article("Ferry burns off Vesterglans", "A.", venue="Wire"), other) == [0, 1]


def test_short_headlines_are_no_evidence():
    rows = [
        article("Weather", "Sun.", venue="Wire"),
        article("UPDATED: Weather", "Rain.", venue="Wire", hours=9),
    ]
    assert latest(*rows) == [0, 1]


def test_undated_versions_are_the_earliest():
    rows = [
        article("Fire on night ferry", url=STORY, hours=2),
        article("Fire on ferry", url=STORY, hours=None),
    ]
    assert latest(*rows) == [0, 0]
    assert find_versions(articles_table(*rows)).reason == {1: SAME_PAGE}


@pytest.mark.parametrize("url", [None, "", "no address", "https://[::1"])
def test_articles_without_a_usable_address_stay_apart(url):
    assert latest(*at(url, UNRELATED)) == list(range(5))


def test_no_articles_have_no_versions():
    assert latest() == []
