"""Run partitions on the workers of a Dask cluster (https://distributed.dask.org).

What partitions share travels as a task or as a file, and never as data that only one worker has. So
when a worker is lost, Dask runs its partitions again elsewhere, and the results are the same.
"""

import logging
import shutil
import socket
import tempfile
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import count, islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import numpy as np

from newsclust_pipeline.core.engine import ON_WORKER, ArrayFile, Function, Rows
from newsclust_pipeline.core.errors import EngineError, SettingError

_CONNECT_SECONDS = 10
_LOOK_SECONDS = 30  # how often a partition that takes long is followed up
_MAX_LOOKS = 10  # without any worker; then the run fails
_PER_THREAD = 2  # partitions per thread that are handed out at a time
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
_log = logging.getLogger(__name__)


class DaskEngine:
    """Runs partitions on the workers that a client reaches.

    Attributes:
        address: as the user wrote it, for messages.
        folder: where arrays are shared; None if workers don't see it.
    """

    is_parallel = True

    def __init__(self, client: Any, address: str, folder: Path | None) -> None:
        self._client, self.address, self.folder = client, address, folder
        self._numbers = count()

    def map(
        self, function: Function, partitions: Iterable[Any], common: Any = None
    ) -> Iterator[Any]:
        """Yield the results; see `Engine.map`.

        A partition whose worker is lost runs again on another one, up to three times.
        """
        todo, pending = iter(partitions), deque[Any]()
        shared = self._send(common)
        try:
            while True:
                for partition in islice(todo, max(0, self._most_pending() - len(pending))):
                    pending.append(self._submit(function, _Box(partition), shared))
                if not pending:
                    return
                yield self._result(pending.popleft())
        finally:
            if self._client.status == "running":
                self._client.cancel([shared, *pending])

    def reduce(
        self, function: Function, merge: Function, partitions: Iterable[Any], common: Any = None
    ) -> Any:
        """Return the merged result; see `Engine.reduce`.

        Two results are merged as soon as both stand for equally many partitions. Only the last
        result leaves the workers.
        """
        shared, merged = self._send(common), list[tuple[int, Any]]()
        for partition in partitions:
            level, result = 0, self._submit(function, _Box(partition), shared)
            while merged and merged[-1][0] == level:
                level, result = level + 1, self._submit(merge, merged.pop()[1], result)
            merged.append((level, result))
        while len(merged) > 1:
            level, result = merged.pop()
            merged.append((level, self._submit(merge, merged.pop()[1], result)))
        return self._result(merged[0][1])

    def share(self, array: np.ndarray) -> Rows:
        """Return a file in the shared folder; without one the array, which tasks then carry."""
        if self.folder is None or not array.size:
            return array
        return ArrayFile.write(array, self.folder / f"{next(self._numbers)}.bin")

    def _send(self, value: Any) -> Any:
        """Return a future of a value that all partitions of a call need."""
        return self._task(_unchanged, _Box(value), name="common")

    def _submit(self, function: Function, first: Any, second: Any) -> Any:
        """Return a future of `function(first, second)`; the two may be futures."""
        arguments = (_Box(function), first, second, _Box(versions()))
        return self._task(_run, *arguments, name=function.__name__)

    def _task(self, function: Callable[..., Any], *args: Any, name: str) -> Any:
        with warnings.catch_warnings(), self._translate_errors():
            # Large arguments are meant: unlike scattered data they survive the loss of a worker.
            warnings.filterwarnings("ignore", "Sending large graph")
            return self._client.submit(function, *args, key=f"{name}-{uuid4().hex}", pure=False)

    def _most_pending(self) -> int:
        """Return how many partitions to hand out: enough to keep all threads busy."""
        with self._translate_errors():
            return int(_PER_THREAD * sum(self._client.nthreads().values())) + 1

    def _result(self, future: Any) -> Any:
        with self._translate_errors():
            self._wait(future)
            return future.result()

    def _wait(self, future: Any) -> None:
        """Wait for a result; raise an error if there have been no workers for too long."""
        from distributed import wait

        looks = 0
        while not future.done():
            with suppress(TimeoutError):
                wait([future], timeout=_LOOK_SECONDS)
                continue
            looks = 0 if self._client.nthreads() else looks + 1
            if looks:
                _log.warning("%s: no workers; waiting for one.", self.address)
            if looks >= _MAX_LOOKS:
                seconds = _MAX_LOOKS * _LOOK_SECONDS
                raise EngineError(
                    f"`engine.cluster`={self.address}: has had no workers for {seconds} seconds. "
                    "Start some, then run again."
                )

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        """Raise the cluster's errors as an `EngineError`; those of a partition as they are."""
        from distributed.comm import CommClosedError
        from distributed.scheduler import KilledWorker

        try:
            yield
        except KilledWorker as error:
            raise EngineError(
                f"`engine.cluster`={self.address}: partition {error.task} ended "
                f"{error.allowed_failures + 1} workers, one after the other, most likely for lack "
                "of memory. Give the workers more memory, then run again."
            ) from None
        except (CancelledError, CommClosedError) as error:
            raise EngineError(
                f"`engine.cluster`={self.address}: the connection to the scheduler was lost. Start "
                "the scheduler again, then run again: finished stages are kept."
            ) from error


