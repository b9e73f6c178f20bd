"""Rows get the fields of an article, and the dump a report about its columns."""

import pytest

from newsclust_pipeline.ingest.columns import Layout, NoTitleError, resolve_rows
from newsclust_pipeline.ingest.rows import Row
from newsclust_pipeline.ingest.source import Options


def resolved(*news, dump="news.jsonl", **options):
    layout = Layout(dump, Options(**options))
    rows = [Row(dump, n, cells) for n, cells in enumerate(news, start=1)]
    return list(layout.resolve(rows)), layout


def fields(*news, **options):
    return [row.fields for row in resolved(*news, **options)[0]]


def test_a_row_has_its_fields_cleaned():
    (found,) = fields({
        "headline": {"main": " Fog &amp; bees "},
        "teaser": "nan", "body": "Thick", "link": "a?b=1 ",
        "source": {"id": None, "name": "Post"}, "date": {"$date": "2024-03-05T08:15:00Z"},
    })  # fmt: skip
    assert found[:5] == ("Fog & bees", "Thick", "a?b=1", "Post", "2024-03-05T08:15:00Z")
    assert found.date.time == 1_709_626_500_000_000


def test_the_next_column_is_used_where_the_better_one_is_empty():
    rows = [{"title": "Fog", "headline": ""}, {"title": "NaN", "headline": "Bees"}]
    assert [found.title for found in fields(*rows)] == ["Fog", "Bees"]


def test_the_next_date_is_used_where_the_better_one_is_unreadable():
    rows = [
        {"title": "Fog", "published": text, "date": "2024-03-05"} for text in ("soon", "2024-03-04")
    ]
    assert [found.date_text for found in fields(*rows)] == ["2024-03-05", "2024-03-04"]


def test_a_single_address_is_no_outlet():
    rows = [
        {"title": "Fog", "source": source} for source in ("Post", "https://a.example", "Herald")
    ]
    assert [found.venue for found in fields(*rows)] == ["Post", None, "Herald"]


def test_a_body_that_only_repeats_the_title_is_none():
    (found,) = fields({"title": "Fog", "description": "", "text": "Fog"})
    assert found.description is None


def test_columns_that_first_occur_late_are_used():
    rows = [{"title": f"Fog {n}"} for n in range(600)] + [
        {"headline": "Bees", "source": {"name": "P"}}
    ]
    last = fields(*rows)[-1]
    assert (last.title, last.venue) == ("Bees", "P")


def test_a_day_and_a_time_are_joined():
    (found,) = fields({"title": "Fog", "date": "2024-03-05", "time": "08:15"})
    assert found.date.time == 1_709_626_500_000_000


def test_a_dump_without_titles_raises_an_error_that_names_its_columns():
    with pytest.raises(
        NoTitleError, match=r"a\.csv: no title column\. Columns found: 'when', 'what'"
    ):
        resolved({"when": "1", "what": "2"}, dump="a.csv")


def test_a_row_with_a_defect_stays_as_it_is():
    broken = Row("a.csv", 1, {"": "x"}, "broken")
    assert list(Layout("a.csv").resolve([broken])) == [broken]


def test_an_endless_title_is_a_defect():
    rows, _ = resolved({"title": "Fog"}, {"title": "x" * 20_000})
    assert rows[0].defect is None
    assert rows[1].defect == "the title has 20,000 characters, more than 10,000"


def test_the_report_says_where_every_field_came_from():
    _, layout = resolved(
        {"title": "Fog", "summary": "Thick", "date": "25/06/2024"},
        {"title": "Bees", "summary": "", "body": "In May", "date": "soon"},
        dump="a.csv",
    )
    report = {use.field: use for use in layout.report()}
    assert report["description"].column == "summary, body"
    assert report["published_at"].filled == 0.5
    assert report["published_at"].example == "25/06/2024"
    assert report["published_at"].known_by == "name; 1 unreadable"
    assert (report["venue"].column, report["venue"].filled) == ("", 0.0)
    assert {use.dump for use in layout.report()} == {"a.csv"}


def test_an_undecided_order_of_dates_is_reported():
    _, layout = resolved({"title": "Fog", "date": "03/06/2024"})
    assert "day or month first: undecided" in layout.report()[2].known_by
    assert layout.warning.startswith("news.jsonl: 1 dates such as 03/06/2024")
    assert not resolved({"title": "Fog", "date": "03/06/2024"}, date_order="dmy")[1].warning


def test_a_column_of_the_user_is_reported_as_such():
    _, layout = resolved({"title": "Fog", "x": "Bees"}, columns={"title": "x"})
    assert (layout.report()[0].column, layout.report()[0].known_by) == ("x", "setting")


def test_every_dump_has_columns_of_its_own():
    rows = [Row("a", 1, {"title": "Fog", "text": "Thick"}), Row("b", 1, {"titre": "Bees"})]
    assert [row.fields.title for row in resolve_rows(rows)] == ["Fog", "Bees"]
