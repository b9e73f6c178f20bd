"""Milvus, opened: an embedded file, a server, a cluster. Where they differ ends here.

A file (Milvus Lite) lets in one process at a time. It is opened behind a lock file and closed for
good, so that runs take turns.

A server may be away, restart, or be slow. Calls that fail by no fault of theirs are made again for
a while. All calls that are made here may be: they leave the same behind, however often they ran.
"""

import logging
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

import numpy as np

from newsclust_pipeline.core.errors import CollectionError
from newsclust_pipeline.core.imports import import_pymilvus
from newsclust_pipeline.store.manifest import Seal, put_seal, sealed

if TYPE_CHECKING:
    from pymilvus import MilvusClient

T = TypeVar("T")

PATIENCE = 180.0  # seconds for which calls are made again; a server restarts within 10 to 60
PATIENCE_AT_START = 30.0  # the address may be wrong: don't let its owner wait that long
_CALL_SECONDS = 600  # that one call may take; a server that is gone is noticed within 15
_LOAD_SECONDS = 1800  # that a collection may take into the server's memory
_LOCK_SECONDS = 120
_PAGE = 16_384  # the most rows that a server gives at once, and the most queries that it takes
ROWS_PER_CALL = 1000
_BYTES_PER_CALL = 16 << 20  # of the 64 MiB that a server takes or gives
_BYTES_PER_HIT = 64  # an id, a score, and what goes with them

# What a server says while it starts, restarts, moves or has too much to do: gRPC's codes by name,
# Milvus's own by number (pkg/util/merr/errors.go in its source).
_PASSING = frozenset(
    {"UNAVAILABLE", "DEADLINE_EXCEEDED", 1, 2, 4, 8, 12, 101, 103, 106, 202, 305, 400, 401}
    | {500, 501, 503, 600, 601, 602, 901, 902, 903, 904, 905, 906, 1002, 65_535}
)
_REFUSED = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED", 1400, 1401, 1800})
_FULL = frozenset({3, 7, 9, 102, 250})


@contextmanager
def milvus(
    uri: str, token: str | None = None, patience: float = PATIENCE
) -> Iterator["Connection"]:
    """Open Milvus: a file (Milvus Lite, one process at a time), or a server's address.

    A file is ours from now on, but opened only by the first call.

    Args:
        uri: a path that ends in .db, or http(s)://…, with user:password@ if need be.
        token: of a server that asks for one; or user:password.
        patience: seconds for which calls are made again while a server is away.

    Raises:
        CollectionError: it can't be opened, as does every call later on that fails for good. Says
            why as far as Milvus tells, and never the token.
    """
    place = _server(uri, token, patience) if is_server(uri) else _lite(Path(uri))
    with _quiet("pymilvus", "milvus_lite", "grpc"), place as connection:
        yield connection


def is_server(uri: str) -> bool:
    """Tell a Milvus server's address from a Milvus Lite file."""
    return "://" in uri


def batches(sizes: Sequence[int]) -> Iterator[slice]:
    """Cut rows of these sizes in bytes into as many as go into a call: one at least."""
    start = held = 0
    for row, size in enumerate(sizes):
        if row > start and (row - start == ROWS_PER_CALL or held + size > _BYTES_PER_CALL):
            yield slice(start, row)
            start, held = row, 0
        held += size
    if sizes:
        yield slice(start, len(sizes))


