"""Tables larger than memory: rows go to a temporary file, which is later mapped into memory."""

import tempfile
from typing import Any, Self

import pyarrow as pa

# Rows are written once so many, or so many characters in them, are held as Python objects.
_MAX_ROWS = 10_000
_MAX_CHARACTERS = 1 << 22


class Spool:
    """Collect rows of one schema in a temporary file (in the folder TMPDIR).

    The table stays valid after the file's name is removed. The disk space is freed with the table,
    or when the process ends, in whatever way.

    >>> with Spool(pa.schema({"n": pa.int8()})) as spool:
    ...     spool.add({"n": 7})
    ...     table = spool.table()
    >>> table["n"].to_pylist()
    [7]
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._rows: list[dict[str, Any]] = []
        self._characters = 0

    def __enter__(self) -> Self:
        self._file = tempfile.NamedTemporaryFile(prefix="newsclust-", suffix=".arrow")
        self._writer = pa.ipc.new_file(self._file.name, self._schema)
        return self

    def __exit__(self, *fault: object) -> None:
        self._writer.close()
        self._file.close()

    def add(self, row: dict[str, Any]) -> None:
        """Add a row: the values of the schema's fields, by name."""
        self._rows.append(row)
        self._characters += sum(len(value) for value in row.values() if isinstance(value, str))
        if len(self._rows) >= _MAX_ROWS or self._characters >= _MAX_CHARACTERS:
            self._flush()

    def table(self) -> pa.Table:
        """Return all rows, in the order in which they were added. Ends the spool."""
        self._flush()
        self._writer.close()
        return pa.ipc.open_file(pa.memory_map(self._file.name)).read_all()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_batch(pa.RecordBatch.from_pylist(self._rows, self._schema))
        self._rows, self._characters = [], 0
