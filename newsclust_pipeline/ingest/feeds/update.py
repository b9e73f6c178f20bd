"""All feeds → what is new, in the landing folder; and how every feed is doing."""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from threading import BoundedSemaphore
from urllib.parse import urlsplit

import httpx2
import pyarrow as pa

from newsclust_pipeline.core.locations import Location
from newsclust_pipeline.core.progress import Progress
from newsclust_pipeline.ingest.feeds import landing
from newsclust_pipeline.ingest.feeds.addresses import Address
from newsclust_pipeline.ingest.feeds.fetch import Answer, Known, fetch
from newsclust_pipeline.ingest.feeds.formats import Feed, FormatError, Item, parse_feed
from newsclust_pipeline.ingest.feeds.state import FeedState, FeedStore
from newsclust_pipeline.ingest.feeds.transport import FetchError
from newsclust_pipeline.schemas import FEEDS

_WORKERS = 16
_PER_HOST = 2  # requests at the same time
_BACK_OFF = 900  # seconds after the first failure; doubled by every further one
_DAY = 86_400


@dataclass(frozen=True)
class Update:
    """What one update of all feeds did.

    Attributes:
        table: one row per feed, schema `schemas.FEEDS`.
        new: articles written to the landing folder.
        fetched: feeds that were asked; the others were not due, or are gone.
        untitled: articles that were left out because they have no title.
        pruned: landing files that were removed because of their age.
        warnings: one sentence each.
    """

    table: pa.Table
    new: int
    fetched: int
    untitled: int
    pruned: list[str]
    warnings: list[str]


@dataclass(frozen=True)
class Outcome:
    """What became of one feed.

    Attributes:
        state: to be stored.
        feed: what its body holds; None unless there was a new one.
        fetched: whether it was asked.
    """

    state: FeedState
    feed: Feed | None = None
    fetched: bool = True


class Hosts:
    """Bounds the requests that one host gets at the same time."""

    def __init__(self, most: int = _PER_HOST) -> None:
        """Allow `most` requests a host."""
        self._most = most
        self._semaphores: dict[str, BoundedSemaphore] = {}

    @contextmanager
    def turn(self, url: str) -> Iterator[None]:
        """Wait until the host of a URL may get one more request."""
        host = urlsplit(url).netloc.lower()
        with self._semaphores.setdefault(host, BoundedSemaphore(self._most)):
            yield


def update(
    addresses: Sequence[Address],
    folder: Location,
    store: FeedStore,
    client: httpx2.Client,
    now: float,
    keep_days: int | None = None,
    progress: Progress = lambda *_: None,
) -> Update:
    """Fetch the feeds that are due and append their new articles to the landing folder.

    One broken feed never stops the others. The articles are written first and the state second,
    so an interrupted update loses nothing; `landing.reconcile` then keeps it from storing an
    article twice.

    Args:
        addresses: of the feeds.
        folder: the landing folder.
        store: the state of the feeds.
        client: see `fetch.open_client`.
        now: seconds since 1970.
        keep_days: landing files of earlier days are removed; None keeps all.
        progress: called with the feeds done and the feeds in all.
    """
    landing.reconcile(folder, store, now)
    known = [_named(store.feed(address.url), address) for address in addresses]
    outcomes = list(_all_outcomes(known, client, now, progress))
    rows = list(_new_items(outcomes, store))
    counts = Counter(feed for _, feed, _ in rows)
    with store.transaction():
        if rows:
            store.put_size(*landing.append(folder, rows, now))
        for outcome in outcomes:
            store.mark_seen(outcome.state.address, (key for key, _ in _keyed(outcome)), now)
            outcome.state.items += (count := counts[outcome.state.address])
            outcome.state.last_new = now if count else outcome.state.last_new
            store.put(outcome.state)
        store.forget(now)
    return Update(
        table=feeds_table([outcome.state for outcome in outcomes]),
        new=len(rows),
        fetched=sum(outcome.fetched for outcome in outcomes),
        untitled=sum(not item.title for o in outcomes if o.feed for item in o.feed.items),
        pruned=[] if keep_days is None else landing.prune(folder, keep_days, now),
        warnings=[
            *store.warnings,
            *(f"{s.address}: {s.problem}" for o in outcomes if (s := o.state).problem),
        ],
    )


