"""Do whole runs survive SIGKILL, and two runs at once on one data folder?

    python -m benchmarks.whole_runs killed [--rounds 30] [--server]
    python -m benchmarks.whole_runs together [--rounds 20]

Every round begins with a copy of a folder that holds the results of a first dump. `killed` starts
`newsclust run` on a second dump, sends SIGKILL at a random moment, and runs it once more.
`together` starts two such runs at the same time. Afterwards every table must be the one of a run
that nothing disturbed, no temporary file may be left, and the last line of a failed run must be a
plain sentence.
"""

import argparse
import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.resilience import server_in
from newsclust_pipeline.core.parquet import read_parquet
from newsclust_pipeline.defs.resources import SAMPLE

_TABLES = ("raw_news", "near_duplicates", "embeddings", "hdbscan_labels", "stories", "documents",
    "umap_projection")  # fmt: skip
_FIRST, _SECOND = slice(0, 120), slice(10, 140)  # rows of the bundled sample


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["killed", "together"])
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--server", action="store_true")
    options = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        rounds = options.rounds or {"killed": 30, "together": 20}[options.command]
        if options.server:
            with server_in(folder) as server:
                failures = Rounds(folder, server.uri).all(options.command, rounds)
        else:
            failures = Rounds(folder).all(options.command, rounds)
    sys.exit(1 if failures else 0)


class Rounds:
    """A base folder, what an undisturbed run makes of it, and rounds that disturb one."""

    def __init__(self, folder: Path, server: str = "") -> None:
        self._folder, self._server = folder, server
        with SAMPLE.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        for name, part in (("first", _FIRST), ("second", _SECOND)):
            with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows[part])
        self._finish("base", "first")
        shutil.copytree(folder / "base", folder / "whole")
        began = time.monotonic()
        self._finish("whole", "second")
        self.seconds = time.monotonic() - began
        self._expected = contents(folder / "whole")

    def all(self, command: str, rounds: int) -> int:
        """Run all rounds; return how many failed."""
        failures, rng = 0, random.Random(0)  # noqa: S311
        for number in range(rounds):
            data = self._folder / "data"
            shutil.rmtree(data, ignore_errors=True)
            shutil.copytree(self._folder / "base", data)
            disturb = self._kill if command == "killed" else self._together
            what, problem = disturb(rng)
            problem = problem or difference(contents(data), self._expected)
            failures += bool(problem)
            print(f"round {number}: {what}: {problem or 'same results'}", flush=True)
        print(f"{command}: {rounds} tried, {rounds - failures} survived", flush=True)
        return failures

    def _kill(self, rng: random.Random) -> tuple[str, str]:
        delay = rng.uniform(0, self.seconds)
        run = self._start("data", "second")
        time.sleep(delay)
        finished = run.poll() is not None
        run.send_signal(signal.SIGKILL)
        run.communicate()
        what = f"killed after {delay:.1f} s{' (too late)' if finished else ''}"
        return what, self._problem("data", "second")

    def _together(self, _: random.Random) -> tuple[str, str]:
        runs = [self._start("data", "second") for _ in range(2)]
        problems = []
        for run in runs:
            _, err = run.communicate()
            if run.returncode:
                problems.append(f"status {run.returncode}: {err.strip().splitlines()[-1:]}")
        return "two at once", "; ".join(problems)

    def _finish(self, data: str, dump: str) -> None:
        problem = self._problem(data, dump)
        if problem:
            sys.exit(f"the undisturbed run failed: {problem}")

    def _problem(self, data: str, dump: str) -> str:
        run = self._start(data, dump)
        _, err = run.communicate()
        return f"the rerun failed: {err.strip().splitlines()[-3:]}" if run.returncode else ""

    def _start(self, data: str, dump: str) -> subprocess.Popen[str]:
        collection = {"MILVUS_URI": self._server, "MILVUS_OWNER": "trial",
            "MILVUS_COLLECTION": f"news_{data}"} if self._server else {}  # fmt: skip
        command = [sys.executable, "-m", "newsclust_pipeline.cli", "run",
            str(self._folder / f"{dump}.csv"), "--data", str(self._folder / data)]  # fmt: skip
        return subprocess.Popen(  # noqa: S603
            command,
            env=os.environ | collection | {"NEWSCLUST_EMBEDDER": "minilm"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )


def contents(data: Path) -> dict[str, object]:
    """Return what a data folder holds, without what differs from run to run."""
    found: dict[str, object] = {name: read_parquet(data / f"{name}.parquet") for name in _TABLES}
    history = read_parquet(data / "story_lineage.parquet")
    found["story_lineage"] = history.drop_columns(
        [name for name in ("run_id", "at") if name in history.column_names]
    )
    with np.load(data / "knn_distance_matrix.npz") as arrays:
        found |= {f"knn {name}": arrays[name].tobytes() for name in arrays.files}
    state = json.loads((data / "milvus_collection.json").read_text())
    found["milvus"] = [state["count"], state["digest"]]
    found["temporary files"] = sorted(path.name for path in data.glob(".*.tmp"))
    return found


def difference(one: dict[str, object], other: dict[str, object]) -> str:
    """Return the names of what differs; empty if nothing does."""
    names = [name for name in other if one.get(name) != other[name]]
    return f"other {', '.join(names)}" if names else ""


if __name__ == "__main__":
    main()
