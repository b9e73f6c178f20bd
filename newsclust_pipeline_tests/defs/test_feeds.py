"""From feeds on loopback to stories."""

import time
from datetime import UTC, datetime, timedelta
from html import escape

import pyarrow.parquet as pq
import pytest

from newsclust_pipeline.defs.checks import feeds as checks
from newsclust_pipeline.defs.resources import DataFolder, Feeds, NewsDumps
from newsclust_pipeline.ingest.feeds.addresses import Address
from newsclust_pipeline.ingest.feeds.fetch import open_client
from newsclust_pipeline.ingest.feeds.state import FeedState, FeedStore
from newsclust_pipeline.ingest.feeds.update import feeds_table, update
from newsclust_pipeline_tests.feed_server import FeedServer, Page, numbered, rss

DAY = 86_400.0


@pytest.fixture
def server():
    with FeedServer() as running:
        yield running


def follow(pipeline, server, *paths, news=None):
    """A pipeline that follows feeds of the server."""
    made = pipeline(news)
    folder = DataFolder(path=str(made.data))
    addresses = ",".join(server.url(path) for path in paths)
    feeds = Feeds(addresses=addresses, allow_private="1", folder=folder)
    made.resources["subscriptions"] = feeds
    made.resources["news"] = NewsDumps(path=str(news or ""), landing=str(feeds.landing))
    return made


def stories(data):
    labels = pq.read_table(data / "hdbscan_labels.parquet").to_pylist()
    members = {}
    for row in labels:
        members.setdefault(row["story_id"], set()).add(row["doc_id"])
    return {story: frozenset(ids) for story, ids in members.items()}


def feed_of(rows, outlet):
    items = "".join(
        f"<item><title>{escape(r['title'])}</title><link>{escape(r['url'])}</link>"
        f"<description>{escape(r['description'])}</description><guid>{escape(r['url'])}</guid>"
        f"<pubDate>{r['published_at']}</pubDate></item>"
        for r in rows
    )
    head = f"<title>{escape(outlet)}</title>"
    return f"<rss version='2.0'><channel>{head}{items}</channel></rss>".encode()


def test_a_run_fetches_the_feeds_and_clusters_what_they_hold(pipeline, server):
    server.pages = {"/a": Page(rss(numbered(1, 5))), "/b": Page(status=500)}
    made = follow(pipeline, server, "/a", "/b")
    assert made.run().success
    assert pq.read_table(made.data / "raw_news.parquet").num_rows == 5
    figures = made.metadata("feeds")
    assert (figures["feeds"], figures["articles_new"]) == (2, 5)
    assert "500" in figures["problems"]


def test_a_rerun_with_nothing_new_changes_no_data_version(pipeline, server):
    server.pages = {"/a": Page(rss(numbered(1, 5)))}
    made = follow(pipeline, server, "/a")
    made.run()
    before = made.versions()
    assert made.run().success
    assert made.versions() == before


def test_dumps_and_feeds_are_read_together(pipeline, server, sample_rows, tmp_path):
    from newsclust_pipeline_tests.conftest import write_dump

    server.pages = {"/a": Page(rss(numbered(1, 5)))}
    dump = write_dump(tmp_path / "news.csv", sample_rows[:20])
    made = follow(pipeline, server, "/a", news=dump)
    assert made.run().success
    assert pq.read_table(made.data / "raw_news.parquet").num_rows == 25


def test_without_any_article_the_run_ends_with_one_sentence(pipeline, server):
    made = follow(pipeline, server, "/none")
    result = made.run()
    assert not result.success
    assert pq.read_table(made.data / "feeds.parquet")["status"].to_pylist() == ["failed"]


def test_fourteen_days_of_feeds_give_the_stories_of_the_dump(pipeline, server, sample_rows):
    rows = [row for row in sample_rows if row["title"].strip() and row["url"].strip()]
    made = pipeline(rows)
    assert made.run().success
    expected = set(stories(made.data).values())
    folder = made.data.parent / "replayed"
    outlets = sorted({row["venue"] for row in rows})
    first = time.time() - 20 * DAY
    with (
        open_client("replay", allow_private=True) as client,
        FeedStore(folder / "feeds.sqlite") as store,
    ):
        for day in range(14):
            begin, end = len(rows) * day // 14, len(rows) * (day + 1) // 14
            for number, outlet in enumerate(outlets):
                listed = [r for r in rows[max(begin - 30, 0) : end] if r["venue"] == outlet]
                server.pages[f"/{number}"] = Page(feed_of(listed, outlet))
            addresses = [Address(server.url(f"/{n}")) for n in range(len(outlets))]
            update(addresses, folder / "feeds", store, client, first + day * DAY)
    made.resources["news"] = NewsDumps(landing=str(folder / "feeds"))
    assert made.run().success
    assert set(stories(made.data).values()) == expected


def test_feeds_that_fail_for_days_or_are_silent_for_weeks_are_named():
    now = datetime.now(UTC)

    def ago(**span):
        return (now - timedelta(**span)).timestamp()

    fine = FeedState("https://a.example", "u", status="ok", last_success=ago(hours=1), last_new=1)
    fine.last_new = ago(days=1)
    states = [
        fine,
        FeedState("https://b.example", "u", status="gone"),
        FeedState("https://c.example", "u", status="failed", failures=9, last_success=ago(days=3)),
        FeedState("https://d.example", "u", status="failed", failures=1),
        FeedState("https://e.example", "u", status="ok", last_success=ago(days=0), last_new=5.0),
    ]
    answer = checks.feeds_answer.evaluate(feeds_table(states))
    assert not answer.passed
    assert "https://b.example, https://c.example" in answer.complaint
    news = checks.feeds_have_news.evaluate(feeds_table(states))
    assert (news.passed, news.metadata) == (False, {"silent": 1})
    assert checks.feeds_answer.evaluate(feeds_table([fine])).passed


def test_a_damaged_state_is_set_aside_and_nothing_is_stored_twice(server, tmp_path):
    server.pages = {"/a": Page(rss(numbered(1, 5)))}
    feeds = Feeds(
        addresses=server.url("/a"), allow_private="1", folder=DataFolder(path=str(tmp_path))
    )
    assert feeds.update(None, lambda *_: None).new == 5
    feeds.state.write_bytes(b"not a database" * 100)
    again = feeds.update(None, lambda *_: None)
    assert (again.new, again.fetched) == (0, 1)
    assert "feeds.sqlite.damaged" in again.warnings[0]
    assert feeds.state.with_name("feeds.sqlite.damaged").exists()
    assert feeds.update(None, lambda *_: None).warnings == []
