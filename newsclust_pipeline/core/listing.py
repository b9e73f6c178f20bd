"""What a folder or a file is known by without reading it: size, time of change, version."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, NamedTuple

from newsclust_pipeline.core.locations import Location, store_errors

# What stores call the time and the version of a file, most precise first.
_TIMES = ("LastModified", "last_modified", "mtime", "updated", "created", "Last-Modified")
_VERSIONS = ("ETag", "etag", "generation")


class FileInfo(NamedTuple):
    """What a folder lists of a file.

    Attributes:
        location: of the file.
        size: in bytes; 0 if a web server does not say it.
        time_ns: when it was changed, in nanoseconds since 1970; 0 if a web server does not say it.
        version: changes with the content; empty if a web server says nothing of the kind.
    """

    location: Location
    size: int
    time_ns: int
    version: str


def file_info(location: Location) -> FileInfo | None:
    """Return what is known of a file; None for a folder.

    Raises:
        FileNotFoundError: there is neither.
        StoreError: the store can't be asked.
    """
    if isinstance(location, Path):
        stat = location.stat()
        version = f"{stat.st_size} {stat.st_mtime_ns}"
        info = FileInfo(location, stat.st_size, stat.st_mtime_ns, version)
        return info if location.is_file() else None
    with store_errors(location):
        entry = location.fs.info(location.path)
    return _info(location, entry) if entry["type"] == "file" else None


def list_folder(folder: Location) -> list[FileInfo]:
    """Return the files in a folder by name, not those of its subfolders; none without the folder.

    Raises:
        StoreError: the store can't be asked.
    """
    if isinstance(folder, Path):
        return list(_list_local(folder)) if folder.is_dir() else []
    try:
        with store_errors(folder):
            entries = folder.fs.ls(folder.path, detail=True)
    except FileNotFoundError:
        return []
    names = {e["name"].rpartition("/")[2]: e for e in entries if e["type"] == "file"}
    return [_info(folder / name, names[name]) for name in sorted(names) if name]


def _list_local(folder: Path) -> Iterator[FileInfo]:
    for path in sorted(folder.iterdir()):
        with suppress(OSError):  # removed since it was listed, or a link that leads nowhere
            if info := file_info(path):
                yield info


def _info(location: Location, entry: Mapping[str, Any]) -> FileInfo:
    time_ns = _nanoseconds(next((entry[key] for key in _TIMES if entry.get(key)), 0))
    version = next((str(entry[key]) for key in _VERSIONS if entry.get(key)), str(time_ns or ""))
    return FileInfo(location, entry.get("size") or 0, time_ns, version)


def _nanoseconds(time: object) -> int:
    """Return a time of a store in nanoseconds since 1970; 0 if it has another form."""
    try:
        if isinstance(time, str):  # of a header, or ISO 8601
            time = parsedate_to_datetime(time) if "," in time else datetime.fromisoformat(time)
        if isinstance(time, datetime):
            time = time.timestamp()
        return int(time * 1e9) if isinstance(time, int | float) else 0
    except (ValueError, OverflowError):
        return 0
