"""Readers by format: a stream of bytes to rows.

`FORMATS` maps the ending of a file's name to the function that reads such a stream. A reader is
called with the stream, the name of the dump and a list that takes warnings. It yields the rows,
and raises `DumpError` if nothing in the stream can be read.
"""

from collections.abc import Callable, Iterator
from typing import BinaryIO

from newsclust_pipeline.ingest.readers.delimited import read_delimited
from newsclust_pipeline.ingest.readers.json_lines import read_json_lines
from newsclust_pipeline.ingest.readers.parquet import read_parquet
from newsclust_pipeline.ingest.rows import Row

Reader = Callable[[BinaryIO, str, list[str]], Iterator[Row]]

FORMATS: dict[str, Reader] = {
    ".csv": read_delimited,
    ".tsv": read_delimited,
    ".jsonl": read_json_lines,
    ".parquet": read_parquet,
}
