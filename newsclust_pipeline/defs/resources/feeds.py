"""Which feeds are followed."""

import time
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from newsclust_pipeline.core.errors import SettingError
from newsclust_pipeline.core.progress import Progress
from newsclust_pipeline.defs.resources.data_folder import DataFolder
from newsclust_pipeline.ingest.feeds.addresses import Address, read_addresses
from newsclust_pipeline.ingest.feeds.update import Update


class Feeds(dg.ConfigurableResource[Any]):
    """Which feeds are followed, and what their servers are told."""

    addresses: str = Field("", description="OPML or text file, or addresses; empty: no feeds.")
    allow_private: str = Field("0", description="1: feeds on private networks may be read.")
    user_agent: str = Field("", description="How requests name their sender; empty: this package.")
    folder: dg.ResourceDependency[DataFolder]

    @property
    def landing(self) -> Path:
        """The folder with one file of new articles a day."""
        return self.folder.file("feeds")

    def list(self) -> list[Address]:
        """Return the addresses of the feeds; none if no feeds are followed."""
        return read_addresses(self.addresses) if self.addresses else []

    def update(self, keep_days: int | None, progress: Progress) -> Update:
        """Fetch the feeds that are due; see `ingest.feeds.update`."""
        from newsclust_pipeline.ingest.feeds.state import FeedStore
        from newsclust_pipeline.ingest.feeds.update import update

        path = self.folder.file("feeds.sqlite")
        with self.client() as client, FeedStore(path) as store:
            return update(
                self.list(), self.landing, store, client, time.time(), keep_days, progress
            )

    def client(self) -> Any:
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


def _default_user_agent() -> str:
    from importlib.metadata import version

    home = "https://github.com/newsclust/newsclust_pipeline"
    return f"newsclust_pipeline/{version('newsclust_pipeline')} (+{home})"
