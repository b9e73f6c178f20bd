"""News dumps on disk → rows as they stand there.

This room knows files: which are dumps, how they are packed, encoded and delimited, and which rows
are broken as records. What a row means (titles, dates, copies) is the business of `articles.py`.
"""

import csv
import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import pyarrow as pa
import pyarrow.parquet as pq

from newsclust_pipeline.stages.columns import has_title
from newsclust_pipeline.stages.errors import DumpError

SUFFIXES = (".csv", ".csv.gz", ".tsv", ".jsonl", ".jsonl.gz", ".parquet", ".zip")
FORMATS = " ".join(SUFFIXES)
_HEAD_BYTES = 1 << 18
_BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_READ_FAULTS = (
    csv.Error,
    EOFError,
    NotImplementedError,  # zip: a compression method that Python doesn't have
    OSError,
    RuntimeError,  # zip: a password is needed
    UnicodeError,
    pa.ArrowException,
    zipfile.BadZipFile,
    zlib.error,
)


class Row(NamedTuple):
    """One record of a dump: its 1-based number (headers not counted), its cells or its defect."""

    dump: str
    number: int
    cells: Mapping[str, Any]
    defect: str | None = None


@dataclass
class Dumps:
    """Where a run's news comes from, and what was odd about it."""

    paths: list[Path]
    warnings: list[str] = field(default_factory=list)

    def rows(self) -> Iterator[Row]:
        """Yield every row of every dump, dumps in order of name.

        Raises:
            DumpError: a dump can't be read, or none of its rows has a title column.
        """
        for path in self.paths:
            try:
                yield from _file_rows(path, self.warnings)
            except _READ_FAULTS as fault:
                raise DumpError(
                    f"{path}: can't be read as {_suffix(path)} ({_first_line(fault)}). "
                    "Replace the file with a whole one, or move it out of the way."
                ) from fault


def find_dumps(news: Path) -> Dumps:
    """Find the dumps that `news` names: one file, or the files of a folder (not of its subfolders).

    Hidden files and files of other kinds are left out of a folder; the latter with a warning.

    Raises:
        DumpError: nothing is there, or nothing that is a dump.
    """
    files = list_files(news)
    paths = [p for p in files if _suffix(p)]
    others = [p.name for p in files if not _suffix(p)]
    if not paths and news.is_dir():
        raise DumpError(
            f"{news}: the folder holds no dump. Put at least one file there ({FORMATS}), "
            "or set NEWSCLUST_NEWS to another place."
        )
    if not paths:
        raise DumpError(f"{news}: not a dump. Known formats: {FORMATS}.")
    return Dumps(paths, [f"{name}: ignored, not a dump ({FORMATS})" for name in others])


def list_files(news: Path) -> list[Path]:
    """List the file that `news` is, or the files of the folder that it is, by name.

    Raises:
        DumpError: nothing is there.
    """
    if news.is_file():
        return [news]
    if not news.is_dir():
        raise DumpError(
            f"{news}: no such file or folder. Set NEWSCLUST_NEWS to a dump or a folder."
        )
    return sorted(p for p in news.iterdir() if p.is_file() and not is_transient(p.name))


def is_transient(name: str) -> bool:
    """Tell hidden, temporary and half-downloaded files by their names."""
    return name.startswith((".", "~")) or name.lower().endswith(
        (".tmp", ".part", ".partial", ".crdownload", ".swp")
    )


def _suffix(path: Path) -> str:
    """Give the longest known suffix of a file's name, or an empty string."""
    name = path.name.lower()
    return max((s for s in SUFFIXES if name.endswith(s)), key=len, default="")


def _file_rows(path: Path, warnings: list[str]) -> Iterator[Row]:
    if _suffix(path) == ".zip":
        yield from _zip_rows(path, warnings)
        return
    with path.open("rb") as stream:
        yield from _stream_rows(stream, path.name, warnings)


def _zip_rows(path: Path, warnings: list[str]) -> Iterator[Row]:
    """Read an archive's members where they are: nothing is unpacked to disk."""
    with zipfile.ZipFile(path) as archive:
        members = sorted(
            info.filename
            for info in archive.infolist()
            if not info.is_dir() and not is_transient(Path(info.filename).name)
        )
        dumps = [name for name in members if _suffix(Path(name)) not in {"", ".zip"}]
        if not dumps:
            raise DumpError(f"{path}: the archive holds no dump ({FORMATS.replace(' .zip', '')}).")
        for name in dumps:
            with archive.open(name) as stream:
                yield from _stream_rows(cast("BinaryIO", stream), f"{path.name}/{name}", warnings)


def _stream_rows(stream: BinaryIO, dump: str, warnings: list[str]) -> Iterator[Row]:
    """Yield the rows of one dump, and make sure that a title column was among them."""
    rows = _reader(dump)(stream, dump, warnings)
    titled = False
    seen: dict[str, None] = {}
    broken = total = 0
    for row in rows:
        total += 1
        broken += row.defect is not None
        if not titled:
            titled = has_title(row.cells)
            seen.update(dict.fromkeys(map(str, row.cells)))
        yield row
    if total and broken == total:
        warnings.append(f"{dump}: none of its {total} rows could be read")
    elif total and not titled:
        raise no_title(dump, list(seen))
    if not total:
        warnings.append(f"{dump}: holds no rows")


def no_title(dump: str, columns: Sequence[str]) -> DumpError:
    """Make the error for a dump without a title column, naming the columns that it has."""
    listed = ", ".join(repr(c) for c in columns[:12]) or "none"
    return DumpError(
        f"{dump}: no title column. Columns found: {listed}. "
        "Name the column with the headlines 'title' (or 'headline')."
    )


