"""Where the partitions of a stage run: in this process, or on the workers of a cluster.

A stage divides its work into partitions and calls `engine.map` with a top-level function of one
partition and of what all partitions have in common. The function, the partitions and the results
are pickled if they leave the process, so a function must not rely on anything else. The results
must not depend on where a partition runs, or on which other partitions run there.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, Protocol

import numpy as np

Function = Callable[[Any, Any], Any]
# Whether this thread runs a partition on a worker, which has other threads for other partitions.
ON_WORKER: ContextVar[bool] = ContextVar("ON_WORKER", default=False)


@dataclass(frozen=True)
class ArrayFile:
    """A large array in a file, of which `array[rows]` reads only those rows.

    The file is mapped into memory for each read alone. So the memory of a process grows with what
    it reads at a time, not with the array.

    Attributes:
        path: a file of the bare values, in C order.
        dtype: their type, as a string.
        shape: the array's shape.
    """

    path: Path
    dtype: str
    shape: tuple[int, ...]

    @classmethod
    def write(cls, array: np.ndarray, path: Path) -> "ArrayFile":
        """Write an array to a file."""
        np.ascontiguousarray(array).tofile(path)
        return cls(path, array.dtype.str, array.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        found: np.ndarray = self.mapped()[rows]
        return found if found.base is None else found.copy()

    def mapped(self) -> np.ndarray:
        """Return the array without reading it: it stays mapped as long as it or a slice is used."""
        return np.memmap(self.path, self.dtype, "r", shape=self.shape).view(np.ndarray)


# What a function of a partition may read rows from.
Rows = np.ndarray | ArrayFile


class Engine(Protocol):
    """Runs the partitions of a stage."""

    @property
    def is_parallel(self) -> bool:
        """Whether partitions run at the same time, so that more of them are faster."""

    @property
    def folder(self) -> Path | None:
        """A folder for temporary files that every partition sees; None if there is none."""

    def map(
        self, function: Function, partitions: Iterable[Any], common: Any = None
    ) -> Iterator[Any]:
        """Yield `function(partition, common)` of every partition, in order.

        Partitions are taken from the iterable when their turn comes.

        Args:
            function: a top-level function.
            partitions: its first arguments.
            common: its second argument.

        Raises:
            EngineError: the cluster can't run the partitions.
        """

    def reduce(
        self, function: Function, merge: Function, partitions: Iterable[Any], common: Any = None
    ) -> Any:
        """Return what is left of all `function(partition, common)` after merging them two by two.

        No process holds all results at a time. Results must not depend on the order of the merges.

        Args:
            function: as of `map`.
            merge: a top-level function of two results that returns one.
            partitions: as of `map`, at least one.
            common: as of `map`.
        """

    def share(self, array: np.ndarray) -> Rows:
        """Return what functions of partitions can read an array's rows from."""


class InProcess:
    """Runs one partition after the other, in this process."""

    is_parallel = False
    folder = None

    def map(
        self, function: Function, partitions: Iterable[Any], common: Any = None
    ) -> Iterator[Any]:
        """Yield the results; see `Engine.map`."""
        return (function(partition, common) for partition in partitions)

    def reduce(
        self, function: Function, merge: Function, partitions: Iterable[Any], common: Any = None
    ) -> Any:
        """Return the merged result; see `Engine.reduce`."""
        return reduce(merge, self.map(function, partitions, common))

    def share(self, array: np.ndarray) -> Rows:
        """Return the array itself."""
        return array


IN_PROCESS = InProcess()


def threads() -> int:
    """Return how many threads a function may start: one on a worker, else one per core."""
    return 1 if ON_WORKER.get() else os.cpu_count() or 1
