"""Which Milvus holds the documents, and how they are searched."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

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
        """The address or file."""
        return self.uri or str(self.folder.file("milvus.db"))

    def client(self) -> AbstractContextManager[Client]:
        """Open Milvus; see `store.connection.connect`."""
        warn = dg.get_dagster_logger().warning
        return connect(self.place, owner_of(Path(self.folder.path), warn, self.owner), self.token)

    def index_for(self, documents: int) -> indexes.Index:
        """Choose the index for so many documents; see `store.indexes.choose`."""
        return indexes.choose(
            documents, is_server(self.place), self.index, self.index_params, self.search
        )
