"""Delimited text: delimiter, header, quotes, rows of other lengths."""

import pytest

from newsclust_pipeline_tests.dumps import NEWS, delimited, numbered, read, titles


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_the_delimiter_comes_from_the_header_not_from_the_file_name(tmp_path, delimiter, suffix):
    rows, _ = read(tmp_path / f"news{suffix}", delimited(NEWS, delimiter))
    assert [dict(row.cells) for row in rows] == NEWS


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_is_read_and_blank_lines_are_not_numbered(tmp_path, end):
    text = end.join(["title,venue", "Ferry docks,Herald", "", '"Snow', 'falls",Post', "Last,Post"])
    rows, _ = read(tmp_path / "news.csv", text.encode())
    assert titles(rows) == ["Ferry docks", f"Snow{end}falls", "Last"]
    assert [row.number for row in rows] == [1, 2, 3]


def test_blank_lines_before_the_header_do_not_hide_it(tmp_path):
    rows, _ = read(tmp_path / "news.csv", b"\n\ntitle,venue\nFerry docks,Herald\n")
    assert titles(rows) == ["Ferry docks"]


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ("Ferry docks", ("", "")),
        ("Ferry docks,At noon", ("At noon", "")),
        ("Ferry docks,,,,", "  "),
    ],
)
def test_missing_or_extra_empty_cells_at_the_end_of_a_row_do_not_matter(tmp_path, line, cells):
    (row,), _ = read(tmp_path / "news.csv", f"title,description,venue\n{line}\n".encode())
    description, venue = (cell.strip() for cell in cells)
    assert dict(row.cells) == {
        "title": "Ferry docks",
        "description": description,
        "venue": venue,
    }


def test_a_row_with_too_many_cells_is_rejected_with_its_text_and_a_reason(tmp_path):
    rows, _ = read(tmp_path / "news.csv", b"title,venue\nOne, two, three,Herald\nNext,Post\n")
    assert titles(rows) == ["Next"]
    assert "4 cells" in rows[0].defect
    assert "header names 2" in rows[0].defect
    assert rows[0].cells == {"": "One, two, three,Herald"}


@pytest.mark.parametrize(
    ("end", "header"),
    [(",Post", "title,description,venue"), ("", "title,description")],
    ids=["in a middle column", "in the last column"],
)
@pytest.mark.parametrize("nextly", ["Swarm", '"Swarm"'], ids=["never closed", "closed by the next"])
def test_an_unclosed_quote_does_not_take_in_other_articles(tmp_path, header, end, nextly):
    content = f'{header}\nFerry docks,"Loud{end}\nBees,{nextly}{end}\nFog,Thick{end}\n'
    rows, _ = read(tmp_path / "news.csv", content.encode())
    used = {row.cells["title"]: row.cells["description"] for row in rows if row.defect is None}
    aside = " ".join(row.cells[""] for row in rows if row.defect is not None)
    assert not any("Bees" in (text or "") for text in used.values()), "swallowed by another article"
    for title in ("Ferry docks", "Bees", "Fog"):
        assert title in used or title in aside


def test_rows_after_an_unclosed_quote_in_a_large_dump_are_read(tmp_path):
    damaged = delimited(numbered(3)) + b'"Ferry docks,At noon\n' + b"Bees,Swarm\n" * 500_000
    rows, _ = read(tmp_path / "news.csv", damaged)
    assert titles(rows)[:3] == ["Harbour report 0", "Harbour report 1", "Harbour report 2"]
    assert "quote" in next(row.defect for row in rows if row.defect)


def test_a_quoted_text_with_many_lines_is_one_article(tmp_path):
    long = "\n".join(f"Line {n}, with a comma" for n in range(20_000))
    (row,), _ = read(tmp_path / "news.csv", delimited([{"title": "Minutes", "description": long}]))
    assert row.cells["description"] == long


def test_the_first_of_two_columns_with_the_same_name_is_used(tmp_path):
    rows, _ = read(tmp_path / "news.csv", b"title,venue,title\nFerry docks,Herald,\n")
    assert titles(rows) == ["Ferry docks"]
