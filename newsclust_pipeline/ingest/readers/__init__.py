"""Readers by format: a stream of bytes to rows.

`FORMATS` maps the ending of a file's name to the function that reads such a stream. A reader gets
the stream and its `Source`. It yields rows, and raises `DumpError` if nothing can be read.
"""

from collections.abc import Callable, Iterator
from typing import BinaryIO

from newsclust_pipeline.ingest.readers.delimited import read_delimited
from newsclust_pipeline.ingest.readers.feed_files import read_feed
from newsclust_pipeline.ingest.readers.json_documents import read_json
from newsclust_pipeline.ingest.readers.parquet import read_parquet
from newsclust_pipeline.ingest.readers.workbook import read_workbook
from newsclust_pipeline.ingest.rows import Row
from newsclust_pipeline.ingest.source import Source

FORMATS: dict[str, Callable[[BinaryIO, Source], Iterator[Row]]] = {
    ".csv": read_delimited,
    ".tsv": read_delimited,
    ".jsonl": read_json,
    ".ndjson": read_json,
    ".json": read_json,
    ".parquet": read_parquet,
    ".xml": read_feed,
    ".rss": read_feed,
    ".atom": read_feed,
    ".xlsx": read_workbook,
}
