"""What every reader promises about any input at all; the fuzzers look for one that breaks it.

Each target takes bytes. It raises `AssertionError` where a result is not what later stages rely on,
and lets through every error that is not one of the plain ones.
"""

import bz2
import gzip
import io
import lzma
import tempfile
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from newsclust_pipeline.core.errors import DumpError, NewsclustError
from newsclust_pipeline.ingest.articles import ARTICLES, Articles, collect_articles
from newsclust_pipeline.ingest.cleaning import clean_text, clean_url
from newsclust_pipeline.ingest.dates import read_date
from newsclust_pipeline.ingest.discover import find_dumps
from newsclust_pipeline.ingest.feeds.addresses import read_addresses
from newsclust_pipeline.ingest.feeds.formats import FormatError, parse_feed
from newsclust_pipeline.ingest.source import Options
from newsclust_pipeline_tests import dumps

_YEARS = (-8_600_000_000_000_000, 10_500_000_000_000_000)  # 1697 to 2302, in microseconds
DATES = (
    "2024-03-05T08:15:00Z", "Tue, 05 Mar 2024 08:15:00 +0100", "5 mars 2024 à 08:15 CET", "45356.5",
    "03/06/2024 8:15 PM IST", "1709626500", "1.70962650012E+12", "Timestamp('2024-03-05')",
    "3月5日", "/Date(1709626500000+0100)/", "datetime.datetime(2024, 3, 5, 8, 15)", "05-Mar-24",
    "20240305",
)  # fmt: skip
TEXTS = (
    "Fish &amp;amp; <i>chips</i>&nbsp;\n row", "<p>Crews dig.</p><script>x</script>", "cafÃ©",
    "nan", "<![CDATA[ x ]]>", "<!-- x -->a < b", "&#x202e;evil", "&#0;&#xD800;", "a\u200b\u0301",
)  # fmt: skip
_SITEMAP = (
    b'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
    b'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"><url><loc>https://a.example/1'
    b"</loc><news:news><news:title>Fog</news:title><news:publication_date>2024-03-05"
    b"</news:publication_date></news:news></url></urlset>"
)
_OPML = (
    b'<opml version="2.0"><body><outline text="A" xmlUrl="https://a.example/rss"/></body></opml>'
)
_BIDI = {"\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069"}
_ENDINGS = (
    ".csv", ".tsv", ".jsonl", ".json", ".xml", ".rss", ".xlsx", ".parquet", ".zip",
    ".csv.gz", ".jsonl.zst", ".json.bz2", ".csv.xz", ".parquet.gz", ".xlsx.gz",
)  # fmt: skip


