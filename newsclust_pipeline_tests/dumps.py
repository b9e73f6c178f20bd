"""Dumps for tests: the same rows in every format."""

import csv
import gzip
import io
import json
import zipfile

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

from newsclust_pipeline.ingest.discover import find_dumps

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


def workbook(*sheets):
    """Return the bytes of a workbook; each sheet is a list of rows."""
    book, sink = openpyxl.Workbook(), io.BytesIO()
    book.remove(book.active)
    for rows in sheets:
        sheet = book.create_sheet()
        for row in rows:
            sheet.append(row)
    book.save(sink)
    return sink.getvalue()


def rss(*items, head=""):
    """Return the bytes of a feed; each item is a mapping from element to text."""
    entries = "".join(
        f"<item>{''.join(f'<{tag}>{text}</{tag}>' for tag, text in item.items())}</item>"
        for item in items
    )
    channel = f"<channel><title>Harbour Post</title>{entries}</channel>"
    return f'<?xml version="1.0"?>{head}<rss version="2.0">{channel}</rss>'.encode()


def zipped(members):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return sink.getvalue()


def packed(suffix, rows=NEWS):
    """Return the bytes of a dump with these rows."""
    if suffix == ".zip":
        return zipped([("news.csv", delimited(rows))])
    if suffix.endswith(".gz"):
        return gzip.compress(packed(suffix.removesuffix(".gz"), rows))
    if suffix == ".tsv":
        return delimited(rows, "\t")
    return {".csv": delimited, ".jsonl": lines, ".parquet": parquet}[suffix](rows)


def locked(content):
    """Set the bits for "encrypted" in a zip of one member (the standard library can't)."""
    marked = bytearray(content)
    marked[content.index(b"PK\3\4") + 6] |= 1
    marked[content.index(b"PK\1\2") + 8] |= 1
    return bytes(marked)


def read(path, content=None):
    """Write a dump if its content is given; return its rows and the warnings."""
    if content is not None:
        path.write_bytes(content)
    dumps = find_dumps(path)
    return list(dumps.rows()), dumps.warnings


def titles(rows):
    return [row.cells["title"] for row in rows if row.defect is None]


def numbered(count, title="Harbour report {}"):
    return [{"title": title.format(n), "description": "As ever"} for n in range(count)]
