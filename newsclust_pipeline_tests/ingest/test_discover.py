"""Which files are dumps, and what every format has in common."""

import gzip
import os
import re

import pyarrow as pa
import pytest

from newsclust_pipeline.core.errors import DumpError
from newsclust_pipeline.ingest.discover import find_dumps, is_transient, list_files
from newsclust_pipeline.ingest.source import Options
from newsclust_pipeline_tests.dumps import (
    NEWS,
    delimited,
    locked,
    packed,
    parquet,
    read,
    titles,
    zipped,
)

FORMATS = [".csv", ".csv.gz", ".tsv", ".jsonl", ".jsonl.gz", ".parquet", ".zip"]


@pytest.mark.parametrize(
    ("suffix", "inside_zip"),
    [*((suffix, False) for suffix in FORMATS), *((suffix, True) for suffix in FORMATS[:-1])],
)
def test_every_format_gives_the_same_rows_packed_in_an_archive_or_not(tmp_path, suffix, inside_zip):
    name, content = f"News.Of.Today{suffix.upper()}", packed(suffix)
    if inside_zip:
        name, content = "all.zip", zipped([(f"deep/er/{name}", content), ("__MACOSX/._x.csv", "")])
    rows, warnings = read(tmp_path / name, content)
    assert [dict(row.cells) for row in rows] == NEWS
    assert [row.number for row in rows] == [1, 2, 3]
    assert all(row.dump.startswith(name) and row.defect is None for row in rows)
    assert warnings == []


def test_a_folder_is_read_in_order_of_name_without_subfolders_and_unfinished_files(tmp_path):
    (tmp_path / "older").mkdir()
    skipped = ["older/z.csv", ".hidden.csv", "a.csv.part", "~lock.csv", "c.csv.tmp"]
    for name in ["b.csv", "a.csv", *skipped, "notes.docx"]:
        (tmp_path / name).write_bytes(delimited([{"title": f"From {name}"}]))
    rows, warnings = read(tmp_path)
    assert titles(rows) == ["From a.csv", "From b.csv"]
    assert [(row.dump, row.number) for row in rows] == [("a.csv", 1), ("b.csv", 1)]
    assert len(warnings) == 1
    assert "notes.docx" in warnings[0]
    assert [p.name for p in list_files(tmp_path)] == ["a.csv", "b.csv", "notes.docx"]


@pytest.mark.parametrize("name", ["news.csv", "news.csv.part.csv", "partial.csv", "tmp.csv"])
def test_a_finished_file_is_not_transient(name):
    assert not is_transient(name)


def test_the_digest_depends_on_names_bytes_and_ignored_files_not_on_folder_or_time(tmp_path):
    def digest(folder, **files):
        for name, content in (
            {"a_csv": "title\nFire\n", "b_csv": "title\nFlood\n"} | files
        ).items():
            path = tmp_path / folder / name.replace("_", ".")
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)
        return find_dumps(tmp_path / folder).digest()

    first = digest("one")
    os.utime(tmp_path / "one" / "a.csv", (1, 1))
    assert digest("two") == first == find_dumps(tmp_path / "one").digest()
    others = [
        digest("changed", a_csv="title\nFires\n"),
        digest("more", c_csv="title\nFlood\n"),
        digest("ignored", notes_txt="seen?"),
    ]
    (tmp_path / "one" / "b.csv").rename(tmp_path / "one" / "c.csv")
    others.append(find_dumps(tmp_path / "one").digest())
    assert len({first, *others}) == 5


def test_a_column_of_the_user_that_no_dump_has_is_a_warning(tmp_path):
    (tmp_path / "a.csv").write_text("title,paper\nFog,Post\n")
    dumps = find_dumps(tmp_path, Options({"venue": "paper", "url": "www"}))
    (row,) = dumps.rows()
    assert row.fields.venue == "Post"
    assert dumps.warnings == [
        "`news.columns`: no dump has a value in 'www', which is named for url"
    ]


def test_the_digest_depends_on_the_options(tmp_path):
    (tmp_path / "a.csv").write_text("title\nFog\n")
    options = [None, Options({"url": "www"}), Options(date_order="dmy")]
    assert len({find_dumps(tmp_path, option).digest() for option in options}) == 3


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    (tmp_path / "secret.csv").write_text("title\nSecret\n")
    folder = tmp_path / "news"
    folder.mkdir()
    (folder / "a.csv").write_text("title\nFog\n")
    (folder / "inside.csv").symlink_to("a.csv")
    (folder / "outside.csv").symlink_to(tmp_path / "secret.csv")
    rows, warnings = read(folder)
    assert titles(rows) == ["Fog", "Fog"]
    assert warnings == ["outside.csv: ignored, a link to a place outside of the folder"]
    assert [path.name for path in list_files(folder)] == ["a.csv", "inside.csv"]


