"""Run partitions on the workers of a Dask cluster (https://distributed.dask.org).

What partitions share travels as a task or as a file, and never as data that only one worker has. So
when a worker is lost, Dask runs its partitions again elsewhere, and the results are the same.
"""

import logging
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from newsclust_pipeline.core.dask_versions import difference, versions
from newsclust_pipeline.core.engine import ON_WORKER, ArrayFile, Function, Rows
from newsclust_pipeline.core.errors import EngineError

_LOOK_SECONDS = 30  # how often a partition that takes long is followed up
_MAX_LOOKS = 10  # without any worker; then the run fails
_PER_THREAD = 2  # partitions per thread that are handed out at a time
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
            with suppress(TimeoutError), self._client.as_current():
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
