"""Which model turns texts into vectors."""

from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from newsclust_pipeline.core.errors import SettingError
from newsclust_pipeline.defs.resources.data_folder import DataFolder
from newsclust_pipeline.embed.base import Embedder as EmbedderProtocol


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
    folder: dg.ResourceDependency[DataFolder]

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
        return self.folder.file("embedding_cache.sqlite")

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
