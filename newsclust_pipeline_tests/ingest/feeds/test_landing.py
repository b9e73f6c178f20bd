"""Landing files are whole, hold nothing twice, and go when they are old."""

import gzip
import json
from datetime import UTC, datetime

import pytest

from newsclust_pipeline.core.errors import FeedsError
from newsclust_pipeline.ingest.discover import find_dumps
from newsclust_pipeline.ingest.feeds.formats import Item
from newsclust_pipeline.ingest.feeds.landing import append, item_key, prune, reconcile
from newsclust_pipeline.ingest.feeds.state import FeedStore

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC).timestamp()
ITEM = Item("id-1", "Zürich", "text", "https://a.example/1", "2026-11-26T08:00:00+00:00", "A")


def test_a_day_has_one_file_that_grows(tmp_path):
    first = append(tmp_path, [("k1", "feed", ITEM)], NOON)
    second = append(tmp_path, [("k2", "feed", ITEM)], NOON + 3600)
    (path,) = tmp_path.iterdir()
    assert first[0] == path.name == "2026-11-26.jsonl.gz"
    assert first[1] < second[1] == path.stat().st_size
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    assert [(row["key"], row["title"]) for row in rows] == [("k1", "Zürich"), ("k2", "Zürich")]


def test_a_landing_file_is_a_dump(tmp_path):
    append(tmp_path, [("k1", "feed", ITEM)], NOON)
    append(tmp_path, [("k2", "feed", ITEM)], NOON)
    rows = list(find_dumps(tmp_path).rows())
    assert len(rows) == 2


def test_the_key_changes_with_the_text_and_with_the_feed():
    changed = Item(**{**ITEM.__dict__, "title": "Zürich (update)"})
    assert len({item_key("f", ITEM), item_key("f", changed), item_key("g", ITEM)}) == 3


def test_articles_of_a_file_that_the_state_does_not_know_count_as_seen(tmp_path):
    append(tmp_path / "feeds", [("k1", "feed", ITEM)], NOON)
    with FeedStore(tmp_path / "feeds.sqlite") as store:
        assert reconcile(tmp_path / "feeds", store, NOON) == 1
        assert store.unseen(["k1", "k2"]) == {"k2"}
        assert reconcile(tmp_path / "feeds", store, NOON) == 0


def test_files_of_days_outside_the_window_are_removed(tmp_path):
    for day in range(5):
        append(tmp_path, [("k", "feed", ITEM)], NOON - day * 86_400)
    (tmp_path / "mine.jsonl.gz").write_bytes(b"")
    assert prune(tmp_path, 2, NOON) == ["2026-11-22.jsonl.gz", "2026-11-23.jsonl.gz"]
    assert (tmp_path / "mine.jsonl.gz").exists()


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b damaged", gzip.compress(b"{", mtime=0), b"[]"])
def test_a_damaged_landing_file_is_named_with_what_to_do(tmp_path, content):
    (tmp_path / "feeds").mkdir()
    path = tmp_path / "feeds" / "2026-11-26.jsonl.gz"
    path.write_bytes(content)
    with FeedStore(tmp_path / "feeds.sqlite") as store:
        if content:
            with pytest.raises(FeedsError, match=r"2026-11-26\.jsonl\.gz: damaged.*move it away"):
                reconcile(tmp_path / "feeds", store, NOON)
        else:
            assert reconcile(tmp_path / "feeds", store, NOON) == 1
