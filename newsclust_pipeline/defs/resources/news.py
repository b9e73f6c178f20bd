"""Where the news comes from."""

from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from newsclust_pipeline.core.errors import DumpError
from newsclust_pipeline.ingest import discover
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
    def location(self) -> Path:
        """The dump or folder to read. With feeds alone it is their landing folder."""
        return Path(self.path or self.landing) if self.path or self.landing else SAMPLE

    @property
    def has_only_feeds(self) -> bool:
        """Whether articles come from feeds alone, which may not have been fetched yet."""
        return bool(self.landing) and not self.path

    @property
    def name(self) -> str:
        """The names of the dumps or folders, without their places."""
        return " + ".join([self.location.name, *(Path(place).name for place in self.more)])

    def open(self) -> discover.Dumps:
        """Return the dumps, those of feeds included; see `ingest.discover.find_dumps`.

        Raises:
            DumpError: there are none, or no feed has given an article yet.
        """
        options = parse_options(self.columns, self.date_order)
        places = [self.location, *map(Path, self.more)]
        has_articles = bool(self.landing) and any(Path(self.landing).glob("*.jsonl.gz"))
        if self.has_only_feeds and not has_articles:
            raise DumpError(
                f"{self.landing}: no feed has given an article yet. feeds.parquet in the data "
                "folder says how every feed is doing."
            )
        if has_articles and self.path:
            places.append(Path(self.landing))
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
