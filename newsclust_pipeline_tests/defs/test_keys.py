"""Keys with a prefix: the whole graph runs, is reused and refuses mixed inputs as without one."""

import os
import subprocess
import sys

import dagster as dg
import pyarrow.parquet as pq
import pytest

from newsclust_pipeline.defs import keys
from newsclust_pipeline_tests.conftest import write_dump

MATERIALIZE = ["-m", "dagster", "asset", "materialize", "-m", "newsclust_pipeline", "--select"]


@pytest.fixture
def prefix(monkeypatch):
    """Set the prefix, which is read once in a process."""

    def set_prefix(text):
        monkeypatch.setenv("NEWSCLUST_KEY_PREFIX", text)
        keys.key_prefix.cache_clear()

    yield set_prefix
    monkeypatch.undo()
    keys.key_prefix.cache_clear()


def test_a_prefix_precedes_the_name(prefix):
    prefix("team/news")
    assert keys.asset_key("stories") == dg.AssetKey(["team", "news", "stories"])
    assert keys.prefix_problems() == []
    prefix("")
    assert keys.asset_key("stories") == dg.AssetKey("stories")


@pytest.mark.parametrize("text", ["/news", "news/", "a//b", "my team", "news*", "a.b"])
def test_a_prefix_that_cannot_be_is_none_and_is_named(prefix, text):
    prefix(text)
    assert keys.asset_key("stories") == dg.AssetKey("stories")
    assert keys.prefix_problems()[0].startswith(f"NEWSCLUST_KEY_PREFIX={text}: must be letters")


@pytest.mark.slow
def test_the_whole_graph_runs_with_a_prefix(tmp_path, sample_rows):
    write_dump(tmp_path / "news.csv", sample_rows[:40])
    home = tmp_path / "home"
    home.mkdir()
    settings = {"DAGSTER_HOME": str(home), "NEWSCLUST_NEWS": "news.csv"}
    settings["NEWSCLUST_KEY_PREFIX"] = "team/news"

    def run(*arguments):
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path, env=os.environ | settings, capture_output=True, text=True, check=False,
        )  # fmt: skip

    done = run(*MATERIALIZE, "*")
    assert done.returncode == 0, done.stderr
    assert pq.read_metadata(tmp_path / "data" / "raw_news.parquet").num_rows > 0
    with dg.DagsterInstance.from_config(str(home)) as instance:
        made = {key for key in instance.all_asset_keys() if key.path[:2] == ["team", "news"]}
        assert made == set(instance.all_asset_keys())
        assert len(made) >= 20

    again = run("-m", "newsclust_pipeline.cli", "run", "--verbose")
    assert again.returncode == 0, again.stderr
    assert again.stderr.count("Inputs, configuration and code are unchanged") == 9

    other = run(*MATERIALIZE, "team/news/hdbscan_labels", "--config-json",
                '{"ops": {"hdbscan_labels": {"config": {"min_cluster_size": 2}}}}')  # fmt: skip
    assert other.returncode == 0, other.stderr
    mixed = run(*MATERIALIZE, "team/news/cluster_plot")
    assert mixed.returncode == 1
    last = mixed.stderr.strip().splitlines()[-1]
    assert "does not belong to team/news/hdbscan_labels (run " in last
    assert "--select '+team/news/cluster_plot'" in last