@dataclass(frozen=True)
class _Box:
    """A value that Dask takes as it is: inside lists and tuples it would look for tasks."""

    value: Any


def _unchanged(box: _Box) -> _Box:
    return box


def _run(function: _Box, first: Any, second: Any, expected: _Box) -> Any:
    """Run a function on a worker, which may have joined after the others were verified."""
    if versions() != expected.value:
        raise EngineError(f"a worker {difference(versions(), expected.value)}")
    values = (value.value if isinstance(value, _Box) else value for value in (first, second))
    token = ON_WORKER.set(True)
    try:
        return function.value(*values)
    finally:
        ON_WORKER.reset(token)


def parse_cluster(cluster: str) -> int | str:
    """Return the number of local workers, or the address of a scheduler.

    Raises:
        SettingError: the text names neither, or Dask is not installed.
    """
    kind, _, rest = cluster.partition(":")
    is_local = kind == "local" and rest.isdecimal() and int(rest) > 0
    if not is_local and not (kind in {"tcp", "tls"} and _has_port(cluster)):
        raise SettingError(
            f"`engine.cluster`={cluster}: must be local:N for N worker processes on this machine, "
            "or the address of a Dask scheduler, such as tcp://scheduler:8786."
        )
    if find_spec("distributed") is None:
        raise SettingError(
            f"`engine.cluster`={cluster}: Dask is not installed. Install it: "
            "pip install 'newsclust_pipeline[dask]'"
        )
    return int(rest) if is_local else cluster


def _has_port(address: str) -> bool:
    parts = urlsplit(address)
    try:
        return bool(parts.hostname and parts.port) and not parts.path.strip("/")
    except ValueError:  # the port is no number
        return False


@contextmanager
def open_cluster(cluster: str, folder: Path) -> Iterator[DaskEngine]:
    """Open a cluster, and close it at the end of the block; an existing one is left running.

    Args:
        cluster: `local:N`, or the address of a scheduler.
        folder: a folder for temporary files, which workers see if they can.

    Raises:
        SettingError: see `parse_cluster`.
        EngineError: no scheduler answers, or its workers can't run the partitions.
    """
    where = parse_cluster(cluster)
    folder.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=folder.absolute(), prefix=".engine.", suffix=".tmp"))
    try:
        with _silenced(), _local(where) if isinstance(where, int) else _remote(where) as client:
            yield DaskEngine(client, cluster, scratch if _is_visible(client, scratch) else None)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def verify_cluster(cluster: str) -> int:
    """Return the number of workers of a cluster that can be used, without starting a local one.

    Errors are those of `open_cluster`.
    """
    where = parse_cluster(cluster)
    if isinstance(where, int):
        return where
    with _silenced(), _remote(where) as client:
        return len(client.nthreads())


