"""What does the whole pipeline take, stage by stage, where vectors cost nothing?

    python -m benchmarks.pipeline [--sizes 5000] [--vectors embeddings.parquet] [--keep data]

A synthetic dump goes through the very command that users run, in a process of its own. Vectors are
ready-made: a local OpenAI-compatible endpoint, a process of its own as well, gives them out. On a
machine that is shared with other work, compare CPU seconds: they hardly depend on it.
"""

import argparse
import csv
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import NamedTuple

import numpy as np
import psutil

from benchmarks import synthetic
from benchmarks.report import spread, table, threads, versions

_WORDS = 40_000
_EVERY = 0.05  # seconds between two looks at the memory


@dataclass(frozen=True)
class Stage:
    """When a stage ran, in seconds since 1970."""

    name: str
    start: float
    end: float


class Moment(NamedTuple):
    """What a run's processes hold and have used at a time, in seconds since 1970.

    Attributes:
        time: when.
        memory: resident memory of all of them, in gigabytes.
        cpu: seconds that all of them have computed so far, user and system.
    """

    time: float
    memory: float
    cpu: float


def main() -> None:
    """Run the benchmark."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", type=int, nargs="*", default=[5000])
    options.add_argument("--dimension", type=int, default=384)
    options.add_argument("--vectors", type=Path, help="an embeddings.parquet of the pipeline")
    options.add_argument("--repeats", type=int, default=1)
    options.add_argument("--threads", type=int, default=os.cpu_count())
    options.add_argument("--keep", type=Path, help="folder that keeps the data of the last run")
    given = options.parse_args()
    threads(given.threads)
    rows = [
        row
        for vectors in synthetic.collections(given.vectors, given.sizes, given.dimension)
        for row in measured(vectors, given.repeats, given.keep)
    ]
    table(
        "pipeline",
        f"The whole pipeline, {given.repeats} repeats, {given.threads} threads",
        ["documents × dimension", "stage", "CPU seconds", "seconds", "peak GB"],
        rows,
        "CPU seconds: user and system, of all processes of the run. Peak: their resident memory "
        "while the stage ran, with what earlier stages left behind. Vectors come from an "
        "endpoint in a process that is not counted. "
        + versions("dagster", "milvus-lite", "faiss-cpu", "umap-learn", "hdbscan"),
    )


def measured(vectors: np.ndarray, repeats: int, keep: Path | None) -> Iterator[list[str]]:
    """Run the pipeline on documents with these vectors; give the table's rows."""
    found: dict[str, list[tuple[float, float, float]]] = {}
    for _ in range(repeats):
        with TemporaryDirectory() as folder:
            stages, moments = run(vectors, Path(folder), keep or Path(folder) / "data")
        for stage in [*stages, Stage("all", moments[0].time, moments[-1].time)]:
            found.setdefault(stage.name, []).append(cost(stage, moments))
    size = f"{len(vectors):,} × {vectors.shape[1]}"
    for name, costs in found.items():
        cpu, seconds, peaks = zip(*costs, strict=True)
        yield [size, name, spread(cpu), spread(seconds), spread(peaks, 2)]


def cost(stage: Stage, moments: list[Moment]) -> tuple[float, float, float]:
    """Return the CPU seconds and seconds of a stage, and its peak of memory in gigabytes."""
    times = [moment.time for moment in moments]
    start, end = np.interp([stage.start, stage.end], times, [moment.cpu for moment in moments])
    held = [m.memory for m in moments if stage.start <= m.time <= stage.end + _EVERY]
    return float(end - start), stage.end - stage.start, max(held, default=0.0)


def run(vectors: np.ndarray, folder: Path, data: Path) -> tuple[list[Stage], list[Moment]]:
    """Materialise everything in a data folder; give the stages, and moments in between."""
    np.save(folder / "vectors.npy", vectors)
    write_dump(folder / "dump.csv", len(vectors))
    with serving(folder / "vectors.npy") as url:
        return materialised(folder / "dump.csv", data, url)


