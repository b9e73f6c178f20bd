"""Read Parquet files."""

import shutil
import tempfile
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

import pyarrow.parquet as pq

from newsclust_pipeline.ingest.columns import has_title, no_title
from newsclust_pipeline.ingest.rows import Row


def read_parquet(stream: BinaryIO, dump: str, _: list[str]) -> Iterator[Row]:
    """Yield the rows. The format needs random access, so packed files are unpacked to disk.

    Raises:
        DumpError: no column holds titles.
    """
    with tempfile.TemporaryFile() as unpacked:
        if not stream.seekable():
            shutil.copyfileobj(stream, unpacked)
        table = pq.ParquetFile(stream if stream.seekable() else unpacked)
        if not has_title(table.schema_arrow.names):
            raise no_title(dump, table.schema_arrow.names)
        batches = table.iter_batches(batch_size=4096)
        rows = chain.from_iterable(batch.to_pylist() for batch in batches)
        for number, cells in enumerate(rows, start=1):
            yield Row(dump, number, cells)
