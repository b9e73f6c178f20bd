"""Milvus Lite: a file that one process at a time may open.

The file is opened behind a lock file and closed completely, so that runs take turns.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa

from newsclust_pipeline.core.errors import CollectionError, DamagedCollectionError
from newsclust_pipeline.core.imports import import_pymilvus
from newsclust_pipeline.core.progress import Progress
from newsclust_pipeline.store.addresses import without_password
from newsclust_pipeline.store.client import Client
from newsclust_pipeline.store.lite_engine import (
    SEGMENT_ROWS,
    collection_folder,
    read_vectors,
    start_server,
    write_segment,
)
from newsclust_pipeline.store.logs import silenced
from newsclust_pipeline.store.manifest import Manifest, read_manifest, write_manifest
from newsclust_pipeline.store.owner import Owner
from newsclust_pipeline.store.retries import brief_message, retry

if TYPE_CHECKING:
    from pymilvus import MilvusClient

T = TypeVar("T")

_LOCK_SECONDS = 120


class LiteClient(Client):
    """A client of Milvus Lite, which opens the file only if the manifest isn't enough."""

    is_lite = True

    def __init__(
        self, path: Path, owner: Owner, start: "Callable[[ExitStack], tuple[MilvusClient, Any]]"
    ) -> None:
        self._cleanup, self._start = ExitStack(), start
        self._database: Any = None
        super().__init__(self._open, owner, partial(_translate_error, path))
        self._path = path
        self.is_private = owner.contains(path)
        self.manifest = read_manifest(path)
        self.new_manifest: Manifest | None = None

    @cached_property
    def _client(self) -> "MilvusClient":
        self.manifest = None  # from now on, the content may change
        return self._open_client()

    def _open(self) -> "MilvusClient":
        client, self._database = self._start(self._cleanup)
        return client

    def record_manifest(self, manifest: Manifest) -> None:
        """Have the manifest written when the file is closed, unless another call follows."""
        self.new_manifest = manifest

    def create_collection(self, collection: str, **options: Any) -> None:
        """Create a collection that doesn't exist.

        A run that was killed while it created or dropped a collection leaves a part of its folder,
        which Milvus Lite can't overwrite: remove it first.
        """
        if not self.has_collection(collection):
            shutil.rmtree(collection_folder(self._path, collection), ignore_errors=True)
        super().create_collection(collection, **options)

    def write(
        self, collection: str, documents: pa.Table, vectors: np.ndarray, progress: Progress
    ) -> None:
        """Write documents and their vectors as large segments; see `Client.write`."""
        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
        rows = documents.append_column("embedding", column)
        for start in range(0, rows.num_rows, SEGMENT_ROWS):
            segment = rows.slice(start, SEGMENT_ROWS)
            self._engine(write_segment, collection, segment)
            progress(start + segment.num_rows, rows.num_rows)

    def vectors(self, collection: str) -> Iterator[tuple[list[str], np.ndarray]]:
        """Yield the ids (n,) and vectors (n, d) of all documents, block by block."""
        blocks = self._engine(read_vectors, collection)
        with self._translated():
            yield from blocks

    def _engine(self, call: Callable[..., T], collection: str, *args: Any) -> T:
        """Call Milvus Lite inside this process, where it may raise anything."""
        assert self._client  # noqa: S101 (opens the file)
        self.new_manifest = None
        with self._translated():
            return call(self._database, collection, *args)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            raise _translate_error(self._path, error) from error

    @contextmanager
    def new_file(self) -> Iterator[Path]:
        """Work on a new file in the block, and keep the former one under the yielded path.

        If the block fails, the former file is put back.
        """
        former = self._path.with_name(f"{self._path.name}.damaged")
        self.close()
        with _folder_errors(self._path.parent):
            _remove(former)
            self._path.rename(former)
        try:
            yield former
        except BaseException:
            self.close()
            _remove(self._path)
            former.rename(self._path)
            raise

    def close(self) -> None:
        """Close the file. The next call opens it again."""
        self._cleanup.close()
        self.__dict__.pop("_client", None)

    def _retry(self, call: Callable[[], Any]) -> Any:
        self.new_manifest = None
        return super()._retry(call)


@contextmanager
def open_lite(path: Path, owner: Owner) -> Iterator[LiteClient]:
    """Lock a Milvus Lite file for this process; the first call opens it.

    Raises:
        CollectionError: the file can't be locked or opened.
    """
    if path.suffix != ".db":
        raise CollectionError(
            f"{without_password(str(path))}: neither the address of a Milvus server nor a "
            "Milvus Lite file. Set `milvus.uri` to http(s)://… or to a path that ends in .db."
        )
    with _locked(path):
        client = LiteClient(path, owner, partial(_start, path))
        with closing(client):
            yield client
        if client.new_manifest:
            with suppress(OSError):  # the next run reads the vectors instead
                write_manifest(path, client.new_manifest)


def _start(path: Path, cleanup: ExitStack) -> "tuple[MilvusClient, Any]":
    """Open a Milvus Lite file; return a client of it and its database.

    `MilvusClient(path)` would hide the cause of a failure, and keep the file locked until the
    process ends.
    """
    import_pymilvus()
    cleanup.enter_context(silenced())
    from milvus_lite.exceptions import DataDirLockedError
    from pymilvus import MilvusClient

    try:
        server, database, port = start_server(path)
    except DataDirLockedError as error:
        raise CollectionError(
            f"{path}: another program, such as a notebook, has the file open. Close it there, or "
            "set `milvus.uri` to another path."
        ) from error
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise _translate_error(path, error) from error
    cleanup.callback(database.close)
    # A call that was interrupted may still be running.
    cleanup.callback(lambda: server.stop(grace=10).wait())
    connect = partial(MilvusClient, f"http://127.0.0.1:{port}", dedicated=True)
    client = retry(connect, partial(_translate_error, path), 0)
    cleanup.callback(client.close)
    return client, database


def _translate_error(path: Path, error: Exception) -> CollectionError:
    return DamagedCollectionError(
        f"{path}: Milvus Lite fails ({brief_message(error)}). If the disk is full, free some "
        "space. Otherwise the file may be damaged, or not of Milvus Lite 3: move it away, and the "
        "next run creates it again."
    )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of a Milvus Lite file. The system frees it when its process ends or dies."""
    from filelock import FileLock, Timeout

    lock = FileLock(f"{path}.lock")
    try:
        with _folder_errors(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=_LOCK_SECONDS)
    except Timeout:
        raise CollectionError(
            f"{path}: another run has the file open (waited {_LOCK_SECONDS} s). Wait until it "
            "ends, or set `milvus.uri` to another path."
        ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _folder_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except TimeoutError:  # of the lock
        raise
    except OSError as error:
        raise CollectionError(
            f"{folder}: can't write to this folder ({error.strerror}). Set `milvus.uri` to a path "
            "in a folder that can be written to."
        ) from error


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
