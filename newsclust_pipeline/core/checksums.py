"""Digests of tables and JSON objects, by which a damaged file is recognised when it is read.

The digest of a table depends on schema, metadata and values alone. It is the same before a table is
written to Parquet and after it was read, however it is divided into chunks. A second digest is that
of the schema with its metadata, for readers that need no more.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

DIGEST, SCHEMA_DIGEST = b"digest", b"schema_digest"  # keys in a schema's metadata
CHECKSUM = "checksum"  # key in a JSON object
_DAMAGED = "the content is not what was written: it does not match its digest"


def add_digest(table: pa.Table) -> pa.Table:
    """Return the table with its digests in the metadata."""
    digests = {DIGEST: table_digest(table), SCHEMA_DIGEST: _schema_digest(table.schema)}
    metadata = {key: value.encode() for key, value in digests.items()}
    return table.replace_schema_metadata(_metadata(table.schema) | metadata)


def verify_digest(table: pa.Table) -> pa.Table:
    """Return the table without its digests. Tables that never had one are not verified.

    Raises:
        ValueError: the digest is not that of the content.
    """
    expected = (table.schema.metadata or {}).get(DIGEST)
    if expected is None:
        return table
    if expected != table_digest(table).encode():
        raise ValueError(_DAMAGED)
    # Without any other metadata it is {}, not None: Arrow's streams tell the two apart.
    return table.replace_schema_metadata(_metadata(table.schema))


def verify_schema(schema: pa.Schema) -> pa.Schema:
    """Return the schema of a file without its digests, as `verify_digest`.

    Raises:
        ValueError: the digest is not that of the schema and its metadata.
    """
    expected = (schema.metadata or {}).get(SCHEMA_DIGEST)
    if expected is not None and expected != _schema_digest(schema).encode():
        raise ValueError(_DAMAGED)
    return schema.with_metadata(_metadata(schema))


def add_checksum(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON object with the checksum of its other entries.

    >>> verify_checksum(add_checksum({"count": 3}))
    {'count': 3}
    """
    return {**record, CHECKSUM: _checksum(record)}


def verify_checksum(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON object without its checksum.

    Raises:
        ValueError: it is no object, it has no checksum, or not the one of its entries.
    """
    if not isinstance(record, Mapping):
        raise ValueError("not a JSON object")  # noqa: TRY004 (what damage raises)
    content = {key: value for key, value in record.items() if key != CHECKSUM}
    if record.get(CHECKSUM) != _checksum(content):
        raise ValueError(_DAMAGED)
    return content


def _checksum(record: Mapping[str, Any]) -> str:
    content = json.dumps(dict(record), sort_keys=True)
    return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()


def _schema_digest(schema: pa.Schema) -> str:
    digest = hashlib.blake2b(digest_size=16)
    _update_schema(digest, schema)
    return digest.hexdigest()


def table_digest(table: pa.Table) -> str:
    """Return the digest of a table's schema, metadata and values, 32 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=16)
    _update_schema(digest, table.schema)
    for column in table.columns:
        digest.update(b"%d " % len(column))
        _update(digest, column.type, column.chunks)
    return digest.hexdigest()


def _metadata(schema: pa.Schema) -> dict[bytes, bytes]:
    """Return the metadata of a schema without its digests."""
    metadata = schema.metadata or {}
    return {key: value for key, value in metadata.items() if key not in {DIGEST, SCHEMA_DIGEST}}


def _update_schema(digest: Any, schema: pa.Schema) -> None:
    for field in schema:
        # Parquet renames the entries of lists.
        kind = str(field.type).replace("<item: ", "<element: ")
        digest.update(f"{field.name!r} {kind} {field.nullable} ".encode())
    for key, value in sorted(_metadata(schema).items()):
        digest.update(b"%d %d " % (len(key), len(value)) + key + value)


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
