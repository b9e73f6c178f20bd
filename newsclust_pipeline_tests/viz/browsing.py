"""Pages for tests in a browser, and what tests read from them and do to them."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from newsclust_pipeline.search.graph import Neighbours
from newsclust_pipeline.viz.page import build_page
from newsclust_pipeline_tests.viz.pages import history_of

EVIL = "</script><script>window.hacked=1</script><img src=x onerror='window.hacked=1'>"
DAY = datetime(2024, 4, 24, tzinfo=UTC)
BRIDGE, FROST, NOISE = 4, 9, -1
SIZE = {"width": 1200, "height": 800}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


class Visits:
    """Opens pages from disk, and records whatever they request or report as an error."""

    def __init__(self, browser, folder):
        self.browser, self.path = browser, folder / "cluster_plot.html"
        self.requests, self.errors, self.contexts = [], [], []

    def __call__(self, text, fragment="", **options):
        self.path.write_text(text, encoding="utf-8")
        options = {"viewport": SIZE, "reduced_motion": "reduce"} | options
        self.contexts.append(self.browser.new_context(**options))
        tab = self.contexts[-1].new_page()
        tab.on("request", lambda request: self.requests.append(request.url))
        tab.on("pageerror", lambda error: self.errors.append(str(error)))
        tab.on("console", self._on_console)
        tab.goto(self.path.as_uri() + fragment)
        tab.wait_for_selector("html[data-ready]", timeout=60_000)
        return tab

    def _on_console(self, message):
        if message.type == "error":
            self.errors.append(message.text)

    def end(self):
        for context in self.contexts:
            context.close()
        own = (self.path.as_uri(), "blob:")  # a download comes from the page itself
        assert [url for url in self.requests if not url.startswith(own)] == []
        assert self.errors == []


# Three of one story, two of another (x apart), one in none (far below); one of them is hostile.
WEB, LANTERN, PEAR = "https://lantern.example/", "Lantern", "Daily Pear"
ROWS = [
    (BRIDGE, 0.0, 10.0, "Bridge reopens after flood", WEB + "bridge", 1, 0, LANTERN),
    (BRIDGE, 1.0, 10.0, "First ferry passes the bridge", WEB + "ferry", 5, 1, LANTERN),
    (BRIDGE, 0.0, 9.0, "Mayor praises bridge crew", None, 1, 2, PEAR),
    (FROST, 20.0, 10.0, "Gelée: frost hits the orchards", WEB + "frost", 1, 8, PEAR),
    (FROST, 20.0, 9.0, EVIL + "\u202eevil", "javascript:window.hacked=1", 1, 9, EVIL),
    (NOISE, 10.0, 0.0, "A quiet day at the library", WEB + "quiet", 1, None, None),
]  # fmt: skip


def documents(in_space=False):
    labels, x, y, titles, urls, copies, days, venues = zip(*ROWS, strict=True)
    dates = [None if day is None else DAY + timedelta(days=day) for day in days]
    columns = {
        "doc_id": [f"d{n}" for n in range(len(ROWS))],
        "title": titles,
        "description": [f"Snippet: {title}" for title in titles],
        "venue": venues,
        "url": urls,
        "published_at": pa.array(dates, pa.timestamp("us", "UTC")),
        "copies": copies,
        "language": ["en", "en", "en", "fr", "fr", None],
        "date_suspect": [False] * len(ROWS),
        "label": labels,
        "x": x,
        "y": y,
    }
    return pa.table(columns | ({"z": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]} if in_space else {}))


def stories():
    days = [DAY, DAY + timedelta(days=8)], [DAY + timedelta(days=2), DAY + timedelta(days=9)]
    first, last = (pa.array(side, pa.timestamp("us", "UTC")) for side in days)
    return pa.table(
        {
            "story_id": ["s4", "s9"],
            "label": [BRIDGE, FROST],
            "title": ["Harbour bridge", EVIL],
            "short_title": ["Harbour bridge", EVIL],
            "kind": ["event", "event"],
            "topic_id": ["s4", "s9"],
            "topic": ["harbour", EVIL],
            "keywords": [["harbour", "flood"], [EVIL]],
            "size": [3, 2],
            "copies": [7, 2],
            "outlets": [2, 2],
            "first_published": first,
            "last_published": last,
            "exemplar_doc_id": ["d0", "d4"],
        }
    )


def history():
    """Two runs: the bridge grew by the ferry, the frost is new."""
    return history_of(
        ("born", 1, "s4", "Harbour bridge", None, ["d0", "d2"]),
        ("grown", 2, "s4", "Harbour bridge", None, ["d1"]),
        ("born", 2, "s9", EVIL, None, ["d3", "d4"]),
    )


def neighbours():
    """Each document's nearest: the next ones in turn."""
    n = len(ROWS)
    indices = np.array([[(row + step) % n for step in range(1, n)] for row in range(n)], np.int32)
    ids = np.array([f"d{row}" for row in range(n)])
    return Neighbours(ids, indices, np.zeros(indices.shape, np.float32), n - 1)


