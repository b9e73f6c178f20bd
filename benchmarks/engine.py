"""What do worker processes save, and how much memory does each of them take?

    python -m benchmarks.engine [--sizes 20000] [--queries 20000] [--workers 2] [--texts 1000]
        [--kill 5]

The stages that can be divided run on the same vectors in three ways, each in a process of its own:
in one process with one thread, in one process with a thread per core, and on local workers with one
thread each. The fair comparison is with one thread: as many threads as there are workers may be had
in one process, too, but only on one machine. Results must be equal, bit for bit, also if a worker
is killed a few seconds after the search of neighbours has begun.
"""

import argparse
import hashlib
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread, Timer
from typing import Any

import numpy as np
import psutil
import pyarrow as pa

from benchmarks import synthetic
from benchmarks.report import table, threads, versions
from newsclust_pipeline.cluster import forest
from newsclust_pipeline.cluster.hdbscan import spanning_tree
from newsclust_pipeline.core.dask_cluster import open_cluster
from newsclust_pipeline.core.engine import IN_PROCESS, Engine
from newsclust_pipeline.embed.base import embed
from newsclust_pipeline.embed.minilm import MiniLM
from newsclust_pipeline.search.faiss_backend import FaissSearch
from newsclust_pipeline.search.graph import Lookup, Neighbours, fill_neighbours
from newsclust_pipeline.search.knn import shared
from newsclust_pipeline.store.indexes import Index
from newsclust_pipeline.stories.keywords import Corpus, keywords

_EVERY = 0.1  # seconds between two looks at the memory
_WIDTH = 79  # neighbours that the projection needs
_K, _MIN_SAMPLES = 50, 3
_MEGABYTE = 1e6


@dataclass
class Taken:
    """What one stage took.

    Attributes:
        seconds: by the wall clock.
        cpu: seconds of all threads of all processes.
        own: the most private memory of the run's process, in megabytes.
        private: the most private memory of a worker, in megabytes.
        mapped: the most pages of files that a worker had mapped, in megabytes. They are in the page
            cache, which workers on one machine share, and the system may take them back.
        digest: of the result.
        work: how much was done.
        workers: ids of the worker processes.
    """

    seconds: float = 0.0
    cpu: float = 0.0
    own: float = 0.0
    private: float = 0.0
    mapped: float = 0.0
    digest: str = ""
    work: str = ""
    workers: list[int] = field(default_factory=list)


def main() -> None:
    """Run the benchmark."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", type=int, nargs="*", default=[20_000])
    options.add_argument("--dimension", type=int, default=384)
    options.add_argument("--vectors", type=Path, help="an embeddings.parquet of the pipeline")
    options.add_argument("--queries", type=int, help="documents whose neighbours are searched")
    options.add_argument("--texts", type=int, default=1000, help="texts to embed; 0 for none")
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--only-fair", action="store_true", help="not with a thread per core")
    options.add_argument("--kill", type=float, help="once more, and kill a worker then (seconds)")
    given, _ = options.parse_known_args()  # `make bench` passes the same arguments to all
    with TemporaryDirectory() as folder:
        rows = [
            row
            for vectors in synthetic.collections(given.vectors, given.sizes, given.dimension)
            for row in compared(vectors, given, Path(folder))
        ]
    table(
        "engine",
        f"{given.workers} workers with one thread each",
        ["documents", "stage", "", "seconds", "of one thread's", "CPU seconds",
         "run's process MB", "worker MB", "mapped MB", "same result"],
        rows,
        "Memory: the most that the run's process held, and the worker that held most, without what "
        "is mapped from files; and what the worker had mapped. "
        + versions("dask", "distributed", "faiss-cpu", "numba", "onnxruntime"),
    )  # fmt: skip


def compared(vectors: np.ndarray, given: Any, folder: Path) -> Iterator[list[str]]:
    """Run all stages in all ways; give the table's rows."""
    file = folder / f"{len(vectors)}.npy"
    np.save(file, vectors)
    ways: dict[str, tuple[int, int, float | None]] = {"one process, 1 thread": (1, 0, None)}
    if not given.only_fair:
        ways[f"one process, {os.cpu_count()} threads"] = (os.cpu_count() or 1, 0, None)
    ways[f"{given.workers} workers"] = (1, given.workers, None)
    if given.kill is not None:
        ways[f"{given.workers} workers, one killed"] = (1, given.workers, given.kill)
    found = {}
    for name, (count, workers, kill) in ways.items():
        threads(count)
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
            work = process.submit(run, file, workers, given.texts, given.queries, kill)
            found[name] = work.result()
    first = next(iter(found.values()))
    for stage, alone in first.items():
        for name, stages in found.items():
            if stage not in stages:
                continue
            taken = stages[stage]
            yield [
                taken.work, stage, name, f"{taken.seconds:,.1f}",
                f"{taken.seconds / alone.seconds:.2f}",
                f"{taken.cpu:,.1f}" if taken.cpu else "", f"{taken.own:,.0f}",
                f"{taken.private:,.0f}" if taken.workers else "",
                f"{taken.mapped:,.0f}" if taken.workers else "",
                "yes" if taken.digest == alone.digest else "NO",
            ]  # fmt: skip


def tree(engine: Engine, matrix: Any) -> np.ndarray:
    """Compute the spanning tree on workers, even of a graph that is too small for them."""
    forest._LEAST = 0
    return spanning_tree(matrix, _MIN_SAMPLES, engine)


