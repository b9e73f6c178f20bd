"""Encodings, binary data and endless lines."""

import gzip

import pytest

from newsclust_pipeline.core.errors import DumpError
from newsclust_pipeline.ingest import decoding
from newsclust_pipeline_tests.dumps import NEWS, delimited, numbered, packed, read, titles


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".jsonl"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_byte_order_mark_sets_the_encoding(tmp_path, suffix, encoding):
    content = packed(suffix.removesuffix(".gz")).decode().encode(encoding)
    content = gzip.compress(content) if suffix.endswith(".gz") else content
    rows, warnings = read(tmp_path / f"news{suffix}", content)
    assert [dict(row.cells) for row in rows] == NEWS
    assert warnings == []


def test_utf_32_is_not_mistaken_for_utf_16(tmp_path):
    # Both begin with the same two bytes; refusing it would do as well.
    rows, _ = read(tmp_path / "news.csv", packed(".csv").decode().encode("utf-32"))
    assert [dict(row.cells) for row in rows] == NEWS


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_recognised_without_a_byte_order_mark(tmp_path, encoding):
    rows, _ = read(tmp_path / "news.csv", packed(".csv").decode().encode(encoding))
    assert [dict(row.cells) for row in rows] == NEWS


@pytest.mark.parametrize("before", [0, 30_000], ids=["at once", "after half a megabyte of ASCII"])
@pytest.mark.parametrize("after", [0, 30], ids=["in the last line", "followed by ASCII"])
def test_windows_1252_is_decoded_with_a_warning_wherever_it_occurs(tmp_path, before, after):
    news = [*numbered(before), {"title": "Bees", "description": "Café"}, *numbered(after)]
    rows, warnings = read(tmp_path / "news.csv", delimited(news).decode().encode("cp1252"))
    assert rows[before].cells["description"] == "Café"
    assert "news.csv" in warnings[0]
    assert "Windows-1252" in warnings[0]


def test_one_wrong_byte_does_not_change_the_other_articles_of_a_utf8_dump(tmp_path):
    content = delimited([*NEWS, *numbered(9)]) + b"Bad \xff byte,Herald\n"
    rows, _ = read(tmp_path / "news.csv", content)
    assert titles(rows)[:3] == [news["title"] for news in NEWS]


@pytest.mark.parametrize("size", range(262_100, 262_160, 7))
def test_a_character_across_the_end_of_the_examined_head_is_read_whole(tmp_path, size):
    content = b"text,title\n" + b"x" * (size - 12) + "é".encode() * 40 + b",Bees\n"
    (row,), warnings = read(tmp_path / "news.csv", content)
    assert row.cells["text"].endswith("xé" + "é" * 39)
    assert warnings == []


def test_a_single_nul_does_not_make_a_text_dump_binary(tmp_path):
    content = delimited(numbered(500)).replace(b"report 7,", b"report\0 7,")
    rows, _ = read(tmp_path / "news.csv", content)
    assert len(titles(rows)) == 500


@pytest.mark.parametrize("name", ["news.csv", "news.jsonl", "news.csv.gz"])
def test_an_endless_line_is_refused(tmp_path, name, monkeypatch):
    monkeypatch.setattr(decoding, "_LONGEST_LINE", 1 << 20)
    text = b"title\n" + b'"' + b"x" * (2 << 20)
    with pytest.raises(DumpError, match=f"{name}: a line of more than 1 million characters"):
        read(tmp_path / name, gzip.compress(text) if name.endswith("gz") else text)
