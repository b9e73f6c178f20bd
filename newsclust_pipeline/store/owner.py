"""Who owns a collection: a data folder, by an id that it keeps in a file.

The file also lists the writes that this folder has made. A collection records the last write to it.
If that write isn't in the list, another folder with the same id (a copy on another machine) has
written to the collection.
"""

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from newsclust_pipeline.core.checksums import CHECKSUM, add_checksum, verify_checksum
from newsclust_pipeline.core.errors import CollectionError, FileError, NewsclustError
from newsclust_pipeline.core.files import exists, read_text, write_text
from newsclust_pipeline.core.locations import Location, address_of, parse_location

_FILE = ".owner.json"
_MAX_WRITES = 200  # a server that the folder stopped using long ago may be forgotten


@dataclass(frozen=True)
class Owner:
    """The owner of collections.

    Attributes:
        id: recorded in every collection that the owner creates.
        folder: its data folder.
        local: the folder of what is on this machine, locks among it; the data folder itself unless
            that is in an object store. A Milvus Lite file inside belongs to the owner without a
            record.
        is_explicit: whether the user chose the id, so that copies of the folder may share it.
    """

    id: str
    folder: Location | None = None
    local: Path | None = None
    is_explicit: bool = False

    def contains(self, path: Path) -> bool:
        """Return True if the path lies inside the owner's local folder."""
        return self.local is not None and path.resolve().is_relative_to(self.local.resolve())

    def has_written(self, write: str) -> bool:
        """Return True if this folder made the write, or can't know."""
        if self.is_explicit or self.folder is None:
            return True
        return write in _read(self.folder).get("writes", [])

    def new_write(self) -> str:
        """Return the id of a new write, after listing it in the data folder."""
        write = secrets.token_hex(8)
        if self.folder is not None and self.local is not None:
            with _locked(self.folder, self.local):
                record = _read(self.folder)
                writes = [*record.get("writes", []), write][-_MAX_WRITES:]
                _write(self.folder, record | {"writes": writes})
        return write


def owner_of(
    folder: Location, warn: Callable[[str], None], chosen_id: str = "", local: Path | None = None
) -> Owner:
    """Return the owner that a data folder stands for. A folder without an id gets a new one.

    A folder that was moved keeps its id. A copy gets a new one, if the original is still in its
    place.

    Args:
        folder: the data folder; created if needed.
        warn: called with a sentence if the folder loses its id.
        chosen_id: an id that the user chose instead of the folder's own.
        local: the local folder of a data folder in an object store; created if needed.

    Raises:
        CollectionError: the folder can't be written to.
    """
    local = folder if local is None and isinstance(folder, Path) else local
    if local is None:
        raise CollectionError(f"{address_of(folder)}: needs a local folder for its locks.")
    with _locked(folder, local):
        record = _current_record(folder, warn)
        if record != _read(folder):
            _write(folder, record)
    return Owner(chosen_id or record["id"], folder, local, is_explicit=bool(chosen_id))


def _current_record(folder: Location, warn: Callable[[str], None]) -> dict[str, Any]:
    record = _read(folder)
    path = address_of(folder.resolve() if isinstance(folder, Path) else folder)
    if not record and exists(folder / _FILE):
        warn(f"{address_of(folder / _FILE)} can't be read, so the data folder gets a new id.")
    if record.get("path") not in {None, path} and _is_copy(folder, record):
        warn(f"{address_of(folder)} is a copy of {record['path']}, so it gets a new id.")
        record = {}
    new = {"id": secrets.token_hex(8), "writes": []}
    return new | record | {"path": path}


def _is_copy(folder: Location, record: dict[str, Any]) -> bool:
    """Return True if the folder named in the record still has this id and is another folder."""
    try:
        original = parse_location(record["path"], "data_dir")
        if _read(original).get("id") != record["id"]:
            return False
        are_paths = isinstance(original, Path) and isinstance(folder, Path)
        return not are_paths or not Path(str(original)).samefile(str(folder))
    except (OSError, NewsclustError):
        return False


def _read(folder: Location) -> dict[str, Any]:
    """Return the record of a data folder; empty if there is none or if it is damaged."""
    try:
        record = json.loads(read_text(folder / _FILE))
        # Former versions wrote no checksum.
        record = verify_checksum(record) if CHECKSUM in record else record
    except (OSError, ValueError, TypeError):
        return {}
    types = {"id": str, "path": str, "writes": list}
    if not isinstance(record, dict) or record.keys() != types.keys():
        return {}
    return record if all(isinstance(record[key], kind) for key, kind in types.items()) else {}


def _write(folder: Location, record: dict[str, Any]) -> None:
    write_text(json.dumps(add_checksum(record), indent=2), folder / _FILE)


@contextmanager
def _locked(folder: Location, local: Path) -> Iterator[None]:
    """Hold the lock of the record, and translate errors of the file system."""
    from filelock import FileLock

    try:
        local.mkdir(parents=True, exist_ok=True)
        with FileLock(local / f"{_FILE}.lock", timeout=60):
            yield
    except FileError as error:
        raise CollectionError(str(error)) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise CollectionError(
            f"{address_of(folder / _FILE)}: can't be written ({reason}). Set `data_dir` to a "
            "folder that can be written to, with free space."
        ) from error
