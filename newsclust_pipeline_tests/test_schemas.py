"""The data dictionary: complete, and true of the files."""

import pyarrow as pa
import pytest

from newsclust_pipeline.schemas import RAW_NEWS, TABLES, UMAP_PROJECTION, embeddings


@pytest.mark.parametrize("name", TABLES)
def test_every_table_and_column_has_one_sentence_of_description(name):
    table = TABLES[name]
    names = [column.name for column in table.columns]
    assert len(names) == len(set(names))
    for text in (table.description, *(column.description for column in table.columns)):
        assert text.endswith(".")
        assert text[0].islower() or text[0].isupper()


def test_a_schema_has_types_and_nullability_and_no_optional_column():
    schema = RAW_NEWS.schema
    assert schema.field("doc_id") == pa.field("doc_id", pa.string(), nullable=False)
    assert schema.field("url").nullable
    assert UMAP_PROJECTION.schema.names == ["doc_id", "x", "y"]


def test_a_column_is_described_by_name():
    assert UMAP_PROJECTION.describe("z") == "Position on the map, if it has three dimensions."
    assert UMAP_PROJECTION.describe("no such column") is None


def test_embeddings_have_the_dimension_of_the_model():
    assert embeddings(384).schema.field("embedding").type.list_size == 384
