"""The digest of a table: it survives Parquet and any chunks, and changes with everything else."""

from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from newsclust_pipeline.core.checksums import (
    add_checksum,
    add_digest,
    table_digest,
    verify_checksum,
    verify_digest,
    verify_schema,
)
from newsclust_pipeline.core.tables import lists_of
from newsclust_pipeline.schemas import TABLES

DAY = datetime(2026, 3, 2, 6, 30, 0, 123456, tzinfo=UTC)


def sample_of(kind, row):
    """A value of a type."""
    if pa.types.is_struct(kind):
        return {field.name: sample_of(field.type, row + 1) for field in kind}
    if pa.types.is_nested(kind):
        return [sample_of(kind.value_type, row + 1)] * getattr(kind, "list_size", row % 3)
    plain = {pa.string(): "ü" * row, pa.date32(): date(2026, 3, 2), pa.bool_(): bool(row % 2)}
    return DAY if pa.types.is_timestamp(kind) else plain.get(kind, row)


def table_of(schema, rows=7):
    columns = [
        pa.array(
            [
                None if field.nullable and row % 3 == 1 else sample_of(field.type, row)
                for row in range(rows)
            ],
            field.type,
        )
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("rows", [0, 1, 7])
def test_the_digest_is_the_same_after_parquet_and_in_any_chunks(tmp_path, name, rows):
    table = table_of(TABLES[name].schema, rows).replace_schema_metadata({"model": "ü"})
    pq.write_table(add_digest(table), tmp_path / "t.parquet")
    stored = verify_digest(pq.read_table(tmp_path / "t.parquet"))
    assert stored.to_pydict() == table.to_pydict()
    assert stored.schema.metadata == {b"model": "ü".encode()}
    parts = pa.concat_tables([table.slice(0, 2), table.slice(2)])
    assert table_digest(parts) == table_digest(table)
    assert table_digest(pa.concat_tables([table, table]).slice(rows)) == table_digest(table)


def test_what_is_stored_under_a_null_does_not_count():
    buffers = pa.array([1, 2, 3]).buffers()
    masked = pa.Array.from_buffers(pa.int64(), 3, [pa.py_buffer(b"\x05"), buffers[1]])
    assert masked.to_pylist() == [1, None, 3]
    assert table_digest(pa.table({"n": masked})) == table_digest(pa.table({"n": [1, None, 3]}))


def test_characters_under_a_null_and_outside_a_slice_do_not_count():
    _, offsets, content = pa.array(["ab", "c", "d"]).buffers()
    masked = pa.Array.from_buffers(pa.string(), 3, [pa.py_buffer(b"\x05"), offsets, content])
    assert masked.to_pylist() == ["ab", None, "d"]
    assert table_digest(pa.table({"s": masked})) == table_digest(pa.table({"s": ["ab", None, "d"]}))
    assert table_digest(pa.table({"s": masked[1:]})) == table_digest(pa.table({"s": [None, "d"]}))


@pytest.mark.parametrize(
    "other",
    [
        pa.table({"a": [1, 2], "b": ["x", "y"]}),
        pa.table({"a": [1, 3], "b": ["x", "yz"]}),
        pa.table({"a": [1, 3], "b": ["xy", ""]}),
        pa.table({"a": [1, 3], "b": ["x", None]}),
        pa.table({"a": [3, 1], "b": ["x", "y"]}),
        pa.table({"a": pa.array([1, 3], pa.int32()), "b": ["x", "y"]}),
        pa.table({"c": [1, 3], "b": ["x", "y"]}),
        pa.table({"b": ["x", "y"], "a": [1, 3]}),
        pa.table({"a": [1], "b": ["x"]}),
        pa.table({"a": [1, 3], "b": ["x", "y"]}, metadata={"k": "v"}),
    ],
)
def test_other_values_types_names_and_metadata_have_another_digest(other):
    assert table_digest(other) != table_digest(pa.table({"a": [1, 3], "b": ["x", "y"]}))


def test_lists_of_other_lengths_have_another_digest():
    kind = lists_of(pa.string())
    one, other = (pa.table({"v": pa.array(v, kind)}) for v in ([["a"], ["b"]], [["a", "b"], []]))
    assert table_digest(one) != table_digest(other)


def test_another_content_under_the_same_digest_is_refused():
    table = add_digest(pa.table({"a": [1, 2]}))
    forged = pa.table({"a": [1, 3]}).replace_schema_metadata(table.schema.metadata)
    with pytest.raises(ValueError, match="does not match its digest"):
        verify_digest(forged)


def test_empty_metadata_stay_empty_metadata():
    table = pa.table({"a": [1]}).replace_schema_metadata({})
    assert verify_digest(add_digest(table)).schema.metadata == {}


def test_a_table_without_a_digest_is_accepted_as_it_is():
    table = pa.table({"a": np.arange(3)}, metadata={"k": "v"})
    assert verify_digest(table).equals(table, check_metadata=True)


def test_the_schema_is_verified_without_the_values():
    table = table_of(TABLES["stories"].schema).replace_schema_metadata({"model": "minilm"})
    schema = add_digest(table).schema
    assert verify_schema(schema) == table.schema
    damaged = schema.with_metadata(schema.metadata | {b"model": b"miniln"})
    with pytest.raises(ValueError, match="does not match its digest"):
        verify_schema(damaged)
    assert verify_schema(table.schema) == table.schema


@pytest.mark.parametrize(
    "damaged", [{"count": 4}, {"name": "Zurich"}, {"more": 1}, {"checksum": ""}]
)
def test_a_damaged_object_is_noticed(damaged):
    record = add_checksum({"count": 3, "name": "Zürich"})
    with pytest.raises(ValueError, match="does not match its digest"):
        verify_checksum(record | damaged)


@pytest.mark.parametrize("record", [{"count": 3}, [3], None, "checksum"])
def test_what_has_no_checksum_is_damaged(record):
    with pytest.raises(ValueError, match=r"digest|object"):
        verify_checksum(record)
