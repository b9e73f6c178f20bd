"""Read Parquet files.

A value may be repeated through a dictionary, so a small file can hold gigabytes of text. Text
columns stay encoded until a slice of rows is converted, and every character counts against the
allowance. A value that Python can't represent becomes a text that says so.
"""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from itertools import count, pairwise
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from newsclust_pipeline.ingest.columns import NoTitleError
from newsclust_pipeline.ingest.decoding import decode_text
from newsclust_pipeline.ingest.readers.records import has_title
from newsclust_pipeline.ingest.rows import Row
from newsclust_pipeline.ingest.source import Source

_BATCH_ROWS = 1024
_TEXTS = {pa.string(), pa.binary(), pa.large_string(), pa.large_binary()}
_SLICE_CHARACTERS = 1 << 24  # that are Python objects at one time


def read_parquet(stream: BinaryIO, source: Source) -> Iterator[Row]:
    """Yield the rows. The format needs random access, so packed files are unpacked to disk.

    Raises:
        DumpError: the file unpacks to more than its allowance, or is empty and without titles.
    """
    with tempfile.TemporaryFile() as unpacked:
        if not stream.seekable():
            shutil.copyfileobj(stream, unpacked)
            unpacked.seek(0)
        table = _open_table(stream if stream.seekable() else unpacked)
        names = table.schema_arrow.names
        if not table.metadata.num_rows and not has_title(dict.fromkeys(names)):
            raise NoTitleError(source.dump, names)
        wanted = [field.name for field in table.schema_arrow if _is_readable(field.type)]
        numbers = count(1)
        for batch in table.iter_batches(batch_size=_BATCH_ROWS, columns=wanted):
            for piece in _slices(batch, source):
                for cells in _rows(piece, source):
                    yield Row(source.dump, next(numbers), cells)


def _open_table(file: BinaryIO) -> pq.ParquetFile:
    """Return the file, with all text columns kept as dictionaries."""
    schema = pq.ParquetFile(file).schema
    columns = (schema.column(place) for place in range(len(schema)))
    texts = [column.path for column in columns if column.physical_type == "BYTE_ARRAY"]
    return pq.ParquetFile(file, read_dictionary=texts)


def _is_readable(kind: pa.DataType) -> bool:
    """Return False for lists of numbers, such as embeddings, and for maps: no field is in them."""
    if pa.types.is_struct(kind):
        return all(_is_readable(field.type) for field in kind)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        entry = kind.value_type
        is_number = pa.types.is_floating(entry) or pa.types.is_integer(entry)
        return not is_number and _is_readable(entry)
    return not pa.types.is_fixed_size_list(kind) and not pa.types.is_map(kind)


def _slices(batch: pa.RecordBatch, source: Source) -> Iterator[pa.RecordBatch]:
    """Yield the rows in slices whose texts fit into memory.

    Raises:
        DumpError: the texts are longer than the allowance.
    """
    lengths = np.zeros(batch.num_rows, dtype=np.int64)
    for column in batch.columns:
        lengths += text_lengths(column)
    source.allowance.spend(int(lengths.sum()))
    slice_of_row = np.cumsum(lengths) // _SLICE_CHARACTERS
    starts = [0, *(np.flatnonzero(np.diff(slice_of_row)) + 1), batch.num_rows]
    for start, stop in pairwise(starts):
        yield batch.slice(start, stop - start)


def text_lengths(column: pa.Array) -> np.ndarray:
    """Return the length of every text of a column; 0 for other values.

    Raises:
        ArrowInvalid: a damaged column refers to an entry that its dictionary lacks.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _dictionary_lengths(column)
    if pa.types.is_struct(kind):
        return sum(map(text_lengths, column.flatten()), np.zeros(len(column), dtype=np.int64))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        ends = np.concatenate([[0], np.cumsum(text_lengths(column.flatten()))])
        counts = pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False)
        stops = np.cumsum(counts)
        return ends[stops] - ends[stops - counts]
    if kind in _TEXTS:
        return pc.binary_length(column).fill_null(0).to_numpy(zero_copy_only=False)
    return np.zeros(len(column), dtype=np.int64)


def _dictionary_lengths(column: pa.DictionaryArray) -> np.ndarray:
    lengths = text_lengths(column.dictionary)
    indices = column.indices.drop_null().to_numpy(zero_copy_only=False)
    if len(indices) and not 0 <= indices.min() <= indices.max() < len(lengths):
        raise pa.ArrowInvalid("a dictionary lacks an entry")
    found = np.zeros(len(column), dtype=np.int64)
    found[column.is_valid().to_numpy(zero_copy_only=False)] = lengths[indices]
    return found


def _rows(batch: pa.RecordBatch, source: Source) -> Iterator[dict[str, Any]]:
    names = batch.schema.names
    for values in zip(*(_values(column, source) for column in batch.columns), strict=True):
        yield dict(zip(reversed(names), reversed(values), strict=True))


def _values(column: pa.Array, source: Source) -> Sequence[Any]:
    """Return a column's values as Python objects."""
    if pa.types.is_timestamp(column.type) and column.type.tz:
        column = column.cast(pa.timestamp(column.type.unit, "UTC"))  # the zone may be unknown
    try:
        return column.to_pylist()
    except (pa.ArrowException, OverflowError, ValueError):
        return [_value(scalar, source) for scalar in column]


def _value(scalar: pa.Scalar, source: Source) -> Any:
    """Return one value; a text about it if Python has no such value."""
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        text = scalar.value if isinstance(scalar, pa.DictionaryScalar) else scalar
        return decode_text(bytes(text.as_buffer()), source.dump, source.warnings)
    except (pa.ArrowException, OverflowError, ValueError):
        return f"no value of {scalar.type}"
