"""Read and write tables as Parquet files with a digest."""

import errno
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from newsclust_pipeline.core import row_groups
from newsclust_pipeline.core.checksums import add_digest, verify_digest, verify_schema
from newsclust_pipeline.core.copies import local_copy
from newsclust_pipeline.core.files import open_binary
from newsclust_pipeline.core.locations import Location


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
