"""Write files atomically: to a temporary file beside the target, which then replaces it."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from newsclust_pipeline.core.checksums import add_digest, verify_digest, verify_schema


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path in the target's folder; rename it to the target at the end.

    If the block raises, the target keeps its old content and the temporary file is removed.
    """
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
        temporary.unlink(missing_ok=True)


def write_parquet(table: pa.Table, target: Path) -> None:
    """Write a table and its digest to one Parquet file. The same table gives the same bytes."""
    # Vectors don't repeat: a dictionary of them saves nothing. And zstd saves 7 % of them, for
    # three times the time to write and twice that to read, which most stages do.
    scalars = [f.name for f in table.schema if not pa.types.is_fixed_size_list(f.type)]
    compression = "zstd" if len(scalars) == len(table.schema) else "none"
    pq.write_table(add_digest(table), target, compression=compression, use_dictionary=scalars)


def read_parquet(path: Path) -> pa.Table:
    """Return the table of a Parquet file, without its digest.

    Raises:
        OSError: the file can't be read.
        ValueError: the file is damaged: it is no Parquet file, or its digest does not match.
    """
    # ParquetFile, because read_table would accept a folder of files.
    with pq.ParquetFile(path) as file:
        _require_metadata(file)
        return verify_digest(file.read())


def read_schema(path: Path) -> pa.Schema:
    """Return the schema of a Parquet file, without its digests; the values are not read.

    Raises:
        OSError: the file can't be read.
        ValueError: the file is damaged.
    """
    with pq.ParquetFile(path) as file:
        _require_metadata(file)
        return verify_schema(file.schema_arrow)


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


def copy_file(source: Path, target: Path) -> None:
    """Copy a file; the target is whole or as it was before."""
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)


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
