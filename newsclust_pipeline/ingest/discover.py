"""Find the dumps at a place, and read the rows of each."""

import csv
import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from newsclust_pipeline.core.errors import DumpError
from newsclust_pipeline.core.files import content_digest
from newsclust_pipeline.ingest import archives
from newsclust_pipeline.ingest.columns import has_title, no_title
from newsclust_pipeline.ingest.readers import FORMATS
from newsclust_pipeline.ingest.rows import Row

SUFFIXES = (".csv", ".csv.gz", ".tsv", ".jsonl", ".jsonl.gz", ".parquet", ".zip")
KNOWN_FORMATS = " ".join(SUFFIXES)
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


@dataclass
class Dumps:
    """The dumps of a run, and the warnings about them.

    Attributes:
        paths: the files, in the order in which they are read.
        warnings: lines for the user; reading the rows adds more.
    """

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
        """Return a digest of the names, the bytes and the warnings of the dumps before reading."""
        facts = json.dumps([[[p.name, content_digest(p)] for p in self.paths], self.warnings])
        return hashlib.sha256(facts.encode()).hexdigest()


def find_dumps(news: Path) -> Dumps:
    """Return the dumps at `news`: one file, or the files of a folder (not of its subfolders).

    Hidden files and files of other kinds are left out of a folder; the latter with a warning.

    Raises:
        DumpError: nothing is there, or nothing that is a dump.
    """
    files = list_files(news)
    paths = [p for p in files if is_dump(p)]
    others = [p.name for p in files if not is_dump(p)]
    if not paths and news.is_dir():
        raise DumpError(
            f"{news}: the folder holds no dump. Put at least one file there ({KNOWN_FORMATS}), "
            "or set `news.path` to another place."
        )
    if not paths:
        raise DumpError(f"{news}: not a dump. Known formats: {KNOWN_FORMATS}.")
    return Dumps(paths, [f"{name}: ignored, not a dump ({KNOWN_FORMATS})" for name in others])


def list_files(news: Path) -> list[Path]:
    """Return the file `news`, or the files of the folder `news` by name.

    Raises:
        DumpError: nothing is there.
    """
    if news.is_file():
        return [news]
    if not news.is_dir():
        raise DumpError(f"{news}: no such file or folder. Set `news.path` to a dump or a folder.")
    return sorted(p for p in news.iterdir() if p.is_file() and not is_transient(p.name))


def is_transient(name: str) -> bool:
    """Return True for names of hidden, temporary and half-downloaded files."""
    return name.startswith((".", "~")) or name.lower().endswith(
        (".tmp", ".part", ".partial", ".crdownload", ".swp")
    )


def is_dump(path: Path) -> bool:
    """Return True for names of dumps."""
    return bool(_suffix(path))


def _suffix(path: Path) -> str:
    """Return the longest known ending of a file's name, or an empty string."""
    name = path.name.lower()
    return max((s for s in SUFFIXES if name.endswith(s)), key=len, default="")


def _file_rows(path: Path, warnings: list[str]) -> Iterator[Row]:
    allowance = archives.Allowance.of(path)
    if _suffix(path) == ".zip":
        yield from _archive_rows(path, allowance, warnings)
        return
    with path.open("rb") as stream:
        yield from _stream_rows(stream, _printable(path.name), allowance, warnings)


def _archive_rows(path: Path, allowance: archives.Allowance, warnings: list[str]) -> Iterator[Row]:
    with zipfile.ZipFile(path) as archive:
        members = [
            member
            for member in archives.list_members(path, archive)
            if not is_transient(Path(member.filename).name)
        ]
        dumps = [m for m in members if _suffix(Path(m.filename)) not in {"", ".zip"}]
        if not dumps:
            known = KNOWN_FORMATS.replace(" .zip", "")
            raise DumpError(f"{path}: the archive holds no dump ({known}).")
        others = [m.filename for m in members if m not in dumps]
        warnings += [f"{path.name}/{name}: ignored, not a dump" for name in others]
        for member in dumps:
            name = _printable(f"{path.name}/{member.filename}")
            with archives.open_member(archive, member, allowance) as stream:
                yield from _stream_rows(stream, name, allowance, warnings)


def _printable(name: str) -> str:
    """Return a file's name as text that can be written as UTF-8, whatever its bytes are."""
    return os.fsencode(name).decode("utf-8", "replace")


def _stream_rows(
    stream: BinaryIO, dump: str, allowance: archives.Allowance, warnings: list[str]
) -> Iterator[Row]:
    """Yield the rows of one dump, and check that one of them had a title column."""
    unpacked = archives.open_packed(stream, dump, allowance)
    read = FORMATS[_suffix(Path(dump)).removesuffix(".gz")]
    titled = False
    columns: dict[str, None] = {}
    broken = total = 0
    for row in read(unpacked, dump, warnings):
        total += 1
        broken += row.defect is not None
        if not titled:
            titled = has_title(row.cells)
            columns.update(dict.fromkeys(map(str, row.cells)))
        yield row
    if total and broken == total:
        warnings.append(f"{dump}: none of its {total} rows could be read")
    elif total and not titled:
        raise no_title(dump, list(columns))
    if not total:
        warnings.append(f"{dump}: holds no rows")


def _first_line(fault: BaseException) -> str:
    lines = str(fault).strip().splitlines()
    return lines[0] if lines else type(fault).__name__
