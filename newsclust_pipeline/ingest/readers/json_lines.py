"""Read JSON Lines: one object a line."""

import json
from collections.abc import Iterator
from typing import BinaryIO

from newsclust_pipeline.ingest.decoding import open_text, read_lines
from newsclust_pipeline.ingest.rows import Row


def read_json_lines(stream: BinaryIO, dump: str, warnings: list[str]) -> Iterator[Row]:
    """Yield the objects; a line that is not an object is a row with a defect."""
    text, _ = open_text(stream, dump, warnings)
    for number, line in enumerate(filter(str.strip, read_lines(text, dump)), start=1):
        try:
            cells = json.loads(line)
        except (ValueError, RecursionError) as fault:
            yield Row(dump, number, {"": line.strip()}, f"not JSON: {fault}")
            continue
        if isinstance(cells, dict):
            yield Row(dump, number, cells)
        else:
            yield Row(dump, number, {"": line.strip()}, "not a JSON object")
