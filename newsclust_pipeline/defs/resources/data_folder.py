"""The data folder: what previous runs left in it."""

from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
from pydantic import Field

from newsclust_pipeline.stories import lineage


class StoryHistory(dg.ConfigurableResource[Any]):
    """What past runs recorded of the stories: the file that `story_lineage` leaves."""

    data_dir: str = Field("data", description="Where it lies.")

    def read(self) -> pa.Table:
        """Read it; see `stories.lineage.read_history`."""
        return lineage.read_history(Path(self.data_dir) / "story_lineage.parquet")
