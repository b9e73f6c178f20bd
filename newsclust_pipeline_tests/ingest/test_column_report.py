"""The column report as text and a table."""

from newsclust_pipeline.ingest.column_report import (
    ColumnUse,
    list_missing,
    missing_fields,
    report_lines,
    report_table,
)

USES = [
    ColumnUse("a.csv", "title", "Headline", 1.0, "Ferry | docks", "name"),
    ColumnUse("a.csv", "published_at", "date", 0.5, "03/06/2024", "name; day first"),
    ColumnUse("a.csv", "venue", "", 0.0, "", ""),
    ColumnUse("a.csv", "url", "", 0.0, "", ""),
]


def test_the_table_has_a_row_for_every_field():
    table = report_table(USES).splitlines()
    assert len(table) == 2 + len(USES)
    assert "50%" in table[3]
    assert "Ferry &#124; docks" in table[2], "a bar would be another column"


def test_the_log_has_a_line_for_every_dump():
    (line,) = report_lines(USES)
    assert line.startswith("a.csv: title = Headline (100%); ")
    assert line.endswith("published_at = date (50%, name; day first); venue = none; url = none")


def test_missing_dates_outlets_and_descriptions_are_listed():
    missing = missing_fields([*USES, ColumnUse("b.csv", "description", "", 0.0, "", "")])
    assert missing == {"a.csv": ["venue"], "b.csv": ["description"]}
    assert list_missing(missing) == "a.csv has no venue; b.csv has no description"
    assert "and 2 more" in list_missing({f"{n}.csv": ["venue"] for n in range(5)})
