"""Articles in a decoded JSON value, whatever wraps them."""

import pytest

from newsclust_pipeline.ingest.readers.records import find_records, has_title

FOG, BEES = {"title": "Fog", "url": "a"}, {"title": "Bees", "url": "b"}


@pytest.mark.parametrize(
    "value",
    [
        {"status": "ok", "articles": [FOG, BEES]},
        {"response": {"docs": [FOG, BEES], "meta": {"hits": 2}}},
        {"data": {"news": {"results": [FOG, BEES]}}},
        {"authors": [{"name": "A. Quill"}], "articles": [FOG, BEES]},
        {"0": FOG, "1": BEES},
        {"title": {"0": "Fog", "1": "Bees"}, "url": {"0": "a", "1": "b"}},
        {"title": ["Fog", "Bees"], "url": ["a", "b"]},
        {"columns": ["title", "url"], "index": [0, 1], "data": [["Fog", "a"], ["Bees", "b"]]},
        {"schema": {"fields": []}, "data": [FOG, BEES]},
        {"pages": [{"articles": [FOG]}, {"articles": [BEES]}]},
    ],
)
def test_articles_are_found_at_any_depth_and_in_tables_by_columns(value):
    assert find_records(value) == [FOG, BEES]


def test_an_article_with_lists_of_its_own_is_one_article():
    article = {"title": "Fog", "tags": [{"name": "x"}], "related": [BEES], "image": {"url": "c"}}
    assert find_records(article) == [article]


def test_entries_of_a_feed_know_its_title():
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "Post", "items": [FOG]}
    assert find_records(feed) == [{"channel": {"title": "Post"}, **FOG}]


def test_an_entry_without_a_headline_among_others_is_kept():
    assert find_records({"articles": [FOG, {"url": "c"}]}) == [FOG, {"url": "c"}]


def test_an_object_without_articles_is_returned_as_it_is():
    assert find_records({"status": "error"}) == [{"status": "error"}]


def test_a_headline_may_be_nested_or_named_by_the_user():
    assert has_title({"headline": {"main": "Fog"}})
    assert has_title({"h": {"x": "Fog"}}, "h.x")
    assert not has_title({"name": "Fog"})
