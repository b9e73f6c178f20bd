"""Columns and tables of the data dictionary."""

import pyarrow as pa

from newsclust_pipeline.core.columns import Column, Table, required

TABLE = Table(
    "One thing.",
    (required("id", pa.string(), "Its id."), Column("z", pa.int8(), "Its depth.", optional=True)),
)


def test_the_schema_has_the_columns_that_are_always_written():
    assert TABLE.schema == pa.schema([pa.field("id", pa.string(), nullable=False)])


def test_columns_are_described_by_name():
    assert (TABLE.describe("z"), TABLE.describe("other")) == ("Its depth.", None)
