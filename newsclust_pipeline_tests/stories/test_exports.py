"""Exports for other tools: safe CSV, JSON, embedding-atlas."""

import csv
import io
import json
import re
import shutil
import subprocess
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from newsclust_pipeline.search.graph import Neighbours
from newsclust_pipeline.stories.exports import as_csv, as_json, documents_table

DAY = datetime(2024, 4, 24, 9, 30, tzinfo=UTC)
STORY = {
    "title": "Ferry fire, “two dead”",
    "keywords": ["ferry", "Åse"],
    "size": 3,
    "first_published": DAY,
    "url": None,
    "per_day": [{"day": date(2024, 4, 24), "articles": 3}],
}


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_and_json_hold_the_table():
    table = pa.Table.from_pylist([STORY, STORY | {"title": "Two"}])
    [one, _] = rows(as_csv(table))
    assert one == {
        "title": "Ferry fire, “two dead”",
        "keywords": "ferry; Åse",
        "size": "3",
        "first_published": "2024-04-24T09:30:00+00:00",
        "url": "",
        "per_day": "2024-04-24: 3",
    }
    [one, _] = json.loads(as_json(table))
    assert one["keywords"] == ["ferry", "Åse"]
    assert one["per_day"] == [{"day": "2024-04-24", "articles": 3}]
    assert datetime.fromisoformat(one["first_published"]) == DAY
    assert one["url"] is None


FORMULAS = {
    "=1+1": "'=1+1",
    "+1": "'+1",
    "-1": "'-1",
    "@SUM(A1)": "'@SUM(A1)",
    "=cmd|' /C calc'!A0": "'=cmd|' /C calc'!A0",
    " =1": " '=1",
    "＝1": "'＝1",
    '=HYPERLINK("x")': '\'=HYPERLINK("x")',
    "x;=cmd|' /C calc'!A0;y": "x;'=cmd|' /C calc'!A0;y",
    "x,=1": "x,'=1",
    "x, =1": "x, '=1",
    "x\t=1": "x\t'=1",
    "x\n=1": "x\n'=1",
    "x|@SUM(A1)": "x|'@SUM(A1)",
    'x;"=1"': 'x;"\'=1"',
    '"=1"': '"\'=1"',
    ";;+1;;-2": ";;'+1;;'-2",
    'a";=1+1;"b': 'a";\'=1+1;"b',
}
HARMLESS = ["Ferry fire, two dead", "3-1 win; 2+2", "a@b.example", "Score: 5 - 4", "A = B"]


@pytest.mark.parametrize(("title", "cell"), FORMULAS.items())
def test_no_headline_is_a_formula_in_a_spreadsheet(title, cell):
    table = pa.Table.from_pylist([STORY | {"title": title, "keywords": [title]}])
    [row] = rows(as_csv(table))
    assert row["title"] == row["keywords"] == cell
    assert json.loads(as_json(table))[0]["title"] == title


@pytest.mark.parametrize("title", HARMLESS)
def test_harmless_headlines_stay_as_they_are(title):
    [row] = rows(as_csv(pa.Table.from_pylist([STORY | {"title": title}])))
    assert row["title"] == title


def test_every_text_is_quoted_and_numbers_are_not():
    header, line, _ = as_csv(pa.Table.from_pylist([STORY | {"title": "Ferry"}])).split("\r\n")
    assert header.startswith('"title","keywords","size"')
    assert line.startswith('"Ferry","ferry; Åse",3,')


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_no_cell_begins_a_formula_whatever_the_separator(separator):
    table = pa.Table.from_pylist([STORY | {"title": title} for title in FORMULAS])
    for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE):
        for line in csv.reader(io.StringIO(as_csv(table)), delimiter=separator, quoting=quoting):
            for cell in line:
                assert not cell.lstrip(' "').startswith(tuple("=+-@＝＋－＠")), cell


