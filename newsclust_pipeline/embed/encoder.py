"""Run a BERT encoder on ONNX Runtime: token ids → one unit vector per text.

The network is written here as an ONNX graph around the weights of a model, so neither torch nor an
exported model is needed. Architecture: Devlin et al., BERT (2019); mean pooling and unit length as
in Reimers and Gurevych, Sentence-BERT (2019).

Every text runs through the network alone, on one thread. So nothing is padded or masked, and the
vector of a text is the same, bit for bit, whatever else is embedded with it: reruns and caches rely
on that. Batches of texts of equal length are only about 5 % faster, and differ in the last bit.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from newsclust_pipeline.core.engine import threads
from newsclust_pipeline.embed.base import Batch

if TYPE_CHECKING:
    import onnx

_CHUNK = 256  # texts between two commits to the cache


@dataclass(frozen=True)
class Architecture:
    """The size of a BERT encoder.

    Attributes:
        layers: number of transformer layers.
        heads: attention heads of a layer.
        head_size: components of a head; the vectors have heads × head_size.
        epsilon: added to the variance in a layer normalisation.
    """

    layers: int
    heads: int
    head_size: int
    epsilon: float = 1e-12

    @property
    def hidden(self) -> int:
        """Components of a token's vector, and of a text's."""
        return self.heads * self.head_size


@dataclass(frozen=True)
class QuantizedMatrix:
    """A matrix of 8-bit numbers with a scale for every block of a row.

    Component (row, column) is (codes − 128) · scale of its block.

    Attributes:
        codes: (rows, blocks, block size) uint8.
        scales: (rows, blocks) float32.
    """

    codes: np.ndarray
    scales: np.ndarray

    @classmethod
    def of(cls, matrix: np.ndarray, block: int) -> "QuantizedMatrix":
        """Return a matrix (rows, columns) of float32 rounded to 8 bits."""
        blocks = matrix.reshape(len(matrix), -1, block)
        scales = np.maximum(np.abs(blocks).max(axis=2) / 127, np.finfo(np.float32).tiny)
        codes = np.round(blocks / scales[:, :, None]) + 128
        return cls(codes.astype(np.uint8), scales.astype(np.float32))


# Arrays by name; those of linear layers may be of class QuantizedMatrix.
Weights = Mapping[str, Any]
# Returns the vectors (n, hidden) of the words with these ids (n,).
WordVectors = Callable[[np.ndarray], np.ndarray]


class Encoder:
    """A BERT encoder with a tokenizer, in one session of ONNX Runtime."""

    def __init__(
        self,
        tokenizer: Any,
        word_vectors: WordVectors,
        weights: Weights,
        architecture: Architecture,
    ) -> None:
        """Build the network.

        Args:
            tokenizer: of the package `tokenizers`, without padding, with truncation.
            word_vectors: looks up the word embeddings. They are not part of the graph, so that a
                large vocabulary can stay in a compact form.
            weights: by the names that they have in Hugging Face's BertModel; those of linear layers
                may be quantized.
            architecture: the size of the network.
        """
        import onnxruntime as ort

        self._tokenizer, self._word_vectors = tokenizer, word_vectors
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        graph = build_graph(weights, architecture).SerializeToString()
        self._session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def encode(self, texts: Sequence[str]) -> Iterator[Batch]:
        """Embed texts in their order, on all cores.

        Yields:
            Positions in `texts` (n,) and their vectors (n, hidden), float32, of unit length.
        """
        # Threads over texts are faster than threads within a text, which is too small to divide.
        with ThreadPoolExecutor(threads()) as pool:
            for start in range(0, len(texts), _CHUNK):
                tokens = self._tokenizer.encode_batch(texts[start : start + _CHUNK])
                vectors = list(pool.map(self._vector, tokens))
                yield np.arange(start, start + len(vectors)), np.stack(vectors)

    def _vector(self, tokens: Any) -> np.ndarray:
        words = self._word_vectors(np.array(tokens.ids))
        vectors: np.ndarray = self._session.run(None, {"words": words[None]})[0]
        return vectors[0]


def build_graph(weights: Weights, architecture: Architecture) -> "onnx.ModelProto":
    """Return the network in ONNX: word vectors (batch, length, hidden) → unit (batch, hidden)."""
    from onnx import TensorProto, helper

    graph = _Graph(architecture)
    graph.encoder(weights)
    hidden = architecture.hidden
    inputs = [
        helper.make_tensor_value_info("words", TensorProto.FLOAT, ["batch", "length", hidden])
    ]
    outputs = [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["batch", hidden])]
    proto = helper.make_graph(graph.nodes, "bert", inputs, outputs, graph.constants)
    # 20 is the first with Gelu; com.microsoft has MatMulNBits.
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(proto, opset_imports=opsets, ir_version=9)


class _Graph:
    """A graph under construction. Methods add nodes and return the name of their output."""

    def __init__(self, architecture: Architecture) -> None:
        self.size = architecture
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def encoder(self, weights: Weights) -> None:
        """Add BERT's embeddings and layers, then the mean over tokens at unit length."""
        x = self.embeddings(weights)
        for layer in range(self.size.layers):
            x = self.layer(x, _with_prefix(weights, f"encoder.layer.{layer}"))
        mean = self.op("ReduceMean", x, self.const(np.array([1])), keepdims=0)
        length = self.op("ReduceL2", mean, self.const(np.array([1])), keepdims=1)
        self.op("Div", mean, length, output="vectors")

    def embeddings(self, weights: Weights) -> str:
        """Add word, position and token type; the token type is always 0, so it is a constant."""
        w = _with_prefix(weights, "embeddings")
        positions = w["position_embeddings.weight"] + w["token_type_embeddings.weight"][0]
        length = self.op("Shape", "words", start=1, end=2)
        position = self.op("Slice", self.const(positions), self.const(np.array([0])), length)
        return self.norm(self.op("Add", "words", position), _with_prefix(w, "LayerNorm"))

    def layer(self, x: str, w: Weights) -> str:
        """Add one transformer layer: attention, then the feed-forward net, both residual."""
        attended = self.attention(x, _with_prefix(w, "attention.self"))
        attended = self.dense(attended, _with_prefix(w, "attention.output.dense"))
        x = self.norm(self.op("Add", attended, x), _with_prefix(w, "attention.output.LayerNorm"))
        wide = self.op("Gelu", self.dense(x, _with_prefix(w, "intermediate.dense")))
        narrow = self.dense(wide, _with_prefix(w, "output.dense"))
        return self.norm(self.op("Add", narrow, x), _with_prefix(w, "output.LayerNorm"))

    def attention(self, x: str, w: Weights) -> str:
        """Add softmax(QKᵀ/√d)V over the heads; Q, K and V come from one multiplication."""
        parts = [_with_prefix(w, part) for part in ("query", "key", "value")]
        joint = {name: _concatenate([part[name] for part in parts]) for name in ("weight", "bias")}
        shape = self.const(np.array([0, 0, 3, self.size.heads, self.size.head_size]))
        split = self.op("Reshape", self.dense(x, joint), shape)
        three = self.op("Transpose", split, perm=[2, 0, 3, 1, 4])
        query, key, value = (
            self.op("Gather", three, self.const(np.array(part)), axis=0) for part in range(3)
        )
        key = self.op("Transpose", key, perm=[0, 1, 3, 2])
        scale = self.const(np.array(1 / np.sqrt(self.size.head_size), dtype=np.float32))
        scores = self.op("Mul", self.op("MatMul", query, key), scale)
        mixed = self.op("MatMul", self.op("Softmax", scores, axis=-1), value)
        joined = self.op("Transpose", mixed, perm=[0, 2, 1, 3])
        return self.op("Reshape", joined, self.const(np.array([0, 0, self.size.hidden])))

    def dense(self, x: str, w: Weights) -> str:
        """Add xWᵀ + b."""
        weight = w["weight"]
        if isinstance(weight, QuantizedMatrix):
            product = self.quantized_product(x, weight)
        else:
            product = self.op("MatMul", x, self.const(np.ascontiguousarray(weight.T)))
        return self.op("Add", product, self.const(w["bias"]))

    def quantized_product(self, x: str, weight: QuantizedMatrix) -> str:
        """Add xWᵀ with W in 8 bits; x is rounded to 8 bits, too, with a scale for every block.

        accuracy_level=4 chooses that rounding. A product of float32 by these weights would take
        three times as long as one of float32 by float32.
        """
        rows, blocks, size = weight.codes.shape
        return self.op(
            "MatMulNBits",
            x,
            self.const(weight.codes),
            self.const(weight.scales),
            domain="com.microsoft",
            N=rows,
            K=blocks * size,
            bits=8,
            block_size=size,
            accuracy_level=4,
        )

    def norm(self, x: str, w: Weights) -> str:
        """Add a layer normalisation over the last axis."""
        scale, bias = self.const(w["weight"]), self.const(w["bias"])
        return self.op("LayerNormalization", x, scale, bias, epsilon=self.size.epsilon)

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


def _concatenate(parts: Sequence[Any]) -> Any:
    """Return one matrix with the rows of all parts, or one vector."""
    if isinstance(parts[0], QuantizedMatrix):
        return QuantizedMatrix(
            np.concatenate([part.codes for part in parts]),
            np.concatenate([part.scales for part in parts]),
        )
    return np.concatenate(parts)


def _with_prefix(weights: Weights, prefix: str) -> Weights:
    """Return the weights whose names start with a prefix, without it."""
    start = f"{prefix}."
    return {k.removeprefix(start): v for k, v in weights.items() if k.startswith(start)}