@pytest.mark.parametrize("name", ["::warning::x.csv", "x\n::warning::y.csv", "x\n::error::z.txt"])
def test_a_file_name_can_not_begin_a_line_of_a_log(tmp_path, name):
    (tmp_path / "a.csv").write_text("title\nFog\n")
    (tmp_path / name).write_text("title\n")
    rows, warnings = read(tmp_path)
    lines = [line for text in [*warnings, rows[0].dump] for line in text.splitlines()]
    assert len(lines) == len(warnings) + 1
    assert not any(line.startswith("::") for line in lines)


def test_a_file_name_that_is_not_utf8_is_made_writable(tmp_path):
    path = os.fsencode(tmp_path) + b"/caf\xe9.csv"
    with open(path, "wb") as file:  # noqa: PTH123 (pathlib takes no bytes)
        file.write(b"title\nFerry docks\n")
    (row,), _ = read(tmp_path)
    row.dump.encode()  # what every file that the name goes to needs


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        *((f"news{s}", b"", "") for s in FORMATS),
        ("news.csv", b"", "empty"),
        ("news.csv.gz", gzip.compress(b"", mtime=0), "empty"),
        ("news.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "binary data"),
        ("news.csv", bytes(range(1, 256)) * 9, "binary data"),
        ("news.csv", packed(".parquet"), "binary data"),
        ("news.jsonl", packed(".csv.gz"), "binary data"),
        ("news.csv", b"guid,body\n1,Text\n", "no title column.*'guid', 'body'.*'title'"),
        ("news.csv", b"\xef\xbb\xbf", "no title column"),
        ("news.jsonl", b'{"guid": 1, "body": "Text"}\n', "no title column.*'guid', 'body'"),
        ("news.parquet", packed(".parquet", [{"body": "Text"}]), "no title column.*'body'"),
        ("news.parquet", parquet([], pa.schema({"body": pa.string()})), "no title column.*'body'"),
        ("news.csv.gz", gzip.compress(b"nothing of it", mtime=0)[:9], "can't be read as .csv.gz"),
        ("news.csv.gz", packed(".csv.gz")[:-9], "can't be read as .csv.gz"),
        ("news.jsonl.gz", packed(".jsonl.gz")[:-9], "can't be read as .jsonl.gz"),
        ("news.csv.gz", packed(".csv"), "can't be read as .csv.gz"),
        ("news.zip", packed(".zip")[:-30], "can't be read as .zip"),
        ("news.zip", packed(".csv"), "can't be read as .zip"),
        ("news.zip", packed(".zip").replace(b"PK\3\4", b"PK\3\5"), "can't be read as .zip"),
        ("news.zip", locked(packed(".zip")), "can't be read as .zip.*password"),
        ("news.zip", zipped([("readme.md", "# News")]), "holds no dump.*csv"),
        ("news.parquet", packed(".parquet")[:-20], "can't be read as .parquet"),
        ("news.parquet", packed(".csv"), "can't be read as .parquet"),
    ],
)  # fmt: skip
def test_an_unreadable_dump_raises_an_error_that_names_the_file_and_the_fault(
    tmp_path, name, content, said
):
    with pytest.raises(DumpError, match=f"(?s){re.escape(name)}.*({said})") as caught:
        read(tmp_path / name, content)
    assert len(str(caught.value).splitlines()) == 1


def test_a_place_without_dumps_raises_an_error_that_says_what_to_do(tmp_path):
    with pytest.raises(DumpError, match=r"gone\.csv: no such file or folder.*`news.path`"):
        find_dumps(tmp_path / "gone.csv")
    with pytest.raises(DumpError, match=r"holds no dump.*\.csv.*\.gz.*`news.path`"):
        find_dumps(tmp_path)
    (tmp_path / "notes.docx").write_bytes(b"text")
    with pytest.raises(DumpError, match="holds no dump"):
        find_dumps(tmp_path)
    with pytest.raises(DumpError, match=r"notes\.docx: not a dump.*\.parquet"):
        find_dumps(tmp_path / "notes.docx")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("news.csv", b"title,description\n"),
        ("news.csv", b"title"),
        ("news.parquet", parquet([], pa.schema({"title": pa.string()}))),
        ("news.jsonl", b"\n \n"),
    ],
)
def test_a_dump_with_only_a_header_has_no_rows_and_a_warning(tmp_path, name, content):
    rows, warnings = read(tmp_path / name, content)
    assert rows == []
    assert warnings == [f"{name}: holds no rows"]


def test_a_dump_with_only_broken_rows_is_rejected_with_a_warning(tmp_path):
    rows, warnings = read(tmp_path / "news.jsonl", b"<html>\n</html>\n")
    assert [row.number for row in rows if row.defect] == [1, 2]
    assert warnings == ["news.jsonl: none of its 2 rows could be read"]
