"""Headers of tables, and well-known tables without one."""

import pytest

from newsclust_pipeline.ingest.headers import is_header, known_table, looks_like_data, no_header


@pytest.mark.parametrize("cells", [["title"], ["guid", "Headline"], ["Titel", "Datum"]])
def test_a_record_with_a_title_column_is_a_header(cells):
    assert is_header(cells, {}, first=True)


def test_below_the_first_record_a_header_needs_two_names():
    assert not is_header(["Title", "x"], {}, first=False)
    assert is_header(["Title", "Link"], {}, first=False)


def test_two_other_names_or_a_name_of_the_user_make_a_header():
    assert is_header(["url", "published_at", "x"], {}, first=True)
    assert is_header(["x", "y"], {"title": "y"}, first=True)
    assert not is_header(["x", "y"], {}, first=True)


_URL = "https://a.example/1"
KNOWN = {
    "MIND": ["N55", "news", "world", "Ferry runs aground", "All safe", _URL, "[]", "[]"],
    "UCI News Aggregator": [
        "1", "Ferry runs aground", _URL, "Post", "b", "dd", "a.example", "1709626500000",
    ],
    "AG News": ["3", "Ferry runs aground (AP)", "AP - All 40 are safe."],
}  # fmt: skip


@pytest.mark.parametrize("name", KNOWN)
def test_a_well_known_table_is_recognised_by_its_values(name):
    found, columns = known_table([KNOWN[name]] * 3)
    assert found == name
    assert columns[KNOWN[name].index(next(c for c in KNOWN[name] if "Ferry" in c))] == "title"


@pytest.mark.parametrize(
    "records", [[], [["Ferry", "b", "c"]], [["1", "Ferry runs", "All safe"], ["x", "y z", "z y"]]]
)
def test_other_tables_are_not(records):
    assert known_table(records) is None


def test_an_article_in_place_of_the_header_is_shown_in_the_error():
    record = ["Ferry runs aground off the coast of Velmora island", "https://a.example/1"]
    assert looks_like_data(record)
    assert not looks_like_data(["when", "what"])
    message = str(no_header("a.csv", record))
    assert "no header: the first line is 'Ferry runs aground off the coast" in message
    assert "Add a first line" in message
