"""News dumps on disk → rows as they stand there.

This room knows files: which are dumps, how they are packed, encoded and delimited, and which rows
are broken as records. What a row means (titles, dates, copies) is the business of `articles.py`.
"""

import codecs
import csv
import gzip
import hashlib
import io
import json
import os
import shutil
import tempfile
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path, PureWindowsPath
from typing import Any, BinaryIO, NamedTuple, cast

import pyarrow as pa
import pyarrow.parquet as pq

from newsclust_pipeline.core.errors import DumpError
from newsclust_pipeline.core.files import content_digest
from newsclust_pipeline.ingest.columns import has_title

SUFFIXES = (".csv", ".csv.gz", ".tsv", ".jsonl", ".jsonl.gz", ".parquet", ".zip")
FORMATS = " ".join(SUFFIXES)
# News shrinks to a fifth when it is packed, hardly ever to a hundredth. Small dumps may.
MOST_UNPACKED = 100
LEAST_ALLOWANCE = 1 << 30
_HEAD_BYTES = 1 << 18
_LONGEST_LINE = 1 << 24
# The longer ones first: UTF-32's begins with UTF-16's.
_BOMS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
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

    def digest(self) -> str:
        """Digest the dumps' names and bytes, and what is odd about them before they are read."""
        told = json.dumps([[[p.name, content_digest(p)] for p in self.paths], self.warnings])
        return hashlib.sha256(told.encode()).hexdigest()


def find_dumps(news: Path) -> Dumps:
    """Find the dumps that `news` names: one file, or the files of a folder (not of its subfolders).

    Hidden files and files of other kinds are left out of a folder; the latter with a warning.

    Raises:
        DumpError: nothing is there, or nothing that is a dump.
    """
    files = list_files(news)
    paths = [p for p in files if is_dump(p)]
    others = [p.name for p in files if not is_dump(p)]
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


def is_dump(path: Path) -> bool:
    """Tell dumps by their names."""
    return bool(_suffix(path))


def _suffix(path: Path) -> str:
    """Give the longest known suffix of a file's name, or an empty string."""
    name = path.name.lower()
    return max((s for s in SUFFIXES if name.endswith(s)), key=len, default="")


def _file_rows(path: Path, warnings: list[str]) -> Iterator[Row]:
    allowance = _Allowance(path, max(LEAST_ALLOWANCE, MOST_UNPACKED * path.stat().st_size))
    if _suffix(path) == ".zip":
        yield from _zip_rows(path, allowance, warnings)
        return
    with path.open("rb") as stream:
        yield from _stream_rows(stream, _printable(path.name), allowance, warnings)


def _zip_rows(path: Path, allowance: "_Allowance", warnings: list[str]) -> Iterator[Row]:
    """Read an archive's members where they are: none is unpacked to a place that it names."""
    with zipfile.ZipFile(path) as archive:
        files = [info for info in archive.infolist() if not info.is_dir()]
        _refuse_tricks(path, [info.filename for info in files])
        members = [m for m in files if not is_transient(Path(m.filename).name)]
        dumps = [m for m in members if _suffix(Path(m.filename)) not in {"", ".zip"}]
        if not dumps:
            raise DumpError(f"{path}: the archive holds no dump ({FORMATS.replace(' .zip', '')}).")
        others = [m.filename for m in members if m not in dumps]
        warnings += [f"{path.name}/{name}: ignored, not a dump" for name in others]
        for member in sorted(dumps, key=lambda m: m.filename):
            with archive.open(member) as stream:
                name = _printable(f"{path.name}/{member.filename}")
                unpacked = allowance.watch(cast("BinaryIO", stream))
                yield from _stream_rows(unpacked, name, allowance, warnings)


def _refuse_tricks(path: Path, names: Iterable[str]) -> None:
    """Refuse an archive with names that lead out of it: it was made to do harm."""
    for name in names:
        plain = PureWindowsPath(name)  # knows drives, and both kinds of slash
        if plain.drive or plain.root or ".." in plain.parts:
            raise DumpError(
                f"{path}: refused, it names a place outside of the archive ({name!r}). "
                "Pack its dumps again under plain names."
            )


