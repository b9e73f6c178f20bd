"""Arrow tables: joined by id, vectors as a matrix."""

import numpy as np
import pyarrow as pa
import pytest

from newsclust_pipeline.core.tables import join, lists_of, matrix


def test_rows_are_joined_by_id_in_the_order_of_the_first_table():
    documents = pa.table({"doc_id": ["b", "a"]})
    labels = pa.table({"doc_id": ["a", "b", "c"], "label": [1, 2, 3]})
    assert join(documents, labels).to_pydict() == {"doc_id": ["b", "a"], "label": [2, 1]}


def test_a_document_that_is_missing_from_a_table_is_an_error():
    with pytest.raises(ValueError, match=r"1 of 2 documents are missing.*Materialise"):
        join(pa.table({"doc_id": ["a", "b"]}), pa.table({"doc_id": ["a"]}))


def test_the_matrix_of_a_sliced_table_in_chunks_has_its_rows():
    vectors = np.arange(6, dtype=np.float32).reshape(3, 2)
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), 2)
    table = pa.table({"embedding": column})
    chunks = pa.concat_tables([table.slice(2), table.slice(0, 2)])
    np.testing.assert_array_equal(matrix(chunks), vectors[[2, 0, 1]])


def test_a_list_type_is_read_back_from_parquet_as_it_was_written(tmp_path):
    import pyarrow.parquet as pq

    table = pa.table({"names": pa.array([["a"], []], lists_of(pa.string()))})
    pq.write_table(table, tmp_path / "t.parquet")
    assert pq.read_table(tmp_path / "t.parquet").schema == table.schema
