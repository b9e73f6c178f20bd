"""Tables larger than memory: rows go to a temporary file, and the table is that file, mapped."""

import tempfile
from typing import Any, Self

import pyarrow as pa

_LETTERS = 1 << 22  # in rows that are Python objects at one time
_ROWS = 10_000


class Spool:
    """Collects rows of one schema in a file, where temporary files go (TMPDIR).

    The table outlives the file's name: the room is given back when the table is, or when the
    process ends, however it ends.

    >>> with Spool(pa.schema({"n": pa.int8()})) as spool:
    ...     spool.add({"n": 7})
    ...     table = spool.table()
    >>> table["n"].to_pylist()
    [7]
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._rows: list[dict[str, Any]] = []
        self._letters = 0

    def __enter__(self) -> Self:
        self._file = tempfile.NamedTemporaryFile(prefix="newsclust-", suffix=".arrow")
        self._writer = pa.ipc.new_file(self._file.name, self._schema)
        return self

    def __exit__(self, *fault: object) -> None:
        self._writer.close()
        self._file.close()

    def add(self, row: dict[str, Any]) -> None:
        """Take in a row: the schema's fields, by name."""
        self._rows.append(row)
        self._letters += sum(len(value) for value in row.values() if isinstance(value, str))
        if len(self._rows) >= _ROWS or self._letters >= _LETTERS:
            self._flush()

    def table(self) -> pa.Table:
        """Give all rows, in the order in which they came. Nothing can be added any more."""
        self._flush()
        self._writer.close()
        return pa.ipc.open_file(pa.memory_map(self._file.name)).read_all()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_batch(pa.RecordBatch.from_pylist(self._rows, self._schema))
        self._rows, self._letters = [], 0
