"""Two runs at once on one data folder, with different dumps: nothing of them is mixed."""

import os
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest

from newsclust_pipeline_tests.conftest import write_dump

# Of CI. A maintainer may want more: NEWSCLUST_PAIRS=20 pytest …/test_concurrent_runs.py
PAIRS = int(os.environ.get("NEWSCLUST_PAIRS", "2"))
COMMANDS = {
    "newsclust": ["-m", "newsclust_pipeline.cli", "run"],
    "dagster": ["-m", "dagster", "asset", "materialize", "--select", "*", "-m",
                "newsclust_pipeline"],
}  # fmt: skip


def start(command, dump, data, home):
    settings = {"NEWSCLUST_NEWS": dump, "NEWSCLUST_DATA_DIR": data, "DAGSTER_HOME": home}
    return subprocess.Popen(
        [sys.executable, *COMMANDS[command]],
        env=os.environ | {name: str(value) for name, value in settings.items()},
        cwd=dump.parent,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )


def ids_of(data):
    """The documents of every persisted stage."""
    tables = ("raw_news", "embeddings", "hdbscan_labels", "umap_projection", "documents",
              "story_quality")  # fmt: skip
    ids = {name: set(pq.read_table(data / f"{name}.parquet")["doc_id"].to_pylist())
           for name in tables}  # fmt: skip
    with np.load(data / "knn_distance_matrix.npz") as matrix:
        return ids | {"knn_distance_matrix": set(matrix["doc_id"].tolist())}


@pytest.mark.slow
@pytest.mark.parametrize("pair", range(PAIRS))
def test_two_runs_at_once_never_mix(tmp_path, sample_rows, pair):
    """The first pairs start on a new folder, one through each command."""
    data, home, first = tmp_path / "data", tmp_path / "home", 20 * (pair % 20)
    home.mkdir()
    dumps = [
        write_dump(tmp_path / f"{name}.csv", sample_rows[start : start + 20])
        for name, start in (("one", first), ("two", first + 10))
    ]
    if pair % 2:
        subprocess.run(
            [sys.executable, "-c", "import dagster; dagster.DagsterInstance.get().dispose()"],
            env=os.environ | {"DAGSTER_HOME": str(home)},
            check=True,
        )
    commands = ("newsclust", "dagster") if pair % 2 else ("newsclust", "newsclust")
    runs = [start(*pair, data, home) for pair in zip(commands, dumps, strict=True)]
    ends = [run.communicate(timeout=600)[1].strip().splitlines() for run in runs]
    for run, lines in zip(runs, ends, strict=True):
        assert run.returncode == 0, "\n".join(lines)
        assert "the map is" in lines[-1]
    ids = ids_of(data)
    assert len({frozenset(found) for found in ids.values()}) == 1, ids
    history = pq.read_table(data / "story_lineage.parquet")
    assert len(set(history["run_id"].to_pylist())) <= 2
