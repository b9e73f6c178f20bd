"""Dumps that somebody made to do harm: 97 of them, read as the pipeline reads them."""

import gzip
import io
import json
import os
import stat
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.trials.trial import Trial, not_plain
from newsclust_pipeline.core.errors import NewsclustError
from newsclust_pipeline.ingest.articles import collect_articles
from newsclust_pipeline.ingest.discover import find_dumps
from newsclust_pipeline_tests import dumps
from newsclust_pipeline_tests.fuzz_targets import read_dump

_GOOD = [
    {"guid": f"g{n}", "title": f"Ferry {n} runs aground off the harbour", "description": "All safe"}
    for n in range(20)
]
# Titles and descriptions that attack whoever reads, stores or shows them.
_TEXTS = {
    "script": "<script>alert(1)</script>Fog", "image": '<img src=x onerror=alert(1)>Fog',
    "formula": "=cmd|' /C calc'!A0", "formula after ;": "x;=cmd|' /C calc'!A0", "NUL": "Fo\0g",
    "bidi": "\u202egpj.exe\u2066", "escape": "\x1b]0;owned\x07Fog", "command": "Fog\n::warning::x",
    "entities": "&" + "amp;" * 200_000 + "lt;", "deep tags": "<b>" * 100_000 + "Fog",
    "megabyte": "Fog " * 500_000, "surrogate": "\ud800Fog", "zero width": "\u200b\u200d\ufeff",
    "combining": "F" + "\u0301" * 50_000, "emoji": "🔥" * 10_000, "SQL": "'; DROP TABLE text; --",
    "markdown": "[x](javascript:alert(1)) `y` ![z](http://a)", "template": "{{7*7}}${7*7}{0}%s%n",
    "path": "../../../../etc/passwd", "line separators": "Fog\u2028::error::\u2029\x85x",
}  # fmt: skip
_FORMATS: dict[str, Callable[[list[dict[str, str]]], bytes]] = {
    ".csv": dumps.delimited,
    ".jsonl": dumps.lines,
    ".parquet": dumps.parquet,
}


def trials() -> Iterator[Trial]:
    """Yield the trials: 20 texts in three formats, 37 files."""
    for kind, text in _TEXTS.items():
        for ending, write in _FORMATS.items():
            yield Trial(f"{kind} in {ending}", partial(_hostile_text, ending, write, text))
    for name, ending, content in _files():
        yield Trial(name, partial(_hostile_file, f"hostile{ending}", content))
    for name, attempt in _PLACES.items():
        yield Trial(name, attempt)


def _hostile_text(
    ending: str, write: Callable[[list[dict[str, str]]], bytes], text: str, _: Path
) -> str:
    """Check that the honest rows beside the hostile one are articles as ever."""
    text = text.encode("utf-8", "replace").decode() if ending == ".parquet" else text
    rows = [*_GOOD, {"guid": "2", "title": text, "description": text}]
    try:
        content = write(rows)
    except UnicodeEncodeError:
        content = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
        ending = ".jsonl"
    articles = read_dump(f"hostile{ending}", content)
    if articles is None:
        return "the honest rows were refused, too"
    titles = articles.table["title"].to_pylist()
    kept = {row["title"] for row in _GOOD} <= set(titles) and articles.rows == len(rows)
    return "" if kept else f"other rows: {titles!r:.200}"


def _hostile_file(name: str, content: bytes, _: Path) -> str:
    read_dump(name, content)  # asserts that it is refused in one line, or read as promised
    return ""


