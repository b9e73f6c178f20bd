"""Data versions: digests of the values that stages produce."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from newsclust_pipeline.search.graph import Neighbours

_ROWS = 1 << 12  # of a table that are copied at one time, however it is divided into chunks


def digest(value: Any) -> str:
    """Return a digest of a table (with the metadata of its schema), neighbours, text or JSON."""
    held = hashlib.sha256()
    _feed(held.update, value)
    return held.hexdigest()


def _feed(take: Callable[[bytes], Any], value: Any) -> None:
    """Feed a value's content to a hash, independently of how it lies in memory."""
    if isinstance(value, pa.Table):
        if not value.schema.metadata:  # Parquet reads empty metadata as none
            value = value.replace_schema_metadata(None)
        with pa.ipc.new_stream(pa.PythonFile(_Sink(take), "w"), value.schema) as stream:
            for start in range(0, value.num_rows, _ROWS):
                rows = value.slice(start, _ROWS).combine_chunks()
                # A copy: a slice of a larger table has bits of its neighbours in its buffers.
                stream.write_table(rows.take(np.arange(rows.num_rows)))
    elif isinstance(value, Neighbours):
        facts = np.array([str(value.k), value.provenance])
        for array in (value.doc_id, value.indices, value.distances, facts):
            take(np.ascontiguousarray(array).tobytes())
    elif isinstance(value, str):
        take(value.encode())
    else:
        take(json.dumps(value, sort_keys=True).encode())


class _Sink:
    """A file that passes on what is written to it."""

    closed = False

    def __init__(self, take: Callable[[bytes], Any]) -> None:
        self._take = take

    def write(self, content: bytes) -> int:
        self._take(content)
        return len(content)

    def flush(self) -> None:
        """Do nothing: nothing is buffered."""

    def close(self) -> None:
        self.closed = True
