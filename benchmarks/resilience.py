"""Does the collection survive killed runs, killed servers, and pipelines that compete for it?

    python -m benchmarks.resilience killed [--rounds 30] [--server]
    python -m benchmarks.resilience competing [--rounds 20]

`killed` sends SIGKILL to a process at a random moment while it fills the collection, every other
round on a server to the server itself. Then the same run is repeated. `competing` starts two
pipelines with one name at the same time, on one server. Every round compares all ids and vectors.
"""

import argparse
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa

from newsclust_pipeline.core.errors import CollectionError
from newsclust_pipeline.core.tables import matrix
from newsclust_pipeline.store.collection import Sync, sync, verify
from newsclust_pipeline.store.connection import connect
from newsclust_pipeline.store.indexes import Index
from newsclust_pipeline.store.owner import owner_of
from newsclust_pipeline_tests import milvus_server

_DOCUMENTS, _DIMENSION = 4000, 64
_PYTHON = [sys.executable, "-m", "benchmarks.resilience", "fill"]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    killed = commands.add_parser("killed")
    killed.add_argument("--rounds", type=int, default=30)
    killed.add_argument("--server", action="store_true")
    competing = commands.add_parser("competing")
    competing.add_argument("--rounds", type=int, default=20)
    fill = commands.add_parser("fill")
    for name in ("uri", "folder", "alias", "step"):
        fill.add_argument(name)
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        if options.command == "fill":
            fill_and_report(options)
        elif options.command == "competing":
            with server_in(Path(folder)) as server:
                compete(server.uri, Path(folder), options.rounds)
        elif options.server:
            with server_in(Path(folder)) as server:
                kill(server.uri, Path(folder), options.rounds, server)
        else:
            kill(str(Path(folder) / "data" / "milvus.db"), Path(folder), options.rounds)


def kill(
    uri: str, folder: Path, rounds: int, server: milvus_server.MilvusServer | None = None
) -> None:
    """Kill a run in every round, repeat it, and compare what the collection contains."""
    rng = random.Random(0)  # noqa: S311
    data, interrupted, step = folder / "data", 0, 0
    with started(uri, data, "news", step) as run:
        began = time.monotonic()
        run.wait()
    duration = time.monotonic() - began
    while interrupted < rounds:
        step += 1
        victim = "server" if server and step % 2 == 0 else "run"
        delay = rng.uniform(0, 0.7 * duration)
        with started(uri, data, "news", step) as run:
            time.sleep(delay)
            finished = run.poll() is not None
            if server and victim == "server":
                server.kill()
                server.start(wait=False)
                run.wait()
            else:
                run.send_signal(signal.SIGKILL)
        interrupted += not finished
        done = fill_as(uri, data, "news", step)
        print(
            f"{victim} killed after {delay:.1f} s{' (too late)' if finished else ''}; then "
            f"{done.new} new, {done.removed} removed, rebuilt: {done.rebuilt}",
            flush=True,
        )
    print(f"{step} rounds, {interrupted} interrupted, all complete afterwards")


def compete(uri: str, folder: Path, rounds: int) -> None:
    """Start two pipelines with one alias at once in every round; exactly one must get it."""
    folders = [folder / "one", folder / "other"]
    for step in range(rounds):
        alias = f"news_{step}"
        with started(uri, folders[0], alias, step) as one, started(uri, folders[1], alias, step):
            pass
        winner = 0 if one.returncode == 0 else 1
        refuse(uri, folders[1 - winner], alias, step)
        fill_as(uri, folders[winner], alias, step + 1)
        refuse(uri, folders[1 - winner], alias, step + 3)
        fill_as(uri, folders[1 - winner], f"{alias}_more", step)
        fill_as(uri, folders[winner], alias, step + 1)
        with connect(uri, owner_of(folder, print)) as client:
            collections = [c for c in client.list_collections() if c.startswith(f"{alias}_")]
        if len(collections) != 2:
            sys.exit(f"round {step}: {collections} instead of one collection each")
        print(
            f"round {step}: pipeline {winner} has the alias, the other one is refused", flush=True
        )
    print(f"{rounds} rounds, every collection belongs to one pipeline")


def refuse(uri: str, folder: Path, alias: str, step: int) -> None:
    """Check that a pipeline is refused."""
    try:
        fill_as(uri, folder, alias, step)
    except CollectionError as error:
        if "belongs to another data folder" in str(error):
            return
        raise
    sys.exit(f"{alias}: a second pipeline was let in")


@contextmanager
def started(uri: str, folder: Path, alias: str, step: int) -> Iterator[subprocess.Popen[str]]:
    """Start a run in a process of its own, and return when it is about to open Milvus."""
    command = [*_PYTHON, uri, str(folder), alias, str(step)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:  # noqa: S603
        assert run.stdout is not None  # noqa: S101
        run.stdout.readline()
        yield run


def fill_and_report(options: argparse.Namespace) -> None:
    """Fill a collection; exit with status 3 if it belongs to another pipeline."""
    print("ready", flush=True)
    try:
        fill_as(options.uri, Path(options.folder), options.alias, int(options.step))
    except CollectionError as error:
        print(error, file=sys.stderr)
        sys.exit(3 if "belongs to another data folder" in str(error) else 1)


def fill_as(uri: str, folder: Path, alias: str, step: int) -> Sync:
    """Fill a collection on behalf of a data folder, and compare all ids and vectors."""
    articles, embeddings = documents(step)
    with connect(uri, owner_of(folder, print)) as client:
        done = sync(client, alias, articles, embeddings, Index())
    with connect(uri, owner_of(folder, print)) as client:
        verify(client, done.state, embeddings)
        client.load_collection(alias)
        ids = embeddings["doc_id"].to_pylist()
        for start in range(0, len(ids), 1000):
            page = ids[start : start + 1000]
            rows = client.get(alias, ids=page, output_fields=["id", "embedding"])
            stored = {row["id"]: row["embedding"] for row in rows}
            vectors = np.array([stored[doc_id] for doc_id in page], np.float32)
            np.testing.assert_array_equal(vectors, matrix(embeddings)[start : start + 1000])
    return done


def documents(step: int) -> tuple[pa.Table, pa.Table]:
    """Return the articles and embeddings of a step: some new, and sometimes another embedder."""
    numbers, model = range(step * 300, step * 300 + _DOCUMENTS), step // 2
    ids = [f"d{number:08}" for number in numbers]
    vectors = np.array([np.random.default_rng([n, model]).normal(size=_DIMENSION) for n in numbers])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    flat = pa.array(vectors.astype(np.float32).ravel())
    column = pa.FixedSizeListArray.from_arrays(flat, _DIMENSION)
    table = pa.table({"doc_id": ids, "embedding": column})
    articles = pa.table({"doc_id": ids, "text": ids})
    return articles, table.replace_schema_metadata({"fingerprint": f"model/{model}"})


@contextmanager
def server_in(folder: Path) -> Iterator[milvus_server.MilvusServer]:
    """Run a Milvus server of the test extra in a folder."""
    (folder / "binaries").mkdir()
    (folder / "server").mkdir()
    binaries = milvus_server.unpack(folder / "binaries")
    server = milvus_server.MilvusServer(binaries, folder / "server").start()
    try:
        yield server
    finally:
        server.kill()


if __name__ == "__main__":
    main()
