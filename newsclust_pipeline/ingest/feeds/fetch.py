"""One feed over HTTP: conditional, bounded, polite, following redirects.

Sources: RFC 9110 (conditional requests, Retry-After), RFC 9111 (Cache-Control), and Mark Pilgrim's
rules for clients of feeds: a permanent redirect is remembered, 410 means stop.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpcore2
import httpx2

from newsclust_pipeline.ingest.feeds.transport import (
    FetchError,
    GuardedTransport,
    bounded_body,
    time_limit,
)

MOST_BYTES = 16 << 20  # of a feed's body; a feed of 1,000 items with full texts has 5 MiB
MOST_SECONDS = 30.0  # for a feed in all, redirects included
_IDLE_SECONDS = 10.0  # without a byte
_REDIRECTS = 5
_PERMANENT = {301, 308}
_MOVED = {301, 302, 303, 307, 308}


@dataclass(frozen=True)
class Known:
    """What is known of a feed from the last fetch.

    Attributes:
        url: the address to ask; the target of the last permanent redirect, if there was one.
        etag, modified: validators of the last answer; empty if it had none.
    """

    url: str
    etag: str = ""
    modified: str = ""


@dataclass(frozen=True)
class Answer:
    """What a feed's server answered.

    Attributes:
        status: of HTTP, after redirects.
        body: decompressed; empty unless the status is 200.
        headers: lower-case names.
        known: what to remember for the next fetch.
        wait_seconds: how long the server asks clients to wait before the next request.
    """

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    known: Known = Known("")
    wait_seconds: int = 0


def open_client(user_agent: str, allow_private: bool) -> httpx2.Client:
    """Return a client for many feeds, to be closed by the caller.

    Args:
        user_agent: the header of that name; name the operator in it.
        allow_private: whether addresses of private networks are allowed.
    """
    return httpx2.Client(
        transport=GuardedTransport(allow_private),
        headers={
            "user-agent": user_agent,
            "accept": "application/atom+xml, application/rss+xml, application/feed+json, "
            "application/rdf+xml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.5",
            "accept-encoding": "gzip, deflate, br",
        },
        timeout=_IDLE_SECONDS,
        follow_redirects=False,
    )


def fetch(client: httpx2.Client, known: Known, most_bytes: int = MOST_BYTES) -> Answer:
    """Return the answer for one feed.

    Raises:
        FetchError: there is no usable answer; the message says why.
    """
    try:
        with time_limit(MOST_SECONDS):
            return _follow(client, known, most_bytes)
    except (httpx2.TimeoutException, httpcore2.TimeoutException) as error:
        raise FetchError(f"no complete answer in time: {error or 'time-out'}") from error
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
        raise FetchError(f"the request failed: {error}") from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.ProxyError) as error:
        raise FetchError(f"the connection failed: {error}") from error
    except httpcore2.UnsupportedProtocol as error:
        raise FetchError(f"the address cannot be used: {error}") from error


def _follow(client: httpx2.Client, known: Known, most_bytes: int) -> Answer:
    """Follow redirects. The permanent ones at the beginning of the chain change the address."""
    url, kept, permanent = known.url, known.url, True
    for _ in range(_REDIRECTS + 1):
        headers = _conditions(known) if url == known.url else {}
        with client.stream("GET", url, headers=headers) as response:
            status = response.status_code
            if status not in _MOVED:
                return _answer(response, known, kept, most_bytes)
            permanent = permanent and status in _PERMANENT
            url = _target(response, url)
            kept = url if permanent else kept
    raise FetchError(f"more than {_REDIRECTS} redirects")


def _conditions(known: Known) -> dict[str, str]:
    pairs = {"if-none-match": known.etag, "if-modified-since": known.modified}
    return {name: value for name, value in pairs.items() if value}


def _target(response: httpx2.Response, url: str) -> str:
    target = httpx2.URL(url).join(response.headers.get("location", ""))
    if target.scheme not in {"http", "https"} or not target.host:
        raise FetchError(f"a redirect leads to {target!s:.200}, which is not http(s)")
    return str(target)


def _answer(response: httpx2.Response, known: Known, kept: str, most_bytes: int) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    etag, modified = headers.get("etag", ""), headers.get("last-modified", "")
    ok = response.status_code == 200
    if not ok:  # what was valid for the last good answer still is
        etag, modified = known.etag, known.modified
    return Answer(
        status=response.status_code,
        body=bounded_body(response, most_bytes) if ok else b"",
        headers=headers,
        known=Known(kept, etag, modified),
        wait_seconds=max(_seconds(waits) for waits in _waits(headers)),
    )


def _waits(headers: dict[str, str]) -> Iterable[str]:
    yield headers.get("retry-after", "")
    found = re.search(r"\bmax-age=(\d+)", headers.get("cache-control", ""))
    yield found[1] if found else ""


def _seconds(wait: str) -> int:
    """Return seconds of a header in either form: a number, or a date. At most one day."""
    if wait.isdecimal() and wait.isascii():
        return min(int(wait[:9]), 86_400)
    try:
        moment = parsedate_to_datetime(wait)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0, min(int((moment - datetime.now(UTC)).total_seconds()), 86_400))
    except (ValueError, TypeError, OverflowError):
        return 0
