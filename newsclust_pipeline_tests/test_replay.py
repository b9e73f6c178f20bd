"""Two weeks of the sample, day by day: stories keep their ids, and the history is true."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from newsclust_pipeline.cluster import hdbscan
from newsclust_pipeline.cluster.condensed_tree import NOISE
from newsclust_pipeline.core.parquet import write_parquet
from newsclust_pipeline.core.tables import join, matrix
from newsclust_pipeline.defs.io_managers import HistoryIO
from newsclust_pipeline.defs.resources import SAMPLE, DataFolder
from newsclust_pipeline.embed.base import embed
from newsclust_pipeline.embed.minilm import MiniLM
from newsclust_pipeline.ingest.articles import collect_articles
from newsclust_pipeline.ingest.discover import find_dumps
from newsclust_pipeline.search.faiss_backend import FaissSearch
from newsclust_pipeline.search.graph import Neighbours, nearest_rows
from newsclust_pipeline.store.indexes import Index
from newsclust_pipeline.stories import describe, identity, lineage
from newsclust_pipeline.stories.labels import labels_table
from newsclust_pipeline_tests.conftest import write_dump

K = 50


@pytest.fixture(scope="module")
def sample(vectors_seen):
    """The sample's articles by time of publication, and their vectors."""
    articles = collect_articles(find_dumps(SAMPLE).rows()).table
    cache = Path(vectors_seen) / "embedding_cache.sqlite"
    return articles, matrix(embed(articles, MiniLM(None), cache).table)


def labelled(articles, vectors, rows, history):
    """Neighbours, clusters, names: as the pipeline does it, on some of the articles."""
    chosen, doc_id = vectors[rows], np.array(articles["doc_id"].to_pylist(), dtype=np.str_)[rows]
    n = len(doc_id)
    near = nearest_rows(FaissSearch(chosen, Index()), chosen, np.arange(n), min(K, n - 1))
    clusters = hdbscan.hdbscan(Neighbours(doc_id, *near, K).matrix())
    names = identity.name_stories(doc_id, clusters.labels, lineage.members(history))
    return labels_table(doc_id, clusters, names)


def record(history, sample, rows, labels, run):
    articles, vectors = sample
    for name in ("topic_id", "area_id"):  # every story is a topic of its own here
        labels = labels.append_column(name, labels["story_id"])
    labels = labels.append_column("silhouette", pa.array(np.zeros(len(rows))))
    described = describe.describe(join(articles.take(rows), labels), vectors[rows])
    at = datetime(2026, 3, 2, 6, tzinfo=UTC) + timedelta(days=run)
    return lineage.record(history, labels, described, f"run{run}", at)


def replay(sample, days_kept, runs=14):
    """Run once a day on the articles of the last days; give the history and every day's labels."""
    articles, vectors = sample
    dates = articles["published_at"].to_pandas().dt.date.to_numpy()
    history, found = lineage.HISTORY.empty_table(), []
    for run, day in enumerate(sorted(set(dates))[:runs]):
        rows = np.flatnonzero((dates <= day) & (dates > day - timedelta(days=days_kept)))
        found.append(labelled(articles, vectors, rows, history))
        history = record(history, sample, rows, found[-1], run)
        assert lineage.is_recorded(history, found[-1])
    return history, found


@pytest.fixture(scope="module", params=[14, 4], ids=["growing dump", "four days kept"])
def replayed(request, sample):
    return replay(sample, request.param)


def survivors(before, after):
    """Count stories that live on by their documents alone, and those of them that kept their id.

    A story lives on in the story of the day after if each holds more than half of the other, of
    documents that were in a story and are still there.
    """
    both = before.join(after, "doc_id", join_type="inner", right_suffix="_after").to_pandas()
    known = both[both["label"] != NOISE]
    alive = kept = 0
    for story, documents in known.groupby("story_id"):
        label, shared = max(documents["label_after"].value_counts().items(), key=lambda x: x[1])
        if label != NOISE and shared * 2 > max(len(documents), sum(known["label_after"] == label)):
            alive += 1
            kept += story in set(known["story_id_after"][known["label_after"] == label])
    return alive, kept


def test_of_the_stories_that_survive_a_day_at_least_95_in_100_keep_their_id(replayed):
    _, found = replayed
    days = [survivors(*pair) for pair in pairwise(found)]
    alive, kept = np.sum(days, axis=0)
    assert alive > 90
    assert kept >= 0.95 * alive
    assert all(k >= 0.9 * a for a, k in days)


