"""Dumps on disk: every format, every kind of damage, nothing lost in silence."""

import csv
import gzip
import io
import json
import os
import re
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from newsclust_pipeline.core.errors import DumpError
from newsclust_pipeline.ingest import dumps
from newsclust_pipeline.ingest.dumps import find_dumps, is_transient, list_files

FORMATS = [".csv", ".csv.gz", ".tsv", ".jsonl", ".jsonl.gz", ".parquet", ".zip"]
NEWS = [
    {"guid": "1", "title": "Ferry runs aground off Skällö", "description": 'A "loud" bang,\nthen'},
    {"guid": "2", "title": "Orchard opens; thousands come", "description": ""},
    {"guid": "3", "title": "大雪がトンネルを塞ぐ", "description": "Two lanes, one plough"},
]


def delimited(rows, delimiter=","):
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def lines(rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def parquet(rows, schema=None):
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema), sink)
    return sink.getvalue()


def zipped(members):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return sink.getvalue()


def packed(suffix, rows=NEWS):
    """Give these rows as the bytes of a dump."""
    if suffix == ".zip":
        return zipped([("news.csv", delimited(rows))])
    if suffix.endswith(".gz"):
        return gzip.compress(packed(suffix.removesuffix(".gz"), rows))
    if suffix == ".tsv":
        return delimited(rows, "\t")
    return {".csv": delimited, ".jsonl": lines, ".parquet": parquet}[suffix](rows)


def locked(content):
    """Set the bits that say 'encrypted' in a zip of one member (the standard library can't)."""
    marked = bytearray(content)
    marked[content.index(b"PK\3\4") + 6] |= 1
    marked[content.index(b"PK\1\2") + 8] |= 1
    return bytes(marked)


def read(path, content=None):
    """Write a dump if its content is given; give its rows and the warnings."""
    if content is not None:
        path.write_bytes(content)
    found = find_dumps(path)
    return list(found.rows()), found.warnings


def titles(rows):
    return [row.cells["title"] for row in rows if row.defect is None]


def numbered(count, title="Harbour report {}"):
    return [{"title": title.format(n), "description": "As ever"} for n in range(count)]


# --- formats


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


def test_a_folder_is_read_by_name_without_its_subfolders_and_unfinished_files(tmp_path):
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
def test_a_finished_file_is_not_taken_for_a_transient_one(name):
    assert not is_transient(name)


def test_a_digest_follows_names_bytes_and_what_is_ignored_not_place_or_time(tmp_path):
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


@pytest.mark.parametrize("left", ["inner.zip", "more.csv.bz2"])
def test_what_is_left_out_of_an_archive_is_told_as_it_is_for_a_folder(tmp_path, left):
    content = zipped([("a.csv", "title\nFerry docks\n"), (left, b"news in here")])
    rows, warnings = read(tmp_path / "news.zip", content)
    assert titles(rows) == ["Ferry docks"]
    assert left in "".join(warnings)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_both_read(tmp_path):
    content = zipped([("a.csv", "title\nFerry docks\n"), ("a.csv", "title\nFerry leaves\n")])
    assert titles(read(tmp_path / "news.zip", content)[0]) == ["Ferry docks", "Ferry leaves"]


def test_a_dump_whose_name_is_not_utf8_has_a_name_that_can_be_written_down(tmp_path):
    path = os.fsencode(tmp_path) + b"/caf\xe9.csv"
    with open(path, "wb") as file:  # noqa: PTH123 (pathlib takes no bytes)
        file.write(b"title\nFerry docks\n")
    (row,), _ = read(tmp_path)
    row.dump.encode()  # what every file that the name goes to needs


# --- delimited text


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_the_delimiter_is_found_by_the_header_not_by_the_name(tmp_path, delimiter, suffix):
    rows, _ = read(tmp_path / f"news{suffix}", delimited(NEWS, delimiter))
    assert [dict(row.cells) for row in rows] == NEWS


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_in_any_way_and_blank_ones_do_not_count(tmp_path, end):
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
def test_a_row_that_only_differs_in_empty_cells_at_its_end_is_used(tmp_path, line, cells):
    (row,), _ = read(tmp_path / "news.csv", f"title,description,venue\n{line}\n".encode())
    description, venue = (cell.strip() for cell in cells)
    assert dict(row.cells) == {
        "title": "Ferry docks",
        "description": description,
        "venue": venue,
    }


