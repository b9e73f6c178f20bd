"""How long does an update of many feeds take, at first and with nothing new?

    python -m benchmarks.feeds [--feeds 500] [--items 30]

The feeds are served by a process of its own on loopback. The bound is the same work without our
code: every body fetched once over the same number of connections, and parsed by feedparser.
"""

import argparse
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.report import Cost, apart, spread, table, versions
from newsclust_pipeline.ingest.feeds.addresses import Address
from newsclust_pipeline.ingest.feeds.fetch import open_client
from newsclust_pipeline.ingest.feeds.state import FeedStore
from newsclust_pipeline.ingest.feeds.update import update
from newsclust_pipeline_tests.feed_server import FeedServer, Page, rss

_CONNECTIONS = 2  # requests that one host gets at the same time
_TEXT = "The council met on Tuesday to discuss the harbour, the ferry and the budget. " * 4


def main() -> None:
    """Run the benchmark."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--feeds", type=int, default=500)
    options.add_argument("--items", type=int, default=30)
    options.add_argument("--repeats", type=int, default=1, help="for `make bench`; not used")
    options.add_argument("--sizes", type=int, nargs="*", help="for `make bench`; not used")
    given = options.parse_args()
    with TemporaryDirectory() as folder:
        rows = list(compared(given.feeds, given.items, Path(folder)))
    table(
        "feeds",
        f"{given.feeds} feeds of {given.items} items on loopback",
        ["", "seconds", "CPU seconds", "peak GB", "added GB", "new articles"],
        rows,
        versions("httpx2", "feedparser"),
    )


def compared(feeds: int, items: int, folder: Path) -> Any:
    """Yield a row for the bound, the first update and one with nothing new."""
    context = multiprocessing.get_context("spawn")
    ports: Any = context.Queue()
    server = context.Process(target=_serve, args=(feeds, items, ports), daemon=True)
    server.start()
    port = ports.get()
    addresses = [f"http://127.0.0.1:{port}/{n}" for n in range(feeds)]
    try:
        for name, prepare in {
            "fetched and parsed, nothing else": _bound,
            "first update": _updates,
            "second, nothing new": _updates,
        }.items():
            yield _row(name, apart(prepare, addresses, folder, repeats=1))
    finally:
        server.terminate()


def _row(name: str, cost: Cost) -> list[object]:
    return [name, spread(cost.seconds), spread(cost.cpu), f"{cost.peak:.2f}", f"{cost.added:.2f}",
            cost.result]  # fmt: skip


def _serve(feeds: int, items: int, ports: Any) -> None:
    server = FeedServer()
    for feed in range(feeds):
        listed = [
            (f"Headline {feed}-{n}", _TEXT, f"https://n.example/{feed}/{n}", f"{feed}-{n}")
            for n in range(items)
        ]
        server.pages[f"/{feed}"] = Page(rss(listed, title=f"Outlet {feed}"))
    ports.put(server.server_port)
    server.serve_forever()


def _bound(addresses: list[str], _: Path) -> Callable[[], int]:
    import feedparser
    import httpx2

    def work() -> int:
        with httpx2.Client() as client, ThreadPoolExecutor(_CONNECTIONS) as pool:
            bodies = pool.map(lambda url: client.get(url).content, addresses)
            return sum(len(feedparser.parse(body).entries) for body in bodies)

    return work


def _updates(addresses: list[str], folder: Path) -> Callable[[], int]:
    feeds = [Address(url) for url in addresses]

    def work() -> int:
        with (
            open_client("benchmark", allow_private=True) as client,
            FeedStore(folder / "feeds.sqlite") as store,
        ):
            return update(feeds, folder / "feeds", store, client, time.time()).new

    return work


if __name__ == "__main__":
    main()
