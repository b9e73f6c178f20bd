"""How fast is the default embedder, against sentence-transformers as it comes and the hardware?

    python -m benchmarks.embedders [--sizes 512] [--repeats 3] [--gold file.parquet …]

Both run the same weights on the same texts with all cores, taking turns. Gold files need the
columns title, description and gold; the bundled sample is always among them. The limit is the time
that the network's multiplications alone would take at the measured speed of large ones.
"""

import argparse
import os
import statistics
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from onnx import TensorProto, helper, numpy_helper

from benchmarks import synthetic
from benchmarks.report import seconds, spread, table, versions
from newsclust_pipeline.cluster.gold import gold_figures
from newsclust_pipeline.cluster.hdbscan import hdbscan
from newsclust_pipeline.defs.resources import SAMPLE
from newsclust_pipeline.embed.minilm import MiniLM, package_folder
from newsclust_pipeline.ingest.cleaning import clean_text

Encode = Callable[[list[str]], np.ndarray]


def main() -> None:
    """Run the benchmark."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", type=int, nargs="*", default=[512], help="texts, at most")
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--gold", type=Path, nargs="*", default=[])
    given = options.parse_args()

    sets = {"sample": gold_set(pacsv.read_csv(SAMPLE).rename_columns({"story": "gold"}))}
    sets |= {path.stem: gold_set(pq.read_table(path)) for path in given.gold}
    texts = [text for found, _ in sets.values() for text in found][: max(given.sizes)]

    model = MiniLM()
    encoders: dict[str, Encode] = {"minilm (ours)": lambda texts: ours(model, texts)}
    encoders["SentenceTransformer.encode"] = peer()
    for encode in encoders.values():
        encode(texts[:8])
    times: dict[str, list[float]] = {name: [] for name in encoders}
    for _ in range(given.repeats):
        for name, encode in encoders.items():
            times[name].append(seconds(lambda run=encode: run(texts)))
    rate = {name: [len(texts) / t for t in taken] for name, taken in times.items()}
    limit = [len(texts) / t for t in limits(model, texts, given.repeats)]

    quality = {
        name: [f"{f1(encode(found), gold):.3f}" for found, gold in sets.values()]
        for name, encode in encoders.items()
    }
    slowest = statistics.median(rate["SentenceTransformer.encode"])
    rows = [
        [name, spread(rate[name]), f"{statistics.median(rate[name]) / slowest:.2f}", *quality[name]]
        for name in encoders
    ]
    rows.append(["multiplications alone", spread(limit), "", *[""] * len(sets)])
    vectors = {name: encode(texts) for name, encode in encoders.items()}
    one, other = vectors.values()
    alone = np.concatenate([ours(model, [text]) for text in texts[:64]])
    table(
        "embedders",
        f"Embedding {len(texts)} texts, {given.repeats} repeats",
        ["", "texts/s", "ratio", *(f"F1 {name}" for name in sets)],
        rows,
    )
    print(f"least cosine to the peer {(one * other).sum(axis=1).min():.7f}")
    print(
        f"largest change of a text's vector in other company {np.abs(alone - one[:64]).max():.1e}"
    )
    print(versions("onnxruntime", "sentence-transformers", "torch", "numpy"))


def gold_set(rows: pa.Table) -> tuple[list[str], list[object]]:
    """Return texts and gold stories; a row without one is a story of its own."""
    texts = [
        "\n".join(
            part for part in (clean_text(row["title"]), clean_text(row["description"])) if part
        )
        for row in rows.to_pylist()
    ]
    gold = [story or ("lone", row) for row, story in enumerate(rows["gold"].to_pylist())]
    return texts, gold


def ours(model: MiniLM, texts: list[str]) -> np.ndarray:
    """Embed with the default embedder."""
    return np.concatenate([vectors for _, vectors in model.encode(texts)])


def peer() -> Encode:
    """Load the same weights in sentence-transformers, with its own settings."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(package_folder()), device="cpu", local_files_only=True)
    return lambda texts: model.encode(texts, normalize_embeddings=True)


def limits(model: MiniLM, texts: list[str], repeats: int) -> list[float]:
    """Return the seconds of these texts' matrix products at the speed of large ones."""
    lengths = np.array([len(t.ids) for t in model._tokenizer.encode_batch(texts)])
    width, layers = model.dimension, 6
    # A layer has 12·width² weights; attention multiplies length × length × width twice.
    operations = 2 * layers * (12 * width**2 * lengths + 2 * lengths**2 * width).sum()
    size, cores = 1024, os.cpu_count() or 1
    session = multiplication(size)
    square = np.random.default_rng(0).normal(size=(size, size)).astype(np.float32)

    def multiply() -> None:
        with ThreadPoolExecutor(cores) as pool:
            list(pool.map(lambda _: session.run(None, {"x": square}), range(cores)))

    multiply()
    # The best of several: a limit must not suffer from what else the machine does.
    fastest = [min(seconds(multiply) for _ in range(8)) for _ in range(repeats)]
    return [operations / (cores * 2 * size**3 / best) for best in fastest]


def multiplication(size: int) -> ort.InferenceSession:
    """Make a session that multiplies by a constant matrix, on one thread a run."""
    weights = np.random.default_rng(1).normal(size=(size, size)).astype(np.float32)
    shape = helper.make_tensor_value_info("x", TensorProto.FLOAT, [size, size])
    product = helper.make_tensor_value_info("y", TensorProto.FLOAT, [size, size])
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "multiplication",
        [shape],
        [product],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(model.SerializeToString(), options)


def f1(vectors: np.ndarray, gold: list[object]) -> float:
    """Cluster as the pipeline does by default, and hold the labels against gold."""
    graph = synthetic.searched(vectors, k=50).matrix()
    return gold_figures(gold, hdbscan(graph).labels)["bcubed_f1"]


if __name__ == "__main__":
    main()
