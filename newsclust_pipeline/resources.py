"""What the pipeline runs on: the dumps, the embedder, Milvus. Configuration only; see `stages/`."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
from pydantic import Field

from newsclust_pipeline.stages import collection, dumps
from newsclust_pipeline.stages.embedding import Embedder as EmbedderProtocol
from newsclust_pipeline.stages.errors import SettingError
from newsclust_pipeline.stages.files import atomic_path, write_parquet

SAMPLE = Path(__file__).parent / "sample" / "news_sample.csv"


class NewsDumps(dg.ConfigurableResource[Any]):
    """Where the news comes from."""

    path: str = Field("", description="A dump or a folder of dumps; empty for the bundled sample.")
    data_dir: str = Field("data", description="Where rejected_rows.parquet goes.")

    @property
    def location(self) -> Path:
        """The dump or folder to read."""
        return Path(self.path) if self.path else SAMPLE

    def open(self) -> dumps.Dumps:
        """Find the dumps; see `stages.dumps.find_dumps`."""
        return dumps.find_dumps(self.location)

    def keep_rejected(self, rows: pa.Table) -> Path:
        """Write the rows that can't be used; gives the file."""
        target = Path(self.data_dir) / "rejected_rows.parquet"
        with atomic_path(target) as temporary:
            write_parquet(rows, temporary)
        return target


class Embedder(dg.ConfigurableResource[Any]):
    """Which model turns texts into vectors."""

    name: str = Field("minilm", description="minilm")
    model: str = Field("", description="A local folder; empty for the embedder's own model.")
    device: str = Field("cpu", description="cpu")
    data_dir: str = Field("data", description="Where the cache of vectors lies.")

    def load(self) -> EmbedderProtocol:
        """Make the embedder that the settings name.

        Raises:
            SettingError: there is no such embedder, or it can't run on that device.
        """
        from newsclust_pipeline.stages.minilm import MiniLM

        if self.name != MiniLM.name:
            raise SettingError(
                f"NEWSCLUST_EMBEDDER={self.name}: this version has no such embedder. "
                "Set it to minilm."
            )
        if self.device != "cpu":
            raise SettingError(
                f"NEWSCLUST_EMBEDDER_DEVICE={self.device}: minilm runs on the CPU. Set it to cpu."
            )
        return MiniLM(Path(self.model) if self.model else None)

    @property
    def cache(self) -> Path:
        """The file with the vectors of texts seen before."""
        return Path(self.data_dir) / "embedding_cache.sqlite"


class Milvus(dg.ConfigurableResource[Any]):
    """Which Milvus holds the documents."""

    uri: str = Field("", description="A server's address, or a file; empty: <data dir>/milvus.db.")
    token: str = Field("", description="Only for servers. Never logged or persisted.")
    collection: str = Field("news_data", description="The collection's name.")
    data_dir: str = Field("data", description="Where the default file lies.")

    def client(self) -> AbstractContextManager[Any]:
        """Open a `MilvusClient`; see `stages.collection.milvus`."""
        return collection.milvus(self.uri or str(Path(self.data_dir) / "milvus.db"), self.token)
