"""Conditional requests, redirects, waiting times."""

import pytest

from newsclust_pipeline.ingest.feeds.fetch import Known, fetch
from newsclust_pipeline.ingest.feeds.transport import FetchError
from newsclust_pipeline_tests.feed_server import Page, numbered, rss

BODY = rss(numbered(1, 2))


@pytest.mark.parametrize(
    "headers", [{"ETag": '"v1"'}, {"Last-Modified": "Tue, 05 Mar 2024 08:15:00 GMT"}]
)
def test_an_unchanged_feed_is_not_sent_again(server, client, headers):
    server.pages["/rss"] = Page(BODY, headers=headers)
    first = fetch(client, Known(server.url("/rss")))
    again = fetch(client, first.known)
    assert (first.status, again.status, again.body) == (200, 304, b"")
    assert again.known == first.known


def test_the_client_says_who_it_is(server, client):
    server.pages["/rss"] = Page(BODY)
    fetch(client, Known(server.url("/rss")))
    assert server.requests[0][1]["user-agent"] == "newsclust tests"


@pytest.mark.parametrize(
    ("status", "kept"), [(301, "/new"), (308, "/new"), (302, "/old"), (307, "/old")]
)
def test_only_a_permanent_redirect_is_remembered(server, client, status, kept):
    server.pages["/old"] = Page(status=status, headers={"Location": "/new"})
    server.pages["/new"] = Page(BODY)
    answer = fetch(client, Known(server.url("/old")))
    assert (answer.body, answer.known.url) == (BODY, server.url(kept))


def test_a_permanent_redirect_after_a_temporary_one_is_not_remembered(server, client):
    server.pages["/a"] = Page(status=302, headers={"Location": "/b"})
    server.pages["/b"] = Page(status=301, headers={"Location": "/c"})
    server.pages["/c"] = Page(BODY)
    assert fetch(client, Known(server.url("/a"))).known.url == server.url("/a")


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("/loop", "more than 5 redirects"),
        ("file:///etc/passwd", "not http"),
        ("gopher://x/", "not http"),
        ("", "more than 5"),
    ],
)
def test_redirects_have_limits(server, client, location, message):
    server.pages["/loop"] = Page(status=301, headers={"Location": location})
    with pytest.raises(FetchError, match=message):
        fetch(client, Known(server.url("/loop")))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "120"}, 120),
        ({"Retry-After": "Fri, 01 Jan 2100 00:00:00 GMT"}, 86_400),
        ({"Cache-Control": "public, max-age=1800"}, 1800),
        ({"Cache-Control": "max-age=999999999999"}, 86_400),
        ({"Retry-After": "soon"}, 0),
        ({}, 0),
    ],
)
def test_the_waiting_time_of_the_server_is_read(server, client, headers, seconds):
    server.pages["/rss"] = Page(BODY, headers=headers)
    assert fetch(client, Known(server.url("/rss"))).wait_seconds == seconds


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/rss", "http://no-such-host.invalid/rss"])
def test_a_host_that_does_not_answer_is_one_sentence(client, address):
    with pytest.raises(FetchError, match="connection failed"):
        fetch(client, Known(address))