def materialised(dump: Path, data: Path, url: str) -> tuple[list[Stage], list[Moment]]:
    """Run the user's command on a dump, with vectors from this address; as of `run`."""
    with TemporaryDirectory() as home:
        settings = {
            "DAGSTER_HOME": home,
            "NEWSCLUST_DATA_DIR": str(data),
            "NEWSCLUST_NEWS": str(dump),
            "NEWSCLUST_EMBEDDER": "openai",
            "NEWSCLUST_EMBEDDER_MODEL": "hash-embeddings",
            "OPENAI_BASE_URL": url,
            "OPENAI_API_KEY": "none",
        }
        dagster = Path(sys.executable).with_name("dagster")
        command = [dagster, "asset", "materialize", "--select", "*", "-m", "newsclust_pipeline"]
        log = Path(home) / "log"
        with log.open("w") as said:
            process = subprocess.Popen(  # noqa: S603
                command, env={**os.environ, **settings}, stdout=said, stderr=said
            )
            moments = watched(process)
        if process.returncode:
            sys.exit(log.read_text()[-3000:])
        return stages_of(Path(home)), moments


def watched(process: subprocess.Popen[bytes]) -> list[Moment]:
    """Look at the memory and time of a process and those it started until it ends."""
    root, found = psutil.Process(process.pid), []
    while process.poll() is None:
        held, cpu = 0, 0.0
        try:
            for one in (root, *root.children(recursive=True)):
                held += one.memory_info().rss
                # The first two are its own, the next two those of its children that have ended.
                cpu += sum(one.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue
        found.append(Moment(time.time(), held / 1e9, cpu))
        time.sleep(_EVERY)
    return found


def stages_of(home: Path) -> list[Stage]:
    """Read from Dagster's log when the stages of its only run began and ended."""
    import dagster as dg

    with dg.DagsterInstance.from_config(str(home)) as instance:
        [only] = instance.get_runs()
        steps = instance.get_run_step_stats(only.run_id)
    found = [Stage(s.step_key, s.start_time, s.end_time) for s in steps if s.start_time]
    return sorted(found, key=lambda stage: stage.start)


def write_dump(path: Path, n: int) -> None:
    """Write a dump of n articles whose words are as common and rare as those of a language.

    Articles that the vectors put into one topic share no words: nothing here is about quality. The
    number that ends a headline is the row of the article's vector.
    """
    rng = np.random.default_rng(0)
    ranks = np.minimum(rng.zipf(1.3, size=(n, 40)), _WORDS)
    moments = np.datetime64("2026-01-01T00:00") + rng.integers(30 * 24 * 60, size=n)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["title", "description", "published_at", "url", "venue"])
        for row, words in enumerate(ranks):
            spelt = [f"w{word:x}" for word in words]
            title, description = " ".join(spelt[:9]), " ".join(spelt[9:])
            address = f"https://news.example/{row}"
            outlet = f"Outlet {words[0] % 500}"
            writer.writerow([f"{title} {row}", description, f"{moments[row]}Z", address, outlet])


@contextmanager
def serving(file: Path) -> Iterator[str]:
    """Serve vectors by the row that ends a text's first line; gives the address."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(file, theirs), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


def serve(file: Path, addresses: Connection) -> None:
    """Serve until the process is ended."""
    from newsclust_pipeline_tests.embedding_server import EmbeddingServer

    vectors = np.load(file, mmap_mode="r")

    def vector(text: str) -> np.ndarray:
        row = text.partition("\n")[0].rpartition(" ")[2]
        return vectors[int(row) if row.isdecimal() else 0]  # "dimension" is asked for as well

    with EmbeddingServer(vector=vector) as server:
        addresses.send(server.url)
        Event().wait()


if __name__ == "__main__":
    main()