def check(addresses: Sequence[Address], client: httpx2.Client, now: float) -> pa.Table:
    """Fetch all feeds as if for the first time, without storing anything.

    Returns:
        One row per feed, schema `schemas.FEEDS`; `items` counts the articles listed now.
    """
    fresh = [FeedState(address.url, address.url, address.title) for address in addresses]
    outcomes = list(_all_outcomes(fresh, client, now, lambda *_: None))
    for outcome in outcomes:
        outcome.state.items = len(outcome.feed.items) if outcome.feed else 0
    return feeds_table([outcome.state for outcome in outcomes])


def feeds_table(states: Sequence[FeedState]) -> pa.Table:
    """Return the states of feeds as a table, schema `schemas.FEEDS`."""
    columns = []
    for column in FEEDS.schema:
        values = [getattr(state, column.name) for state in states]
        if pa.types.is_timestamp(column.type):
            values = [int(value * 1e6) if value else None for value in values]
        columns.append(pa.array(values, column.type))
    return pa.Table.from_arrays(columns, schema=FEEDS.schema)


def _named(state: FeedState, address: Address) -> FeedState:
    state.title = state.title or address.title
    return state


def _all_outcomes(
    states: Sequence[FeedState], client: httpx2.Client, now: float, progress: Progress
) -> Iterator[Outcome]:
    """Yield the outcome of every feed, in the order given."""
    hosts = Hosts()
    with ThreadPoolExecutor(_WORKERS) as pool:
        jobs: list[Future[Outcome]] = [
            pool.submit(_outcome, client, hosts, state, now) for state in states
        ]
        for done, _ in enumerate(as_completed(jobs), start=1):
            progress(done, len(jobs))
        yield from (job.result() for job in jobs)


def _outcome(client: httpx2.Client, hosts: Hosts, state: FeedState, now: float) -> Outcome:
    if state.status == "gone" or now < state.next_due:
        return Outcome(state, fetched=False)
    state.last_try = now
    try:
        with hosts.turn(state.url):
            answer = fetch(client, Known(state.url, state.etag, state.modified))
        return _answered(state, answer, now)
    except (FetchError, FormatError) as error:
        return _failed(state, str(error), now)


def _answered(state: FeedState, answer: Answer, now: float) -> Outcome:
    state.http_status = answer.status
    if answer.status == 410:
        state.status, state.problem = "gone", "the server says that the feed is gone (410)"
        return Outcome(state)
    if answer.status not in {200, 304}:
        said = f"the server answered {answer.status}"
        return _failed(state, said, now, answer.wait_seconds)
    digest = sha256(answer.body).hexdigest()
    changed = answer.status == 200 and digest != state.body
    feed = parse_feed(answer.body, answer.headers, state.url) if changed else None
    if feed:
        state.body, state.last_body = digest, now
    _succeed(state, answer, feed, now)
    return Outcome(state, feed)


def _succeed(state: FeedState, answer: Answer, feed: Feed | None, now: float) -> None:
    state.url, state.etag = answer.known.url, answer.known.etag
    state.modified = answer.known.modified
    state.status, state.failures, state.last_success = "unchanged", 0, now
    wait = answer.wait_seconds
    if feed:
        state.status, state.format = "ok", feed.format
        state.title = state.title or feed.title
        state.problem = f"not well-formed: {feed.problem}" if feed.problem else ""
        wait = max(wait, feed.ttl_minutes * 60)
    state.next_due = now + min(wait, _DAY)


def _failed(state: FeedState, problem: str, now: float, wait: int = 0) -> Outcome:
    """Try again after the time that the server asks for, or ever longer."""
    back_off = min(_BACK_OFF * 2**state.failures, _DAY) if state.failures < 10 else _DAY
    state.status, state.problem = "failed", problem
    state.failures += 1
    state.next_due = now + max(wait, back_off)
    return Outcome(state)


def _keyed(outcome: Outcome) -> Iterator[tuple[str, Item]]:
    for item in outcome.feed.items if outcome.feed else []:
        if item.title:
            yield landing.item_key(outcome.state.address, item), item


def _new_items(outcomes: Sequence[Outcome], store: FeedStore) -> Iterator[tuple[str, str, Item]]:
    for outcome in outcomes:
        keyed = dict(_keyed(outcome))  # a feed may list an article twice
        unseen = store.unseen(list(keyed))
        yield from ((k, outcome.state.address, i) for k, i in keyed.items() if k in unseen)
