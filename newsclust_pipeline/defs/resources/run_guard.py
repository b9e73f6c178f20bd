"""The guard of a run: everything is validated in its first second, then the data folder is locked.

Every stage requires it, so Dagster sets it up once for each run, before any stage, whichever way
the run was started.
"""

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from newsclust_pipeline.core.copies import kept_copies
from newsclust_pipeline.core.errors import NewsclustError, SettingError
from newsclust_pipeline.core.file_errors import file_errors
from newsclust_pipeline.core.files import write_text
from newsclust_pipeline.core.locations import Location, address_of
from newsclust_pipeline.defs import terminal
from newsclust_pipeline.defs.alerts.resource import Alerts
from newsclust_pipeline.defs.cause import Cause
from newsclust_pipeline.defs.config_file import config_file
from newsclust_pipeline.defs.housekeeping import forget_old_runs, remove_temporary_files
from newsclust_pipeline.defs.keys import asset_key, prefix_problems
from newsclust_pipeline.defs.news_dumps import observe
from newsclust_pipeline.defs.parameters import (
    file_problems,
    problems_of,
    schedule_in_force,
    schedule_problems,
)
from newsclust_pipeline.defs.resources.data_folder import DataFolder
from newsclust_pipeline.defs.resources.embedder import Embedder
from newsclust_pipeline.defs.resources.engine import Engine
from newsclust_pipeline.defs.resources.milvus import Milvus
from newsclust_pipeline.defs.resources.news import NewsDumps
from newsclust_pipeline.defs.run_end import after_failure, after_run
from newsclust_pipeline.defs.run_lock import lock_folder
from newsclust_pipeline.defs.settings import name_settings

_NO_HOME = (
    "DAGSTER_HOME is not set: Dagster keeps no records of this run, so the next run can't reuse "
    "its outputs. Set DAGSTER_HOME to a folder, or use the command newsclust."
)


class RunGuard(dg.ConfigurableResource[Any]):
    """Validates the configuration and the paths of a run, and locks its data folder."""

    run_wait: str = Field(default="600", description="Seconds to wait for another run.")
    keep_runs: str = Field(default="500", description="Runs that Dagster remembers; 0: all.")
    folder: dg.ResourceDependency[DataFolder]
    news: dg.ResourceDependency[NewsDumps]
    embedder: dg.ResourceDependency[Embedder]
    milvus: dg.ResourceDependency[Milvus]
    alerts: dg.ResourceDependency[Alerts]
    engine: dg.ResourceDependency[Engine]

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["RunGuard"]:
        """Validate and lock; unlock when the run has ended.

        Raises:
            dagster.Failure: something is invalid, or another run holds the folder for too long.
        """
        run, instance = context.run, context.instance
        if run is None or instance is None:
            yield self
            return
        warn = context.log.warning if context.log else print
        with ExitStack() as held:
            try:
                self._validate(run, instance)
                wait = whole_number("run_wait", self.run_wait)
                with file_errors(self.folder.local):
                    held.enter_context(lock_folder(self.folder.local, run.run_id, wait, warn))
                held.enter_context(kept_copies(self.folder.local))
                self._begin(context, run, instance)
            except NewsclustError as error:
                message = name_settings(str(error))
                terminal.print_at_end(message)
                if context.log:  # Dagster's own events bury it in a traceback
                    context.log.log(logging.ERROR, message)
                after_failure(instance, run, Cause(message), self.alerts, self.folder, warn)
                raise dg.Failure(message, allow_retries=False) from None
            try:
                yield self
            finally:
                held.close()
                after_run(instance, run, self.alerts, self.folder, warn)

    def _begin(
        self, context: dg.InitResourceContext, run: dg.DagsterRun, instance: dg.DagsterInstance
    ) -> None:
        """Tidy up what former runs left, and record the dumps."""
        if context.log and not os.environ.get("DAGSTER_HOME"):
            context.log.info(_NO_HOME)
        remove_temporary_files(self.folder.local)
        forget_old_runs(instance, whole_number("keep_runs", self.keep_runs))
        if self._reads_news(run, instance):
            observe(instance, run.run_id, self.news)

    def _validate(self, run: dg.DagsterRun, instance: dg.DagsterInstance) -> None:
        problems = file_problems(config_file()) + prefix_problems()
        problems += schedule_problems(schedule_in_force(), "the settings of the schedule")
        ops: Any = run.run_config.get("ops", {})
        for name, op in ops.items():
            problems += problems_of(op.get("config", {}), name, f"the run config of {name}")
        if problems:
            raise SettingError(" ".join(problems))
        check_folder(self.folder.local, "local_dir" if self.folder.is_remote else "data_dir")
        check_store(self.folder.root)
        self.embedder.load("minilm" if self.embedder.name == "auto" else self.embedder.name)
        _ = self.embedder.keep_days
        self.milvus.index_for(1)
        self.engine.verify()
        whole_number("keep_runs", self.keep_runs)
        if self._reads_news(run, instance):
            self.news.open()

    def _reads_news(self, run: dg.DagsterRun, instance: dg.DagsterInstance) -> bool:
        """Return whether a run reads dumps; the articles of feeds are fetched first."""
        planned = instance.all_logs(
            run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
        )
        keys = {entry.dagster_event.asset_key for entry in planned if entry.dagster_event}
        return asset_key("raw_news") in keys and not self.news.has_only_feeds


def whole_number(parameter: str, value: str) -> int:
    """Return a setting as a whole number, 0 or more.

    Raises:
        SettingError: it is none.
    """
    if not value.isdecimal():
        raise SettingError(f"`{parameter}`={value}: must be a whole number, 0 or more.")
    return int(value)


def check_folder(folder: Path, parameter: str = "data_dir") -> None:
    """Create a folder if needed, and check that files can be written there.

    Args:
        folder: the data folder, or its local folder.
        parameter: the one that names it.

    Raises:
        SettingError: it is no folder, or nothing can be written to it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except FileExistsError:
        raise SettingError(
            f"`{parameter}`={folder}: is a file, not a folder. Set it to a folder, or move the "
            "file."
        ) from None
    except OSError as error:
        raise SettingError(
            f"`{parameter}`={folder}: can't be written to ({error.strerror}). Set it to another "
            "folder, or change the permissions."
        ) from None


def check_store(root: Location) -> None:
    """Check that objects can be written to a data folder in an object store.

    Raises:
        SettingError: its bucket does not exist.
        StoreError: nothing can be written to it.
    """
    if isinstance(root, Path):
        return
    try:
        write_text("", root / ".writable")
    except FileNotFoundError:
        raise SettingError(
            f"`data_dir`={address_of(root)}: there is no such bucket. Create it, or "
            "correct the address."
        ) from None
