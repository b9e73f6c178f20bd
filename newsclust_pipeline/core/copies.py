"""Copies of remote files on this machine, for readers that need a file of a file system."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from newsclust_pipeline.core.errors import DiskSpaceError
from newsclust_pipeline.core.listing import file_info
from newsclust_pipeline.core.locations import Location, address_of, name_of, store_errors

if TYPE_CHECKING:
    from upath import UPath

TEMPORARY_PREFIX = "newsclust-"  # of what is written to the folder TMPDIR
_MIN_FREE = 1 << 26  # bytes of the disk that no download takes


class _Copies:
    """The copies of one run, each with the version of its original."""

    def __init__(self, parent: Path) -> None:
        self._parent, self._lock = parent, Lock()
        self._folder: Path | None = None
        self._versions: dict[str, str] = {}

    @property
    def folder(self) -> Path:
        """The folder of the copies and of other temporary files; it is made when it is needed."""
        if self._folder is None:
            self._parent.mkdir(parents=True, exist_ok=True)
            # `defs.housekeeping` removes a folder of this name that a killed run has left.
            name = tempfile.mkdtemp(dir=self._parent, prefix=".copies.", suffix=".tmp")
            self._folder = Path(name)
        return self._folder

    def path(self, source: "UPath") -> Path:
        """Return the copy of a file as it is now; one that has changed is downloaded again."""
        info = file_info(source)
        if info is None:
            raise IsADirectoryError(f"{address_of(source)}: a folder, not a file")
        address = str(source)
        with self._lock:
            copy = self.folder / hashlib.sha256(address.encode()).hexdigest()
            if not info.version or self._versions.get(address) != info.version:
                with temporary_file(source) as temporary:
                    download(source, temporary)
                    temporary.replace(copy)
                self._versions[address] = info.version
        return copy

    def remove(self) -> None:
        """Remove the folder."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


_current: list[_Copies] = []


@contextmanager
def kept_copies(parent: Path) -> Iterator[None]:
    """Keep copies until the block ends: a file that is read ten times is downloaded once.

    Args:
        parent: the folder in which they are kept. Without this block, they are temporary files.
    """
    copies = _Copies(parent)
    _current.append(copies)
    try:
        yield
    finally:
        _current.remove(copies)
        copies.remove()


@contextmanager
def local_copy(source: Location, *, keep: bool = True) -> Iterator[Path]:
    """Yield a path on this machine with the content of a file: the file itself, if it is there.

    Args:
        source: the file; the copy must not be changed.
        keep: whether the copy may serve a later reader; see `kept_copies`.

    Raises:
        FileNotFoundError: there is no such object.
        StoreError: it can't be downloaded.
        DiskSpaceError: it is larger than the free space for temporary files.
    """
    if isinstance(source, Path):
        yield source
    elif keep and _current:
        yield _current[-1].path(source)
    else:
        with temporary_file(source) as copy:
            download(source, copy)
            yield copy


@contextmanager
def temporary_file(remote: Location) -> Iterator[Path]:
    """Yield an empty temporary file. It has the object's name, from which stores guess its type."""
    parent = _current[-1].folder if _current else None
    with tempfile.TemporaryDirectory(dir=parent, prefix=TEMPORARY_PREFIX) as folder:
        temporary = Path(folder) / (name_of(remote) or "file")
        temporary.touch()
        yield temporary


def download(source: "UPath", target: Path) -> None:
    """Download a file.

    Raises:
        FileNotFoundError: there is no such object.
        StoreError: it can't be downloaded.
        DiskSpaceError: it is larger than the free space for temporary files.
    """
    with store_errors(source):
        source.fs.get_file(source.path, str(target), callback=_space_watch(target.parent))


def _space_watch(folder: Path) -> Any:
    """Return a callback of fsspec that stops a download before it fills the disk.

    The size that a server announces is checked first, and then what it really sends.
    """
    from fsspec.callbacks import Callback

    class SpaceWatch(Callback):  # type: ignore[misc]
        left = shutil.disk_usage(folder).free - _MIN_FREE

        def set_size(self, size: int | None) -> None:
            self._check(size or 0)

        def relative_update(self, inc: int = 1) -> None:
            self.left -= inc
            self._check(0)

        def _check(self, more: int) -> None:
            if more > self.left:
                raise DiskSpaceError(
                    f"{folder.parent}: a download does not fit there. Free space on that disk."
                )

    return SpaceWatch()
