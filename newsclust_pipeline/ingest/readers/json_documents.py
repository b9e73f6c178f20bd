"""Read JSON: one object a line, an array of objects, or a document that holds them at any depth.

Objects are decoded one at a time. Only a document without an array, such as a table by columns, is
held in memory as a whole.
"""

import json
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any, BinaryIO

from newsclust_pipeline.core.errors import DumpError
from newsclust_pipeline.ingest.decoding import open_text, read_lines
from newsclust_pipeline.ingest.readers.json_stream import MAX_VALUE, JsonStream, ValueTooLongError
from newsclust_pipeline.ingest.readers.records import (
    find_records,
    has_title,
    is_table,
    table_rows,
)
from newsclust_pipeline.ingest.rows import Row
from newsclust_pipeline.ingest.source import Source

_LOOKED_AT = 20  # entries of an array from which its kind is known


def read_json(stream: BinaryIO, source: Source) -> Iterator[Row]:
    """Yield the articles; a line or an entry that is not an object is a row with a defect.

    Raises:
        DumpError: a document is not JSON, ends too early, or one object in it is endless.
    """
    text, head = open_text(stream, source.dump, source.warnings)
    try:
        rows = (
            _read_lines(read_lines(text, source.dump), source)
            if _is_lines(head, source.dump.lower())
            else _read_documents(JsonStream(text, source.dump), source)
        )
        for number, row in enumerate(rows, start=1):
            yield row._replace(number=number)
    except ValueTooLongError:
        raise DumpError(
            f"{source.dump}: an object of more than {MAX_VALUE >> 20} million characters. One "
            "object for every article is expected: convert it, or move it out of the way."
        ) from None


def _is_lines(head: str, name: str) -> bool:
    """Return True for one object a line, False for a document that may be spread over lines."""
    text = head.lstrip("\ufeff \t\r\n")
    line, end, rest = text.partition("\n")
    if text[:1] == "[":
        return _is_flat_list(line)
    if text[:1] != "{":
        return True
    try:
        _, stop = json.JSONDecoder().raw_decode(text)
    except RecursionError:
        return True
    except ValueError:  # the line is broken, or the document longer than the head
        if line.strip() == "{":
            return False
        named_lines = ".jsonl" in name or ".ndjson" in name
        next_is_line = rest.startswith("{") or (
            named_lines and end and rest[:1] not in set(' \t"]}')
        )
        return bool(line.rstrip().endswith("}") or next_is_line)
    return "\n" not in text[:stop]


def _is_flat_list(line: str) -> bool:
    """Return True for a line that is a list without objects: no article, in any form."""
    try:
        entries = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return bool(entries) and not any(isinstance(entry, dict | list) for entry in entries)


def _read_lines(lines: Iterator[str], source: Source) -> Iterator[Row]:
    for line in filter(str.strip, lines):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as fault:
            yield _defect(source, line.strip(), f"not JSON: {fault}")
            continue
        yield from _rows(value, source, line)


def _rows(value: Any, source: Source, text: str = "") -> Iterator[Row]:
    """Yield the rows of a decoded value."""
    if isinstance(value, dict):
        for record in find_records(value, source.options.columns.get("title")):
            yield Row(source.dump, 0, record)
    else:
        text = text.strip() or json.dumps(value, ensure_ascii=False)
        yield _defect(source, text, "not a JSON object")


def _defect(source: Source, text: str, reason: str) -> Row:
    return Row(source.dump, 0, {"": text}, reason)


def _read_documents(stream: JsonStream, source: Source) -> Iterator[Row]:
    while stream.peek():
        if stream.peek() == ",":  # objects that are separated like those of an array
            stream.take()
        else:
            yield from _read_value(stream, source)


def _read_value(stream: JsonStream, source: Source) -> Iterator[Row]:
    if stream.peek() == "[":
        yield from _read_array(stream, source)
        return
    try:
        value = stream.value()
    except ValueTooLongError:
        if stream.peek() != "{":
            raise
        yield from _read_long_object(stream, source)
    else:
        yield from _rows(value, source)


def _read_array(stream: JsonStream, source: Source) -> Iterator[Row]:
    """Yield the entries of an array one by one, or the rows of a table with a header."""
    stream.take()
    names: list[str] | None = None
    while (character := stream.peek()) not in {"]", ""}:
        if character == ",":
            stream.take()
            continue
        entry = stream.value()
        if isinstance(entry, list) and names is None and is_table([entry, entry]):
            names = entry
        elif isinstance(entry, list) and names is not None:
            yield from (Row(source.dump, 0, record) for record in table_rows([names, entry]))
        elif isinstance(entry, list):  # pages of articles
            for inner in entry:
                yield from _rows(inner, source)
        else:
            yield from _rows(entry, source)
    if not stream.take():
        raise DumpError(
            f"{source.dump}: can't be read as JSON (the array has no end). Replace the file with a "
            "whole one, or move it out of the way."
        )


def _read_long_object(stream: JsonStream, source: Source) -> Iterator[Row]:
    """Yield the articles in an object that is too long to be decoded as a whole."""
    stream.take()
    while stream.peek() not in {"}", ""}:
        if stream.peek() == ",":
            stream.take()
            continue
        key = stream.value()
        if stream.take() != ":":
            raise DumpError(f"{source.dump}: can't be read as JSON (no value for {key!r}).")
        rows = _read_value(stream, source)
        first = list(islice(rows, _LOOKED_AT))
        if any(has_title(row.cells, source.options.columns.get("title")) for row in first):
            yield from chain(first, rows)
        else:
            ignored = len(first) + sum(1 for _ in rows)
            if ignored > 1:
                source.warnings.append(f"{source.dump}: {ignored:,} entries of {key!r} ignored")
    stream.take()
