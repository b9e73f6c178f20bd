"""Embedders that run on torch: any model of sentence-transformers, and BGE-M3 of pymilvus.

Models are loaded from folders only (see `hub.py`), so that the libraries don't contact a hub
themselves, and the loaded model is the one that the fingerprint names.
"""

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from newsclust_pipeline.core.errors import EmbeddingError, SettingError
from newsclust_pipeline.core.imports import import_pymilvus
from newsclust_pipeline.embed.base import CHUNK, Batch
from newsclust_pipeline.embed.hub import REPLACE, ModelFiles, summarize, translate_errors

# BGE-M3 can read 8192 tokens at 16 times the cost. News says what it is about at the beginning, and
# 512 is pymilvus's default: the vectors agree with those of pymilvus.
BGE_M3_TOKENS = 512
_CHUNK = 256  # texts between two commits to the cache
# These two texts get one and the same vector only if the tokenizer has lost its vocabulary.
_PROBES = ["ferry", "otter"]
_RUN_FAILED = (
    "If memory ran out, lower `embedder.batch_size`. Otherwise the model's files may not belong "
    "together: set `embedder.model` to another folder or id."
)

Vectors = Callable[[list[str]], np.ndarray]


class _TorchModel(ABC):
    """Common base of both embedders: checks of the parameters, the fingerprint, batches."""

    name = ""
    extra = ""  # of this package: installs what the embedder needs
    needs: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = ("float32", "float16", "bfloat16")
    # As many as in one process: the last bits depend on the texts of a batch.
    texts_per_partition = CHUNK

    def __init__(self, model: str, device: str, batch_size: int, dtype: str, hub: str) -> None:
        self.model, self._device, self._batch_size, self._dtype = model, device, batch_size, dtype
        self._hub = hub
        if not model:
            raise SettingError(
                "`embedder.model` is empty: set it to a local folder or to the id of a model on a "
                f"hub. {self.name} has no default model."
            )
        if dtype not in self.dtypes:
            raise SettingError(
                f"`embedder.dtype`={dtype}: {self.name} supports {', '.join(self.dtypes)}."
            )
        if dtype == "float16" and device == "cpu":
            raise SettingError(
                "`embedder.dtype`=float16 needs a GPU: on a CPU it is slow or fails. Set it to "
                "float32, or `embedder.device` to cuda or mps."
            )

    @cached_property
    def fingerprint(self) -> str:
        """Identifies the model's files and parameters. Asks the hub if the model isn't local."""
        choices = "/".join(self._choices())
        return f"{self.name}/{self._files.revision}/{self._dtype}/{choices}"

    @cached_property
    def dimension(self) -> int:
        """Components of a vector. Loads the model."""
        return int(self._vectors(_PROBES).shape[1])

    def encode(self, texts: Sequence[str]) -> Iterator[Batch]:
        """Embed texts, the longest first: little padding, and memory runs out early or never.

        Yields:
            Positions in `texts` (n,) and their vectors (n, dimension), float32, of any length.

        Raises:
            EmbeddingError: the model can't be downloaded, loaded or run.
            SettingError: the device doesn't exist.
        """
        order = np.argsort([-len(text) for text in texts], kind="stable")
        for start in range(0, len(texts), _CHUNK):
            positions = order[start : start + _CHUNK]
            yield positions, self._vectors([texts[p] for p in positions])

    def _vectors(self, texts: list[str]) -> np.ndarray:
        run = self._run
        with translate_errors(f"{self.model}: embedding failed on {self._device}", _RUN_FAILED):
            return np.asarray(run(texts), dtype=np.float32)

    @cached_property
    def _run(self) -> Vectors:
        self._require_packages()
        _require_device(self._device)
        folder = self._files.folder()
        _silence_transformers()
        with translate_errors(f"{self.model}: can't be loaded", REPLACE):
            run = self._load(folder)
        with translate_errors(f"{self.model}: embedding failed on {self._device}", _RUN_FAILED):
            one, other = np.asarray(run(_PROBES), dtype=np.float32)
        if np.allclose(one, other, atol=1e-6):
            raise EmbeddingError(
                f"{self.model}: all texts get the same vector. The tokenizer's files are missing "
                f"or belong to another model. {REPLACE}"
            )
        return run

    def _require_packages(self) -> None:
        missing = [name for name in self.needs if importlib.util.find_spec(name) is None]
        if missing:
            raise EmbeddingError(
                f"`embedder.name`={self.name} needs packages that are not installed "
                f"({', '.join(missing)}): pip install 'newsclust_pipeline[{self.extra}]'"
            )

    @cached_property
    def _files(self) -> ModelFiles:
        return ModelFiles(self.model, self._hub)

    @abstractmethod
    def _choices(self) -> list[str]:
        """Return the parameters that vectors depend on, besides model and dtype."""

    @abstractmethod
    def _load(self, folder: Path) -> Vectors:
        """Load the model onto the device; return the function that embeds texts."""


