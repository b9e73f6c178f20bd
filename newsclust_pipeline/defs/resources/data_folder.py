"""The data folder: where every stage is persisted."""

import hashlib
import os
import re
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from newsclust_pipeline.core.errors import SettingError
from newsclust_pipeline.core.locations import (
    Location,
    address_of,
    is_web,
    parse_location,
    require_path,
)


class DataFolder(dg.ConfigurableResource[Any]):
    """The folder in which every stage is persisted. Everything else takes its paths from here.

    The folder may be in an object store. What needs a file of this machine is then in a local
    folder of its own: the locks, the cache of vectors, and the file of Milvus Lite.
    """

    path: str = Field("data", description="The folder, or its address in an object store.")
    local_path: str = Field(
        "", description="The parent of local folders; empty: ~/.cache/newsclust_pipeline."
    )

    @property
    def root(self) -> Location:
        """The folder.

        Raises:
            SettingError: no data folder can have this address.
        """
        root = parse_location(self.path, "data_dir")
        if is_web(root):
            raise SettingError(
                f"`data_dir`={address_of(root)}: nothing can be written to a web server. "
                "Set it to a folder, or to an address in an object store, such as s3://bucket/data."
            )
        return root

    @property
    def is_remote(self) -> bool:
        """Whether the folder is in an object store."""
        return not isinstance(self.root, Path)

    @property
    def local(self) -> Path:
        """The local folder: the data folder itself, if it is on this machine.

        Every address has its own: its name ends in a digest of the address.
        """
        root = self.root
        if isinstance(root, Path):
            return root
        readable = re.sub(r"[^\w.-]+", "-", address_of(root).partition("://")[2])[-60:].strip("-")
        digest = hashlib.sha256(self.path.rstrip("/").encode()).hexdigest()[:8]
        return self._local_parent() / f"{readable}-{digest}"

    def _local_parent(self) -> Path:
        if self.local_path:
            return require_path(self.local_path, "local_dir")
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(cache) / "newsclust_pipeline"

    def file(self, name: str) -> Location:
        """Return the location of a file in the folder."""
        return self.root / name

    def local_file(self, name: str) -> Path:
        """Return the path of a file that has to be on this machine."""
        return self.local / name
