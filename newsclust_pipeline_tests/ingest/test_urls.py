"""Addresses of one page have one key; addresses of different pages don't."""

import pytest

from newsclust_pipeline.ingest.urls import Precision, page_of

STORM = "https://herald.example/news/storm-hits-the-coast"


@pytest.mark.parametrize(
    "url",
    [
        "http://herald.example/news/storm-hits-the-coast",
        "https://www.herald.example/news/storm-hits-the-coast/",
        "https://m.herald.example/news/storm-hits-the-coast",
        "https://amp.herald.example/news/storm-hits-the-coast.amp.html",
        "https://herald.example/amp/news/storm-hits-the-coast",
        "https://herald.example/news/storm-hits-the-coast/amp/",
        "https://herald.example/news/storm-hits-the-coast.html",
        "https://HERALD.example:443/news/storm-hits-the-coast",
        "https://herald.example/news/storm-hits-the-coast/print",
        "https://herald.example//news/storm-hits-the-coast;jsessionid=0A1B2C3D",
        f"{STORM}?utm_source=rss&utm_medium=feed",
        f"{STORM}?fbclid=IwAR0abc&gclid=1",
        f"{STORM}?at_medium=RSS&at_campaign=KARANGA",
        f"{STORM}?ref=home&CMP=share_btn_tw",
        f"{STORM}?PHPSESSID=4f1e9c2b7d8a6e5f0123",
        f"{STORM}?print=1",
        f"{STORM}?page=2",
        f"{STORM}?outputType=amp",
        f"{STORM}#comments",
        f"{STORM}#video",
        "https://www.google.com/amp/s/www.herald.example/news/storm-hits-the-coast",
        "https://herald-example.cdn.ampproject.org/c/s/herald.example/news/storm-hits-the-coast",
    ],
)
def test_variants_of_an_address_have_one_key(url):
    assert page_of(url).key == page_of(STORM).key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://herald.example/a.php?id=1", "https://herald.example/a.php?id=2"),
        ("https://herald.example/news?page=1201", "https://herald.example/news?page=1202"),
        ("https://herald.example/?p=11", "https://herald.example/?p=12"),
        ("https://video.example/watch?v=dQw4w9WgXcQ", "https://video.example/watch?v=a1b2c3d4e5f"),
        ("https://herald.example/#!/story/1", "https://herald.example/#!/story/2"),
        ("https://herald.example/story/7", "https://post.example/story/7"),
        ("https://mobile.example/story/7", "https://example/story/7"),
        ("https://herald.example/Story", "https://herald.example/story"),
        ("https://herald.example/a?section=storm", "https://herald.example/a?section=fire"),
    ],
)
def test_different_pages_have_different_keys(one, other):
    assert page_of(one).key != page_of(other).key


def test_the_order_of_parameters_does_not_matter():
    assert page_of("https://a.example/x?b=1&a=2").key == page_of("https://a.example/x?a=2&b=1").key


@pytest.mark.parametrize(
    ("url", "precision"),
    [
        (STORM, Precision.ARTICLE),
        ("https://herald.example/world-68898923", Precision.ARTICLE),
        ("https://herald.example/articles/crgyelwlyzpo1", Precision.ARTICLE),
        ("https://herald.example/a.php?id=7", Precision.ARTICLE),
        ("https://herald.example/2024/06/03/sturm-an-der-kueste", Precision.ARTICLE),
        ("https://herald.example/夜行フェリー火災", Precision.ARTICLE),
        ("https://herald.example/live/harbour-fire", Precision.ARTICLE),
        ("https://herald.example/3", Precision.UNCLEAR),
        ("https://herald.example/harbour-fire", Precision.UNCLEAR),
        ("https://herald.example", Precision.SECTION),
        ("https://herald.example/index.html", Precision.SECTION),
        ("https://herald.example/world/europe", Precision.SECTION),
        ("https://herald.example/2024/06/03/", Precision.SECTION),
        ("https://herald.example/?utm_source=rss", Precision.SECTION),
        ("https://herald.example/live", Precision.SECTION),
    ],
)
def test_precision_says_how_surely_an_address_names_one_article(url, precision):
    assert page_of(url).precision is precision


@pytest.mark.parametrize(
    "url", ["https://herald.example/live/harbour-fire", "https://a.example/liveblog/x-y"]
)
def test_live_pages_are_recognised(url):
    assert page_of(url).is_live
    assert not page_of(STORM).is_live


@pytest.mark.parametrize(
    "url", ["herald.example/a", "urn:guid:1", "https://[::1", "mailto:a@b", "", "/a"]
)
def test_what_is_no_address_of_the_web_is_no_page(url):
    assert page_of(url) is None