def test_an_article_hardly_ever_sees_its_story_renamed(replayed):
    """Of all articles that were ever in a story, in all days together, splits and mergers too."""
    _, found = replayed
    seen = pd.concat([labels.to_pandas() for labels in found])
    names = seen.groupby("doc_id")["story_id"].nunique()
    assert np.mean(names[names > 0] == 1) > 0.8


def test_the_history_adds_up_to_the_labels_of_every_day(replayed):
    history, found = replayed
    for run, labels in enumerate(found):
        now = labels["story_id"].drop_null().value_counts().to_pylist()
        rows = lineage.rows_of_run(history, f"run{run}").to_pylist()
        assert {row["story_id"]: row["size_after"] for row in rows if row["size_after"]} == {
            count["values"]: count["counts"] for count in now
        }
        for row in rows:
            assert row["size_after"] == row["size_before"] + len(row["joined"]) - len(row["left"])
            assert row["event"] == expected(row), row


def expected(row):
    """Return the event, derived from the other columns alone."""
    before, after, other = row["size_before"], row["size_after"], row["other_story_id"]
    if before and after:
        return "grown" if after > before else "shrunk" if after < before else "continued"
    if after:
        return "split" if other else "born"
    return "merged" if other else "ended"


def test_an_id_is_born_once_and_again_only_with_its_own_documents(replayed):
    history, _ = replayed
    frame = history.to_pandas()
    starts = frame[frame["event"].isin(["born", "split"])]
    again = starts[starts["story_id"].duplicated()]
    for index, row in again.iterrows():
        earlier = frame.loc[: index - 1]
        last = earlier[earlier["story_id"] == row["story_id"]].iloc[-1]
        assert last["event"] in lineage.GONE
        assert 2 * len(set(last["left"]) & set(row["joined"])) >= len(
            set(last["left"]) | set(row["joined"])
        )


def test_the_same_days_again_give_the_same_bytes(sample, tmp_path):
    tables = [replay(sample, days_kept=4, runs=7) for _ in range(2)]
    for number, (history, found) in enumerate(tables):
        write_parquet(history, tmp_path / f"history{number}")
        write_parquet(found[-1], tmp_path / f"labels{number}")
    for name in ("history", "labels"):
        assert (tmp_path / f"{name}0").read_bytes() == (tmp_path / f"{name}1").read_bytes()


def test_three_days_by_dagster_with_failures_between(pipeline, sample_rows, tmp_path):
    """Runs that die before they record are made up for; the same day again adds nothing."""
    made = pipeline(sample_rows[:120])
    file = made.data / "story_lineage.parquet"
    assert made.run().success
    first = pq.read_table(file)
    assert set(first["event"].to_pylist()) == {"born"}
    assert made.metadata("story_lineage")["born"] == first.num_rows

    content = file.read_bytes(), (made.data / "hdbscan_labels.parquet").read_bytes()
    versions = made.versions()
    assert made.run().success
    assert (file.read_bytes(), (made.data / "hdbscan_labels.parquet").read_bytes()) == content
    assert made.versions() == versions
    assert made.metadata("story_lineage")["born"] == 0

    write_dump(tmp_path / "dump.csv", sample_rows[:140])
    nowhere = DataFolder(path=str(tmp_path / "dump.csv" / "no folder"))
    made.resources["history_io"] = HistoryIO(folder=nowhere)
    assert not made.run().success, "it dies where the history is written"
    assert file.read_bytes() == content[0]

    del made.resources["history_io"]
    write_dump(tmp_path / "dump.csv", sample_rows[:160])
    done = made.run()
    assert done.success
    history = pq.read_table(file)
    assert history.slice(0, first.num_rows).equals(first)
    added = history.slice(first.num_rows)
    assert set(added["run_id"].to_pylist()) == {done.run_id}
    assert (datetime.now(UTC) - added["at"][0].as_py()) < timedelta(minutes=5)
    kept = set(added["story_id"].to_pylist()) & set(first["story_id"].to_pylist())
    assert kept == set(first["story_id"].to_pylist()), "one row at least for each of them"
    living = pq.read_table(made.data / "hdbscan_labels.parquet")
    assert lineage.is_recorded(history, living)


def test_a_damaged_history_stops_the_run_and_is_left_alone(pipeline, sample_rows):
    made = pipeline(sample_rows[:40])
    assert made.run().success
    file = made.data / "story_lineage.parquet"
    file.write_bytes(b"not what it was")
    done = made.run()
    assert not done.success
    error = str(done.failure_data_for_node("hdbscan_labels").error)
    assert "story_lineage.parquet: the history of the stories can't be read" in error
    assert file.read_bytes() == b"not what it was"
