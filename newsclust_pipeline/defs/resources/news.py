"""Where the news comes from."""

from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
from pydantic import Field

from newsclust_pipeline.core.files import atomic_path, write_parquet
from newsclust_pipeline.ingest import discover
from newsclust_pipeline.ingest.source import parse_options

SAMPLE = Path(__file__).parents[2] / "sample" / "news_sample.csv"


class NewsDumps(dg.ConfigurableResource[Any]):
    """Where the news comes from."""

    path: str = Field("", description="A dump or a folder of dumps; empty for the bundled sample.")
    columns: str = Field("", description="A JSON object: field → column, over the guess.")
    date_order: str = Field("auto", description="auto, dmy or mdy, where a dump doesn't decide.")
    data_dir: str = Field(
        "data", description="Where rejected_rows.parquet and near_duplicates.parquet go."
    )

    @property
    def location(self) -> Path:
        """The dump or folder to read."""
        return Path(self.path) if self.path else SAMPLE

    def open(self) -> discover.Dumps:
        """Find the dumps; see `ingest.discover.find_dumps`."""
        return discover.find_dumps(self.location, parse_options(self.columns, self.date_order))

    def digest(self) -> str:
        """Digest what there is to be read; see `ingest.discover.Dumps.digest`."""
        return f"{self.location.name} {self.open().digest()}"

    def keep(self, name: str, rows: pa.Table) -> Path:
        """Write down rows that are not in raw_news, as `<name>.parquet`; gives the file."""
        target = self._kept(name)
        with atomic_path(target) as temporary:
            write_parquet(rows, temporary)
        return target

    def all_kept(self) -> bool:
        """Tell whether all such files are there."""
        return all(self._kept(name).is_file() for name in ("rejected_rows", "near_duplicates"))

    def _kept(self, name: str) -> Path:
        return Path(self.data_dir) / f"{name}.parquet"