def test_a_row_with_too_many_cells_is_set_aside_whole_with_its_reason(tmp_path):
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
def test_an_unclosed_quote_never_makes_other_articles_part_of_its_own(
    tmp_path, header, end, nextly
):
    content = f'{header}\nFerry docks,"Loud{end}\nBees,{nextly}{end}\nFog,Thick{end}\n'
    rows, _ = read(tmp_path / "news.csv", content.encode())
    used = {row.cells["title"]: row.cells["description"] for row in rows if row.defect is None}
    aside = " ".join(row.cells[""] for row in rows if row.defect is not None)
    assert not any("Bees" in (text or "") for text in used.values()), "swallowed by another article"
    for title in ("Ferry docks", "Bees", "Fog"):
        assert title in used or title in aside


def test_an_unclosed_quote_in_a_large_dump_does_not_stop_the_rest(tmp_path):
    damaged = delimited(numbered(3)) + b'"Ferry docks,At noon\n' + b"Bees,Swarm\n" * 500_000
    rows, _ = read(tmp_path / "news.csv", damaged)
    assert titles(rows)[:3] == ["Harbour report 0", "Harbour report 1", "Harbour report 2"]
    assert "quote" in next(row.defect for row in rows if row.defect)


def test_a_quoted_text_of_many_lines_is_one_article(tmp_path):
    long = "\n".join(f"Line {n}, with a comma" for n in range(20_000))
    (row,), _ = read(tmp_path / "news.csv", delimited([{"title": "Minutes", "description": long}]))
    assert row.cells["description"] == long


def test_a_column_that_is_there_twice_does_not_hide_its_first_value(tmp_path):
    rows, _ = read(tmp_path / "news.csv", b"title,venue,title\nFerry docks,Herald,\n")
    assert titles(rows) == ["Ferry docks"]


# --- encodings


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".jsonl"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_that_names_its_encoding_is_read_in_it(tmp_path, suffix, encoding):
    content = packed(suffix.removesuffix(".gz")).decode().encode(encoding)
    content = gzip.compress(content) if suffix.endswith(".gz") else content
    rows, warnings = read(tmp_path / f"news{suffix}", content)
    assert [dict(row.cells) for row in rows] == NEWS
    assert warnings == []


def test_utf_32_is_not_taken_for_utf_16_with_gaps(tmp_path):
    # Both begin with the same two bytes; refusing it would do as well.
    rows, _ = read(tmp_path / "news.csv", packed(".csv").decode().encode("utf-32"))
    assert [dict(row.cells) for row in rows] == NEWS


@pytest.mark.parametrize("before", [0, 30_000], ids=["at once", "after half a megabyte of ASCII"])
@pytest.mark.parametrize("after", [0, 30], ids=["in the last line", "followed by ASCII"])
def test_windows_1252_is_read_as_such_with_a_warning_wherever_it_shows(tmp_path, before, after):
    news = [*numbered(before), {"title": "Bees", "description": "Café"}, *numbered(after)]
    rows, warnings = read(tmp_path / "news.csv", delimited(news).decode().encode("cp1252"))
    assert rows[before].cells["description"] == "Café"
    assert "news.csv" in warnings[0]
    assert "Windows-1252" in warnings[0]


def test_one_bad_byte_does_not_garble_the_other_articles_of_a_utf8_dump(tmp_path):
    content = delimited([*NEWS, *numbered(9)]) + b"Bad \xff byte,Herald\n"
    rows, _ = read(tmp_path / "news.csv", content)
    assert titles(rows)[:3] == [news["title"] for news in NEWS]


@pytest.mark.parametrize("size", range(262_100, 262_160, 7))
def test_a_character_across_the_border_of_the_examined_head_is_read_whole(tmp_path, size):
    content = b"title\n" + b"x" * (size - 7) + "é".encode() * 40 + b"\n"
    (row,), warnings = read(tmp_path / "news.csv", content)
    assert row.cells["title"].endswith("xé" + "é" * 39)
    assert warnings == []


