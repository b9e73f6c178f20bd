"""What the pipeline runs on: the dumps, the embedder, Milvus. Configuration only; see `stages/`."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
from pydantic import Field

from newsclust_pipeline.core.errors import SettingError
from newsclust_pipeline.core.files import atomic_path, write_parquet
from newsclust_pipeline.embed.base import Embedder as EmbedderProtocol
from newsclust_pipeline.embed.client import Service
from newsclust_pipeline.ingest import dumps
from newsclust_pipeline.store import connection, indexes
from newsclust_pipeline.stories import lineage, titles

SAMPLE = Path(__file__).parents[1] / "sample" / "news_sample.csv"


class NewsDumps(dg.ConfigurableResource[Any]):
    """Where the news comes from."""

    path: str = Field("", description="A dump or a folder of dumps; empty for the bundled sample.")
    data_dir: str = Field(
        "data", description="Where rejected_rows.parquet and near_copies.parquet go."
    )

    @property
    def location(self) -> Path:
        """The dump or folder to read."""
        return Path(self.path) if self.path else SAMPLE

    def open(self) -> dumps.Dumps:
        """Find the dumps; see `ingest.dumps.find_dumps`."""
        return dumps.find_dumps(self.location)

    def digest(self) -> str:
        """Digest what there is to be read; see `ingest.dumps.Dumps.digest`."""
        return f"{self.location.name} {self.open().digest()}"

    def keep(self, name: str, rows: pa.Table) -> Path:
        """Write down rows that are not in raw_news, as `<name>.parquet`; gives the file."""
        target = self._kept(name)
        with atomic_path(target) as temporary:
            write_parquet(rows, temporary)
        return target

    def all_kept(self) -> bool:
        """Tell whether all such files are there."""
        return all(self._kept(name).is_file() for name in ("rejected_rows", "near_copies"))

    def _kept(self, name: str) -> Path:
        return Path(self.data_dir) / f"{name}.parquet"


class Embedder(dg.ConfigurableResource[Any]):
    """Which model turns texts into vectors."""

    name: str = Field("minilm", description="minilm, bge-m3, openai or sentence-transformers")
    model: str = Field("", description="A hub id or local folder; empty for the embedder's own.")
    device: str = Field("cpu", description="cpu, cuda, cuda:0, mps")
    dtype: str = Field("float32", description="float32, float16, bfloat16")
    prompt: str = Field("", description="Put before every text.")
    batch_size: str = Field("", description="Texts at a time; empty for the embedder's own.")
    concurrency: str = Field("4", description="Requests at a time, of openai.")
    base_url: str = Field("", description="An OpenAI-compatible endpoint; empty for OpenAI's own.")
    api_key: str = Field("", description="Its key. Never logged or persisted.")
    cache_days: str = Field("90", description="Days that unused vectors stay cached; 0: for ever.")
    data_dir: str = Field("data", description="Where the cache of vectors lies.")

    def load(self) -> EmbedderProtocol:
        """Make the embedder that the settings name.

        Raises:
            SettingError: there is no such embedder, or a setting doesn't suit it.
        """
        made = {
            "minilm": self._minilm,
            "bge-m3": self._bge_m3,
            "openai": self._openai,
            "sentence-transformers": self._sentence_transformers,
        }
        if self.name not in made:
            raise SettingError(
                f"NEWSCLUST_EMBEDDER={self.name}: no such embedder. Set it to {', '.join(made)}."
            )
        return made[self.name]()

    @property
    def cache(self) -> Path:
        """The file with the vectors of texts seen before."""
        return Path(self.data_dir) / "embedding_cache.sqlite"

    @property
    def keep_days(self) -> int:
        """Days that unused vectors stay in the cache; 0 for ever."""
        return _whole("NEWSCLUST_CACHE_DAYS", self.cache_days, least=0)

    def _minilm(self) -> EmbedderProtocol:
        from newsclust_pipeline.embed.minilm import MiniLM

        if (self.device, self.dtype, self.prompt) != ("cpu", "float32", ""):
            raise SettingError(
                "NEWSCLUST_EMBEDDER=minilm runs on the CPU in float32 and takes no prompt: unset "
                "NEWSCLUST_EMBEDDER_DEVICE, _DTYPE and _PROMPT, or choose sentence-transformers."
            )
        return MiniLM(Path(self.model) if self.model else None)

    def _bge_m3(self) -> EmbedderProtocol:
        from newsclust_pipeline.embed.torch_models import BgeM3

        if self.prompt:
            raise SettingError("NEWSCLUST_EMBEDDER=bge-m3 takes no prompt: unset _PROMPT.")
        return BgeM3(
            self.model or "BAAI/bge-m3", self.device, batch_size=self._batch(16), dtype=self.dtype
        )

    def _openai(self) -> EmbedderProtocol:
        from newsclust_pipeline.embed.openai import EmbeddingService

        return EmbeddingService(
            self.model,
            self.base_url,
            self.api_key,
            prompt=self.prompt,
            batch_size=self._batch(64),
            concurrency=_whole("NEWSCLUST_EMBEDDER_CONCURRENCY", self.concurrency),
        )

    def _sentence_transformers(self) -> EmbedderProtocol:
        from newsclust_pipeline.embed.torch_models import SentenceTransformers

        return SentenceTransformers(
            self.model,
            self.device,
            prompt=self.prompt,
            batch_size=self._batch(32),
            dtype=self.dtype,
        )

    def _batch(self, default: int) -> int:
        return _whole("NEWSCLUST_EMBEDDER_BATCH_SIZE", self.batch_size or str(default))


def _whole(setting: str, value: str, least: int = 1) -> int:
    """Read a whole number, naming the setting if it is none."""
    if not value.isdecimal() or int(value) < least:
        raise SettingError(f"{setting}={value}: must be a whole number, {least} or more.")
    return int(value)


class Titles(dg.ConfigurableResource[Any]):
    """Which language model names the stories, if any."""

    model: str = Field("", description="As its service calls it; empty for headlines as titles.")
    base_url: str = Field("", description="An OpenAI-compatible endpoint; empty for OpenAI's own.")
    api_key: str = Field("", description="Its key. Never logged or persisted.")
    data_dir: str = Field("data", description="Where its answers are remembered.")

    def retitled(
        self, told: pa.Table, documents: pa.Table, most: int, seconds: float
    ) -> titles.Titled:
        """Give stories the model's titles; see `stories.titles.retitled`.

        Without a model, or one that can't be, they keep their headlines.
        """
        if not self.model:
            return titles.Titled(told)
        memory = Path(self.data_dir) / "title_answers.json"
        try:
            return titles.retitled(told, documents, self._load(seconds), memory, most, seconds)
        except SettingError as error:
            return titles.Titled(told, warning=f"{error} All stories keep a headline as title.")

    def _load(self, seconds: float) -> titles.TitleModel:
        service = Service(
            self.base_url,
            self.api_key,
            wanted_by="NEWSCLUST_TITLES_MODEL",
            settings="NEWSCLUST_TITLES",
            timeout=min(seconds, 30),
            max_retries=2,
        )
        return titles.TitleModel(service, self.model)


class Milvus(dg.ConfigurableResource[Any]):
    """Which Milvus holds the documents, and how they are searched."""

    uri: str = Field("", description="A server's address, or a file; empty: <data dir>/milvus.db.")
    token: str = Field("", description="Only for servers. Never logged or persisted.")
    collection: str = Field("news_data", description="The collection's name.")
    index: str = Field("", description="FLAT, IVF_FLAT, HNSW or AUTOINDEX; empty: by size.")
    index_params: str = Field("", description="A JSON object: the index's parameters, by name.")
    search: str = Field("auto", description="Who searches: auto, milvus or faiss.")
    data_dir: str = Field("data", description="Where the default file lies.")

    @property
    def place(self) -> str:
        """The address or file."""
        return self.uri or str(Path(self.data_dir) / "milvus.db")

    def client(self) -> AbstractContextManager[connection.Connection]:
        """Open it; see `store.connection.milvus`."""
        return connection.milvus(self.place, self.token)

    def index_for(self, documents: int) -> indexes.Index:
        """Choose the index for so many documents; see `store.indexes.choose`."""
        server = connection.is_server(self.place)
        return indexes.choose(documents, server, self.index, self.index_params, self.search)


class StoryHistory(dg.ConfigurableResource[Any]):
    """What past runs recorded of the stories: the file that `story_lineage` leaves."""

    data_dir: str = Field("data", description="Where it lies.")

    def read(self) -> pa.Table:
        """Read it; see `stories.lineage.read_history`."""
        return lineage.read_history(Path(self.data_dir) / "story_lineage.parquet")
