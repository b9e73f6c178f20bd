"""The state of feeds survives, whole or not at all."""

import sqlite3

import pytest

from newsclust_pipeline.core.errors import FeedsError
from newsclust_pipeline.ingest.feeds.state import FORGET_DAYS, FeedState, FeedStore


def test_a_feed_is_read_back_as_it_was_put(tmp_path):
    feed = FeedState("https://a.example/rss", "https://b.example/rss", "A", failures=3, items=7)
    with FeedStore(tmp_path / "feeds.sqlite") as store, store.transaction():
        store.put(feed)
    with FeedStore(tmp_path / "feeds.sqlite") as store:
        assert store.feed(feed.address) == feed
        assert store.feed("https://c.example/rss").status == "new"


def test_an_interrupted_transaction_changes_nothing(tmp_path):
    with FeedStore(tmp_path / "feeds.sqlite") as store:
        with pytest.raises(KeyboardInterrupt), store.transaction():
            store.mark_seen("feed", ["a"], 1.0)
            raise KeyboardInterrupt
        assert store.unseen(["a"]) == {"a"}


def test_articles_are_forgotten_long_after_their_feed_listed_them_last(tmp_path):
    day = 86_400.0
    with FeedStore(tmp_path / "feeds.sqlite") as store, store.transaction():
        store.mark_seen("feed", ["old", "new"], day)
        store.mark_seen("feed", ["new"], 3 * day)
        assert store.forget((FORGET_DAYS + 2) * day) == 1
        assert store.unseen(["old", "new"]) == {"old"}


def test_articles_of_a_feed_that_stays_unchanged_are_not_forgotten(tmp_path):
    day = 86_400.0
    with FeedStore(tmp_path / "feeds.sqlite") as store, store.transaction():
        store.put(FeedState("feed", "feed", last_body=day))
        store.mark_seen("feed", ["still listed"], day)
        assert store.forget(1000 * day) == 0


def test_a_damaged_file_is_named_with_what_to_do(tmp_path):
    path = tmp_path / "feeds.sqlite"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(FeedsError, match=r"feeds\.sqlite.*Move the file away"):
        FeedStore(path)


@pytest.mark.parametrize("column", ["url", "next_due", "status", "etag"])
def test_a_feed_whose_state_is_damaged_is_read_as_a_new_one(tmp_path, column):
    path = tmp_path / "feeds.sqlite"
    feed = FeedState("https://a.example/rss", "https://b.example/rss", "A", etag="e", next_due=9.0)
    with FeedStore(path) as store, store.transaction():
        store.put(feed)
    with sqlite3.connect(path) as db:
        db.execute(f"UPDATE feeds SET {column} = 4e9")  # noqa: S608
    db.close()
    with FeedStore(path) as store:
        assert store.feed(feed.address) == FeedState(feed.address, feed.address)
        assert "its state was damaged" in store.warnings[0]


def test_the_state_of_a_former_version_is_read(tmp_path):
    path = tmp_path / "feeds.sqlite"
    feed = FeedState("https://a.example/rss", "https://b.example/rss", "A", items=7)
    with FeedStore(path) as store, store.transaction():
        store.put(feed)
    with sqlite3.connect(path) as db:
        db.execute("ALTER TABLE feeds DROP COLUMN checksum")
    db.close()
    with FeedStore(path) as store:
        assert store.feed(feed.address) == feed
        assert store.warnings == []


def test_a_folder_in_place_of_the_file_is_named(tmp_path):
    (tmp_path / "feeds.sqlite").mkdir()
    with pytest.raises(FeedsError, match=r"feeds\.sqlite: .*can't be read or written"):
        FeedStore(tmp_path / "feeds.sqlite")