@dataclass
class _Allowance:
    """How many bytes a packed dump may still unpack to: archives can be made to fill any disk."""

    path: Path
    left: int

    def watch(self, stream: BinaryIO) -> BinaryIO:
        """Hand on what is unpacked from a stream, as long as the allowance lasts."""
        return io.BufferedReader(_Unpacked(stream, self))

    def spend(self, count: int) -> None:
        """Take note of bytes unpacked.

        Raises:
            DumpError: they are more than a dump of news could be.
        """
        self.left -= count
        if self.left < 0:
            raise DumpError(
                f"{self.path}: unpacks to more than {MOST_UNPACKED} times its size. If it is no "
                "trap but a dump, unpack it yourself and put that in its place."
            )


class _Unpacked(io.RawIOBase):
    """Bytes of a packed stream, counted."""

    def __init__(self, stream: BinaryIO, allowance: _Allowance) -> None:
        self._stream, self._allowance = stream, allowance

    def readable(self) -> bool:
        """Reading is what it is for."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; gives the number of bytes."""
        content = self._stream.read(len(buffer))
        self._allowance.spend(len(content))
        buffer[: len(content)] = content
        return len(content)


def _printable(name: str) -> str:
    """Give a file's name in characters that can be written down, whatever its bytes are."""
    return os.fsencode(name).decode("utf-8", "replace")


def _stream_rows(
    stream: BinaryIO, dump: str, allowance: _Allowance, warnings: list[str]
) -> Iterator[Row]:
    """Yield the rows of one dump, and make sure that a title column was among them."""
    if dump.lower().endswith(".gz"):
        stream = allowance.watch(cast("BinaryIO", gzip.GzipFile(fileobj=stream)))
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
    suffix = _suffix(Path(dump)).removesuffix(".gz")
    return {".csv": _csv, ".tsv": _csv, ".jsonl": _jsonl, ".parquet": _parquet}[suffix]


def _text(stream: BinaryIO, dump: str, warnings: list[str]) -> tuple[io.TextIOWrapper, str]:
    """Open a byte stream as text in the encoding that its head shows; give the head as well."""
    buffered = io.BufferedReader(cast("Any", stream), _HEAD_BYTES)
    head = buffered.peek(_HEAD_BYTES)[:_HEAD_BYTES]
    if not head:
        raise DumpError(f"{dump}: the file is empty. Replace it, or move it out of the way.")
    encoding = next((e for bom, e in _BOMS.items() if head.startswith(bom)), _unmarked(head))
    if encoding == "utf-8" and _is_binary(head):
        raise DumpError(
            f"{dump}: binary data, not text. Is the name's ending right? Known formats: {FORMATS}."
        )
    foreign = _Foreign(dump, warnings)
    text = io.TextIOWrapper(buffered, encoding=encoding, errors=foreign.handler, newline="")
    return text, head.decode(encoding, errors="replace")  # it may end within a character


def _unmarked(head: bytes) -> str:
    """Tell the encoding of a text that doesn't name it: its first letters are plain ones."""
    even, odd = any(head[:16:2]), any(head[1:16:2])
    if len(head) < 16 or even == odd:
        return "utf-8"
    return "utf-16-le" if even else "utf-16-be"


def _is_binary(head: bytes) -> bool:
    """Tell data from text: by characters that no text has in any number."""
    controls = sum(byte < 32 and byte not in b"\t\n\r\f" for byte in head)
    return controls > len(head) // 100


class _Foreign:
    """Reads bytes that are no UTF-8 as Windows-1252, and warns of them once a dump.

    Byte by byte, so that one stray byte, or a late one, garbles nothing else.
    """

    handler = "newsclust-windows-1252"

    def __init__(self, dump: str, warnings: list[str]) -> None:
        self._warning = f"{dump}: not all of it is UTF-8; the rest is read as Windows-1252"
        self._warnings = warnings
        codecs.register_error(self.handler, self._decode)

    def _decode(self, fault: UnicodeError) -> tuple[str, int]:
        if not isinstance(fault, UnicodeDecodeError):
            raise fault
        if self._warning not in self._warnings:
            self._warnings.append(self._warning)
        return fault.object[fault.start : fault.end].decode("cp1252", "replace"), fault.end


def _csv(stream: BinaryIO, dump: str, warnings: list[str]) -> Iterator[Row]:
    """Yield the records of a delimited file. Header names the cells."""
    text, head = _text(stream, dump, warnings)
    delimiter, header = _header(head, dump)
    places: dict[str, int] = {}
    for place, name in enumerate(header):
        places.setdefault(name, place)
    records = _records(_lines(text, dump), delimiter, len(header))
    next(records)  # the header itself
    for number, (cells, defect) in enumerate(records, start=1):
        if defect is None:
            filled = {n: cells[p] if p < len(cells) else "" for n, p in places.items()}
            yield Row(dump, number, filled)
        else:
            yield Row(dump, number, {"": delimiter.join(cells)}, defect)


