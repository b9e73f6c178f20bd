"""Read and write files, on this machine or in an object store; a file is never half-written.

A file on this machine is written beside the target, which it then replaces. An object is written to
a temporary file on this machine and then uploaded: stores replace an object as a whole.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from newsclust_pipeline.core.copies import download, local_copy, temporary_file
from newsclust_pipeline.core.file_errors import file_errors
from newsclust_pipeline.core.locations import Location, store_errors


@contextmanager
def atomic_path(target: Location) -> Iterator[Path]:
    """Yield a temporary path on this machine, whose file replaces the target at the end.

    If the block raises, the target keeps its old content and the temporary file is removed.

    Raises:
        FileError: the disk is full, the folder can't be written to, the target is a folder, …
        StoreError: the file can't be uploaded.
    """
    if isinstance(target, Path):
        with file_errors(target), _atomic_local(target) as temporary:
            yield temporary
        return
    with temporary_file(target) as temporary:
        yield temporary
        with store_errors(target):
            target.fs.put_file(str(temporary), target.path)


@contextmanager
def _atomic_local(target: Path) -> Iterator[Path]:
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o666 & ~_umask())  # mkstemp makes files that only their owner can read
        temporary.replace(target)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def open_binary(source: Location) -> Iterator[BinaryIO]:
    """Open a file of which only a part is read; that of an object store is not downloaded."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            yield file
        return
    with store_errors(source):
        remote = source.fs.open(source.path, "rb")
    with remote:
        yield remote


@contextmanager
def local_update(target: Location) -> Iterator[Path]:
    """Yield a path on this machine at which a file can be changed in place, such as by SQLite.

    A file on this machine is changed itself. An object is downloaded, and replaced at the end; if
    the block raises, it keeps its old content.
    """
    if isinstance(target, Path):
        yield target
        return
    with atomic_path(target) as temporary:
        if exists(target):
            download(target, temporary)
        yield temporary


def exists(location: Location) -> bool:
    """Return True if there is a file.

    Raises:
        StoreError: the store can't be asked. It is never mistaken for a missing file.
    """
    if isinstance(location, Path):
        return location.exists()
    try:
        with store_errors(location):
            return location.fs.info(location.path)["type"] == "file"
    except FileNotFoundError:
        return False


def read_text(location: Location, errors: str = "strict") -> str:
    """Return the content of a UTF-8 file, line ends as they are in it."""
    with store_errors(location):
        return location.read_bytes().decode("utf-8", errors)


def write_text(text: str, target: Location) -> None:
    """Write a UTF-8 file; the target is whole or as it was before."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(text.encode("utf-8"))


def remove(location: Location) -> None:
    """Remove a file, if it is there."""
    with store_errors(location):
        location.unlink(missing_ok=True)


def move(source: Location, target: Location) -> None:
    """Rename a file within its folder, over a file with the new name."""
    if isinstance(source, Path) and isinstance(target, Path):
        source.replace(target)
        return
    copy_file(source, target)
    remove(source)


def copy_file(source: Location, target: Location) -> None:
    """Copy a file; the target is whole or as it was before."""
    with atomic_path(target) as temporary, local_copy(source) as copy:
        shutil.copyfile(copy, temporary)


def content_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes. A file that has not changed is not read again."""
    stat = path.stat()
    return _content_digest(path, stat.st_ino, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=1 << 16)
def _content_digest(path: Path, *_stat: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _umask() -> int:
    """Return the umask of the process, which can only be read by setting it."""
    current = os.umask(0)
    os.umask(current)
    return current