def _files() -> Iterator[tuple[str, str, bytes]]:
    row = dumps.delimited(_GOOD[:1])
    bomb = gzip.compress(b"title\n" + b"x" * (1 << 27))
    yield "a zip of a gzip bomb", ".zip", dumps.zipped([("a.csv.gz", bomb)])
    yield "a gzip bomb", ".csv.gz", bomb
    for outside in ("../a.csv", "/etc/a.csv", "C:\\a.csv", "a/../../a.csv", "..\\a.csv"):
        yield f"a zip with {outside}", ".zip", dumps.zipped([(outside, row)])
    yield "an encrypted zip", ".zip", dumps.locked(dumps.zipped([("a.csv", row)]))
    yield "a zip without dumps", ".zip", dumps.zipped([("a.exe", b"MZ")])
    yield "a zip of itself", ".zip", dumps.zipped([("a.zip", dumps.zipped([("a.csv", row)]))])
    yield "an empty zip", ".zip", dumps.zipped([])
    yield "a zip that is cut off", ".zip", dumps.zipped([("a.csv", row)])[:-20]
    yield "a gzip that is cut off", ".csv.gz", gzip.compress(row * 50)[:-9]
    yield "another format by its ending", ".parquet", row
    yield "an executable", ".csv", b"\x7fELF" + bytes(range(256)) * 40
    yield "nothing", ".csv", b""
    yield "one byte", ".json", b"{"
    yield "deep arrays", ".json", b"[" * 200_000
    yield "deep objects", ".jsonl", b'{"a":' * 100_000 + b"\n" + dumps.lines(_GOOD[:1])
    yield "a number of a megabyte", ".json", b'[{"title": ' + b"9" * 1_000_000 + b"}]"
    yield "an entity bomb", ".xml", dumps.rss({"title": "&e9;"}, head=_entities())
    outside_entity = '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    yield "an external entity", ".xml", dumps.rss({"title": "&x;"}, head=outside_entity)
    yield "deep elements", ".xml", b"<rss>" + b"<a>" * 50_000
    yield "a line of 20 MB", ".csv", b"title\n" + b"x" * 20_000_000
    yield "an unclosed quote", ".csv", b'title\n"' + b"x\n" * 50_000
    yield "a million columns", ".csv", b",".join(b"c%d" % n for n in range(200_000)) + b"\n1\n"
    yield "a workbook that is a zip", ".xlsx", dumps.zipped([("a.csv", row)])
    yield "a workbook with a bomb", ".xlsx", _workbook_bomb()
    yield "a long dictionary", ".parquet", _dictionary_bomb()


def _entities() -> str:
    lines = [f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "ha" * 50}">' for n in range(10)]
    return f"<!DOCTYPE r [{''.join(lines)}]>"


def _workbook_bomb() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"<a>" * 400_000_000)
    return sink.getvalue()


def _dictionary_bomb() -> bytes:
    sink = io.BytesIO()
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 5000, pa.int32()), ["x" * 2_000_000])
    pq.write_table(pa.table({"title": [f"Fog {n}" for n in range(5000)], "body": column}), sink)
    return sink.getvalue()


def _refused_or_read(news: Path, expected: int) -> str:
    try:
        count = collect_articles(find_dumps(news).rows()).table.num_rows
    except NewsclustError as error:
        return not_plain(error) if not expected else f"refused: {error}"
    return "" if count == expected else f"{count} articles, {expected} expected"


def _write(path: Path) -> Path:
    path.write_bytes(dumps.delimited(_GOOD[:1]))
    return path


def _link_out(folder: Path) -> str:
    (folder / "news").mkdir()
    _write(folder / "secret.csv")
    _write(folder / "news" / "a.csv")
    (folder / "news" / "b.csv").symlink_to(folder / "secret.csv")
    return _refused_or_read(folder / "news", 1)


def _link_loop(folder: Path) -> str:
    (folder / "a.csv").symlink_to(folder / "b.csv")
    (folder / "b.csv").symlink_to(folder / "a.csv")
    return _refused_or_read(folder, 0)


def _pipe(folder: Path) -> str:
    os.mkfifo(folder / "a.csv")
    _write(folder / "b.csv")
    return _refused_or_read(folder, 1)


def _names(folder: Path) -> str:
    _write(folder / "x\n::warning::y.csv")
    dumps_found = find_dumps(folder)
    articles = collect_articles(dumps_found.rows())
    (name,) = articles.table["dump"].to_pylist()
    return not_plain(name)


def _bytes_name(folder: Path) -> str:
    _write(Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.csv")))
    return _refused_or_read(folder, 1)


def _folder_name(folder: Path) -> str:
    (folder / "a.csv").mkdir()
    _write(folder / "b.csv")
    return _refused_or_read(folder, 1)


def _no_permission(folder: Path) -> str:
    if os.geteuid() == 0:  # root may read everything; see the group `folder`
        return _refused_or_read(_write(folder / "a.csv"), 1)
    _write(folder / "a.csv").chmod(stat.S_IWUSR)
    return _refused_or_read(folder, 0)


_PLACES = {
    "a link out of the folder": _link_out,
    "links in a circle": _link_loop,
    "a pipe": _pipe,
    "a file name that is a command": _names,
    "a file name that is no text": _bytes_name,
    "a folder named like a dump": _folder_name,
    "an empty folder": lambda folder: _refused_or_read(folder, 0),
    "a dump without permission": _no_permission,
}
