"""Vectors are read row group by row group into one array, and are those that were written."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from newsclust_pipeline.core import row_groups
from newsclust_pipeline.core.parquet import read_parquet, write_parquet
from newsclust_pipeline.core.tables import matrix
from newsclust_pipeline.schemas import embeddings


def table_of(n, dimension=3):
    vectors = np.random.default_rng(0).normal(size=(n, dimension)).astype(np.float32)
    schema = embeddings(dimension).schema.with_metadata({"model": "ü"})
    flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), dimension)
    return pa.Table.from_arrays([pa.array([f"d{n}" for n in range(n)]), flat], schema=schema)


@pytest.mark.parametrize("n", [0, 1, 4, 5, 8, 11])
def test_a_table_of_vectors_in_row_groups_is_read_back_in_one_piece(tmp_path, monkeypatch, n):
    monkeypatch.setattr(row_groups, "ROWS", 4)
    table = table_of(n)
    write_parquet(table, tmp_path / "t.parquet")
    assert pq.ParquetFile(tmp_path / "t.parquet").num_row_groups == -(-n // 4) or n == 0
    stored = read_parquet(tmp_path / "t.parquet")
    assert stored.schema.metadata == table.schema.metadata
    assert stored.to_pydict() == table.to_pydict()
    assert stored["embedding"].num_chunks <= 1
    np.testing.assert_array_equal(matrix(stored), matrix(table))


def test_a_table_without_vectors_is_read_whole(tmp_path):
    table = pa.table({"a": [1, 2, None], "b": ["x", None, "z"]})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=1)
    with pq.ParquetFile(tmp_path / "t.parquet") as file:
        assert row_groups.read_table(file).equals(table)


def test_other_columns_and_nullable_vectors_keep_their_nulls(tmp_path):
    vectors = pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int16(), 2))
    table = pa.table({"v": vectors, "s": ["x", None, "z"]})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=2)
    with pq.ParquetFile(tmp_path / "t.parquet") as file:
        assert row_groups.read_table(file).equals(table)
