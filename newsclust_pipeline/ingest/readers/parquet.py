"""Read Parquet files."""

import shutil
import tempfile
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

import pyarrow.parquet as pq

from newsclust_pipeline.ingest.columns import NoTitleError
from newsclust_pipeline.ingest.readers.records import has_title
from newsclust_pipeline.ingest.rows import Row
from newsclust_pipeline.ingest.source import Source


def read_parquet(stream: BinaryIO, source: Source) -> Iterator[Row]:
    """Yield the rows. The format needs random access, so packed files are unpacked to disk."""
    with tempfile.TemporaryFile() as unpacked:
        if not stream.seekable():
            shutil.copyfileobj(stream, unpacked)
        table = pq.ParquetFile(stream if stream.seekable() else unpacked)
        names = table.schema_arrow.names
        if not table.metadata.num_rows and not has_title(dict.fromkeys(names)):
            raise NoTitleError(source.dump, names)
        batches = table.iter_batches(batch_size=4096)
        rows = chain.from_iterable(batch.to_pylist() for batch in batches)
        for number, cells in enumerate(rows, start=1):
            yield Row(source.dump, number, cells)