class Connection:
    """A `MilvusClient` whose calls outlast a server's absence, and fail in plain words.

    Every method of `MilvusClient` is there. Those below differ. An embedded file is opened by the
    first call: what its seal tells needs none.
    """

    def __init__(
        self,
        opened: Callable[[], "MilvusClient"],
        told: Callable[[Exception], CollectionError],
        patience: float = 0,
        folder: Path | None = None,
    ) -> None:
        """Prepare for calls.

        Args:
            opened: gives the client that does the work.
            told: makes the error for a call that failed for good.
            patience: seconds for which calls are made again.
            folder: of an embedded file.
        """
        self._opened, self._told, self._patience, self._folder = opened, told, patience, folder
        self._now = 0
        self.sealed = sealed(folder) if folder else None
        self.to_seal: Seal | None = None

    @cached_property
    def _client(self) -> "MilvusClient":
        self.sealed = None  # from now on, what it holds may change
        return self._opened()

    @property
    def embedded(self) -> bool:
        """Whether this is a file, whose vectors are quickly read back."""
        return self._folder is not None

    def seal(self, held: Seal) -> None:
        """Seal an embedded file when it is closed, if no call follows."""
        self.to_seal = held

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        self._now = 0  # it may write
        return partial(self._call, getattr(self._client, name))

    def search(self, collection: str, data: np.ndarray, limit: int, **kwargs: Any) -> list[Any]:
        """Search queries (q, d) in as many calls as it takes, among all that was written here.

        By default a server leaves out the last seconds' writes. Strong consistency has every call
        wait for a tick of its clock, a fifth of a second. One time of that clock serves them all.
        """
        self._now = self._now or self._call(self._client._handler.alloc_timestamp)
        if self._now:  # Milvus Lite has no clock, and needs none
            kwargs |= {"consistency_level": "Customized", "guarantee_timestamp": self._now}
        size = max(data.itemsize * data.shape[1], limit * _BYTES_PER_HIT)
        search = partial(self._call, self._client.search, collection, limit=limit, **kwargs)
        return [hits for batch in batches([size] * len(data)) for hits in search(data=data[batch])]

    def create_collection(self, collection: str, *args: Any, **kwargs: Any) -> None:
        """Make a collection, which mustn't exist.

        Milvus Lite stumbles over what is left of one if it was killed while it made or dropped it.
        """
        if self._folder and not self._client.has_collection(collection):
            shutil.rmtree(self._folder / "collections" / collection, ignore_errors=True)
        self._call(self._client.create_collection, collection, *args, **kwargs)

    def settle(self, collection: str, field: str) -> None:
        """Have what was written stored and indexed, as far as that is done within half an hour.

        Milvus Lite searches unflushed rows far more slowly. A server looks up rows that wait for
        their index in one that it makes in passing, of lower recall.
        """
        self.flush(collection)
        end = time.monotonic() + _LOAD_SECONDS
        while time.monotonic() < end:
            index = self.describe_index(collection, field)
            if not index.get("pending_index_rows") or index["state"] == "Failed":
                return
            time.sleep(0.5)

    def load_collection(self, collection: str) -> None:
        """Bring a collection into the server's memory, and wait until it is there."""
        self._call(self._client.load_collection, collection, timeout=_LOAD_SECONDS)

    def ids(self, collection: str) -> set[str]:
        """Read the ids of all documents, however many."""
        return self._call(self._ids, collection)

    def _ids(self, collection: str) -> set[str]:
        pages = self._client.query_iterator(collection, batch_size=_PAGE, output_fields=["id"])
        try:
            return {row["id"] for page in iter(pages.next, []) for row in page}
        finally:
            pages.close()

    def _call(self, call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        self.to_seal = None
        return _again(partial(call, *args, **kwargs), self._told, self._patience)


def _again(
    call: Callable[[], T], told: Callable[[Exception], CollectionError], patience: float
) -> T:
    """Make a call, and make it again while it fails for a reason that may pass.

    Patience begins with the first failure: the call may have worked for long before.
    """
    import grpc
    from pymilvus.exceptions import MilvusException

    end, pause = None, 0.25
    while True:
        try:
            return call()
        except (MilvusException, grpc.RpcError) as fault:
            end = end or time.monotonic() + patience
            if time.monotonic() + pause > end or not _passes(fault):
                raise told(fault) from fault
        time.sleep(pause)
        pause = min(2 * pause, 5)


def _code(fault: BaseException) -> str | int:
    """Give gRPC's code by name, or else Milvus's number."""
    cause = fault.__cause__
    if cause is not None and cause is not fault and hasattr(cause, "code"):
        return _code(cause)  # as when no connection comes about: the fault itself doesn't say why
    code: Any = getattr(fault, "code", 0)
    code = code() if callable(code) else code
    return str(getattr(code, "name", "")) or int(code)


def _passes(fault: BaseException) -> bool:
    from pymilvus.exceptions import MilvusException

    # pymilvus's own complaints, about arguments say, are subclasses, and all of them code 1.
    milvus_or_grpc = type(fault) is MilvusException or not isinstance(fault, MilvusException)
    unexpected = "Unexpected error, message=<" in str(fault)  # an exception inside pymilvus
    return milvus_or_grpc and not unexpected and _code(fault) in _PASSING


def _brief(fault: BaseException) -> str:
    """Give a fault's own message without the codes around it."""
    details = getattr(fault, "details", None)
    message = details() if callable(details) else getattr(fault, "message", "")
    return str(message or fault).split("\n")[0]


@contextmanager
def _server(uri: str, token: str | None, patience: float) -> Iterator[Connection]:
    import_pymilvus()
    from pymilvus import MilvusClient

    parts = _parts(uri)
    # A name and a password in the address are handed over apart from it, so that nobody prints it.
    secret = token or ":".join(unquote(s) for s in (parts.username, parts.password) if s)
    address = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
    open_it = partial(
        MilvusClient,
        address,
        token=secret,
        dedicated=True,  # else the connection stays open, and others are given it
        timeout=10,
        grpc_options={"grpc.service_config": _SERVICE_CONFIG},
    )
    told = partial(_told_by_server, address, secret)
    client = _again(open_it, told, min(patience, PATIENCE_AT_START))
    try:
        yield Connection(lambda: client, told, patience)
    finally:
        client.close()


_SERVICE_CONFIG = f'{{"methodConfig": [{{"name": [{{}}], "timeout": "{_CALL_SECONDS}s"}}]}}'


def _parts(uri: str) -> SplitResult:
    """Take a server's address apart."""
    parts = urlsplit(uri)
    try:
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # the port is no number
        usable = None
    if not usable:
        raise CollectionError(
            f"MILVUS_URI={_shown(uri)}: not the address of a Milvus server. It looks like "
            "http://host:19530, or https://host:port for one with TLS."
        )
    return parts


def _shown(uri: str) -> str:
    """Show a setting that may hold a password."""
    return re.sub(r"^(\w+://)?.*@", r"\1…@", uri)


def _told_by_server(address: str, secret: str, fault: Exception) -> CollectionError:
    code, said = _code(fault), _brief(fault)
    for word in filter(None, [secret, secret.partition(":")[2]]):
        said = said.replace(word, "…")
    if code in _REFUSED:
        advice = "Check MILVUS_TOKEN, and what its user may do."
    elif code in _FULL:
        advice = "Make room on the server, then run again."
    elif _passes(fault):
        advice = (
            "Is the server up and MILVUS_URI right? What is written is kept: once it answers, run "
            "again."
        )
    else:
        advice = "Is this a Milvus server, of version 2.3 or newer?"
    return CollectionError(f"{address}: the Milvus server fails ({code}: {said}). {advice}")


@contextmanager
def _lite(path: Path) -> Iterator[Connection]:
    if path.suffix != ".db":
        raise CollectionError(
            f"{_shown(str(path))}: neither a server's address nor a Milvus Lite file. Set "
            "MILVUS_URI to http(s)://… or to a path that ends in .db."
        )
    told = partial(_told_by_lite, path)
    with _turn(path):
        with ExitStack() as to_close:
            connection = Connection(partial(_opened, path, told, to_close), told, folder=path)
            yield connection
        if connection.to_seal:
            put_seal(path, connection.to_seal)


def _opened(
    path: Path, told: Callable[[Exception], CollectionError], to_close: ExitStack
) -> "MilvusClient":
    """Open a Milvus Lite file.

    Not by MilvusClient(path), which keeps the cause of a failure to itself, and the file locked for
    as long as the process lives.
    """
    import_pymilvus()
    from milvus_lite.adapter.grpc.server import start_server_in_thread
    from milvus_lite.exceptions import DataDirLockedError
    from pymilvus import MilvusClient

    try:
        server, database, port = start_server_in_thread(str(path))
    except DataDirLockedError as fault:
        raise CollectionError(
            f"{path}: another program has the collection open, such as a notebook. Let it end, "
            "or set MILVUS_URI or NEWSCLUST_DATA_DIR to another place."
        ) from fault
    except OSError as fault:
        raise told(fault) from fault
    to_close.callback(database.close)
    # A call that was interrupted may still be at work.
    to_close.callback(lambda: server.stop(grace=10).wait())
    client = _again(partial(MilvusClient, f"http://127.0.0.1:{port}", dedicated=True), told, 0)
    to_close.callback(client.close)
    return client


def _told_by_lite(path: Path, fault: Exception) -> CollectionError:
    return CollectionError(
        f"{path}: Milvus Lite fails ({_brief(fault)}). If the disk is full, make room. If not, the "
        "file may be damaged, or not one of Milvus Lite 3: move it away, and the next run makes it "
        "anew."
    )


@contextmanager
def _turn(path: Path) -> Iterator[None]:
    """Wait for our turn at a Milvus Lite file. The lock goes with its process, even when killed."""
    from filelock import FileLock, Timeout

    lock = FileLock(f"{path}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=_LOCK_SECONDS)
    except Timeout:
        raise CollectionError(
            f"{path}: another run holds the collection (waited {_LOCK_SECONDS} s). "
            "Let it end, or set MILVUS_URI or NEWSCLUST_DATA_DIR to another place."
        ) from None
    except OSError as fault:
        raise CollectionError(
            f"{path.parent}: can't hold the collection ({fault.strerror}). "
            "Set NEWSCLUST_DATA_DIR or MILVUS_URI to a folder that can be written to."
        ) from fault
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Keep from the terminal the tracebacks of what is tried again, or told by an error."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
