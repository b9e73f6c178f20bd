"""Tables are joined by document id, and vectors are viewed without a copy."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from newsclust_pipeline.core.tables import checksums, embedded_texts, join, lists_of, matrix

ARTICLES = pa.table({"doc_id": ["a", "b", "c"], "title": ["A", "B", "C"]})


def test_join_appends_columns_by_id_in_the_order_of_the_first_table():
    positions = pa.table({"doc_id": ["c", "a", "b"], "x": [3.0, 1.0, 2.0], "y": [30, 10, 20]})
    labels = pa.table({"doc_id": ["b", "c", "a"], "label": [2, 3, 1]})
    joined = join(ARTICLES, positions, labels)
    assert joined.column_names == ["doc_id", "title", "x", "y", "label"]
    assert joined.to_pydict() | {"title": ["A", "B", "C"]} == joined.to_pydict()
    assert joined["x"].to_pylist() == [1.0, 2.0, 3.0]
    assert joined["label"].to_pylist() == [1, 2, 3]


def test_join_ignores_documents_that_the_first_table_does_not_have():
    other = pa.table({"doc_id": ["z", "a", "b", "c"], "x": [0, 1, 2, 3]})
    assert join(ARTICLES, other)["x"].to_pylist() == [1, 2, 3]


def test_join_refuses_tables_that_miss_documents():
    with pytest.raises(ValueError, match="2 of 3 documents are missing"):
        join(ARTICLES, pa.table({"doc_id": ["b"], "x": [1]}))


def embeddings(rows):
    return pa.table({"embedding": pa.array(rows, pa.list_(pa.float32(), 2))})


def test_matrix_has_one_row_per_vector():
    np.testing.assert_array_equal(matrix(embeddings([[1, 2], [3, 4]])), [[1, 2], [3, 4]])
    assert matrix(embeddings([])).shape == (0, 2)


def test_matrix_of_a_slice_or_of_chunks_has_only_their_rows():
    whole = embeddings([[1, 2], [3, 4], [5, 6]])
    np.testing.assert_array_equal(matrix(whole.slice(1, 1)), [[3, 4]])
    chunks = pa.concat_tables([whole.slice(2), whole.slice(0, 1)])
    np.testing.assert_array_equal(matrix(chunks), [[5, 6], [1, 2]])


def test_matrix_shares_memory_with_the_table():
    table = embeddings([[1, 2], [3, 4]])
    values = table["embedding"].chunk(0).values
    assert matrix(table).__array_interface__["data"][0] == values.buffers()[1].address


def test_lists_keep_their_type_in_parquet(tmp_path):
    table = pa.table({"venues": pa.array([["Post"], []], lists_of(pa.string()))})
    pq.write_table(table, tmp_path / "lists.parquet")
    assert pq.read_schema(tmp_path / "lists.parquet").equals(table.schema)


def test_checksums_follow_every_bit_of_a_row():
    rows = np.array([[1, 2], [1, 2], [1, np.nextafter(np.float32(2), 3)]], np.float32)
    first, second, third = checksums(rows).tolist()
    assert first == second != third
    assert checksums(rows[:0]).shape == (0,)


def test_what_is_embedded_is_the_text_unless_another_is_given():
    texts = pa.table({"text": ["a", "b"], "embedded_text": [None, "c"]})
    assert embedded_texts(texts).to_pylist() == ["a", "c"]
    assert embedded_texts(texts.select(["text"])).to_pylist() == ["a", "b"]
