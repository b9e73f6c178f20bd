"""Read a Parquet file with vectors row group by row group, so that memory holds them once.

Arrow reads a column whole: beside the vectors it holds their bytes from the file and a level for
each number, 2.5 times their size together.
"""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 32_768  # of a row group, where a table has vectors


def has_vectors(schema: pa.Schema) -> bool:
    """Return whether a column holds vectors: lists of one size."""
    return any(pa.types.is_fixed_size_list(field.type) for field in schema)


def read_table(file: pq.ParquetFile) -> pa.Table:
    """Return the table of a Parquet file; every column of one with vectors is a single chunk."""
    schema = file.schema_arrow
    if file.num_row_groups < 2 or not has_vectors(schema):
        return file.read()
    columns = [_Column(field, file.metadata.num_rows) for field in schema]
    for group in range(file.num_row_groups):
        for column, name in zip(columns, schema.names, strict=True):
            column.add(file.read_row_group(group, [name]).column(0))
    pa.default_memory_pool().release_unused()
    return pa.Table.from_arrays([column.array() for column in columns], schema=schema)


class _Column:
    """A column while its row groups arrive. Vectors go to their place in one array."""

    def __init__(self, field: pa.Field, rows: int) -> None:
        self._kind, self._done = field.type, 0
        self._chunks: list[pa.Array] = []
        self._is_vector = pa.types.is_fixed_size_list(field.type) and not field.nullable
        if self._is_vector:
            size = rows * self._kind.list_size
            self._numbers = np.empty(size, dtype=self._kind.value_type.to_pandas_dtype())

    def add(self, values: pa.ChunkedArray) -> None:
        for chunk in values.chunks:
            if self._is_vector:
                numbers = chunk.flatten()
                self._numbers[self._done : self._done + len(numbers)] = numbers
                self._done += len(numbers)
            else:
                self._chunks.append(chunk)

    def array(self) -> pa.ChunkedArray | pa.Array:
        if self._is_vector:
            return pa.FixedSizeListArray.from_arrays(pa.array(self._numbers), type=self._kind)
        return pa.chunked_array(self._chunks, self._kind).combine_chunks()
