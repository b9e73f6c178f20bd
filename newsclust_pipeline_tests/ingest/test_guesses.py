"""Columns are recognised by names, and by values where names are unknown or mislead."""

import pytest

from newsclust_pipeline.ingest.guesses import guess_columns
from newsclust_pipeline.ingest.samples import Sample

URL = "https://post.example/2024/item-{}.html"
BODY = "The vessel left port at six in the evening and struck a sandbank an hour later. " * 3


def rows(count=4, **columns):
    """Return rows whose values are numbered where the column's text has a place for it."""
    return [
        {
            name: value.format(n) if isinstance(value, str) else value
            for name, value in columns.items()
        }
        for n in range(1, count + 1)
    ]


def best(sample, **chosen):
    """Return the best column of every field that has one."""
    guesses = {}
    for guess in guess_columns(Sample(sample), chosen):
        guesses.setdefault(guess.field, (".".join(guess.path), guess.known_by))
    return guesses


def test_several_columns_for_a_field_come_best_first_whatever_their_order():
    names = ["content", "summary", "description", "abstract"]
    for order in (names, names[::-1]):
        sample = Sample([{"title": "Fog", **dict.fromkeys(order, "A text")}])
        found = [
            guess.path[0] for guess in guess_columns(sample, {}) if guess.field == "description"
        ]
        assert found == ["description", "summary", "abstract", "content"]


def test_a_column_of_addresses_is_no_outlet():
    sample = rows(title="Fog number {}", source=URL, hostname="Post")
    assert best(sample)["venue"] == ("hostname", "name")
    assert best(sample)["url"][0] == "source"


def test_a_host_is_an_outlet():
    sample = rows(title="Fog number {}", source="www.post{}.example", url=URL)
    assert best(sample)["venue"] == ("source", "name")
    assert best(sample)["url"] == ("url", "name")


def test_an_id_is_an_address_only_if_its_values_are():
    assert best(rows(title="Fog {}", id=URL))["url"] == ("id", "name")
    assert "url" not in best(rows(title="Fog {}", id="{}"))


def test_the_finer_of_two_dates_is_used_if_they_agree():
    sample = rows(title="Fog {}", date="2024-03-0{}", dateTime="2024-03-0{}T08:15:00Z")
    assert best(sample)["published_at"][0] == "dateTime"
    sample = rows(title="Fog {}", date="2024-03-0{}", created_at="2019-01-0{}T08:15:00Z")
    assert best(sample)["published_at"][0] == "date"


def test_a_day_and_a_time_in_two_columns_belong_together():
    (guess,) = (
        guess
        for guess in guess_columns(
            Sample(rows(title="Fog {}", date="2024-03-0{}", time="08:1{}")), {}
        )
        if guess.field == "published_at"
    )
    assert (guess.path, guess.clock) == (("date",), ("time",))


@pytest.mark.parametrize("name", ["date_download", "crawled_at", "updated"])
def test_a_date_of_a_download_or_change_counts_only_without_another(name):
    sample = rows(title="Fog {}", date_publish="2024-03-0{}", **{name: "2024-05-0{}T10:00:00Z"})
    assert best(sample)["published_at"][0] == "date_publish"
    assert best(rows(title="Fog {}", **{name: "2024-05-0{}"}))["published_at"][0] == name


def test_an_unreadable_date_gives_way_to_a_readable_one():
    sample = rows(title="Fog {}", published="{} hours ago", date="2024-03-0{}")
    assert best(sample)["published_at"][0] == "date"


def test_fields_without_a_known_name_are_found_by_their_values():
    sample = rows(
        headline="Fog number {} is thick",
        a=URL,
        b="2024-03-0{} 08:15",
        c="news{}.example",
        d=BODY,
        e="A. Quill",
    )
    assert best(sample) == {
        "title": ("headline", "name"),
        "url": ("a", "values"),
        "published_at": ("b", "values"),
        "venue": ("c", "values"),
        "description": ("d", "values"),
    }


def test_a_title_is_found_by_its_values_in_a_table_of_articles_only():
    sample = rows(x="Ferry number {} runs aground", url=URL, date="2024-03-0{}", y=BODY)
    assert best(sample)["title"] == ("x", "values")
    assert "title" not in best(rows(x="Ferry number {} runs aground", y="1"))


def test_numbers_and_pictures_are_not_taken_for_dates_and_addresses():
    sample = rows(title="Fog {}", number="170962650{}", picture="https://a.example/{}.jpg")
    assert set(best(sample)) == {"title"}


def test_a_name_is_a_title_only_if_it_reads_like_one():
    assert best(rows(name="Ferry number {} runs aground", url=URL))["title"][0] == "name"
    assert "title" not in best(rows(name="Post {}", url=URL, date="2024-03-0{}"))


def test_the_choice_of_the_user_counts_where_the_dump_has_the_column():
    sample = [{"title": "Fog", "h": {"main": "Bees"}, "a.b": "x"}]
    assert best(sample, title="h.main")["title"] == ("h.main", "setting")
    assert best(sample, venue="a.b")["venue"] == ("a.b", "setting")
    assert best(sample, title="missing")["title"] == ("title", "name")


def test_python_objects_written_as_text_are_looked_into():
    sample = rows(title="Fog {}", source="{{'id': None, 'name': 'Post {}'}}")
    assert best(sample)["venue"] == ("source.name", "name")
