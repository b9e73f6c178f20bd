"""What does a rerun take when one article in a hundred is new, or none?

    python -m benchmarks.increments [--sizes 5000] [--new 0.01]

The pipeline runs on a synthetic dump (see `benchmarks.pipeline`), again on the same, and on one
with some articles more; then from scratch on that one, which must come to the same.
"""

import argparse
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow.parquet as pq

from benchmarks import synthetic
from benchmarks.pipeline import Stage, materialised, serving, write_dump
from benchmarks.report import table, threads, versions

SEARCH = ("embeddings", "milvus_collection", "knn_distance_matrix")


def main() -> None:
    """Run the benchmark."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", type=int, nargs="*", default=[5000])
    options.add_argument("--new", type=float, default=0.01, help="share of new articles")
    options.add_argument("--dimension", type=int, default=384)
    options.add_argument("--repeats", type=int, default=1, help="(one run is all this takes)")
    options.add_argument("--threads", type=int, default=os.cpu_count())
    given = options.parse_args()
    threads(given.threads)
    table(
        "increments",
        f"Reruns, {given.new:.1%} new articles, {given.threads} threads",
        ["documents", "run", *SEARCH, "the three", "share", "everything", "share", "as scratch"],
        [row for size in given.sizes for row in measured(size, given.new, given.dimension)],
        "Seconds; shares are of the first run. As scratch: whether the distance matrix, labels and "
        "probabilities are those of a run from scratch, to the bit. "
        + versions("dagster", "milvus-lite", "faiss-cpu"),
    )


def measured(size: int, new: float, dimension: int) -> list[list[str]]:
    """Run on a dump, on the same again, and on a longer one; give the table's rows."""
    more = size + max(round(size * new), 1)
    with TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "vectors.npy", synthetic.unit_vectors(more, dimension))
        write_dump(folder / "longer.csv", more)
        lines = (folder / "longer.csv").read_text(encoding="utf-8").splitlines(keepends=True)
        (folder / "dump.csv").write_text("".join(lines[: size + 1]), encoding="utf-8")
        data, scratch = folder / "data", folder / "scratch"
        with serving(folder / "vectors.npy") as url:
            first = taken(folder / "dump.csv", data, url)
            again = taken(folder / "dump.csv", data, url)
            longer = taken(folder / "longer.csv", data, url)
            taken(folder / "longer.csv", scratch, url)
        verdict = "yes" if same(data, scratch) else "NO"
    return [
        row(size, "first", first, first, ""),
        row(size, "nothing new", again, first, ""),
        row(more, f"{more - size} new", longer, first, verdict),
    ]


def taken(dump: Path, data: Path, url: str) -> dict[str, float]:
    """Run the pipeline; give the seconds of every stage, and of everything."""
    stages, memory = materialised(dump, data, url)
    everything = Stage("everything", memory[0][0], memory[-1][0])
    return {stage.name: stage.end - stage.start for stage in [*stages, everything]}


def row(
    size: int, name: str, took: dict[str, float], first: dict[str, float], verdict: str
) -> list[str]:
    """Write a row of the table."""
    three, whole = (sum(run[stage] for stage in SEARCH) for run in (took, first))
    return [
        f"{size:,}",
        name,
        *(f"{took[stage]:.2f}" for stage in SEARCH),
        f"{three:.2f}",
        f"{three / whole:.1%}",
        f"{took['everything']:.1f}",
        f"{took['everything'] / first['everything']:.1%}",
        verdict,
    ]


def same(one: Path, other: Path) -> bool:
    """Return whether two runs have the same matrix and labels (story ids have a history)."""
    name = "knn_distance_matrix.npz"
    with np.load(one / name) as ours, np.load(other / name) as theirs:
        if not all(np.array_equal(ours[array], theirs[array]) for array in theirs):
            return False
    columns = ["doc_id", "label", "probability"]
    ours, theirs = (
        pq.read_table(data / "hdbscan_labels.parquet", columns=columns) for data in (one, other)
    )
    return bool(ours.equals(theirs))


if __name__ == "__main__":
    main()
