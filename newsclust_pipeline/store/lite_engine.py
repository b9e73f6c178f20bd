"""The parts of Milvus Lite that are not public, read from release 3.2. No other module uses them.

Milvus Lite runs inside this process. Its public interface converts every number of every vector to
a Python object, several times. Whole segments are Arrow tables, as the embeddings are, and are
written and read without conversion, twenty times as fast.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

SEGMENT_ROWS = 100_000  # as many as Milvus Lite's own compaction makes; larger ones it would split
_PARTITION = "_default"


def start_server(path: Path) -> tuple[Any, Any, int]:
    """Open a file; return its gRPC server, its database and the server's port.

    Raises:
        milvus_lite.exceptions.DataDirLockedError: another program has the file open.
    """
    from milvus_lite.adapter.grpc.server import start_server_in_thread

    return start_server_in_thread(str(path))


def collection_folder(path: Path, collection: str) -> Path:
    """Return the folder in which a file keeps a collection."""
    return path / "collections" / collection


def write_segment(database: Any, collection: str, rows: pa.Table) -> None:
    """Write rows as one segment, whole or not at all. They replace rows with the same id.

    Args:
        database: an open database.
        collection: the collection's name.
        rows: one column per field.
    """
    engine = database.get_collection(collection)
    engine.flush()  # what was written before must be older
    first = engine._next_seq
    engine._next_seq += rows.num_rows
    numbers = pa.array(np.arange(first, engine._next_seq, dtype=np.uint64))
    schema = engine._memtable._data_schema
    columns = [numbers, *(rows[name].combine_chunks() for name in schema.names[1:])]
    # The engine writes what its table in memory returns, and then puts a new one in its place.
    engine._memtable = _Rows(pa.Table.from_arrays(columns, schema=schema), first)
    engine._trigger_flush()


def read_vectors(database: Any, collection: str) -> Iterator[tuple[list[str], np.ndarray]]:
    """Yield the ids (n,) and vectors (n, d) of the documents of every segment.

    The field `embedding` of the newest row of every id is read, unless it was deleted.
    """
    engine = database.get_collection(collection)
    engine.flush()
    segments, deleted = engine._read_snapshot()
    newest: dict[str, int] = {}
    for segment in segments:
        for doc_id, number in zip(segment.pks, segment.seqs.tolist(), strict=True):
            newest[doc_id] = max(number, newest.get(doc_id, -1))
    for segment in segments:
        rows = [
            row
            for row, (doc_id, number) in enumerate(
                zip(segment.pks, segment.seqs.tolist(), strict=True)
            )
            if newest[doc_id] == number and not deleted.is_deleted(doc_id, number)
        ]
        for start in range(0, len(rows), 10_000):
            block = rows[start : start + 10_000]
            yield [segment.pks[row] for row in block], segment.vectors[block]


class _Rows:
    """Stands in for the engine's table in memory while it is written as a segment."""

    def __init__(self, table: pa.Table, first: int) -> None:
        self._table = table
        self.max_seq = first + table.num_rows - 1

    def size(self) -> int:
        """Return the number of rows."""
        return self._table.num_rows

    def flush(self, known_partitions: list[str] | None = None) -> dict[str, Any]:
        """Return the rows, and no deletions, by partition."""
        return {_PARTITION: (self._table, None)}