def sample(in_space=False):
    return build_page(
        documents(in_space),
        stories(),
        {"embedder": EVIL},
        lineage=history(),
        neighbours=neighbours(),
    )


def crowd(side=50, **options):
    """As many stories as a square of this side holds, of three articles each, one unit apart."""
    count = side * side
    labels = np.arange(count).repeat(3)
    days = pa.array([DAY + timedelta(days=int(n)) for n in range(count)], pa.timestamp("us", "UTC"))
    numbers = [f"Story number {n}" for n in range(count)]
    columns = {
        "doc_id": [f"d{n}" for n in range(3 * count)],
        "title": [f"Article {n}" for n in range(3 * count)],
        "description": pa.nulls(3 * count),
        "venue": pa.nulls(3 * count),
        "url": pa.nulls(3 * count),
        "published_at": days.take(pa.array(labels)),
        "copies": np.ones(3 * count, dtype=int),
        "language": pa.nulls(3 * count),
        "date_suspect": np.zeros(3 * count, dtype=bool),
        "label": labels,
        "x": labels % side + np.tile([0.0, 0.2, 0.1], count),
        "y": labels // side + np.tile([0.0, 0.0, 0.2], count),
    }
    described = pa.table(
        {
            "story_id": numbers,
            "label": range(count),
            "title": numbers,
            "short_title": numbers,
            "kind": ["event"] * count,
            "topic_id": [f"Story number {n // 5 * 5}" for n in range(count)],
            "topic": [f"Topic {n // 5}" for n in range(count)],
            "keywords": pa.array([[]] * count, pa.list_(pa.string())),
            "size": [3] * count,
            "copies": [3] * count,
            "outlets": [0] * count,
            "exemplar_doc_id": [f"d{3 * n}" for n in range(count)],
            "first_published": days,
            "last_published": days,
        }
    )
    return build_page(pa.table(columns), described, {}, **options)


# --- what tests read and do -------------------------------------------------------------------


def row_of(tab, row):
    """The page's row of one of ROWS: noise comes first."""
    title = ROWS[row][3].replace("\u202e", "")
    return tab.evaluate("title => newsclustMap.titles().indexOf(title)", title)


def pixel(tab, row):
    return tab.evaluate("row => newsclustMap.pixelOf(row)", row_of(tab, row))


def hover(tab, row):
    """Points at a document as a hand does: coming from somewhere else."""
    x, y = pixel(tab, row)
    tab.mouse.move(x - 40, y + 40)
    tab.mouse.move(x, y, steps=4)
    tab.wait_for_selector("#tip:not([hidden])")
    return tab.locator("#tip")


def pin(tab, row):
    tab.mouse.click(*pixel(tab, row))
    tab.wait_for_selector("#card:not([hidden])")
    return tab.locator("#card")


def x_range(tab):
    return tab.evaluate("newsclustMap.box()[0]")


def until_x(tab, test):
    tab.wait_for_function(f"() => {{ const [low, high] = newsclustMap.box()[0]; return {test}; }}")


def coloured(tab):
    """The headlines that are drawn in colour."""
    return set(tab.evaluate("newsclustMap.over().map((row) => newsclustMap.titles()[row])"))


def grey(tab):
    return tab.evaluate("newsclustMap.under().length")


def listed(tab):
    return tab.locator("#list .headline").all_text_contents()


def titles_of(*rows):
    return {ROWS[row][3].replace("\u202e", "") for row in rows}


def text_of(tab, selector):
    return tab.locator(selector).first.inner_text().replace("\u00a0", " ").replace("\u2060", "")


def labels(tab):
    """The titles on the map, of which there is at least one, soon after the page is ready."""
    tab.wait_for_selector(".label.on")
    return tab.locator(".label.on").all_text_contents()


def apart(one, other):
    return (
        one["x"] + one["width"] <= other["x"]
        or other["x"] + other["width"] <= one["x"]
        or one["y"] + one["height"] <= other["y"]
        or other["y"] + other["height"] <= one["y"]
    )
