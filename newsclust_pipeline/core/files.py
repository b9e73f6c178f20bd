"""Read and write files, on this machine or in an object store; a file is never half-written.

A file on this machine is written beside the target, which it then replaces. An object is written to
a temporary file on this machine and then uploaded: stores replace an object as a whole.
"""

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from newsclust_pipeline.core import row_groups
from newsclust_pipeline.core.checksums import add_digest, verify_digest, verify_schema
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


def write_parquet(table: pa.Table, target: Path) -> None:
    """Write a table and its digest to one Parquet file. The same table gives the same bytes."""
    size = row_groups.ROWS if row_groups.has_vectors(table.schema) else None
    # Vectors don't repeat: a dictionary of them saves nothing. And zstd saves 7 % of them, for
    # three times the time to write and twice that to read, which most stages do.
    scalars = [f.name for f in table.schema if not pa.types.is_fixed_size_list(f.type)]
    compression = "zstd" if len(scalars) == len(table.schema) else "none"
    pq.write_table(
        add_digest(table),
        target,
        compression=compression,
        use_dictionary=scalars,
        row_group_size=size,
    )


def read_parquet(path: Location) -> pa.Table:
    """Return the table of a Parquet file, without its digest.

    Raises:
        OSError: the file can't be read.
        StoreError: it is in an object store, which can't be read.
        ValueError: the file is damaged: it is no Parquet file, or its digest does not match.
    """
    with local_copy(path) as copy, _open_parquet(copy) as file:
        _require_metadata(file)
        return verify_digest(row_groups.read_table(file))


def read_schema(path: Location) -> pa.Schema:
    """Return the schema of a Parquet file, without its digests; the values are not read.

    Raises:
        OSError: the file can't be read.
        ValueError: the file is damaged.
    """
    with open_binary(path) as opened, pq.ParquetFile(opened) as file:
        _require_metadata(file)
        return verify_schema(file.schema_arrow)


def _open_parquet(path: Path) -> pq.ParquetFile:
    """Open a file. ParquetFile, because read_table would accept a folder of files."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    return pq.ParquetFile(path, pre_buffer=False)  # a buffer would hold all bytes of the file


def _require_metadata(file: pq.ParquetFile) -> None:
    """Raise an error if metadata is missing: one wrong bit can hide it all, digests included.

    Former versions wrote no digest, but Arrow has always written its schema, and the metadata both
    in it and beside it.
    """
    metadata = dict(file.metadata.metadata or {})
    if b"ARROW:schema" not in metadata:
        raise ValueError("its schema is missing")
    del metadata[b"ARROW:schema"]
    if metadata != (file.schema_arrow.metadata or {}):
        raise ValueError("its metadata contradicts itself")


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