@contextmanager
def _local(workers: int) -> Iterator[Any]:
    import dask
    from distributed import Client, LocalCluster

    with (
        # Without Dask's own MALLOC_TRIM_THRESHOLD_, with which every large array is mapped anew.
        dask.config.set({"distributed.nanny.pre-spawn-environ": dict.fromkeys(_THREADS, 1)}),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            memory_limit=0,
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@contextmanager
def _remote(address: str) -> Iterator[Any]:
    from distributed import Client

    parts = urlsplit(address)
    try:
        # Dask repeats a refused connection until the time is up.
        with socket.create_connection((parts.hostname, parts.port), _CONNECT_SECONDS):
            pass
        client = Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except OSError as error:
        raise EngineError(
            f"`engine.cluster`={address}: no Dask scheduler answers there ({_reason(error)}). Is "
            "it running, and is the address right?"
        ) from None
    with client:
        _verify_workers(client, address)
        yield client


def _reason(error: OSError) -> str:
    return " ".join(str(error.strerror or error).split())[:200] or type(error).__name__


def _verify_workers(client: Any, address: str) -> None:
    """Raise an error unless there are workers, all of them with the versions of this process."""
    workers = client.run(_versions_by_value())
    if not workers:
        raise EngineError(
            f"`engine.cluster`={address}: the scheduler has no workers. Start some: "
            f"dask worker {address}"
        )
    for worker, found in sorted(workers.items()):
        if found != versions():
            raise EngineError(
                f"`engine.cluster`={address}: worker {worker} {difference(found, versions())}"
            )


def difference(found: Mapping[str, str], expected: Mapping[str, str]) -> str:
    """Return how the versions of a worker differ from those of the run."""
    [name, *others] = [name for name in expected if found.get(name) != expected[name]]
    more = f", and {len(others)} other packages differ" if others else ""
    return (
        f"has {name} {found.get(name, 'not installed')}, the run has {expected[name]}{more}. "
        "Install the same versions everywhere, so that all workers give the same results."
    )


@cache
def versions() -> dict[str, str]:
    """Return the versions of everything on which the bits of a result depend."""
    return dict(_versions_by_value()())


def _versions_by_value() -> Callable[[], dict[str, str]]:
    """Return a function that a worker can run that doesn't have this package, or another one.

    It is pickled by value because it is defined inside a function.
    """

    def read_versions() -> dict[str, str]:
        import hashlib
        import importlib.metadata
        import importlib.util
        import pathlib
        import platform

        found = {"Python": platform.python_version()}
        spec = importlib.util.find_spec("newsclust_pipeline")
        if spec and spec.submodule_search_locations:
            digest = hashlib.sha256()
            root = pathlib.Path(next(iter(spec.submodule_search_locations)))
            for path in sorted(root.rglob("*.py")):
                digest.update(path.read_bytes())
            version = importlib.metadata.version("newsclust_pipeline")
            found["newsclust_pipeline"] = f"{version} (code {digest.hexdigest()[:12]})"
        for name in ("numpy", "scipy", "numba", "faiss-cpu", "onnxruntime"):
            try:
                found[name] = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                continue
        return found

    return read_versions


def _is_visible(client: Any, folder: Path) -> bool:
    """Return whether all workers read in a folder what this process writes there."""
    probe, content = folder / "probe", uuid4().hex
    probe.write_text(content, encoding="utf-8")
    return all(found == content for found in client.run(_read, probe).values())


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


@contextmanager
def _silenced() -> Iterator[None]:
    """Keep Dask's own log lines out of the log: every failure is an error with one sentence."""
    logger = logging.getLogger("distributed")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
