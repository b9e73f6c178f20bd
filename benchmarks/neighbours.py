"""How fast are all documents' neighbours found in Milvus Lite, against faiss and plain NumPy?

    python -m benchmarks.neighbours [--sizes 5000 20000] [--vectors embeddings.parquet]

All get the same unit vectors and threads, each in a process of its own. Ours starts from a filled
collection (vectors are read back and compared when it is filled) and ends with exact distances;
faiss and NumPy start from the vectors in memory.
"""

import argparse
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks import synthetic
from benchmarks.report import Cost, apart, spread, table, threads, versions
from newsclust_pipeline.search.knn import nearest
from newsclust_pipeline.store.collection import sync
from newsclust_pipeline.store.connection import connect
from newsclust_pipeline.store.indexes import choose
from newsclust_pipeline.store.owner import Owner

_BLOCK = 1024
_SAMPLE = 2000  # documents whose neighbours are compared with the true ones
_FLOAT32 = 2**-22  # what rounding a distance to float32 may do to its square
Work = Callable[[], Any]


def main() -> None:
    """Run the benchmark."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", type=int, nargs="*", default=[5000, 20_000])
    options.add_argument("--dimension", type=int, default=384)
    options.add_argument("--vectors", type=Path, help="an embeddings.parquet of the pipeline")
    options.add_argument("--k", type=int, default=50)
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--threads", type=int, default=os.cpu_count())
    given = options.parse_args()
    threads(given.threads)
    with TemporaryDirectory() as folder:
        rows = [
            row
            for vectors in synthetic.collections(given.vectors, given.sizes, given.dimension)
            for row in compared(vectors, given.k, given.repeats, Path(folder))
        ]
    table(
        "neighbours",
        f"{given.k} nearest of all documents, {given.repeats} repeats, {given.threads} threads",
        ["documents × dimension", "", "seconds", "ratio", "peak GB", "added GB", "recall"],
        rows,
        "Added: above what the process held before (Python, packages, the vectors). Recall: on "
        f"{_SAMPLE} documents, against float64's distances, those equal in float32 counting alike. "
        + versions("milvus-lite", "pymilvus", "faiss-cpu", "numpy"),
    )


def compared(vectors: np.ndarray, k: int, repeats: int, folder: Path) -> Iterator[list[str]]:
    """Measure everyone on the same vectors; give the table's rows."""
    file = folder / f"{len(vectors)}.npy"
    np.save(file, vectors)
    apart(filled, file, repeats=1)
    costs = {
        "faiss IndexFlatL2": apart(by_faiss, file, k, repeats=repeats),
        "Milvus Lite (ours)": apart(ours, file, k, repeats=repeats),
        "NumPy, blocked": apart(by_numpy, file, k, repeats=repeats),
    }
    limit = np.median(costs["faiss IndexFlatL2"].seconds)
    for name, cost in costs.items():
        yield [
            f"{len(vectors):,} × {vectors.shape[1]}",
            name,
            spread(cost.seconds, 2),
            f"{np.median(cost.seconds) / limit:.2f}",
            f"{cost.peak:.2f}",
            f"{cost.added:.2f}",
            f"{recall(vectors, cost, k):.6f}",
        ]


def recall(vectors: np.ndarray, cost: Cost, k: int) -> float:
    """Return the share of found neighbours that are no farther than the true kth, in float32."""
    wide = vectors.astype(np.float64)
    lengths = (wide**2).sum(axis=1)
    chosen = np.random.default_rng(0).permutation(len(vectors))[:_SAMPLE]
    right = 0
    for rows in np.array_split(chosen, -(-len(chosen) // 100)):
        squared = lengths + lengths[rows, None] - 2 * wide[rows] @ wide.T
        squared[np.arange(len(rows)), rows] = np.inf
        kth = np.partition(squared, k - 1, axis=1)[:, k - 1 : k]
        found = np.take_along_axis(squared, cost.result[rows], axis=1)
        right += int((found <= kth * (1 + _FLOAT32)).sum())
    return right / (len(chosen) * k)


def tables(vectors: np.ndarray) -> tuple[pa.Table, pa.Table]:
    """Return articles and embeddings with the columns of the pipeline."""
    ids = pa.array(synthetic.doc_ids(len(vectors)).tolist())
    texts = pa.array([f"{doc_id} " * 15 for doc_id in ids.to_pylist()])
    flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    embeddings = pa.table({"doc_id": ids, "embedding": flat})
    return (
        pa.table({"doc_id": ids, "text": texts}),
        embeddings.replace_schema_metadata({"fingerprint": "synthetic"}),
    )


def filled(file: Path) -> Work:
    """Put the vectors into a collection beside their file."""
    vectors = np.load(file)
    index = choose(len(vectors), server=False, kind="FLAT").stored
    articles, embeddings = tables(vectors)

    def work() -> None:
        with connect(str(file.with_suffix(".db")), Owner("benchmark")) as client:
            sync(client, "news", articles, embeddings, index)

    return work


def ours(file: Path, k: int) -> Work:
    """Search that collection as the pipeline does, from opening it to exact distances."""
    vectors = np.load(file)
    index = choose(len(vectors), server=False, kind="FLAT")
    articles, embeddings = tables(vectors)
    with connect(str(file.with_suffix(".db")), Owner("benchmark")) as client:
        state = sync(client, "news", articles, embeddings, index.stored).state
    del vectors, articles

    def work() -> np.ndarray:
        with connect(str(file.with_suffix(".db")), Owner("benchmark")) as client:
            return nearest(client, state, embeddings, index, k).neighbours.indices

    return work


def by_faiss(file: Path, k: int) -> Work:
    """Search with faiss, as most would."""
    import faiss

    vectors = np.load(file)

    def work() -> np.ndarray:
        index = faiss.IndexFlatL2(vectors.shape[1])
        index.add(vectors)
        return without_self(index.search(vectors, k + 1)[1])

    return work


def by_numpy(file: Path, k: int) -> Work:
    """Search by multiplying blocks."""
    vectors = np.load(file)

    def work() -> np.ndarray:
        found = np.empty((len(vectors), k + 1), dtype=np.int64)
        for start in range(0, len(vectors), _BLOCK):
            likeness = vectors[start : start + _BLOCK] @ vectors.T
            best = np.argpartition(likeness, -k - 1, axis=1)[:, -k - 1 :]
            order = np.argsort(-np.take_along_axis(likeness, best, axis=1), axis=1)
            found[start : start + _BLOCK] = np.take_along_axis(best, order, axis=1)
        return without_self(found)

    return work


def without_self(found: np.ndarray) -> np.ndarray:
    """Drop every document from its own neighbours (the last one, where it isn't among them)."""
    own = found == np.arange(len(found))[:, None]
    own[~own.any(axis=1), -1] = True
    return found[~own].reshape(len(found), -1)


if __name__ == "__main__":
    main()
