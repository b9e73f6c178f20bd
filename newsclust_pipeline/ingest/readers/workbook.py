"""Read Excel workbooks: every sheet that has a header."""

import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from itertools import count, islice
from typing import Any, BinaryIO

from newsclust_pipeline.core.errors import DumpError, NewsclustError
from newsclust_pipeline.ingest.columns import NoTitleError
from newsclust_pipeline.ingest.headers import MAX_JUNK, is_header
from newsclust_pipeline.ingest.rows import Row
from newsclust_pipeline.ingest.source import Source


def read_workbook(stream: BinaryIO, source: Source) -> Iterator[Row]:
    """Yield the rows below the header of every sheet.

    Raises:
        DumpError: the file is no workbook, or no sheet has a header with titles.
    """
    from openpyxl import load_workbook

    with tempfile.TemporaryFile() as unpacked:
        if not stream.seekable():
            shutil.copyfileobj(stream, unpacked)
            unpacked.seek(0)
        file = stream if stream.seekable() else unpacked
        try:
            with zipfile.ZipFile(file) as parts:
                source.allowance.spend(sum(part.file_size for part in parts.infolist()))
            workbook = load_workbook(file, read_only=True, data_only=True)
            yield from _read_sheets(workbook, source)
        except (NewsclustError, OSError, zipfile.BadZipFile):
            raise
        except Exception as fault:  # openpyxl raises anything for a damaged part
            reason = next(iter(str(fault).splitlines()), type(fault).__name__)
            raise DumpError(
                f"{source.dump}: can't be read as a workbook ({reason}). Save it again as .xlsx or "
                ".csv, or move it out of the way."
            ) from fault


def _read_sheets(workbook: Any, source: Source) -> Iterator[Row]:
    numbers = count(1)
    seen: list[str] = []
    ignored: list[str] = []
    for sheet in workbook.worksheets:
        lines = (_texts(line, source) for line in sheet.iter_rows(values_only=True))
        header, skipped = _find_header(lines, source, seen)
        if header is None:
            ignored.append(sheet.title)
            continue
        if skipped:
            source.warnings.append(f"{source.dump}: {skipped} rows above the header skipped")
        for row in _rows(lines, header, source.dump):
            yield row._replace(number=next(numbers))
    if len(ignored) == len(workbook.worksheets):
        raise NoTitleError(source.dump, seen)
    source.warnings.extend(
        f"{source.dump}: the sheet {name!r} is ignored, it has no header" for name in ignored
    )


def _find_header(
    lines: Iterator[list[Any]], source: Source, seen: list[str]
) -> tuple[list[str] | None, int]:
    """Return the first record that names columns, and the number of those above it."""
    skipped = 0
    for line in islice(lines, MAX_JUNK):
        names = ["" if cell is None else str(cell) for cell in line]
        if is_header(names, source.options.columns, first=not skipped):
            return names, skipped
        skipped += any(names)
        seen += [name for name in names if name and not skipped > 1]
    return None, 0


def _rows(lines: Iterator[list[Any]], header: Sequence[str], dump: str) -> Iterator[Row]:
    places = {name: place for place, name in reversed(list(enumerate(header))) if name}
    for line in lines:
        if not any(cell not in {None, ""} for cell in line):
            continue
        if [str(cell) for cell in line[: len(header)]] == list(header):
            yield Row(dump, 0, {"": "\t".join(header)}, "the header again")
            continue
        yield Row(dump, 0, {n: line[p] if p < len(line) else None for n, p in places.items()})


def _texts(line: Sequence[Any], source: Source) -> list[Any]:
    """Return a row's values; whole numbers lose their decimals, errors of formulas are empty."""
    source.allowance.spend(sum(len(cell) for cell in line if isinstance(cell, str)))
    return [_value(cell) for cell in line]


def _value(cell: Any) -> Any:
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    return None if isinstance(cell, str) and cell in _ERRORS else cell


_ERRORS = {"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!"}