def formulas_in_libreoffice(folder, text, separator):
    """Open a CSV file in LibreOffice and return the formulas that it found."""
    (folder / "stories.csv").write_text(text, encoding="utf-8", newline="")
    options = f"CSV:{ord(separator)},34,76,1,,0,false,true,false,false,false,-1"
    subprocess.run(
        ["soffice", f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless",
         f"--infilter={options}", "--convert-to", "fods", "--outdir", str(folder),
         str(folder / "stories.csv")],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    [sheet] = folder.glob("*.fods")
    return re.findall(r'table:formula="([^"]*)"', sheet.read_text(encoding="utf-8"))


@pytest.mark.skipif(not shutil.which("soffice"), reason="LibreOffice Calc is not installed")
@pytest.mark.parametrize("separator", [",", ";"])
def test_libreoffice_finds_no_formula(tmp_path, separator):
    stories = pa.Table.from_pylist([STORY | {"title": title} for title in FORMULAS])
    (tmp_path / "control").mkdir()
    assert formulas_in_libreoffice(tmp_path / "control", "a\n=1+1\n", separator) == ["of:=1+1"]
    assert formulas_in_libreoffice(tmp_path, as_csv(stories), separator) == []


def test_line_breaks_and_quotes_stay_within_their_cell():
    odd = 'He said "no", then\nleft; 3,5'
    [row] = rows(as_csv(pa.Table.from_pylist([STORY | {"title": odd}])))
    assert row["title"] == odd


def test_empty_tables_are_a_header_and_an_empty_list():
    none = pa.Table.from_pylist([STORY]).slice(0, 0)
    assert as_csv(none).strip() == ",".join(f'"{name}"' for name in STORY)
    assert json.loads(as_json(none)) == []


def documents(n, k=1):
    ids = pa.array([f"d{row}" for row in range(n)], pa.string())
    published = pa.array([DAY] * n, pa.timestamp("us", tz="UTC"))
    titles = pa.array([f"T{i}" for i in ids[::-1]], pa.string())
    articles = pa.table(
        {"doc_id": ids[::-1], "title": titles, "text": ids[::-1],
         "published_at": published, "url": ids, "venue": ids, "dump": ids}
    )  # fmt: skip
    labels = pa.table(
        {"doc_id": ids, "label": pa.array([0] * n, pa.int32()), "probability": [1.0] * n,
         "story_id": pa.array(["sa" if row % 2 else None for row in range(n)], pa.string())}
    )  # fmt: skip
    stories = pa.table({"story_id": ["sb", "sa"], "title": ["B", "A"]})
    positions = pa.table({"doc_id": ids, "x": [0.5] * n, "y": [1.5] * n})
    others = np.array([[c for c in range(n) if c != r][:k] for r in range(n)], dtype=np.int32)
    others = others.reshape(n, min(k, max(n - 1, 0)))
    neighbours = Neighbours(
        np.array(ids.to_pylist(), np.str_), others, others.astype(np.float32) / 10, k
    )
    return documents_table(articles, labels, stories, positions, neighbours)


def test_every_document_has_its_story_position_and_neighbours():
    row = documents(3, k=2).to_pylist()[1]
    assert (row["doc_id"], row["title"], row["outlet"]) == ("d1", "Td1", "d1")
    assert (row["story_id"], row["story_title"]) == ("sa", "A")
    assert (row["x"], row["y"]) == (0.5, 1.5)
    assert row["neighbors"]["ids"] == [0, 2]
    assert row["neighbors"]["distances"] == pytest.approx([0.0, 0.2])
    assert documents(3).to_pylist()[0]["story_title"] is None


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_documents_give_the_same_columns(n, tmp_path):
    table = documents(n)
    assert table.num_rows == n
    assert table.schema.field("neighbors").type == documents(3).schema.field("neighbors").type
    pq.write_table(table, tmp_path / "documents.parquet")
    assert pq.read_table(tmp_path / "documents.parquet").to_pylist() == table.to_pylist()