def run(
    file: Path, workers: int, texts: int, queries: int | None, kill: float | None = None
) -> dict[str, Taken]:
    """Run the stages one after the other; give what each took.

    If a worker is to be killed, after these seconds of the search, other stages are left out.
    """
    vectors, done = np.load(file), {}
    n = len(vectors)
    rows = np.arange(n)[: queries or n]
    where = open_cluster(f"local:{workers}", file.parent) if workers else nullcontext(IN_PROCESS)
    with where as engine:
        pids = _pids(engine)
        warm_up(engine)
        if texts and kill is None:
            with measured(pids) as done["embedding"]:
                done["embedding"].digest = embedding(engine, texts, file.parent)
            done["embedding"].work = f"{texts:,} texts"
        if kill is not None:
            Timer(kill, os.kill, (pids[0], signal.SIGKILL)).start()
        with measured(pids) as done["neighbours"]:
            found = neighbours(engine, vectors, rows)
        done["neighbours"].digest = digest(found.indices[rows], found.distances[rows])
        done["neighbours"].work = f"{len(rows):,} of {n:,} × {vectors.shape[1]}"
        if kill is not None:
            done["neighbours"].cpu = 0.0  # that of the killed worker is unknown
            return done
        del vectors, found
        matrix = synthetic.neighbours(n, _K, linked=0.01).matrix()
        with measured(pids) as done["spanning tree"]:
            edges = tree(engine, matrix)
        done["spanning tree"].digest = digest(edges)
        done["spanning tree"].work = f"{n:,}, {matrix.nnz // 2:,} edges"
        articles, labels = stories(n)
        with measured(pids) as done["keywords"]:
            words = keywords(Corpus(articles, engine), labels, engine=engine)
        done["keywords"].digest = hashlib.sha256(repr(words).encode()).hexdigest()
        done["keywords"].work = f"{n:,} in {len(words):,} stories"
    return done


def warm_up(engine: Engine) -> None:
    """Import and compile what the stages need."""
    vectors = synthetic.unit_vectors(6000, 16)
    found = neighbours(engine, vectors, np.arange(len(vectors)))
    spanning_tree(found.matrix(), _MIN_SAMPLES)
    articles, labels = stories(6000)
    keywords(Corpus(articles, engine), labels, engine=engine)


def stories(n: int) -> tuple[list[str], np.ndarray]:
    """Make texts of 40 words in stories of five articles, which share three of them."""
    rng = np.random.default_rng(0)
    words = np.minimum(rng.zipf(1.3, size=(n, 37)), 40_000)
    labels = rng.permutation(np.arange(n) // 5)
    texts = [
        f"Story{label} {label}th of {label}x\n" + " ".join(f"w{word:x}" for word in row)
        for label, row in zip(labels.tolist(), words.tolist(), strict=True)
    ]
    return texts, labels


def neighbours(engine: Engine, vectors: np.ndarray, rows: np.ndarray) -> Neighbours:
    """Search the neighbours of some vectors, as `knn.nearest` does."""
    n = len(vectors)
    indices, distances = np.empty((n, _WIDTH), np.int32), np.empty((n, _WIDTH), np.float32)
    lookup = shared(Lookup(FaissSearch(vectors, Index()), vectors), engine)
    fill_neighbours(lookup, rows, indices, distances, engine=engine)
    return Neighbours(synthetic.doc_ids(n), indices, distances, _K)


def embedding(engine: Engine, count: int, folder: Path) -> str:
    """Embed texts of 40 words that nobody has embedded before; give the digest of the vectors."""
    rng = np.random.default_rng(0)
    words = np.array([f"word{number}" for number in range(2000)])
    texts = [" ".join(row) for row in words[rng.integers(len(words), size=(count, 40))]]
    ids = pa.array([str(number) for number in range(count)])
    with TemporaryDirectory(dir=folder) as fresh:
        cache = Path(fresh) / "cache"
        done = embed(pa.table({"doc_id": ids, "text": texts}), MiniLM(), cache, engine=engine)
    return digest(np.asarray(done.table["embedding"].combine_chunks().flatten()))


def digest(*arrays: np.ndarray) -> str:
    """Return a digest of arrays."""
    return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()


def _pids(engine: Any) -> list[int]:
    return list(engine._client.run(os.getpid).values()) if engine.is_parallel else []


@contextmanager
def measured(workers: list[int]) -> Iterator[Taken]:
    """Measure time and memory of this process and of the workers; the result is filled at the end.

    The CPU seconds and memory of processes that were started or ended meanwhile are not counted.
    """
    taken, end = Taken(workers=workers), Event()
    processes = [psutil.Process(pid) for pid in (os.getpid(), *workers)]
    watch = Thread(target=_watch, args=(taken, processes, end))
    watch.start()
    start, cpu = time.perf_counter(), _cpu(processes)
    try:
        yield taken
    finally:
        taken.seconds, taken.cpu = time.perf_counter() - start, _cpu(processes) - cpu
        end.set()
        watch.join()


def _watch(taken: Taken, processes: list[psutil.Process], end: Event) -> None:
    own, *workers = processes
    while True:
        taken.own = max(taken.own, _memory(own.pid, "RssAnon"))
        for worker in filter(_is_alive, workers):
            taken.private = max(taken.private, _memory(worker.pid, "RssAnon"))
            taken.mapped = max(taken.mapped, _memory(worker.pid, "RssFile"))
        if end.wait(_EVERY):
            return


def _cpu(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes if _is_alive(process))


def _is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def _memory(pid: int, entry: str) -> float:
    """Read a process's memory, in megabytes (Linux)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(entry)) * 1024 / _MEGABYTE


if __name__ == "__main__":
    main()
