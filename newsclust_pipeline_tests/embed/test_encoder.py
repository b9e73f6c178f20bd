"""The ONNX graph computes BERT, text by text."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from newsclust_pipeline.embed.encoder import Architecture, Encoder

SMALL = Architecture(layers=2, heads=2, head_size=4)
WORDS, POSITIONS, WIDE = 11, 6, 32


class Tokenizer:
    """Splits texts such as "3 1 2" into the ids that they consist of."""

    def encode_batch(self, texts):
        return [SimpleNamespace(ids=[int(word) for word in text.split()]) for text in texts]


def random_weights(seed=0):
    rng = np.random.default_rng(seed)
    dense = {"attention.self.query": (8, 8), "attention.self.key": (8, 8)}
    dense |= {"attention.self.value": (8, 8), "attention.output.dense": (8, 8)}
    dense |= {"intermediate.dense": (WIDE, 8), "output.dense": (8, WIDE)}
    shapes = {f"embeddings.{n}_embeddings.weight": (size, 8) for n, size in
              [("word", WORDS), ("position", POSITIONS), ("token_type", 2)]}  # fmt: skip
    norms = ["embeddings.LayerNorm"]
    for layer in range(SMALL.layers):
        prefix = f"encoder.layer.{layer}"
        norms += [f"{prefix}.attention.output.LayerNorm", f"{prefix}.output.LayerNorm"]
        for name, shape in dense.items():
            shapes |= {f"{prefix}.{name}.weight": shape, f"{prefix}.{name}.bias": shape[:1]}
    shapes |= {f"{norm}.{part}": (8,) for norm in norms for part in ("weight", "bias")}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def encoder(weights):
    words = weights["embeddings.word_embeddings.weight"]
    return Encoder(Tokenizer(), words.__getitem__, weights, SMALL)


def bert(ids, weights):
    """The definition in NumPy, in float64."""
    w = {name: value.astype(np.float64) for name, value in weights.items()}

    def dense(x, name):
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(x, name):
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + SMALL.epsilon)
        return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]

    gelu = np.vectorize(lambda v: v * (1 + math.erf(v / math.sqrt(2))) / 2)
    e = "embeddings"
    x = w[f"{e}.word_embeddings.weight"][ids] + w[f"{e}.position_embeddings.weight"][: len(ids)]
    x = norm(x + w[f"{e}.token_type_embeddings.weight"][0], f"{e}.LayerNorm")
    for layer in range(SMALL.layers):
        p = f"encoder.layer.{layer}"
        q, k, v = (dense(x, f"{p}.attention.self.{n}") for n in ("query", "key", "value"))
        heads = []
        for head in range(SMALL.heads):
            part = slice(head * SMALL.head_size, (head + 1) * SMALL.head_size)
            scores = np.exp(q[:, part] @ k[:, part].T / math.sqrt(SMALL.head_size))
            heads.append(scores / scores.sum(-1, keepdims=True) @ v[:, part])
        mixed = dense(np.concatenate(heads, axis=1), f"{p}.attention.output.dense")
        x = norm(mixed + x, f"{p}.attention.output.LayerNorm")
        wide = gelu(dense(x, f"{p}.intermediate.dense"))
        x = norm(dense(wide, f"{p}.output.dense") + x, f"{p}.output.LayerNorm")
    mean = x.mean(axis=0)
    return mean / np.linalg.norm(mean)


@pytest.mark.parametrize("text", ["3", "3 1 2", "10 9 8 7 6 5"])
def test_vectors_are_those_of_the_definition(text):
    weights = random_weights()
    [(positions, vectors)] = encoder(weights).encode([text])
    expected = bert([int(word) for word in text.split()], weights)
    assert positions.tolist() == [0]
    np.testing.assert_allclose(vectors[0], expected, atol=1e-5)


def test_texts_of_any_length_are_embedded_in_their_order():
    texts = ["3", "3 1 2", "10 9 8 7 6 5"] * 100
    small = encoder(random_weights())
    batches = list(small.encode(texts))
    assert np.concatenate([positions for positions, _ in batches]).tolist() == list(range(300))
    vectors = np.concatenate([vectors for _, vectors in batches])
    alone = np.concatenate([next(small.encode([text]))[1] for text in texts[:3]])
    assert vectors.tobytes() == np.tile(alone, (100, 1)).tobytes()
