"""Where partitions run: in this process, or on the workers of a Dask cluster."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
from pydantic import Field, PrivateAttr

from newsclust_pipeline.core.dask_cluster import open_cluster, verify_cluster
from newsclust_pipeline.core.engine import IN_PROCESS, Rows
from newsclust_pipeline.core.engine import Engine as EngineProtocol
from newsclust_pipeline.defs.resources.data_folder import DataFolder


class Engine(dg.ConfigurableResource[Any]):
    """Runs the partitions of the stages: in this process, or on the workers of a Dask cluster."""

    cluster: str = Field("", description="local:N or tcp://scheduler:8786; empty: this process.")
    folder: dg.ResourceDependency[DataFolder]
    _until_end: ExitStack = PrivateAttr(default_factory=ExitStack)
    _open: EngineProtocol | None = PrivateAttr(default=None)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["Engine"]:
        """Close the cluster when the run has ended, if a stage has opened it."""
        with self._until_end:
            yield self
        self._open = None

    def open(self) -> EngineProtocol:
        """Return the engine. A cluster is opened by the first partitions that it runs."""
        return _LazyEngine(self._opened) if self.cluster else IN_PROCESS

    def _opened(self) -> EngineProtocol:
        """Return the open cluster.

        Raises:
            SettingError: the setting is invalid, or Dask is not installed.
            EngineError: the cluster can't be used.
        """
        if self._open is None:
            opened = open_cluster(self.cluster, self.folder.local)
            self._open = self._until_end.enter_context(opened)
        return self._open

    def verify(self) -> str:
        """Return what runs the partitions; raise the errors of opening it.

        A local cluster is not started.
        """
        if not self.cluster:
            return "none: everything runs in the process of the run"
        return f"{self.cluster}: {verify_cluster(self.cluster)} processes"


class _LazyEngine:
    """An engine that is opened by its first use: a stage with little work doesn't need it."""

    is_parallel = True

    def __init__(self, open_engine: Callable[[], EngineProtocol]) -> None:
        self._open = open_engine

    @property
    def folder(self) -> Path | None:
        return self._open().folder

    def map(self, *args: Any) -> Iterator[Any]:
        return self._open().map(*args)

    def reduce(self, *args: Any) -> Any:
        return self._open().reduce(*args)

    def share(self, array: np.ndarray) -> Rows:
        return self._open().share(array)
