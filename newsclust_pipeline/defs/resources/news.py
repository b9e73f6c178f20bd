"""Where the news comes from."""

from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from newsclust_pipeline.core.errors import DumpError
from newsclust_pipeline.core.locations import (
    Location,
    address_of,
    name_of,
    parse_location,
)
from newsclust_pipeline.ingest import discover
from newsclust_pipeline.ingest.feeds import landing
from newsclust_pipeline.ingest.source import parse_options

SAMPLE = Path(__file__).parents[2] / "sample" / "news_sample.csv"


class NewsDumps(dg.ConfigurableResource[Any]):
    """Where the news comes from."""

    path: str = Field("", description="A dump or a folder of dumps; empty: the bundled sample.")
    more: list[str] = Field(default=[], description="More dumps or folders of dumps.")
    landing: str = Field(default="", description="Folder of feeds' articles; empty: no feeds.")
    columns: str = Field(default="", description="A JSON object: field → column, over the guess.")
    date_order: str = Field(
        default="auto", description="auto, dmy or mdy, where a dump doesn't decide."
    )

    @property
    def location(self) -> Location:
        """The dump or folder to read. With feeds alone it is their landing folder.

        Raises:
            SettingError: the address can't be used.
        """
        if self.path:
            return parse_location(self.path, "news.path")
        return parse_location(self.landing, "data_dir") if self.landing else SAMPLE

    @property
    def has_only_feeds(self) -> bool:
        """Whether articles come from feeds alone, which may not have been fetched yet."""
        return bool(self.landing) and not self.path

    @property
    def name(self) -> str:
        """The names of the dumps or folders, without their places."""
        return " + ".join(name_of(place) for place in self._places())

    def _places(self) -> list[Location]:
        return [self.location, *(parse_location(place, "news.path") for place in self.more)]

    def open(self) -> discover.Dumps:
        """Return the dumps, those of feeds included; see `ingest.discover.find_dumps`.

        Raises:
            DumpError: there are none, or no feed has given an article yet.
        """
        options = parse_options(self.columns, self.date_order)
        places = self._places()
        landing_folder = parse_location(self.landing, "data_dir") if self.landing else None
        has_articles = landing_folder is not None and bool(landing.files(landing_folder))
        if landing_folder and self.has_only_feeds and not has_articles:
            raise DumpError(
                f"{address_of(landing_folder)}: no feed has given an article yet. feeds.parquet "
                "in the data folder says how every feed is doing."
            )
        if landing_folder and has_articles and self.path:
            places.append(landing_folder)
        return discover.merge_dumps([discover.find_dumps(place, options) for place in places])

    def contents(self) -> list[tuple[str, str]]:
        """Return name and digest of every dump; the articles of feeds are no dumps."""
        if self.has_only_feeds:
            return []
        options = {"columns": self.columns, "date_order": self.date_order}
        return NewsDumps(path=self.path, more=self.more, **options).open().contents()

    def digest(self) -> str:
        """Return a digest of what would be read; see `ingest.discover.Dumps.digest`."""
        return f"{self.name} {self.open().digest()}"
