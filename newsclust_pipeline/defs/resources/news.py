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
    columns: str = Field("", description="A JSON object: field → column, over the guess.")
    date_order: str = Field("auto", description="auto, dmy or mdy, where a dump doesn't decide.")

    @property
    def location(self) -> Path:
        """The dump or folder to read."""
        return Path(self.path) if self.path else SAMPLE

    def open(self) -> discover.Dumps:
        """Return the dumps; see `ingest.discover.find_dumps`."""
        return discover.find_dumps(self.location, parse_options(self.columns, self.date_order))

    def digest(self) -> str:
        """Return a digest of what would be read; see `ingest.discover.Dumps.digest`."""
        return f"{self.location.name} {self.open().digest()}"
