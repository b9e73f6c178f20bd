"""Tables in Parquet files: the same table gives the same bytes, and damage is noticed."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from newsclust_pipeline.core.parquet import read_parquet, write_parquet
from newsclust_pipeline.core.tables import lists_of


def table(vectors=((0.5, -1.0), (0.0, 2.0))):
    kind = pa.list_(pa.float32(), 2)
    columns = {"doc_id": ["a", "b"], "embedding": pa.array([list(v) for v in vectors], kind)}
    return pa.table(columns).replace_schema_metadata({"model": "invented"})


def test_a_table_comes_back_as_it_was_written_with_its_metadata(tmp_path):
    write_parquet(table(), tmp_path / "t.parquet")
    read = read_parquet(tmp_path / "t.parquet")
    assert read.equals(table())
    assert read.schema.metadata == table().schema.metadata == {b"model": b"invented"}


def test_the_same_table_gives_the_same_bytes_and_another_one_others(tmp_path):
    written = []
    for number, given in enumerate([table(), table(), table(((0.5, -1.0), (0.0, 2.5)))]):
        write_parquet(given, tmp_path / f"{number}.parquet")
        written.append((tmp_path / f"{number}.parquet").read_bytes())
    assert written[0] == written[1] != written[2]


@pytest.mark.parametrize("rows", [0, 1])
def test_a_table_of_hardly_any_rows_can_be_written(tmp_path, rows):
    write_parquet(table().slice(0, rows), tmp_path / "t.parquet")
    assert pq.read_table(tmp_path / "t.parquet").equals(table().slice(0, rows))


def test_lists_come_back_as_they_were_to_the_name_of_their_entries(tmp_path):
    written = pa.table({"venues": pa.array([["Post"], []], lists_of(pa.string()))})
    write_parquet(written, tmp_path / "news.parquet")
    read = read_parquet(tmp_path / "news.parquet")
    assert str(read.schema) == str(written.schema)


def test_a_damaged_table_is_refused(tmp_path):
    path = tmp_path / "t.parquet"
    write_parquet(pa.table({"n": list(range(1000))}), path)
    content = bytearray(path.read_bytes())
    forged = pa.table({"n": [0, *range(1, 1000)]}).replace_schema_metadata({"digest": "0" * 32})
    pq.write_table(forged, path)
    with pytest.raises(ValueError, match="does not match its digest"):
        read_parquet(path)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises((OSError, ValueError)):
        read_parquet(path)


def test_every_flipped_bit_of_a_footer_is_noticed_or_has_no_effect(tmp_path):
    lists = pa.array([[1.0, 0.0], [0.0, 1.0]], pa.list_(pa.float32(), 2))
    table = pa.table({"doc_id": ["a", "b"], "embedding": lists})
    table = table.replace_schema_metadata({"fingerprint": "minilm/1"})
    write_parquet(table, tmp_path / "table")
    content, noticed = bytearray((tmp_path / "table").read_bytes()), 0
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    for bit in range(8 * start, 8 * len(content), 3):
        content[bit // 8] ^= 1 << bit % 8
        (tmp_path / "table").write_bytes(content)
        try:
            read = read_parquet(tmp_path / "table")
        except (OSError, ValueError, pa.ArrowException):
            noticed += 1
        else:
            assert read.cast(table.schema).equals(table), bit
            assert read.schema.metadata[b"fingerprint"] == b"minilm/1", bit
        content[bit // 8] ^= 1 << bit % 8
    assert noticed > 500