def test_a_stray_nul_does_not_make_a_text_dump_binary(tmp_path):
    content = delimited(numbered(500)).replace(b"report 7,", b"report\0 7,")
    rows, _ = read(tmp_path / "news.csv", content)
    assert len(titles(rows)) == 500


# --- JSON lines and Parquet


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"title": "Ferry doc', "not JSON"),
        ("<html>", "not JSON"),
        ('["Ferry docks"]', "not a JSON object"),
        ('"Ferry docks"', "not a JSON object"),
        ("[" * 100_000, "not JSON"),
    ],
    ids=["cut off", "HTML", "array", "string", "nested too deeply"],
)
def test_a_broken_line_of_json_is_set_aside_and_the_rest_is_read(tmp_path, line, reason):
    content = lines(NEWS[:1]) + b"\n" + line.encode() + b"\n" + lines(NEWS[1:])
    rows, _ = read(tmp_path / "news.jsonl", content)
    assert titles(rows) == [news["title"] for news in NEWS]
    (broken,) = (row for row in rows if row.defect)
    assert (broken.number, broken.cells) == (2, {"": line})
    assert reason in broken.defect


def test_json_objects_may_differ_in_their_keys(tmp_path):
    rows, _ = read(tmp_path / "news.jsonl", lines([{"id": 1}, {"headline": "Ferry docks"}]))
    assert [dict(row.cells) for row in rows] == [{"id": 1}, {"headline": "Ferry docks"}]


def test_parquet_is_read_across_batches_with_nulls_and_nested_cells(tmp_path):
    news = [
        {"title": None if n % 2 else f"Bees {n}", "source": {"name": "Post"}} for n in range(9000)
    ]
    rows, _ = read(tmp_path / "news.parquet", parquet(news))
    assert [dict(row.cells) for row in rows] == news
    assert [row.number for row in rows] == list(range(1, 9001))


