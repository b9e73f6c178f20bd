"""Errors about dumps: which file, what is wrong, what to do."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from newsclust_pipeline.core.errors import DiskSpaceError, DumpError, NewsclustError
from newsclust_pipeline.core.file_errors import (
    DISK_FULL,
    describe_file_error,
    is_circumstance,
    temporary_files_error,
)
from newsclust_pipeline.core.locations import Location, address_of


def unreadable(path: Location, suffix: str, fault: Exception) -> NewsclustError:
    """Return the error about a dump that can't be read."""
    if isinstance(fault, OSError) and fault.errno in DISK_FULL:
        return DiskSpaceError(temporary_files_error(fault))
    place = printable(address_of(path))
    if isinstance(fault, OSError) and is_circumstance(fault):
        return DumpError(describe_file_error(fault, place))
    return DumpError(
        f"{place}: can't be read as {suffix} ({_first_line(fault)}). "
        "Replace the file with a whole one, or move it out of the way."
    )


@contextmanager
def plain_errors(path: Location) -> Iterator[None]:
    """Raise what the file system refuses as a `DumpError`."""
    try:
        yield
    except OSError as error:
        if not is_circumstance(error):
            raise
        raise DumpError(describe_file_error(error, address_of(path))) from error


def printable(name: str | Path) -> str:
    """Return a file's name as one line of text, whatever its bytes are.

    A line that begins with "::" would be a command to GitHub Actions.
    """
    text = os.fsencode(name).decode("utf-8", "replace")
    line = "".join(c if c.isprintable() else "\ufffd" for c in text)
    return f"./{line}" if line.startswith("::") else line


def _first_line(fault: BaseException) -> str:
    lines = str(fault).strip().splitlines()
    return lines[0] if lines else type(fault).__name__
