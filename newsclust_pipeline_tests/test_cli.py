"""The command `newsclust`: settings and errors; the whole way to the map."""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from newsclust_pipeline.cli import main
from newsclust_pipeline.core.parquet import write_parquet
from newsclust_pipeline.defs.doctor import settings_in_force
from newsclust_pipeline.stories.lineage import HISTORY
from newsclust_pipeline_tests.conftest import write_dump
from newsclust_pipeline_tests.feed_server import FeedServer, Page, numbered, rss

SETTINGS = ("NEWSCLUST", "MILVUS", "OPENAI", "DAGSTER")


def newsclust(folder, *arguments, **settings):
    """Run the command in a folder, with no settings but these."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(SETTINGS)}
    return subprocess.run(
        [sys.executable, "-m", "newsclust_pipeline.cli", *arguments],
        cwd=folder,
        env=environment | settings,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def clean(monkeypatch, environment, tmp_path):
    """An empty folder and an environment without settings."""
    for name in [name for name in environment if name.startswith(SETTINGS)]:
        del environment[name]
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_a_run_in_an_empty_folder_ends_with_figures_and_the_map(tmp_path, sample_rows):
    for name, rows in {"a.csv": sample_rows[:60], "b.csv": sample_rows[60:120]}.items():
        write_dump(tmp_path / name, rows)
    done = newsclust(tmp_path, "run", "a.csv", "b.csv", "a.csv", "--tuning", "auto")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[0].startswith("feeds ")
    *_, last = lines = done.stderr.strip().splitlines()
    assert last == f"newsclust_pipeline: the map is {tmp_path / 'data' / 'cluster_plot.html'}"
    articles = pq.read_table(tmp_path / "data" / "raw_news.parquet")
    figures = next(line for line in lines if "stories" in line and "articles," in line)
    assert figures.startswith(f"{articles.num_rows:,} articles, ")
    assert set(articles["dump"].to_pylist()) == {"a.csv", "b.csv"}
    labels = pq.read_schema(tmp_path / "data" / "hdbscan_labels.parquet").metadata
    assert labels[b"tuning"] == b"auto"
    assert (tmp_path / "data" / ".dagster" / "dagster.yaml").is_file()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "b.csv", "data"]

    title = pq.read_table(tmp_path / "data" / "stories.parquet")["title"][0].as_py()
    listed = newsclust(tmp_path, "stories", "--limit", "1").stdout.splitlines()
    assert len(listed) == 2
    assert listed[1].endswith(title)


@pytest.mark.slow
def test_a_failed_run_ends_with_one_line_and_no_traceback(tmp_path):
    done = newsclust(tmp_path, "run", "nowhere.csv", "--data", "elsewhere")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("newsclust_pipeline: nowhere.csv: no such file or folder.")


def test_stories_before_the_first_run_say_what_to_do(clean):
    done = CliRunner().invoke(main, ["stories"])
    assert done.exit_code == 1
    assert "stories.parquet: no such file. Run `newsclust run` first." in done.output


def test_doctor_reports_everything_and_masks_secrets(clean, monkeypatch):
    (clean / ".env").write_text("MILVUS_COLLECTION=from_dotenv\n")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    monkeypatch.setenv("MILVUS_URI", "http://root:very-secret@127.0.0.1:9")
    done = CliRunner().invoke(main, ["doctor", "--data", "news_data"])
    assert "✓ dagster: " in done.output
    assert "✓ embedder: auto: minilm for English, e5 otherwise" in done.output
    assert "✗ Milvus: 127.0.0.1:9: no answer" in done.output
    assert "MILVUS_URI" in done.output
    assert "MILVUS_COLLECTION=from_dotenv" in done.output
    assert "OPENAI_API_KEY=********" in done.output
    assert "very-secret" not in done.output
    assert done.exit_code == 1


def test_doctor_says_what_is_wrong_with_the_embedder_and_the_news(clean, monkeypatch):
    monkeypatch.setenv("NEWSCLUST_EMBEDDER", "word2vec")
    monkeypatch.setenv("NEWSCLUST_NEWS", "nowhere.csv")
    done = CliRunner().invoke(main, ["doctor"])
    assert "✗ embedder: NEWSCLUST_EMBEDDER" in done.output
    assert "✗ news: nowhere.csv: no such file" in done.output
    assert not list(clean.iterdir()), "it only looks"


def test_settings_in_force_are_values_or_defaults_in_brackets(monkeypatch):
    monkeypatch.setenv("NEWSCLUST_SEARCH", "faiss")
    monkeypatch.delenv("MILVUS_COLLECTION", raising=False)
    settings = dict(settings_in_force())
    assert settings["NEWSCLUST_SEARCH"] == "faiss"
    assert settings["MILVUS_COLLECTION"] == "(news_data)"


def test_feeds_check_tries_every_feed_and_prints_a_table(clean, monkeypatch):
    with FeedServer() as server:
        server.pages["/rss"] = Page(rss(numbered(1, 4)))
        (clean / "feeds.txt").write_text(f"{server.url('/rss')}\n{server.url('/missing')}\n")
        refused = CliRunner().invoke(main, ["feeds", "check", "feeds.txt"])
        monkeypatch.setenv("NEWSCLUST_FEEDS_ALLOW_PRIVATE", "1")
        tried = CliRunner().invoke(main, ["feeds", "check", "feeds.txt"])
    assert "Allow it with NEWSCLUST_FEEDS_ALLOW_PRIVATE" in refused.output
    assert f"ok             4  rss20         {server.url('/rss')}" in tried.output
    assert "the server answered 404" in tried.output
    assert tried.output.endswith("2 feeds, 1 failed\n")
    assert tried.exit_code == 1
    assert [path.name for path in clean.iterdir()] == ["feeds.txt"]


def test_feeds_check_names_a_list_that_cannot_be_read(clean):
    done = CliRunner().invoke(main, ["feeds", "check", "none.opml"])
    assert done.exit_code == 1
    assert "none.opml: the list of feeds cannot be read" in done.output


@pytest.mark.slow
def test_a_run_follows_feeds(clean, environment):
    with FeedServer() as server:
        server.pages["/rss"] = Page(rss(numbered(1, 6)))
        allowed = {"NEWSCLUST_FEEDS_ALLOW_PRIVATE": "1"}
        done = newsclust(clean, "run", "--feeds", server.url("/rss"), **allowed)
    assert done.returncode == 0, done.stderr
    assert pq.read_table(clean / "data" / "raw_news.parquet").num_rows == 6


def test_repair_restores_the_history_or_says_what_to_do(clean):
    data = Path("data")
    data.mkdir()
    (data / "story_lineage.parquet").write_bytes(b"PAR1 damaged")
    done = CliRunner().invoke(main, ["repair", "--data", "data"])
    assert done.exit_code == 1
    assert "backup" in done.output
    write_parquet(HISTORY.empty_table(), data / "story_lineage.previous.parquet")
    done = CliRunner().invoke(main, ["repair", "--data", "data"])
    assert done.exit_code == 0
    assert "restored from story_lineage.previous.parquet" in done.output
