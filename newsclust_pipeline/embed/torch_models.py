"""The embedders on torch: any model of sentence-transformers, and BGE-M3 as pymilvus runs it.

Models are loaded from folders only (see `model_files.py`): so the libraries beneath ask no hub of
their own accord, and what is loaded is what the fingerprint names.
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
from newsclust_pipeline.embed.base import Batch
from newsclust_pipeline.embed.hub import REPLACE, ModelFiles, brief, told

# BGE-M3 reads up to 8192 tokens, but costs 16 times as much on such a text. News says what it is
# about at its top, and 512 is what pymilvus gives when nothing is set: vectors agree with those.
BGE_M3_TOKENS = 512
_CHUNK = 256  # texts between two commits to the cache
# Two texts that any vocabulary tells apart, and one that lacks all words doesn't.
_PROBES = ["ferry", "otter"]
_SMALLER = (
    "If memory ran out, lower NEWSCLUST_EMBEDDER_BATCH_SIZE; otherwise the model's files may not "
    "fit together: try NEWSCLUST_EMBEDDER_MODEL with another folder or id."
)

Vectors = Callable[[list[str]], np.ndarray]


class _TorchModel(ABC):
    """What both embedders share: checks, the fingerprint, batches."""

    name = ""
    extra = ""  # of this package, with what the embedder needs
    needs: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = ("float32", "float16", "bfloat16")

    def __init__(self, model: str, device: str, batch_size: int, dtype: str) -> None:
        self.model, self._device, self._batch_size, self._dtype = model, device, batch_size, dtype
        if not model:
            raise SettingError(
                "NEWSCLUST_EMBEDDER_MODEL is empty: set it to a local folder or to a model's id "
                f"on the Hugging Face hub. {self.name} has no model of its own."
            )
        if dtype not in self.dtypes:
            raise SettingError(
                f"NEWSCLUST_EMBEDDER_DTYPE={dtype}: {self.name} knows {', '.join(self.dtypes)}."
            )
        if dtype == "float16" and device == "cpu":
            raise SettingError(
                "NEWSCLUST_EMBEDDER_DTYPE=float16 is for GPUs: on a CPU it is slow or fails. "
                "Set it to float32, or NEWSCLUST_EMBEDDER_DEVICE to cuda or mps."
            )

    @cached_property
    def fingerprint(self) -> str:
        """What the vectors depend on besides the text; the hub is asked if the model isn't here."""
        choices = "/".join(self._choices())
        return f"{self.name}/{self._files.revision}/{self._dtype}/{choices}"

    @cached_property
    def dimension(self) -> int:
        """Components of a vector. The model is loaded for it."""
        return int(self._vectors(_PROBES).shape[1])

    def encode(self, texts: Sequence[str]) -> Iterator[Batch]:
        """Embed texts, the longest first: little is padded, and memory runs out at once or never.

        Yields:
            Positions in `texts` (n,) and their vectors (n, dimension), float32, of any length.

        Raises:
            EmbeddingError: the model can't be had, loaded or run.
            SettingError: the device isn't there.
        """
        order = np.argsort([-len(text) for text in texts], kind="stable")
        for start in range(0, len(texts), _CHUNK):
            positions = order[start : start + _CHUNK]
            yield positions, self._vectors([texts[p] for p in positions])

    def _vectors(self, texts: list[str]) -> np.ndarray:
        run = self._run
        with told(f"{self.model}: embedding failed on {self._device}", _SMALLER):
            return np.asarray(run(texts), dtype=np.float32)

    @cached_property
    def _run(self) -> Vectors:
        self._require_packages()
        _require_device(self._device)
        folder = self._files.folder()
        _silence_transformers()
        with told(f"{self.model}: can't be loaded", REPLACE):
            run = self._load(folder)
        with told(f"{self.model}: embedding failed on {self._device}", _SMALLER):
            one, other = np.asarray(run(_PROBES), dtype=np.float32)
        if np.allclose(one, other, atol=1e-6):
            raise EmbeddingError(
                f"{self.model}: it gives all texts one vector. Its tokenizer's files are missing "
                f"or of another model. {REPLACE}"
            )
        return run

    def _require_packages(self) -> None:
        missing = [name for name in self.needs if importlib.util.find_spec(name) is None]
        if missing:
            raise EmbeddingError(
                f"NEWSCLUST_EMBEDDER={self.name} needs what is not installed "
                f"({', '.join(missing)}): pip install 'newsclust_pipeline[{self.extra}]'"
            )

    @cached_property
    def _files(self) -> ModelFiles:
        return ModelFiles(self.model)

    @abstractmethod
    def _choices(self) -> list[str]:
        """Name the settings that vectors depend on, besides model and dtype."""

    @abstractmethod
    def _load(self, folder: Path) -> Vectors:
        """Load the model onto the device."""


