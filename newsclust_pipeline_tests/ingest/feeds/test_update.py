"""All feeds at once: nothing lost, nothing twice, and no feed stops the others."""

import pytest

from newsclust_pipeline.ingest.feeds.addresses import Address
from newsclust_pipeline.ingest.feeds.update import check
from newsclust_pipeline_tests.feed_server import Page, numbered, packed, rss

HOUR = 3600.0


def rows(update):
    return {row["address"].rpartition("/")[2]: row for row in update.table.to_pylist()}


def test_new_articles_are_stored_once_however_often_feeds_are_asked(server, updates):
    server.pages["/rss"] = Page(rss(numbered(1, 3)))
    assert updates("/rss").new == 3
    assert updates("/rss", later=HOUR).new == 0
    server.pages["/rss"] = Page(rss(numbered(2, 5)))
    assert updates("/rss", later=HOUR).new == 2
    assert updates.titles() == [f"Headline {n}" for n in (1, 2, 3, 4, 5)]


def test_a_changed_article_is_stored_again_in_its_new_state(server, updates):
    server.pages["/rss"] = Page(rss([("First state", "x", "u", "id-1")]))
    updates("/rss")
    server.pages["/rss"] = Page(rss([("Second state", "x", "u", "id-1")]))
    assert updates("/rss", later=HOUR).new == 1
    assert updates.titles() == ["First state", "Second state"]


def test_an_article_listed_twice_in_one_feed_is_stored_once(server, updates):
    server.pages["/rss"] = Page(rss(numbered(1, 1) * 2))
    assert updates("/rss").new == 1


def test_the_same_body_again_is_unchanged_though_the_server_has_no_validators(server, updates):
    server.pages["/rss"] = Page(rss(numbered(1, 3)))
    updates("/rss")
    state = rows(updates("/rss", later=HOUR))["rss"]
    assert (state["status"], state["http_status"], state["items"]) == ("unchanged", 200, 3)


def test_a_lost_state_stores_nothing_twice(server, updates, tmp_path):
    server.pages["/rss"] = Page(rss(numbered(1, 3)))
    updates("/rss")
    (tmp_path / "feeds.sqlite").unlink()
    assert updates("/rss", later=HOUR).new == 0
    assert len(updates.titles()) == 3


def test_one_broken_feed_never_stops_the_others(server, updates):
    server.pages |= {
        "/good": Page(rss(numbered(1, 2))),
        "/gzip": Page(packed(rss(numbered(3, 4))), headers={"Content-Encoding": "gzip"}),
        "/500": Page(status=500),
        "/429": Page(status=429, headers={"Retry-After": "7200"}),
        "/html": Page(b"<html><body>Log in</body></html>"),
        "/cut": Page(rss(numbered(10, 40))[:2000]),
        "/gone": Page(status=410),
        "/in": Page(status=302, headers={"Location": "ftp://a.example/"}),
    }
    done = updates(*server.pages, "http://127.0.0.1:1/refused", "http://nowhere.invalid/unknown")
    found = rows(done)
    status = {name: row["status"] for name, row in found.items()}
    assert status == {
        "good": "ok", "gzip": "ok", "cut": "ok", "gone": "gone", "500": "failed", "429": "failed",
        "html": "failed", "in": "failed", "refused": "failed", "unknown": "failed",
    }  # fmt: skip
    assert {"Headline 1", "Headline 2", "Headline 3", "Headline 4"} <= set(updates.titles())
    assert found["cut"]["items"] > 0
    assert "not well-formed" in found["cut"]["problem"]
    assert len(done.warnings) == 8


def test_a_failing_feed_is_asked_ever_less_often(server, updates):
    server.pages["/rss"] = Page(status=500)
    waits = []
    for _ in range(4):
        state = rows(updates("/rss"))["rss"]
        waits.append((state["next_due"] - state["last_try"]).total_seconds())
        updates.now = state["next_due"].timestamp() + 1
    assert waits == [900, 1800, 3600, 7200]
    server.pages["/rss"] = Page(rss(numbered(1, 1)))
    state = rows(updates("/rss"))["rss"]
    assert (state["failures"], state["status"]) == (0, "ok")


def test_a_feed_is_not_asked_before_it_is_due(server, updates):
    server.pages["/rss"] = Page(status=429, headers={"Retry-After": "7200"})
    server.pages["/ttl"] = Page(rss(numbered(1, 1), head="<ttl>90</ttl>"))
    server.pages["/age"] = Page(rss(numbered(1, 1)), headers={"Cache-Control": "max-age=7000"})
    paths = list(server.pages)
    updates(*paths)
    assert updates(*paths, later=HOUR).fetched == 0
    assert updates(*paths, later=2 * HOUR).fetched == 3


def test_a_feed_that_is_gone_is_never_asked_again(server, updates):
    server.pages["/rss"] = Page(status=410)
    updates("/rss")
    updates("/rss", later=1000 * HOUR)
    assert server.asked()["/rss"] == 1


def test_a_moved_feed_is_asked_at_its_new_address(server, updates):
    server.pages["/old"] = Page(status=301, headers={"Location": "/new"})
    server.pages["/new"] = Page(rss(numbered(1, 1)), headers={"ETag": '"1"'})
    updates("/old")
    updates("/old", later=HOUR)
    assert server.asked() == {"/old": 1, "/new": 2}
    assert rows(updates("/old", later=HOUR))["old"]["url"] == server.url("/new")


def test_articles_without_a_title_are_counted(server, updates):
    server.pages["/rss"] = Page(rss([("", "no title", "u", "g"), *numbered(1, 1)]))
    done = updates("/rss")
    assert (done.new, done.untitled) == (1, 1)


def test_a_host_gets_two_requests_at_a_time_at_most(server, updates):
    for number in range(12):
        server.pages[f"/{number}"] = Page(lambda: [b"<rss", b" "] * 5, pause=0.01)
    updates(*server.pages)
    assert server.most_at_once == 2


def test_old_landing_files_are_pruned_and_the_articles_do_not_come_back(server, updates):
    server.pages["/rss"] = Page(rss(numbered(1, 2)))
    updates("/rss")
    done = updates("/rss", later=10 * 24 * HOUR, keep_days=7)
    assert (len(done.pruned), done.new, updates.titles()) == (1, 0, [])


def test_check_asks_every_feed_and_stores_nothing(server, client, tmp_path):
    server.pages["/rss"] = Page(rss(numbered(1, 4)))
    table = check([Address(server.url("/rss")), Address(server.url("/no"))], client, 1.7e9)
    found = [(row["status"], row["items"], row["http_status"]) for row in table.to_pylist()]
    assert found == [("ok", 4, 200), ("failed", 0, 404)]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("paths", [[], ["/rss"]])
def test_progress_reaches_the_end(server, updates, paths):
    server.pages["/rss"] = Page(rss([]))
    seen = []
    updates(*paths, progress=lambda *at: seen.append(at))
    assert seen == [(n, len(paths)) for n in range(1, len(paths) + 1)]