def read_dump(name: str, content: bytes) -> Articles | None:
    """Return the articles of a dump; None if it is refused as a whole, by one plain line."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        try:
            dumps = find_dumps(path, Options())
            articles = collect_articles(dumps.rows())
        except DumpError as error:
            _check_line(str(error))
            assert name.partition(".")[0] in str(error), str(error)
            return None
    for warning in dumps.warnings:
        _check_line(warning)
    _check_articles(articles)
    return articles


def _check_articles(articles: Articles) -> None:
    table = articles.table
    assert table.schema.equals(ARTICLES)
    table.validate(full=True)
    articles.rejected.validate(full=True)
    assert table["doc_id"].null_count == 0
    assert pc.count_distinct(table["doc_id"]).as_py() == table.num_rows
    for name in ("title", "description", "venue", "url"):
        for text in table[name].drop_null().to_pylist():
            assert text == text.strip(), (name, text)
            assert text, name
            assert not any(unicodedata.category(c) == "Cc" for c in text), (name, text)
    for time in table["published_at"].drop_null().cast(pa.int64()).to_pylist():
        assert _YEARS[0] < time < _YEARS[1], time


def _check_line(line: str) -> None:
    """Check that a line for the user is one line, and no command to a terminal or a runner."""
    assert line.strip()
    assert not line.startswith("::"), line
    assert not any(unicodedata.category(c) == "Cc" or c in _BIDI for c in line), line
    assert len(line) < 2000, line[:200]


def fuzz_dump(data: bytes) -> None:
    """Read bytes as a dump; the first one chooses its ending."""
    ending = _ENDINGS[data[0] % len(_ENDINGS)] if data else ".csv"
    read_dump(f"fuzzed{ending}", data[1:])


def fuzz_packed(data: bytes) -> None:
    """Read bytes as a dump that is packed without a fault, so that the content is reached."""
    kind, content = (data[0] if data else 0), data[1:]
    pack = (gzip.compress, bz2.compress, lzma.compress, _zip)[kind % 4]
    inner = (".csv", ".jsonl", ".json", ".xml", ".tsv")[kind // 4 % 5]
    ending = (".gz", ".bz2", ".xz", ".zip")[kind % 4]
    name = "fuzzed.zip" if ending == ".zip" else f"fuzzed{inner}{ending}"
    read_dump(name, pack(content) if ending != ".zip" else _zip(content, f"in{inner}"))


def _zip(content: bytes, name: str = "in.csv") -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return sink.getvalue()


def fuzz_cells(data: bytes) -> None:
    """Read text as the cells of a well-formed Parquet dump."""
    cells = data.decode("utf-8", "replace").split("\x1f")
    names = ["title", "description", "published_at", "url", "venue"]
    rows = [dict(zip(names, cells[n : n + 5], strict=False)) for n in range(0, len(cells), 5)]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, pa.schema([(n, pa.string()) for n in names])), sink)
    read_dump("fuzzed.parquet", sink.getvalue())


def fuzz_date(data: bytes) -> None:
    """Read a text as a date: it is one moment, two, or none."""
    reading = read_date(data.decode("utf-8", "replace"))
    if reading is not None:
        for time in (reading.time, reading.other):
            assert time is None or _YEARS[0] < time < _YEARS[1], reading
        assert reading.time is not None or reading.doubt, reading
        assert reading.offset is None or abs(reading.offset) <= 24 * 60, reading


def fuzz_text(data: bytes) -> None:
    """Clean a text: it is visible, one line, and cleaning it again changes nothing."""
    text = clean_text(data.decode("utf-8", "surrogateescape"))
    if text is not None:
        assert text == " ".join(text.split()), text
        assert not any(unicodedata.category(c) == "Cc" for c in text), text
        text.encode()
        # A space after "Ã" may complete a double-encoded letter.
        assert not text.isascii() or clean_text(text) == text, text
    url = clean_url(data.decode("latin-1"))
    assert url is None or not any(c.isspace() for c in url), url


def fuzz_feed(data: bytes) -> None:
    """Read bytes as the body of a feed."""
    try:
        feed = parse_feed(data, {"content-type": "application/xml"}, "https://feed.example/rss")
    except FormatError as error:
        assert str(error)
        return
    for item in feed.items:
        for text in (item.id, item.title, item.description, item.url, item.published_at):
            assert isinstance(text, str)
        item.digest()


def fuzz_addresses(data: bytes) -> None:
    """Read bytes as a list of feeds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "feeds.opml"
        path.write_bytes(data)
        try:
            addresses = read_addresses(str(path))
        except NewsclustError as error:
            _check_line(str(error))
            return
    assert addresses
    assert all(a.url.lower().startswith(("http://", "https://")) for a in addresses)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "dump": fuzz_dump,
    "packed": fuzz_packed,
    "cells": fuzz_cells,
    "date": fuzz_date,
    "text": fuzz_text,
    "feed": fuzz_feed,
    "addresses": fuzz_addresses,
}


def seeds() -> dict[str, list[bytes]]:
    """Return valid inputs of every target."""
    rows = [dict(row, published_at="2024-03-05", url="https://a.example/1") for row in dumps.NEWS]
    table = [list(rows[0]), *(list(row.values()) for row in rows)]
    rss = dumps.rss({"title": "Fog", "link": "https://a.example/1", "pubDate": DATES[1]})
    plain = [
        dumps.delimited(rows), dumps.delimited(rows, "\t"), dumps.lines(rows),
        b"[" + b",".join(dumps.lines(rows).splitlines()) + b"]", rss,
    ]  # fmt: skip
    packed = [
        _SITEMAP, dumps.workbook(table), dumps.parquet(rows), dumps.zipped([("a.csv", plain[0])]),
        *(dumps.packed(end) for end in (".csv.gz", ".jsonl.gz", ".parquet.gz")),
    ]  # fmt: skip
    endings = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13]
    return {
        "dump": [bytes([n]) + c for n, c in zip(endings, plain + packed, strict=True)],
        "packed": [bytes([n]) + c for n in range(20) for c in [plain[(0, 2, 3, 4, 1)[n // 4]]]],
        "cells": ["\x1f".join(map(str, row)).encode() for row in table],
        "date": [text.encode() for text in DATES],
        "text": [text.encode() for text in TEXTS],
        "feed": [rss, _SITEMAP, b'{"version": "jsonfeed", "items": [{"title": "Fog"}]}'],
        "addresses": [_OPML, b"https://a.example/rss\n# no\n"],
    }