class SentenceTransformers(_TorchModel):
    """Any model that the package sentence-transformers loads."""

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
    ) -> None:
        """Choose a model.

        Args:
            model: a local folder, or an id on the Hugging Face hub.
            device: where it runs: cpu, cuda, cuda:1, mps.
            prompt: put before every text; empty for the model's own default, mostly none.
            batch_size: texts that run through the model at once.
            dtype: of weights and activations: float32, float16, bfloat16.

        Raises:
            SettingError: a setting can't work.
        """
        super().__init__(model, device, batch_size, dtype)
        self._prompt = prompt

    @cached_property
    def _files(self) -> ModelFiles:
        bare = "/" not in self.model and not Path(self.model).is_dir()
        # As the package itself completes the ids of its own models.
        return ModelFiles(f"sentence-transformers/{self.model}" if bare else self.model)

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
    """BGE-M3, a multilingual model of 1024 dimensions: its dense vectors."""

    name = extra = "bge-m3"
    # pymilvus would call pip for those of them that are missing.
    needs = ("FlagEmbedding", "datasets", "peft", "sentencepiece", "torch")
    dtypes = ("float32", "float16")

    def __init__(
        self,
        model: str = "BAAI/bge-m3",
        device: str = "cpu",
        *,
        batch_size: int = 16,
        dtype: str = "float32",
    ) -> None:
        """Choose where the model is and how it runs; see `SentenceTransformers`."""
        super().__init__(model, device, batch_size, dtype)

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
            # FlagEmbedding takes whatever fails for lack of memory, makes batches smaller until
            # nothing is left, and fails at that. The longest text alone shows what it was.
            longest = max(texts, key=len)
            inner = function.model
            tokens = inner.tokenizer(
                longest, truncation=True, max_length=BGE_M3_TOKENS, return_tensors="pt"
            )
            with torch.no_grad():
                inner.model(tokens.to(self._device), return_dense=True)
            raise

    def _require_vocabulary(self, function: Any) -> None:
        """Refuse a folder without its tokenizer: transformers makes an empty one, silently."""
        known, due = len(function.model.tokenizer), function.model.model.config.vocab_size
        if known < due / 2:
            raise EmbeddingError(
                f"{self.model}: its tokenizer knows {known} tokens where the model has {due}. "
                f"tokenizer.json is missing or of another model. {REPLACE}"
            )


def _require_device(device: str) -> None:
    import torch

    try:
        torch.zeros(1, device=device).cpu()
    except Exception as fault:
        raise SettingError(
            f"NEWSCLUST_EMBEDDER_DEVICE={device}: torch can't use it here ({brief(fault)}). "
            "Set it to cpu, or to a device that `torch.zeros(1, device=…)` accepts."
        ) from fault


def _silence_transformers() -> None:
    """Keep it from drawing a bar while weights are loaded, which garbles logs."""
    from transformers.utils import logging

    logging.disable_progress_bar()


def _silence_flag_embedding() -> None:
    """Keep it from drawing bars for every call: it heeds no setting that says not to."""
    from FlagEmbedding.inference.embedder.encoder_only import m3

    m3.tqdm = lambda items, **_: items
    m3.trange = lambda *bounds, **_: range(*bounds)
