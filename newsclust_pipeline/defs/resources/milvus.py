"""Which Milvus holds the documents, and how they are searched."""

from contextlib import AbstractContextManager
from typing import Any

import dagster as dg
from pydantic import Field

from newsclust_pipeline.core.locations import is_address, require_path
from newsclust_pipeline.defs.resources.data_folder import DataFolder
from newsclust_pipeline.store import indexes
from newsclust_pipeline.store.addresses import is_server
from newsclust_pipeline.store.client import Client
from newsclust_pipeline.store.connection import connect
from newsclust_pipeline.store.owner import owner_of


class Milvus(dg.ConfigurableResource[Any]):
    """Which Milvus holds the documents, and how they are searched."""

    uri: str = Field("", description="A server's address, or a file; empty: <data dir>/milvus.db.")
    token: str = Field("", description="Only for servers. Never logged or persisted.")
    collection: str = Field("news_data", description="The collection's name.")
    index: str = Field("", description="FLAT, IVF_FLAT, HNSW or AUTOINDEX; empty: by size.")
    index_params: str = Field("", description="A JSON object: the index's parameters, by name.")
    owner: str = Field("", description="The owner of the collection; empty: the data folder.")
    search: str = Field("auto", description="The backend that searches: auto, milvus or faiss.")
    folder: dg.ResourceDependency[DataFolder]

    @property
    def place(self) -> str:
        """The address or file.

        Raises:
            SettingError: it is an address of something else than a server.
        """
        if not self.uri:
            return str(self.folder.local_file("milvus.db"))
        if is_address(self.uri) and not self.uri.lower().startswith(("http://", "https://")):
            return str(require_path(self.uri, "milvus.uri"))
        return self.uri

    def client(self) -> AbstractContextManager[Client]:
        """Open Milvus; see `store.connection.connect`."""
        warn = dg.get_dagster_logger().warning
        owner = owner_of(self.folder.root, warn, self.owner, self.folder.local)
        return connect(self.place, owner, self.token)

    def index_for(self, documents: int) -> indexes.Index:
        """Choose the index for so many documents; see `store.indexes.choose`."""
        return indexes.choose(
            documents, is_server(self.place), self.index, self.index_params, self.search
        )
