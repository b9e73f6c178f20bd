"""Workbooks: sheets, headers, cells of other types; bombs and damage."""

import io
import zipfile
from datetime import datetime

import pytest

from newsclust_pipeline.core.errors import DumpError
from newsclust_pipeline.ingest import archives
from newsclust_pipeline_tests.dumps import read, workbook

HEAD = ["Titel", "Datum", "Quelle"]
FOG = ["Nebel", datetime(2024, 3, 5, 8, 15), "Post"]


def test_cells_of_every_type_are_read(tmp_path):
    rows, warnings = read(
        tmp_path / "news.xlsx",
        workbook([HEAD, FOG, ["Bienen", 45356.34375, 7.0], [None, None, ""], [451, "#N/A", None]]),
    )
    found = [row.fields for row in rows]
    assert [f.title for f in found] == ["Nebel", "Bienen", "451"]
    assert {f.date.time for f in found[:2]} == {1_709_626_500_000_000}
    assert [f.venue for f in found] == ["Post", "7", None]
    assert found[2].date_text is None
    assert [row.number for row in rows] == [1, 2, 3]
    assert warnings == []


def test_rows_above_a_header_sheets_without_one_and_repeated_headers_are_no_articles(tmp_path):
    content = workbook([["Export"], [], HEAD, FOG, HEAD], [["Notes"]], [["Title"], ["Bees"]])
    rows, warnings = read(tmp_path / "news.xlsx", content)
    assert [row.fields.title for row in rows if row.fields] == ["Nebel", "Bees"]
    assert [row.defect for row in rows if row.defect] == ["the header again"]
    assert "1 rows above the header skipped" in warnings[0]
    assert "is ignored, it has no header" in warnings[1]


def test_a_workbook_without_titles_names_its_columns(tmp_path):
    with pytest.raises(DumpError, match=r"no title column\. Columns found: 'when', 'what'"):
        read(tmp_path / "news.xlsx", workbook([["when", "what"], [1, 2]]))


def changed(part, change):
    """Return a workbook with one part changed."""
    sink = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook([HEAD, FOG]))) as source,
        zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, change(content) if name == part else content)
    return sink.getvalue()


SHEET, STRINGS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
LAUGHS = b'<!DOCTYPE x [<!ENTITY e0 "ha">' + b"".join(
    b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10) for n in range(1, 10)
) + b"]>"  # fmt: skip


@pytest.mark.parametrize(
    ("part", "root", "text"), [(SHEET, b"<worksheet", b"<v>0</v>"), (STRINGS, b"<sst", b"Post")]
)
def test_nested_entities_are_not_expanded(tmp_path, part, root, text):
    content = changed(part, lambda xml: xml.replace(root, LAUGHS + root, 1).replace(text, b"&e9;"))
    try:
        rows, _ = read(tmp_path / "news.xlsx", content)
    except DumpError:
        return
    assert all(len(str(row.cells)) < 1000 for row in rows)


def test_a_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MIN_ALLOWANCE", 1 << 20)
    padded = changed(SHEET, lambda xml: xml + b" " * (4 << 20))
    with pytest.raises(DumpError, match="unpacks to more than 100 times"):
        read(tmp_path / "padded.xlsx", padded)
    repeated = workbook([["title", "text"], *([n, "x" * 30_000] for n in range(200))])
    with pytest.raises(DumpError, match="unpacks to more than 100 times"):
        read(tmp_path / "repeated.xlsx", repeated)


@pytest.mark.parametrize("content", [workbook([HEAD, FOG])[:-100], b"title\nFog\n", b""])
def test_a_damaged_workbook_is_refused_in_one_line(tmp_path, content):
    with pytest.raises(DumpError, match=r"news\.xlsx: can't be read") as caught:
        read(tmp_path / "news.xlsx", content)
    assert len(str(caught.value).splitlines()) == 1