_Reader = Callable[[BinaryIO, str, list[str]], Iterator[Row]]


def _reader(dump: str) -> _Reader:
    suffix = _suffix(Path(dump))
    plain: _Reader = {".csv": _csv, ".tsv": _csv, ".jsonl": _jsonl, ".parquet": _parquet}[
        suffix.removesuffix(".gz")
    ]
    if not suffix.endswith(".gz"):
        return plain

    def unpacked(stream: BinaryIO, dump: str, warnings: list[str]) -> Iterator[Row]:
        with gzip.open(stream) as content:
            yield from plain(cast("BinaryIO", content), dump, warnings)

    return unpacked


def _text(stream: BinaryIO, dump: str, warnings: list[str]) -> tuple[io.TextIOWrapper, str]:
    """Open a byte stream as text in the encoding that its head shows; give the head as well."""
    buffered = io.BufferedReader(cast("Any", stream), _HEAD_BYTES)
    head = buffered.peek(_HEAD_BYTES)[:_HEAD_BYTES]
    if not head:
        raise DumpError(f"{dump}: the file is empty. Replace it, or move it out of the way.")
    encoding = _encoding(head)
    if encoding is None:
        raise DumpError(
            f"{dump}: binary data, not text. Is the name's ending right? Known formats: {FORMATS}."
        )
    if encoding == "cp1252":
        warnings.append(f"{dump}: not UTF-8; read as Windows-1252")
    text = io.TextIOWrapper(buffered, encoding=encoding, errors="replace", newline="")
    return text, head.decode(encoding, errors="replace")


def _encoding(head: bytes) -> str | None:
    """Choose the encoding of a text by its first bytes; None if it is no text."""
    for bom, encoding in _BOMS.items():
        if head.startswith(bom):
            return encoding
    if b"\0" in head:
        return None
    try:
        # The head may end within a character: only what comes before its last bytes must decode.
        head.decode("utf-8")
    except UnicodeDecodeError as fault:
        if fault.start < len(head) - 4:
            controls = sum(byte < 32 and byte not in b"\t\n\r\f" for byte in head)
            return None if controls > len(head) // 100 else "cp1252"
    return "utf-8"


def _csv(stream: BinaryIO, dump: str, warnings: list[str]) -> Iterator[Row]:
    """Yield the records of a delimited file. Header names the cells."""
    text, head = _text(stream, dump, warnings)
    delimiter, header = _header(head, dump)
    # A field longer than this is an unclosed quote that swallows the rest of the file.
    csv.field_size_limit(1 << 22)
    reader = csv.reader(text, delimiter=delimiter)
    next(reader)
    number, line = 0, reader.line_num
    for cells in reader:
        first, line = line + 1, reader.line_num
        if not cells:
            continue  # a blank line
        number += 1
        defect = _ragged(cells, header, first, line)
        if defect is None:
            yield Row(dump, number, dict(zip_longest(header, cells[: len(header)], fillvalue="")))
        else:
            yield Row(dump, number, {"": delimiter.join(cells)}, defect)


def _header(head: str, dump: str) -> tuple[str, list[str]]:
    """Find the delimiter by which the first record names a title column."""
    likely = "\t,;|" if dump.lower().endswith(".tsv") else ",;\t|"
    headers = {d: next(csv.reader(io.StringIO(head, newline=""), delimiter=d), []) for d in likely}
    for delimiter, header in headers.items():
        if has_title(header):
            return delimiter, header
    raise no_title(dump, max(headers.values(), key=len))


def _ragged(cells: Sequence[str], header: Sequence[str], first: int, last: int) -> str | None:
    """Say what is wrong with a record whose cells don't fit the header; None if it can be used.

    A short record on one line only lacks its trailing empty cells; a short one over several lines
    is what an unclosed quote leaves behind.
    """
    if len(cells) > len(header) and any(cells[len(header) :]):
        return f"{len(cells)} cells where the header names {len(header)}: an unquoted delimiter?"
    if len(cells) < len(header) and last > first:
        return (
            f"{len(cells)} cells where the header names {len(header)}, "
            f"over lines {first}-{last}: an unclosed quote?"
        )
    return None


def _jsonl(stream: BinaryIO, dump: str, warnings: list[str]) -> Iterator[Row]:
    """Yield the objects of a JSON Lines file, one a line."""
    text, _ = _text(stream, dump, warnings)
    for number, line in enumerate(filter(str.strip, text), start=1):
        try:
            cells = json.loads(line)
        except ValueError as fault:
            yield Row(dump, number, {"": line.strip()}, f"not JSON: {fault}")
            continue
        if isinstance(cells, dict):
            yield Row(dump, number, cells)
        else:
            yield Row(dump, number, {"": line.strip()}, "not a JSON object")


def _parquet(stream: BinaryIO, dump: str, _: list[str]) -> Iterator[Row]:
    """Yield the rows of a Parquet file. Needs random access: packed files are read whole."""
    seekable = stream if stream.seekable() else io.BytesIO(stream.read())
    table = pq.ParquetFile(seekable)
    if not has_title(table.schema_arrow.names):
        raise no_title(dump, table.schema_arrow.names)
    number = 0
    for batch in table.iter_batches(batch_size=4096):
        for cells in batch.to_pylist():
            number += 1
            yield Row(dump, number, cells)


def _first_line(fault: BaseException) -> str:
    lines = str(fault).strip().splitlines()
    return lines[0] if lines else type(fault).__name__
