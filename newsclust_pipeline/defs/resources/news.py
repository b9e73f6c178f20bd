"""Where the news comes from."""

from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from newsclust_pipeline.ingest import discover
from newsclust_pipeline.ingest.source import parse_options

SAMPLE = Path(__file__).parents[2] / "sample" / "news_sample.csv"


class NewsDumps(dg.ConfigurableResource[Any]):
    """Where the news comes from."""

    path: str = Field("", description="A dump or a folder of dumps; empty: the bundled sample.")
    more: list[str] = Field(default=[], description="More dumps or folders of dumps.")
    columns: str = Field(default="", description="A JSON object: field → column, over the guess.")
    date_order: str = Field(
        default="auto", description="auto, dmy or mdy, where a dump doesn't decide."
    )

    @property
    def location(self) -> Path:
        """The dump or folder to read."""
        return Path(self.path) if self.path else SAMPLE

    @property
    def name(self) -> str:
        """The names of the dumps or folders, without their places."""
        return " + ".join([self.location.name, *(Path(place).name for place in self.more)])

    def open(self) -> discover.Dumps:
        """Return the dumps; see `ingest.discover.find_dumps`."""
        options = parse_options(self.columns, self.date_order)
        places = (self.location, *map(Path, self.more))
        return discover.merge_dumps([discover.find_dumps(place, options) for place in places])

    def digest(self) -> str:
        """Return a digest of what would be read; see `ingest.discover.Dumps.digest`."""
        return f"{self.name} {self.open().digest()}"
