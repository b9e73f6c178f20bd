"""Damaged dumps, each in another way.

None ends in a traceback. Either the dump is refused in one line, or its good articles are read and
its bad rows are rejected, each with a reason.
"""

import bz2
import gzip
import io
import json
import lzma
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from newsclust_pipeline.core.errors import DumpError
from newsclust_pipeline.ingest.archives import PACKINGS
from newsclust_pipeline.ingest.articles import collect_articles
from newsclust_pipeline.ingest.discover import find_dumps
from newsclust_pipeline.ingest.readers import FORMATS
from newsclust_pipeline_tests.dumps import rss, workbook

HEAD = b"title,description,venue\n"
FERRY, BEES = b"Ferry docks,At noon,Post\n", b"Bees swarm,In May,Herald\n"
BOTH = ["Ferry docks", "Bees swarm"]


def zipped(*members, method=zipfile.ZIP_DEFLATED):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return sink.getvalue()


def parquet(**columns):
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def line(**cells):
    return json.dumps(cells).encode() + b"\n"


def zstd(content):
    return pa.compress(content, codec="zstd", asbytes=True)


PACKED = gzip.compress(HEAD + FERRY + BEES)
TABLE = parquet(title=BOTH)
FERRY_LINE, BEES_LINE = line(title="Ferry docks"), line(title="Bees swarm")