class SentenceTransformers(_TorchModel):
    """Any model that the package sentence-transformers can load."""

    name = extra = "sentence-transformers"
    needs = ("sentence_transformers", "torch")

    def __init__(
        self,
        model: str,
        device: str = "cpu",
        *,
        prompt: str = "",
        batch_size: int = 32,
        dtype: str = "float32",
        hub: str = "huggingface",
    ) -> None:
        """Choose a model.

        Args:
            model: a local folder, or an id on the hub.
            device: where it runs: cpu, cuda, cuda:1, mps.
            prompt: put before every text; if empty, the model's own default, usually none.
            batch_size: number of texts that run through the model together.
            dtype: of weights and activations: float32, float16, bfloat16.
            hub: where the model is downloaded from: huggingface, modelscope.

        Raises:
            SettingError: a parameter can't work.
        """
        super().__init__(model, device, batch_size, dtype, hub)
        self._prompt = prompt

    @cached_property
    def _files(self) -> ModelFiles:
        bare = "/" not in self.model and not Path(self.model).is_dir()
        # The package completes the ids of its own models in the same way.
        return ModelFiles(f"sentence-transformers/{self.model}" if bare else self.model, self._hub)

    def _choices(self) -> list[str]:
        return [f"prompt={self._prompt!r}"]

    def _load(self, folder: Path) -> Vectors:
        import torch
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(
            str(folder),
            device=self._device,
            local_files_only=True,
            model_kwargs={"dtype": getattr(torch, self._dtype)},
        )
        return lambda texts: model.encode(
            texts,
            prompt=self._prompt or None,
            batch_size=self._batch_size,
            show_progress_bar=False,
        )


class BgeM3(_TorchModel):
    """The dense vectors of BGE-M3, a multilingual model with 1024 dimensions."""

    name = extra = "bge-m3"
    # pymilvus would run pip to install those that are missing.
    needs = ("FlagEmbedding", "datasets", "peft", "sentencepiece", "torch")
    dtypes = ("float32", "float16")

    def __init__(
        self,
        model: str = "BAAI/bge-m3",
        device: str = "cpu",
        *,
        batch_size: int = 16,
        dtype: str = "float32",
        hub: str = "huggingface",
    ) -> None:
        """Choose a model; see `SentenceTransformers`."""
        super().__init__(model, device, batch_size, dtype, hub)

    def _choices(self) -> list[str]:
        return ["cls", str(BGE_M3_TOKENS)]

    def _load(self, folder: Path) -> Vectors:
        import_pymilvus()
        from pymilvus.model.hybrid import BGEM3EmbeddingFunction

        _silence_flag_embedding()
        function = BGEM3EmbeddingFunction(
            str(folder),
            batch_size=self._batch_size,
            device=self._device,
            normalize_embeddings=False,
            use_fp16=self._dtype == "float16",
            return_sparse=False,
            return_colbert_vecs=False,
            passage_max_length=BGE_M3_TOKENS,
        )
        self._require_vocabulary(function)
        return lambda texts: self._dense(function, texts)

    def _dense(self, function: Any, texts: list[str]) -> Any:
        import torch

        try:
            return function.encode_documents(texts)["dense"]
        except AttributeError:
            # FlagEmbedding takes every error for lack of memory, shrinks the batch to nothing, and
            # fails with this error. Running the longest text alone raises the original one.
            longest = max(texts, key=len)
            inner = function.model
            tokens = inner.tokenizer(
                longest, truncation=True, max_length=BGE_M3_TOKENS, return_tensors="pt"
            )
            with torch.no_grad():
                inner.model(tokens.to(self._device), return_dense=True)
            raise

    def _require_vocabulary(self, function: Any) -> None:
        """Raise an error if the tokenizer is missing: transformers would use an empty one."""
        size, expected = len(function.model.tokenizer), function.model.model.config.vocab_size
        if size < expected / 2:
            raise EmbeddingError(
                f"{self.model}: the tokenizer has {size} tokens and the model {expected}. "
                f"tokenizer.json is missing or belongs to another model. {REPLACE}"
            )


def _require_device(device: str) -> None:
    """Raise an error unless torch can use the device."""
    import torch

    try:
        torch.zeros(1, device=device).cpu()
    except Exception as error:
        raise SettingError(
            f"`embedder.device`={device}: torch can't use it on this machine "
            f"({summarize(error)}). Set it to cpu, or to a device that `torch.zeros(1, device=…)` "
            "accepts."
        ) from error


def _silence_transformers() -> None:
    """Disable the progress bar of loading, which would garble logs."""
    from transformers.utils import logging

    logging.disable_progress_bar()


def _silence_flag_embedding() -> None:
    """Disable the progress bars of every call; the library has no setting for that."""
    from FlagEmbedding.inference.embedder.encoder_only import m3

    m3.tqdm = lambda items, **_: items
    m3.trange = lambda *bounds, **_: range(*bounds)
