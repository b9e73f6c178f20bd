"""Which feeds are followed."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
from pydantic import Field

from newsclust_pipeline.core.errors import SettingError
from newsclust_pipeline.core.files import local_update, move
from newsclust_pipeline.core.locations import Location
from newsclust_pipeline.core.progress import Progress
from newsclust_pipeline.core.sqlite_files import set_aside
from newsclust_pipeline.defs.resources.data_folder import DataFolder
from newsclust_pipeline.defs.settings import name_settings
from newsclust_pipeline.ingest.feeds.addresses import Address, read_addresses
from newsclust_pipeline.ingest.feeds.update import Update


class Feeds(dg.ConfigurableResource[Any]):
    """The feeds to follow, and how their servers are addressed."""

    addresses: str = Field("", description="OPML or text file, or addresses; empty: no feeds.")
    allow_private: str = Field("0", description="1: feeds on private networks may be read.")
    user_agent: str = Field("", description="How requests name their sender; empty: this package.")
    folder: dg.ResourceDependency[DataFolder]

    @property
    def landing(self) -> Location:
        """The folder with one file of new articles a day."""
        return self.folder.file("feeds")

    @property
    def state(self) -> Location:
        """The file with what is known of every feed."""
        return self.folder.file("feeds.sqlite")

    def list(self) -> list[Address]:
        """Return the addresses of the feeds; none if no feeds are followed."""
        return read_addresses(self.addresses) if self.addresses else []

    def update(self, keep_days: int | None, progress: Progress) -> Update:
        """Fetch the feeds that are due; see `ingest.feeds.update`."""
        from newsclust_pipeline.ingest.feeds.state import DamagedStateError
        from newsclust_pipeline.ingest.feeds.update import feeds_table

        if not self.addresses:
            return Update(feeds_table([]), new=0, fetched=0, untitled=0, pruned=[], warnings=[])
        try:
            done = self._update(keep_days, progress)
        except DamagedStateError as error:
            damaged = self._set_state_aside()
            done = self._update(keep_days, progress)
            warning = f"{error} It is now {damaged.name}, and all feeds were fetched."
            done = replace(done, warnings=[warning, *done.warnings])
        warnings = [name_settings(warning) for warning in done.warnings]
        return replace(done, table=_worded(done.table), warnings=warnings)

    def _update(self, keep_days: int | None, progress: Progress) -> Update:
        from newsclust_pipeline.ingest.feeds.state import FeedStore
        from newsclust_pipeline.ingest.feeds.update import update

        with (
            self._client() as client,
            local_update(self.state) as path,
            FeedStore(path) as store,
        ):
            return update(
                self.list(), self.landing, store, client, time.time(), keep_days, progress
            )

    def _set_state_aside(self) -> Location:
        """Rename a damaged state, so that a new one can be created; return its new name."""
        if isinstance(self.state, Path):
            return set_aside(self.state)
        damaged = self.state.with_name(f"{self.state.name}.damaged")
        move(self.state, damaged)
        return damaged

    def check(self) -> pa.Table:
        """Try all feeds without storing anything; see `ingest.feeds.update.check`."""
        from newsclust_pipeline.ingest.feeds.update import check

        with self._client() as client:
            return _worded(check(self.list(), client, time.time()))

    def _client(self) -> Any:
        """Return a client for feeds; see `ingest.feeds.fetch.open_client`."""
        from newsclust_pipeline.ingest.feeds.fetch import open_client

        return open_client(self.user_agent or _default_user_agent(), self._may_be_private())

    def _may_be_private(self) -> bool:
        if self.allow_private not in {"0", "1"}:
            raise SettingError(
                f"`feeds.allow_private`={self.allow_private}: must be 0 or 1. 1 allows feeds on "
                "private networks and on this machine."
            )
        return self.allow_private == "1"


def _worded(feeds: pa.Table) -> pa.Table:
    """Return the table with the names of settings in its problems."""
    column = feeds.schema.get_field_index("problem")
    problems = pa.array([name_settings(text) for text in feeds["problem"].to_pylist()], pa.string())
    return feeds.set_column(column, feeds.schema.field(column), problems)


def _default_user_agent() -> str:
    from importlib.metadata import version

    home = "https://github.com/newsclust/newsclust_pipeline"
    return f"newsclust_pipeline/{version('newsclust_pipeline')} (+{home})"
