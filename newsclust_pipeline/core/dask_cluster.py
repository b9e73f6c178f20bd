"""Start or reach a Dask cluster (https://distributed.dask.org), and verify its workers."""

import logging
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from newsclust_pipeline.core.dask_engine import DaskEngine
from newsclust_pipeline.core.dask_versions import difference, versions, versions_by_value
from newsclust_pipeline.core.errors import EngineError, SettingError

_CONNECT_SECONDS = 10
# Libraries read these while a worker starts. NUMBA_NUM_THREADS is not among them: numba reads it
# again later, and Dask sets them in the run's own process, too.
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


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

    # Without Dask's own MALLOC_TRIM_THRESHOLD_: it returns the memory of every large array at once.
    environment = {"distributed.nanny.pre-spawn-environ": dict.fromkeys(_THREADS, 1)}
    with dask.config.set(environment), _kept_environment():
        cluster = LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            memory_limit=0,
            silence_logs=logging.CRITICAL,
        )
    with _kept_environment(), cluster, Client(cluster) as client:
        yield client


@contextmanager
def _kept_environment() -> Iterator[None]:
    """Restore what Dask sets in the environment of this process when it starts a worker."""
    before = {name: os.environ.get(name) for name in (*_THREADS, "PYTHONHASHSEED")}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


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
    workers = client.run(versions_by_value())
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