def _header(head: str, dump: str) -> tuple[str, list[str]]:
    """Find the delimiter by which the first record names a title column."""
    likely = "\t,;|" if dump.lower().endswith(".tsv") else ",;\t|"
    headers = {d: next(filter(None, _lenient(head, d)), []) for d in likely}
    for delimiter, header in headers.items():
        if has_title(header):
            return delimiter, header
    raise no_title(dump, max(headers.values(), key=len))


def _lenient(text: str, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)


def _lines(text: io.TextIOWrapper, dump: str) -> Iterator[str]:
    """Yield the lines of a text; one that goes on for ever would fill the memory."""
    while line := text.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise DumpError(
                f"{dump}: a line of more than {_LONGEST_LINE >> 20} million characters. "
                "One article or record a line is expected: convert it, or move it out of the way."
            )
        yield line


class _Lines:
    """Lines of a text, some of which can be given back to be read again."""

    def __init__(self, text: Iterator[str]) -> None:
        self._text = text
        self._back: deque[str] = deque()
        self.taken: list[str] = []  # since it was last cleared

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else next(self._text)
        self.taken.append(line)
        return line

    @property
    def rereading(self) -> bool:
        """Whether the next line was given back."""
        return bool(self._back)

    def give_back(self) -> str:
        """Give back all lines taken but the first, which is returned."""
        first, *rest = self.taken
        self._back.extendleft(reversed(rest))
        return first


def _records(
    text: Iterator[str], delimiter: str, width: int
) -> Iterator[tuple[list[str], str | None]]:
    """Yield records and what is wrong with them, if anything; blank lines are none.

    A quote that is never closed, or closed by the next one somewhere below, would swallow other
    records. Where a record breaks the rules of quoting, its first line stands for itself and the
    lines below are read again; of those only records of full width are trusted.
    """
    # A longer field is an unclosed quote that swallows the rest of the file.
    csv.field_size_limit(1 << 22)
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.taken.clear()
        doubtful = lines.rereading
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            line = lines.give_back()
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            cells, doubtful = next(_lenient(line, delimiter)), True
        if not cells:
            continue
        yield cells, _misfit(cells, width, doubtful)


def _misfit(cells: Sequence[str], width: int, doubtful: bool) -> str | None:
    """Say what is wrong with a record's number of cells; None if it can be used."""
    if doubtful and len(cells) != width:
        return f"{len(cells)} cells where the header names {width}, by a quote that is not closed?"
    if len(cells) > width and any(cells[width:]):
        return f"{len(cells)} cells where the header names {width}: an unquoted delimiter?"
    return None  # a short one only lacks its empty cells at the end


def _jsonl(stream: BinaryIO, dump: str, warnings: list[str]) -> Iterator[Row]:
    """Yield the objects of a JSON Lines file, one a line."""
    text, _ = _text(stream, dump, warnings)
    for number, line in enumerate(filter(str.strip, _lines(text, dump)), start=1):
        try:
            cells = json.loads(line)
        except (ValueError, RecursionError) as fault:
            yield Row(dump, number, {"": line.strip()}, f"not JSON: {fault}")
            continue
        if isinstance(cells, dict):
            yield Row(dump, number, cells)
        else:
            yield Row(dump, number, {"": line.strip()}, "not a JSON object")


def _parquet(stream: BinaryIO, dump: str, _: list[str]) -> Iterator[Row]:
    """Yield the rows of a Parquet file. Needs random access: packed files are unpacked to disk."""
    with tempfile.TemporaryFile() as unpacked:
        if not stream.seekable():
            shutil.copyfileobj(stream, unpacked)
        table = pq.ParquetFile(stream if stream.seekable() else unpacked)
        if not has_title(table.schema_arrow.names):
            raise no_title(dump, table.schema_arrow.names)
        batches = table.iter_batches(batch_size=4096)
        rows = chain.from_iterable(batch.to_pylist() for batch in batches)
        for number, cells in enumerate(rows, start=1):
            yield Row(dump, number, cells)


def _first_line(fault: BaseException) -> str:
    lines = str(fault).strip().splitlines()
    return lines[0] if lines else type(fault).__name__