# --- dumps that can't be read


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        *((f"news{s}", b"", "") for s in FORMATS),
        ("news.csv", b"", "empty"),
        ("news.csv.gz", gzip.compress(b""), "empty"),
        ("news.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "binary data"),
        ("news.csv", bytes(range(1, 256)) * 9, "binary data"),
        ("news.csv", packed(".parquet"), "binary data"),
        ("news.jsonl", packed(".csv.gz"), "binary data"),
        ("news.csv", b"guid,body\n1,Text\n", "no title column.*'guid', 'body'.*'title'"),
        ("news.csv", b"\xef\xbb\xbf", "no title column"),
        ("news.jsonl", b'{"guid": 1, "body": "Text"}\n', "no title column.*'guid', 'body'"),
        ("news.parquet", packed(".parquet", [{"body": "Text"}]), "no title column.*'body'"),
        ("news.parquet", parquet([], pa.schema({"body": pa.string()})), "no title column.*'body'"),
        ("news.csv.gz", gzip.compress(b"nothing of it")[:9], "can't be read as .csv.gz"),
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
def test_a_dump_that_cannot_be_read_stops_naming_the_file_and_the_fault(
    tmp_path, name, content, said
):
    with pytest.raises(DumpError, match=f"(?s){re.escape(name)}.*({said})") as caught:
        read(tmp_path / name, content)
    assert len(str(caught.value).splitlines()) == 1


def test_damage_inside_an_archive_is_found_by_its_checksum(tmp_path):
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as archive:  # stored: any other bytes could be a text too
        archive.writestr("news.csv", delimited(NEWS))
    damaged = stored.getvalue().replace(b"Ferry", b"Berry")
    with pytest.raises(DumpError, match=r"news\.zip: can't be read as \.zip"):
        read(tmp_path / "news.zip", damaged)


def test_a_place_without_dumps_is_named_with_what_to_do(tmp_path):
    with pytest.raises(DumpError, match=r"gone\.csv: no such file or folder.*NEWSCLUST_NEWS"):
        find_dumps(tmp_path / "gone.csv")
    with pytest.raises(DumpError, match=r"holds no dump.*\.csv\.gz.*NEWSCLUST_NEWS"):
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
def test_a_dump_of_a_header_alone_has_no_rows_and_a_warning(tmp_path, name, content):
    rows, warnings = read(tmp_path / name, content)
    assert rows == []
    assert warnings == [f"{name}: holds no rows"]


def test_a_dump_of_broken_rows_only_is_set_aside_with_a_warning(tmp_path):
    rows, warnings = read(tmp_path / "news.jsonl", b"<html>\n</html>\n")
    assert [row.number for row in rows if row.defect] == [1, 2]
    assert warnings == ["news.jsonl: none of its 2 rows could be read"]


# --- harm


@pytest.mark.parametrize("suffix", [".csv.gz", ".zip", "gz in zip", ".parquet in zip"])
def test_what_unpacks_beyond_all_measure_is_stopped_on_the_way(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(dumps, "LEAST_ALLOWANCE", 1 << 20)
    text = b"title\n" + b"Ferry docks again and again\n" * 200_000
    bombs = {
        ".csv.gz": ("news.csv.gz", gzip.compress(text)),
        ".zip": ("news.zip", zipped([("news.csv", text)])),
        "gz in zip": ("news.zip", zipped([("news.csv.gz", gzip.compress(text))])),
        ".parquet in zip": ("news.zip", zipped([("news.parquet", bytes(5 << 20))])),
    }
    name, content = bombs[suffix]
    with pytest.raises(DumpError, match=rf"{name}: unpacks to more than 100 times its size"):
        read(tmp_path / name, content)


def test_the_allowance_is_that_of_the_whole_archive(tmp_path, monkeypatch):
    monkeypatch.setattr(dumps, "LEAST_ALLOWANCE", 1 << 20)
    text = b"title\n" + b"Ferry docks\n" * 30_000
    members = [(f"{n}.csv", text) for n in range(5)]
    assert len(read(tmp_path / "two.zip", zipped(members[:2]))[0]) == 60_000
    with pytest.raises(DumpError, match=r"five\.zip: unpacks to more"):
        read(tmp_path / "five.zip", zipped(members))


def test_small_dumps_may_repeat_themselves(tmp_path):
    text = b"title\n" + b"Ferry docks\n" * 100_000
    rows, _ = read(tmp_path / "news.csv.gz", gzip.compress(text))
    assert len(rows) == 100_000


@pytest.mark.parametrize(
    "name",
    [
        "../news.csv",
        "a/../../news.csv",
        "/etc/news.csv",
        "C:\\news.csv",
        "..\\news.csv",
        "C:news.csv",
    ],
)
def test_an_archive_with_names_that_lead_out_of_it_is_refused(tmp_path, name):
    content = zipped([("good.csv", "title\nFerry docks\n"), (name, "title\nBees\n")])
    with pytest.raises(DumpError, match=r"news\.zip: refused, it names a place outside"):
        read(tmp_path / "news.zip", content)


@pytest.mark.parametrize("name", ["a..b.csv", "...csv", "2024/06/news..csv", "a b/(news).csv"])
def test_odd_names_that_stay_inside_are_none_of_those(tmp_path, name):
    content = zipped([("good.csv", "title\nFerry docks\n"), (name, "title\nBees\n")])
    assert "Ferry docks" in titles(read(tmp_path / "news.zip", content)[0])


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_known_without_its_mark(tmp_path, encoding):
    rows, _ = read(tmp_path / "news.csv", packed(".csv").decode().encode(encoding))
    assert [dict(row.cells) for row in rows] == NEWS


@pytest.mark.parametrize("name", ["news.csv", "news.jsonl", "news.csv.gz"])
def test_a_line_without_end_does_not_fill_the_memory(tmp_path, name, monkeypatch):
    monkeypatch.setattr(dumps, "_LONGEST_LINE", 1 << 20)
    text = b"title\n" + b'"' + b"x" * (2 << 20)
    with pytest.raises(DumpError, match=f"{name}: a line of more than 1 million characters"):
        read(tmp_path / name, gzip.compress(text) if name.endswith("gz") else text)
