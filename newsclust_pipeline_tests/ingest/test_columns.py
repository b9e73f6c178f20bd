"""Which column of a dump holds which field."""

import pytest

from newsclust_pipeline.ingest.columns import has_title, match


@pytest.mark.parametrize(
    ("field", "names"),
    [
        ("title", ["title", "Headline", "article_title"]),
        ("description", ["description", "Summary", "abstract", "snippet", "short-description"]),
        ("published_at", ["published_at", "publishedAt", "pubDate", "Date", "date_published"]),
        ("url", ["url", "URL", "link", "article_url"]),
        ("venue", ["venue", "source", "Outlet", "publisher", "source.name"]),
    ],
)
def test_a_field_is_found_under_its_usual_names_in_any_spelling(field, names):
    for name in names:
        found = match([name, "guid"])
        assert found.pop(field) == [name]
        assert not any(found.values()), "one column must not serve two fields"


@pytest.mark.parametrize("name", ["subtitle", "title_length", "untitled", "", "guid", "lang", None])
def test_a_name_that_only_resembles_a_title_is_not_one(name):
    assert not has_title([name])


@pytest.mark.parametrize("name", ["\ufefftitle", " Title ", "TITLE", "head-line"])
def test_marks_spaces_and_case_in_a_name_do_not_matter(name):
    assert has_title(["guid", name])


def test_columns_for_the_same_field_come_best_first():
    names = ["content", "summary", "description", "abstract"]
    best_first = ["description", "summary", "abstract", "content"]
    assert match(names)["description"] == best_first
    assert match(reversed(names))["description"] == best_first


def test_a_field_without_a_column_has_an_empty_list():
    assert match(["headline"]) == {
        "title": ["headline"],
        "description": [],
        "published_at": [],
        "url": [],
        "venue": [],
    }
