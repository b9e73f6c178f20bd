"""The data folder: where every stage is persisted."""

from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field


class DataFolder(dg.ConfigurableResource[Any]):
    """The folder in which every stage is persisted. Everything else takes its paths from here."""

    path: str = Field("data", description="The folder. It is made if it does not exist.")

    def file(self, name: str) -> Path:
        """Return the path of a file in the folder."""
        return Path(self.path) / name
