"""What values look like, and values in nested objects."""

import pytest

from newsclust_pipeline.ingest.values import (
    as_scalar,
    count_words,
    is_clock,
    is_domain,
    is_page_url,
    is_url,
    parse_literal,
    paths_of,
    value_at,
)


@pytest.mark.parametrize(
    "text", ["https://a.example/x", "http://a.example", "www.a.example/x", "//a.example/x"]
)
def test_addresses_are_recognised(text):
    assert is_url(text)
    assert is_page_url(text)


@pytest.mark.parametrize(
    "text", ["Post", "a.example", "www.a.example", "see https://a.example", ""]
)
def test_other_texts_are_no_addresses(text):
    assert not is_url(text)


def test_a_picture_is_no_page():
    assert not is_page_url("https://a.example/x.jpg?w=100")


def test_hosts_and_times_of_day_are_recognised():
    assert is_domain("news.example")
    assert not is_domain("The Post")
    assert is_clock("08:15:00")
    assert not is_clock("2024-03-05 08:15")


def test_words_are_counted_in_scripts_without_spaces():
    assert count_words("Ferry runs aground") == 3
    assert count_words("大雪がトンネルを塞ぐ") > 3


@pytest.mark.parametrize("text", ["{'id': None, 'name': 'Post'}", '{"id": null, "name": "Post"}'])
def test_an_object_written_as_text_is_parsed(text):
    assert parse_literal(text) == {"id": None, "name": "Post"}


@pytest.mark.parametrize(
    "text", ["{", "{}x", "{'a': __import__('os')}", "[1, 2", "{" * 9999 + "}" * 9999, "Post"]
)
def test_other_text_stays_text(text):
    assert parse_literal(text) == text


def test_paths_lead_through_objects_lists_and_text():
    cells = {"a": {"b": [{"c": 1}, {"c": 2}]}, "d": "{'e': 'f'}", "g": ["x", "y"], "h": None}
    assert list(paths_of(cells)) == [
        (("a", "b", "c"), 1), (("d", "e"), "f"), (("g",), ["x", "y"]), (("h",), None),
    ]  # fmt: skip
    for path, value in paths_of(cells):
        assert value_at(cells, path) == value


@pytest.mark.parametrize("cells", [{}, {"a": None}, {"a": "text"}, {"a": []}, {"a": {"x": 1}}])
def test_a_missing_path_has_no_value(cells):
    assert value_at(cells, ("a", "b", "c")) is None


def test_a_list_of_texts_is_one_text():
    assert as_scalar(["One.", "Two."]) == "One.\nTwo."
    assert as_scalar("['One.']") == "One."
    assert as_scalar([]) is None
    assert as_scalar({"a": 1}) is None
    assert as_scalar(451) == 451
