"""A lock on the data folder, so that two runs never mix their files."""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from newsclust_pipeline.core.errors import NewsclustError
from newsclust_pipeline.core.files import atomic_path

_LOCK, _HOLDER = ".run.lock", ".run.json"
_POLL = 0.5  # seconds between two attempts


class BusyError(NewsclustError):
    """Another run uses the data folder."""


@contextmanager
def lock_folder(
    folder: Path, run_id: str, wait: float, say: Callable[[str], None] = lambda _: None
) -> Iterator[None]:
    """Hold the data folder for one run; other runs, of any process, wait until the block ends.

    The operating system frees the lock if the process ends in any other way.

    Args:
        folder: the data folder; it must exist.
        run_id: shown to the runs that wait.
        wait: seconds to wait while another run holds the folder.
        say: receives one line when the waiting begins.

    Raises:
        BusyError: the other run still holds the folder after that time.
    """
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"{folder}: waiting for {_holder(folder)}")
        _wait(lock, folder, wait)
    holder = folder / _HOLDER
    try:
        with atomic_path(holder) as temporary:
            temporary.write_text(_description(run_id), encoding="utf-8")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _wait(lock: FileLock, folder: Path, wait: float) -> None:
    end = time.monotonic() + wait
    while time.monotonic() < end:
        with suppress(Timeout):
            lock.acquire(timeout=_POLL, poll_interval=_POLL / 5)
            return
    raise BusyError(
        f"{folder}: still used by {_holder(folder)} after {wait:,.0f} s. Wait until it ends, stop "
        "it, or set `data_dir` to another folder. How long to wait is `run_wait`."
    )


def _description(run_id: str) -> str:
    since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    facts = {"run": run_id, "process": os.getpid(), "host": socket.gethostname(), "since": since}
    return json.dumps(facts)


def _holder(folder: Path) -> str:
    """Return a description of the run that holds the folder."""
    try:
        facts = json.loads((folder / _HOLDER).read_text(encoding="utf-8"))
        run, process, host, since = (facts[k] for k in ("run", "process", "host", "since"))
    except (OSError, ValueError, KeyError, TypeError):
        return "another run"
    return f"run {run} (process {process} on {host}, since {since})"
