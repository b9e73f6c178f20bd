"""Find the dumps at a place, and read the rows of each."""

import csv
import hashlib
import json
import lzma
import secrets
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from newsclust_pipeline.core.copies import local_copy
from newsclust_pipeline.core.errors import DumpError
from newsclust_pipeline.core.files import content_digest
from newsclust_pipeline.core.listing import FileInfo, file_info, list_folder
from newsclust_pipeline.core.locations import Location, address_of, is_web, name_of
from newsclust_pipeline.ingest import archives
from newsclust_pipeline.ingest.archives import PACKINGS
from newsclust_pipeline.ingest.column_report import ColumnUse
from newsclust_pipeline.ingest.columns import Layout, NoTitleError
from newsclust_pipeline.ingest.dump_errors import plain_errors, printable, unreadable
from newsclust_pipeline.ingest.readers import FORMATS
from newsclust_pipeline.ingest.rows import Row
from newsclust_pipeline.ingest.source import Options, Source

SUFFIXES = (*FORMATS, *(f"{form}{end}" for form in FORMATS for end in PACKINGS), ".zip")
KNOWN_FORMATS = f"{' '.join(FORMATS)}, packed as {' '.join(PACKINGS)} or in a .zip"
_READ_FAULTS = (
    csv.Error,
    EOFError,
    lzma.LZMAError,
    NotImplementedError,  # zip: a compression method that Python doesn't have
    OSError,
    OverflowError,
    RuntimeError,  # zip: a password is needed
    UnicodeError,
    pa.ArrowException,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass
class Dumps:
    """The dumps of a run, what is known about their columns, and the warnings about them.

    Attributes:
        paths: the files, in the order in which they are read. Those of another machine are copied
            to this one while they are read.
        warnings: lines for the user; reading the rows adds more.
        options: what the user says about the columns.
        columns: the column report; complete once all rows were read.
    """

    paths: list[Location]
    warnings: list[str] = field(default_factory=list)
    options: Options = field(default_factory=Options)
    columns: list[ColumnUse] = field(default_factory=list)

    def rows(self) -> Iterator[Row]:
        """Yield every row of every dump with its fields, dumps in order of name.

        Raises:
            DumpError: a dump can't be read, or has no column with titles.
        """
        for path in self.paths:
            try:
                yield from self._file_rows(path)
            except _READ_FAULTS as fault:
                raise unreadable(path, _suffix(name_of(path)), fault) from fault
        self.warnings += self._unused_options()

    def _unused_options(self) -> list[str]:
        used = {use.field for use in self.columns if "setting" in use.known_by}
        return [
            f"`news.columns`: no dump has a value in {path!r}, which is named for {name}"
            for name, path in self.options.columns.items()
            if name not in used
        ]

    def _file_rows(self, path: Location) -> Iterator[Row]:
        name = name_of(path)
        with local_copy(path, keep=False) as copy:
            allowance = archives.Allowance.of(copy, printable(address_of(path)))
            if _suffix(name) == ".zip":
                yield from self._archive_rows(copy, name, allowance)
                return
            with copy.open("rb") as stream:
                yield from self._stream_rows(stream, self._source(printable(name), allowance))

    def _source(self, dump: str, allowance: archives.Allowance) -> Source:
        return Source(dump, self.warnings, allowance, self.options)

    def _archive_rows(self, path: Path, name: str, allowance: archives.Allowance) -> Iterator[Row]:
        with zipfile.ZipFile(path) as archive:
            dumps = _list_dumps(name, archive, allowance, self.warnings)
            companions: list[NoTitleError] = []
            for member in dumps:
                source = self._source(printable(f"{name}/{member.filename}"), allowance)
                try:
                    with archives.open_member(archive, member, allowance) as stream:
                        yield from self._stream_rows(stream, source)
                except NoTitleError as error:
                    companions.append(error)
        if len(companions) == len(dumps):
            raise companions[0]
        self.warnings += [f"{error.dump}: skipped, no column holds titles" for error in companions]

    def _stream_rows(self, stream: BinaryIO, source: Source) -> Iterator[Row]:
        """Yield the rows of one dump, and note what its columns were used for."""
        read = FORMATS[_format(source.dump)]
        layout = Layout(source.dump, self.options)
        broken = total = 0
        content = archives.open_packed(stream, source.dump, source.allowance)
        for row in layout.resolve(read(content, source)):
            total += 1
            broken += row.fields is None
            yield row
        if not total:
            self.warnings.append(f"{source.dump}: holds no rows")
        elif broken == total:
            self.warnings.append(f"{source.dump}: none of its {total} rows could be read")
        else:
            self.columns += layout.report()
            self.warnings += [layout.warning] if layout.warning else []

    def contents(self) -> list[tuple[str, str]]:
        """Return the name of every dump and a digest of its bytes.

        Dumps of another machine are not read: the version that their store or server gives them
        takes the place of the digest.
        """
        remote = {info.location: info.version for info in self._remote_infos()}
        return [(printable(name_of(path)), _content_version(path, remote)) for path in self.paths]

    def digest(self) -> str:
        """Return a digest of names, bytes, options and the warnings before anything is read."""
        contents = [[name, digest] for name, digest in self.contents()]
        options = [dict(self.options.columns), self.options.date_order]
        facts = json.dumps([contents, self.warnings, options])
        return hashlib.sha256(facts.encode()).hexdigest()

    def _remote_infos(self) -> Iterator[FileInfo]:
        paths = [path for path in self.paths if not isinstance(path, Path)]
        yield from (info for path in paths if is_web(path) and (info := file_info(path)))
        for folder in {path.parent for path in paths if not is_web(path)}:
            yield from list_folder(folder)


def _content_version(path: Location, remote: Mapping[Location, str]) -> str:
    """Return a text that changes with a dump's content; a new one if nothing is known of it."""
    if isinstance(path, Path):
        with plain_errors(path):
            return content_digest(path)
    return remote.get(path) or secrets.token_hex()


def find_dumps(news: Location, options: Options | None = None) -> Dumps:
    """Return the dumps at `news`: one file, or the files of a folder (not of its subfolders).

    Hidden files and files of other kinds are left out of a folder; the latter with a warning.

    Raises:
        DumpError: nothing is there, or nothing that is a dump.
    """
    with plain_errors(news):
        return _find_dumps(news, options or Options())


def _find_dumps(news: Location, options: Options) -> Dumps:
    files = list_files(news)
    paths = [p for p in files if is_dump(p)]
    others = [printable(name_of(p)) for p in files if not is_dump(p)]
    place = printable(address_of(news))
    if not paths and files != [news]:
        raise DumpError(
            f"{place}: the folder holds no dump. Put at least one file there ({KNOWN_FORMATS}), "
            "or set `news.path` to another place."
        )
    if not paths:
        raise DumpError(f"{place}: not a dump. Known formats: {KNOWN_FORMATS}.")
    warnings = [f"{name}: ignored, not a dump ({KNOWN_FORMATS})" for name in others]
    if isinstance(news, Path) and news.is_dir():
        warnings += [
            f"{printable(path.name)}: ignored, a link to a place outside of the folder"
            for path in sorted(news.iterdir())
            if _leads_out(path, news)
        ]
    return Dumps(paths, warnings, options)


def merge_dumps(found: Sequence[Dumps]) -> Dumps:
    """Return the dumps of several places as one; a file that was named twice is read once."""
    first = found[0]
    paths = {
        path.resolve() if isinstance(path, Path) else path: path
        for dumps in found
        for path in dumps.paths
    }
    warnings = [warning for dumps in found for warning in dumps.warnings]
    return replace(first, paths=list(paths.values()), warnings=warnings)


def list_files(news: Location) -> list[Location]:
    """Return the file `news`, or the files of the folder `news` by name.

    Links to places outside of the folder are left out: whoever may put files there could have any
    file of this machine read.

    Raises:
        DumpError: nothing is there.
    """
    return [info.location for info in list_infos(news)]


def list_infos(news: Location) -> list[FileInfo]:
    """Return what is known of the files that `list_files` returns.

    Raises:
        DumpError: nothing is there.
        StoreError: the store or server can't be asked.
    """
    try:
        info = file_info(news)
    except OSError:
        raise DumpError(
            f"{printable(address_of(news))}: no such file or folder. Set `news.path` to a "
            "dump or a folder."
        ) from None
    return [info] if info else [i for i in list_folder(news) if _may_be_read(i.location, news)]


def _may_be_read(path: Location, folder: Location) -> bool:
    leads_out = isinstance(path, Path) and isinstance(folder, Path) and _leads_out(path, folder)
    return not leads_out and not is_transient(path.name)


def _leads_out(path: Path, folder: Path) -> bool:
    return path.is_symlink() and not path.resolve().is_relative_to(folder.resolve())


def is_transient(name: str) -> bool:
    """Return True for names of hidden, temporary and half-downloaded files."""
    return name.startswith((".", "~")) or name.lower().endswith(
        (".tmp", ".part", ".partial", ".crdownload", ".swp")
    )


def is_dump(path: Location) -> bool:
    """Return True for names of dumps."""
    return bool(_suffix(name_of(path)))


def _suffix(name: str) -> str:
    """Return the longest known ending of a file's name, or an empty string."""
    lower = name.lower()
    return max((s for s in SUFFIXES if lower.endswith(s)), key=len, default="")


def _format(name: str) -> str:
    """Return the ending that names the format of a dump, without that of its packing."""
    suffix = _suffix(name)
    packing = next((end for end in PACKINGS if suffix.endswith(end)), "")
    return suffix.removesuffix(packing)


def _list_dumps(
    name: str, archive: zipfile.ZipFile, allowance: archives.Allowance, warnings: list[str]
) -> list[zipfile.ZipInfo]:
    """Return the members of an archive that are dumps; the others are warned of."""
    members = [
        member
        for member in archives.list_members(allowance.name, archive)
        if not is_transient(Path(member.filename).name)
    ]
    dumps = [m for m in members if _suffix(Path(m.filename).name) not in {"", ".zip"}]
    if not dumps:
        raise DumpError(f"{allowance.name}: the archive holds no dump ({KNOWN_FORMATS}).")
    others = [f"{name}/{member.filename}" for member in members if member not in dumps]
    warnings += [f"{printable(other)}: ignored, not a dump" for other in others]
    return dumps
