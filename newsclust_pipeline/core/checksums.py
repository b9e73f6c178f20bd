"""A digest of a table's content, by which a damaged file is recognised when it is read.

The digest depends on schema, metadata and values alone. It is the same before a table is written to
Parquet and after it was read, however it is divided into chunks.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

DIGEST = b"digest"  # key in a schema's metadata


def add_digest(table: pa.Table) -> pa.Table:
    """Return the table with its digest in the metadata."""
    metadata = _metadata(table) | {DIGEST: table_digest(table).encode()}
    return table.replace_schema_metadata(metadata)


def verify_digest(table: pa.Table) -> pa.Table:
    """Return the table without its digest. Tables that never had one are not verified.

    Raises:
        ValueError: the digest is not that of the content.
    """
    expected = (table.schema.metadata or {}).get(DIGEST)
    if expected is None:
        return table
    if expected != table_digest(table).encode():
        raise ValueError("the content is not what was written: it does not match its digest")
    # Without any other metadata it is {}, not None: Arrow's streams tell the two apart.
    return table.replace_schema_metadata(_metadata(table))


def table_digest(table: pa.Table) -> str:
    """Return the digest of a table's schema, metadata and values, 32 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=16)
    for field in table.schema:
        # Parquet renames the entries of lists.
        kind = str(field.type).replace("<item: ", "<element: ")
        digest.update(f"{field.name!r} {kind} {field.nullable} ".encode())
    for key, value in sorted(_metadata(table).items()):
        digest.update(b"%d %d " % (len(key), len(value)) + key + value)
    for column in table.columns:
        digest.update(b"%d " % len(column))
        _update(digest, column.type, column.chunks)
    return digest.hexdigest()


def _metadata(table: pa.Table) -> dict[bytes, bytes]:
    metadata = table.schema.metadata or {}
    return {key: value for key, value in metadata.items() if key != DIGEST}


def _update(digest: Any, kind: pa.DataType, chunks: Sequence[pa.Array]) -> None:
    """Add the values of one array, given in chunks. What is stored under a null does not count."""
    if any(chunk.null_count for chunk in chunks):
        for chunk in chunks:
            digest.update(np.asarray(chunk.is_valid()).tobytes())
    if pa.types.is_nested(kind):
        _update_nested(digest, kind, chunks)
    elif pa.types.is_string(kind) or pa.types.is_binary(kind):
        for chunk in chunks:
            digest.update(_bytes(pc.binary_length(chunk)))
        for chunk in chunks:
            digest.update(_characters(chunk))
    else:
        for chunk in chunks:
            digest.update(_bytes(chunk))


def _update_nested(digest: Any, kind: pa.DataType, chunks: Sequence[pa.Array]) -> None:
    if pa.types.is_struct(kind):
        fields = [chunk.flatten() for chunk in chunks]
        for position in range(kind.num_fields):
            _update(digest, kind.field(position).type, [parts[position] for parts in fields])
        return
    if not pa.types.is_fixed_size_list(kind):
        for chunk in chunks:
            digest.update(_bytes(pc.list_value_length(chunk)))
    _update(digest, kind.value_type, [chunk.flatten() for chunk in chunks])


def _bytes(values: pa.Array) -> memoryview:
    """Return the bytes of fixed-width values, 0 for nulls; without a copy where there are none."""
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.uint8())
    elif pa.types.is_temporal(values.type):
        values = values.cast(pa.int32() if values.type.bit_width == 32 else pa.int64())
    filled = values.fill_null(0) if values.null_count else values
    return np.ascontiguousarray(filled.to_numpy(zero_copy_only=False)).view(np.uint8).data


def _characters(values: pa.Array) -> memoryview:
    """Return the bytes of all strings, one after the other; they lie so in the array's buffer."""
    values = values.drop_null() if values.null_count else values
    offsets, content = values.buffers()[1:]
    if content is None or not len(values):
        return memoryview(b"")
    ends = np.frombuffer(offsets, np.int32, len(values) + 1, 4 * values.offset)
    return memoryview(content)[ends[0] : ends[-1]]