# What is wrong: the file's name, its bytes, the number of rejected rows. Every dump also holds the
# two good articles.
READABLE = {
    "a row of one cell": ("a.csv", HEAD + FERRY + b"\n" + BEES + b"Fog\n", 0),
    "a row of no title": ("a.csv", HEAD + FERRY + b",x,y\n" + BEES, 1),
    "a row of blanks": ("a.csv", HEAD + FERRY + b"  ,\t, \n" + BEES, 1),
    "a row of commas": ("a.csv", HEAD + FERRY + b",,\n" + BEES, 1),
    "a row that is too long": ("a.csv", HEAD + FERRY + b"a,b,c,d,e\n" + BEES, 1),
    "a row with trailing commas": ("a.csv", HEAD + FERRY[:-1] + b",,,\n" + BEES, 0),
    "an unclosed quote at the end": ("a.csv", HEAD + FERRY + BEES + b'Fog,"thick', 1),
    "an unclosed quote in between": ("a.csv", HEAD + FERRY + b'Fog,"thick,x\n' + BEES, 1),
    "a quote within a cell": ("a.csv", HEAD + FERRY + b'Fog "thick" again,x,y\n' + BEES, 0),
    "text after a closing quote": ("a.csv", HEAD + FERRY + b'"Fog"thick,x,y\n' + BEES, 0),
    "quoted newlines": ("a.csv", HEAD + b'Ferry docks,"At\nnoon\r\nor so",Post\n' + BEES, 0),
    "lines of old Macs": ("a.csv", (HEAD + FERRY + BEES).replace(b"\n", b"\r"), 0),
    "lines of Windows": ("a.csv", (HEAD + FERRY + BEES).replace(b"\n", b"\r\n"), 0),
    "lines of both": ("a.csv", HEAD + FERRY.replace(b"\n", b"\r\n") + BEES, 0),
    "no newline at the end": ("a.csv", HEAD + FERRY + BEES[:-1], 0),
    "blank lines before the header": ("a.csv", b"\n\n" + HEAD + FERRY + BEES, 0),
    "the header again in between": ("a.csv", HEAD + FERRY + HEAD + BEES, 1),
    "a nameless column": ("a.csv", b",title\n1,Ferry docks\n2,Bees swarm\n", 0),
    "a column twice": ("a.csv", b"title,title\nFerry docks,\nBees swarm,x\n", 0),
    "a header in capitals": ("a.csv", b" TITLE ,X\nFerry docks,\nBees swarm,x\n", 0),
    "a header in quotes": ("a.csv", b'"title"\n"Ferry docks"\n"Bees swarm"\n', 0),
    "semicolons under .csv": ("a.csv", (HEAD + FERRY + BEES).replace(b",", b";"), 0),
    "commas under .tsv": ("a.tsv", HEAD + FERRY + BEES, 0),
    "bars": ("a.csv", (HEAD + FERRY + BEES).replace(b",", b"|"), 0),
    "the name in capitals": ("A.CSV", HEAD + FERRY + BEES, 0),
    "a byte order mark": ("a.csv", b"\xef\xbb\xbf" + HEAD + FERRY + BEES, 0),
    "UTF-16": ("a.csv", (HEAD + FERRY + BEES).decode().encode("utf-16"), 0),
    "UTF-16 without its mark": ("a.csv", (HEAD + FERRY + BEES).decode().encode("utf-16-le"), 0),
    "UTF-16 the other way round": ("a.csv", (HEAD + FERRY + BEES).decode().encode("utf-16-be"), 0),
    "UTF-32": ("a.csv", (HEAD + FERRY + BEES).decode().encode("utf-32"), 0),
    "Latin-1": ("a.csv", HEAD + FERRY + BEES + b"Caf\xe9 opens,x,y\n", 0),
    "quotation marks of Windows": ("a.csv", HEAD + FERRY + BEES + b"\x93Fog\x94,x,y\n", 0),
    "a byte of no encoding": ("a.csv", HEAD + FERRY + BEES + b"Fog \x81 bank,x,y\n", 0),
    "UTF-8 cut within a character": ("a.csv", HEAD + FERRY + BEES + "Café".encode()[:-1], 0),
    "NULs in between": ("a.csv", HEAD + FERRY + b"\0" + BEES * 40, 0),
    "titles that say nan": ("a.csv", HEAD + FERRY + b"nan,x,y\nNULL,x,y\n" + BEES, 2),
    "titles of invisible letters": ("a.csv", HEAD + FERRY + "\u200b,x,y\n".encode() + BEES, 1),
    "HTML within titles": ("a.csv", HEAD + b"Ferry&nbsp;docks,x,y\n" + BEES, 0),
    "dates of nonsense": ("a.csv", b"title,date\nFerry docks,soon\nBees swarm,0000-99-99\n", 0),
    "dates beyond all years": ("a.csv", b"title,date\nFerry docks,9999999999999\nBees swarm,\n", 0),
    "cut JSON": ("a.jsonl", FERRY_LINE + b'{"title": "Fo\n' + BEES_LINE, 1),
    "cut JSON at the end": ("a.jsonl", FERRY_LINE + BEES_LINE + b'{"title": "Fo', 1),
    "JSON of other kinds": ("a.jsonl", FERRY_LINE + b'[1]\n"x"\n7\nnull\n' + BEES_LINE, 4),
    "JSON with a comma behind": ("a.jsonl", FERRY_LINE + b'{"title": "Fog"},\n' + BEES_LINE, 1),
    "JSON with NaN": ("a.jsonl", b'{"title": "Ferry docks", "x": NaN}\n' + BEES_LINE, 0),
    "JSON nested too deeply": ("a.jsonl", FERRY_LINE + b"[" * 99_999 + b"\n" + BEES_LINE, 1),
    "JSON with half a pair": ("a.jsonl", FERRY_LINE + BEES_LINE + b'{"title": "\\ud83d"}\n', 0),
    "JSON without a title": ("a.jsonl", FERRY_LINE + b'{"headlines": 1}\n' + BEES_LINE, 1),
    "JSON with blank lines": ("a.jsonl", b"\n" + FERRY_LINE + b"  \n\n" + BEES_LINE, 0),
    "JSON titles of other types": ("a.jsonl", FERRY_LINE + b'{"title": {"a": 1}}\n' + BEES_LINE, 1),
    "Parquet with nulls": ("a.parquet", parquet(title=[*BOTH, None]), 1),
    "Parquet of bytes": ("a.parquet", parquet(title=[title.encode() for title in BOTH]), 0),
    "an archive with other files": ("a.zip", zipped(("a.csv", HEAD + FERRY + BEES), ("x", "")), 0),
    "an archive in an archive": (
        "a.zip",
        zipped(("a.csv", HEAD + FERRY + BEES), ("b.zip", zipped(("b.csv", HEAD)))),
        0,
    ),
    "gzip in an archive": ("a.zip", zipped(("a.csv.gz", PACKED)), 0),
    "Parquet in an archive": ("a.zip", zipped(("a.parquet", TABLE)), 0),
    "cut JSON in gzip": (
        "a.jsonl.gz",
        gzip.compress(FERRY_LINE + b'{"title": "Fo\n' + BEES_LINE),
        1,
    ),
    "JSON in zstd": ("a.ndjson.zst", zstd(FERRY_LINE + BEES_LINE), 0),
    "two bzip2 streams in one": ("a.csv.bz2", bz2.compress(HEAD + FERRY) + bz2.compress(BEES), 0),
    "two xz streams in one": ("a.csv.xz", lzma.compress(HEAD + FERRY) + lzma.compress(BEES), 0),
    "xz with padding": ("a.csv.xz", lzma.compress(HEAD + FERRY + BEES) + bytes(8), 0),
    "old LZMA under .xz": (
        "a.csv.xz",
        lzma.compress(HEAD + FERRY + BEES, lzma.FORMAT_ALONE),
        0,
    ),
    "an array under .jsonl": ("a.jsonl", b"[" + FERRY_LINE + b"," + BEES_LINE + b"]", 0),
    "numbers in an array": ("a.json", b"[" + FERRY_LINE + b",1,null," + BEES_LINE + b"]", 2),
    "JSON Lines under .json": ("a.json", FERRY_LINE + b"{cut\n" + BEES_LINE, 1),
    "a trailing comma": ("a.json", b"[" + FERRY_LINE + b"," + BEES_LINE + b",]", 0),
    "notes above the header": ("a.csv", b"Export of 3 May\nby A. Quill\n" + HEAD + FERRY + BEES, 0),
    "a separator line": ("a.csv", b"sep=;\n" + (HEAD + FERRY + BEES).replace(b",", b";"), 0),
    "quotes escaped by backslashes": (
        "a.csv",
        HEAD + b'"Fog \\"thick\\"","He said \\"no\\", then",x\n' + FERRY + BEES,
        0,
    ),
    "delimiters escaped by backslashes": ("a.csv", HEAD + b"Fog\\, thick,x,y\n" + FERRY + BEES, 0),
    "a feed with an unclosed entry": (
        "a.rss",
        rss({"title": "Ferry docks"}, {"title": "Bees swarm"})[:-16] + b"<item><title>Fog",
        1,
    ),
    "a feed with an undeclared entity": (
        "a.xml",
        rss({"title": "Ferry&nbsp;docks"}, {"title": "Bees swarm"}),
        0,
    ),
    "a feed with an entry without a title": (
        "a.atom",
        rss({"title": "Ferry docks"}, {"link": "x"}, {"title": "Bees swarm"}),
        1,
    ),
    "a workbook with an empty row": (
        "a.xlsx",
        workbook([["title"], ["Ferry docks"], [None], ["Bees swarm"]]),
        0,
    ),
    "two gzips in one": ("a.csv.gz", gzip.compress(HEAD + FERRY) + gzip.compress(BEES), 0),
}
# What is wrong: the file's name, its bytes, a part of the message.
REFUSED = {
    "nothing": ("a.csv", b"", "empty"),
    "nothing in gzip": ("a.csv.gz", gzip.compress(b""), "empty"),
    "no title column": ("a.csv", b"when,what\n1,2\n", "no title column"),
    "no header": ("a.csv", FERRY + BEES, "no title column"),
    "a web page": ("a.csv", b"<!DOCTYPE html>\n<p>404</p>\n", "no title column"),
    "a picture": ("a.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, "binary data"),
    "nothing but NULs": ("a.csv", bytes(5000), "binary data"),
    "an archive under .csv": ("a.csv", zipped(("a.csv", HEAD + FERRY * 99)), "binary data"),
    "a line without end": ("a.jsonl", b'{"title": "' + b"x" * (1 << 24), "million characters"),
    "a picture under .tsv": ("a.tsv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, "binary data"),
    "cut gzip of JSON": ("a.jsonl.gz", gzip.compress(FERRY_LINE + BEES_LINE)[:-9], "can't be read"),
    "cut zstd": ("a.csv.zst", zstd(HEAD + FERRY + BEES)[:-5], "can't be read"),
    "cut bzip2": ("a.csv.bz2", bz2.compress(HEAD + FERRY + BEES)[:-5], "can't be read"),
    "cut xz": ("a.csv.xz", lzma.compress(HEAD + FERRY + BEES)[:-5], "can't be read"),
    "text under .zst": ("a.csv.zst", HEAD + FERRY, "can't be read"),
    "text under .bz2": ("a.csv.bz2", HEAD + FERRY, "can't be read"),
    "text under .xz": ("a.csv.xz", HEAD + FERRY, "can't be read"),
    "a cut array": ("a.json", b"[" + FERRY_LINE + b',{"title": "Be', "can't be read"),
    "a cut array under .ndjson": ("a.ndjson", b"[" + FERRY_LINE, "can't be read"),
    "an article and no header": (
        "a.csv",
        b"Ferry runs aground off the coast of Velmora island,https://a.example\n",
        "no header",
    ),
    "a web page under .xml": ("a.xml", b"<!DOCTYPE html><p>404</p>", "can't be read as a feed"),
    "nothing under .rss": ("a.rss", b"", "empty"),
    "text under .atom": ("a.atom", HEAD + FERRY, "can't be read as a feed"),
    "text under .xlsx": ("a.xlsx", HEAD + FERRY, "can't be read"),
    "text under .gz": ("a.csv.gz", HEAD + FERRY, "can't be read"),
    "cut gzip": ("a.csv.gz", PACKED[:-9], "can't be read"),
    "gzip with a wrong sum": ("a.csv.gz", PACKED[:-8] + bytes(8), "can't be read"),
    "text behind gzip": ("a.csv.gz", PACKED + b"more", "can't be read"),
    "text under .zip": ("a.zip", HEAD + FERRY, "can't be read"),
    "a cut archive": ("a.zip", zipped(("a.csv", HEAD))[:-9], "can't be read"),
    "an empty archive": ("a.zip", zipped(), "holds no dump"),
    "an archive of pictures": ("a.zip", zipped(("a.png", b"")), "holds no dump"),
    "a path out of the archive": ("a.zip", zipped(("../a.csv", HEAD)), "refused"),
    "a path from the root": ("a.zip", zipped(("/etc/a.csv", HEAD)), "refused"),
    "a path of Windows": ("a.zip", zipped(("C:\\a.csv", HEAD)), "refused"),
    "text under .parquet": ("a.parquet", HEAD + FERRY, "can't be read"),
    "cut Parquet": ("a.parquet", TABLE[:-20], "can't be read"),
    "Parquet without a title": ("a.parquet", parquet(body=["x"]), "no title column"),
    "Parquet without columns": ("a.parquet", parquet(), "no title column"),
}


def collected(folder, name, content):
    (folder / name).write_bytes(content)
    return collect_articles(find_dumps(folder / name).rows())


@pytest.mark.parametrize("what", READABLE)
def test_good_articles_are_read_and_bad_rows_are_rejected(tmp_path, what):
    name, content, count = READABLE[what]
    articles = collected(tmp_path, name, content)
    assert set(BOTH) <= set(articles.table["title"].to_pylist())
    rejected = articles.rejected.to_pylist()
    assert len(rejected) == count
    assert all(row["reason"] and row["file"].startswith(name) for row in rejected)


@pytest.mark.parametrize("what", REFUSED)
def test_an_unusable_dump_is_refused_in_one_line(tmp_path, what):
    name, content, complaint = REFUSED[what]
    with pytest.raises(DumpError, match=complaint) as caught:
        collected(tmp_path, name, content)
    assert name in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("table", [READABLE, REFUSED], ids=["readable", "refused"])
def test_every_format_and_packing_is_among_the_damaged_dumps(table):
    endings = {end for name, *_ in table.values() for end in name.lower().split(".")[1:]}
    assert {f".{end}" for end in endings} == {*FORMATS, *PACKINGS, ".zip"}
