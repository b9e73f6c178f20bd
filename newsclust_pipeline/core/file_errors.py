"""Errors of the file system in plain words: which file, why, and what to do."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from newsclust_pipeline.core.errors import FileError, NewsclustError

_AGAIN = "Whatever was written before is whole: run it again afterwards."
_FULL = f"Free disk space there. {_AGAIN}"
_REMEDIES = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: f"Raise the limit on the size of files (ulimit -f). {_AGAIN}",
    errno.EROFS: "Make the file system writable, or choose a folder on another one.",
    errno.EACCES: "Change its permissions, or those of its folder, for the user that runs this.",
    errno.EPERM: "Change its permissions, or those of its folder, for the user that runs this.",
    errno.ENAMETOOLONG: "Choose a shorter path.",
    errno.EISDIR: "A folder is where a file should be: move it away.",
    errno.ENOTDIR: "A file is where a folder should be: move it away.",
    errno.EEXIST: "A file is where a folder should be: move it away.",
    errno.ENOTEMPTY: "A folder is where a file should be: move it away.",
    errno.ELOOP: "Its links lead in a circle: remove them.",
    errno.EMFILE: "Raise the limit on open files (ulimit -n).",
    errno.ENFILE: "Close other programs: the machine has too many open files.",
    errno.EIO: "Check the disk.",
    errno.ENODEV: "Check the disk.",
    errno.ESTALE: "Mount the network disk again.",
}


DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def temporary_files_error(error: Exception) -> str:
    """Return a sentence about temporary files that can't be written."""
    try:
        place = tempfile.gettempdir()
    except OSError:  # there is no folder for them
        place = os.environ.get("TMPDIR") or "TMPDIR"
    return (
        f"{place}: can't write temporary files ({error}). Free disk space there (three times the "
        "size of the dumps' texts), or set TMPDIR to a folder that can be written to."
    )


def is_circumstance(error: BaseException) -> bool:
    """Return True if an error is about the place of a file, not about its content."""
    return isinstance(error, OSError) and error.errno in _REMEDIES


def describe_file_error(error: OSError, path: str | Path = "") -> str:
    """Return a sentence about the file, the reason, and what to do.

    Args:
        error: an error for which `is_circumstance` holds.
        path: the file or folder, where the error does not name it.
    """
    place = os.fspath(error.filename or path or "a file")
    if isinstance(place, bytes):
        place = os.fsdecode(place)
    reason = os.strerror(error.errno or 0)
    return f"{place}: can't be read or written ({reason}). {_REMEDIES[error.errno or 0]}"


@contextmanager
def file_errors(path: str | Path) -> Iterator[None]:
    """Raise what the file system refuses in the block as a `FileError` about a path.

    >>> with file_errors("data/stories.parquet"):
    ...     raise OSError(errno.ENOSPC, "No space left on device")
    Traceback (most recent call last):
    newsclust_pipeline.core.errors.FileError: data/stories.parquet: can't be read or written (No ...
    """
    try:
        yield
    except NewsclustError:
        raise
    except OSError as error:
        if not is_circumstance(error):
            raise
        name = str(path) if _is_temporary(error.filename) else error.filename or path
        message = describe_file_error(OSError(error.errno, "", name))
        raise FileError(message) from error


def _is_temporary(name: object) -> bool:
    return str(name or "").endswith(".tmp")
