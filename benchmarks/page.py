"""What does the map page cost in a real browser?

    python -m benchmarks.page [--sizes 846 9000 100000] [--repeats 3] [--page NAME=FILE ...]

Documents consist of random words of the bundled sample, as long as those of news: random words
deflate less than prose, so the file is rather too large than too small. The browser is headless
Chromium without a GPU: WebGL is drawn by the processor, which is the slow case. Figures are CPU
seconds of all processes of the browser, as wall time depends on what else the machine does.

`--page` measures other pages in the same run: maps of an earlier version, or of another tool.
"""

import argparse
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from benchmarks.report import spread, table, versions
from newsclust_pipeline.defs.resources import SAMPLE
from newsclust_pipeline.search.graph import Neighbours
from newsclust_pipeline.viz.page import build_page

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
OUTLETS, SINCE = 80, 1_770_000_000
MOVES, TICKS, IDLE = 24, 12, 3.0


def main() -> None:
    """Run the benchmark."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", type=int, nargs="*", default=[846, 9_000, 100_000])
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--page", nargs="*", default=[], metavar="NAME=FILE")
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pages = {}
        for count in arguments.sizes:
            start = time.process_time()
            pages[f"{count:,}"] = Path(folder) / f"{count}.html"
            html = build_page(
                *documents_and_stories(count), {}, neighbours=random_neighbours(count)
            )
            pages[f"{count:,}"].write_text(html, encoding="utf-8")
            print(f"{count:,} documents: page built in {time.process_time() - start:.1f} CPU s")
        pages |= {
            name: Path(file) for name, file in (page.split("=", 1) for page in arguments.page)
        }
        rows = measure(pages, arguments.repeats)
    table(
        "page",
        f"The map page, CPU seconds of the browser, {arguments.repeats} repeats: median (min-max)",
        ["page", "file, MB", "load", "hover, ms", "wheel, ms", "search", f"idle {IDLE:g} s"],
        rows,
    )
    print(versions("playwright"))


def random_neighbours(count: int) -> Neighbours:
    """Return random neighbours: the list of similar articles is as long as with real ones."""
    indices = np.random.default_rng(1).integers(0, count, (count, 15), dtype=np.int32)
    ids = np.array([f"{n:016x}" for n in range(count)])
    return Neighbours(ids, indices, np.zeros((count, 15), np.float32), 15)


# --- a page as large as asked for -----------------------------------------------------------------


def documents_and_stories(count: int) -> tuple[pa.Table, pa.Table]:
    """Return documents, two fifths of them in no story, and their stories."""
    chance = np.random.default_rng(0)
    labels = np.minimum(chance.zipf(1.35, count), count // 12) - 1
    labels[chance.random(count) < 0.4] = -1
    names, labels[labels >= 0] = np.unique(labels[labels >= 0], return_inverse=True)
    sizes = np.bincount(labels[labels >= 0])
    order = np.argsort(-sizes, kind="stable")
    labels[labels >= 0] = np.argsort(order)[labels[labels >= 0]]
    centres = chance.normal(size=(len(names), 2)) * 10
    spots = chance.normal(size=(count, 2)) * np.where(labels < 0, 10, 0.15)[:, None]
    spots[labels >= 0] += centres[labels[labels >= 0]]
    words = vocabulary()
    titles = prose(chance, words, count, 10)
    days = pa.array((SINCE + chance.integers(0, 30 * 86_400, count)) * 1_000_000)
    outlet = chance.integers(0, OUTLETS, count)
    points = pa.table(
        {
            "doc_id": [f"{n:016x}" for n in range(count)],
            "title": titles,
            "description": prose(chance, words, count, 36),
            "venue": [f"Outlet {n}" for n in outlet],
            "url": [
                f"https://outlet-{n}.example/2026/{number}/{re.sub('[^a-z]+', '-', title.lower())}"
                for number, (n, title) in enumerate(zip(outlet, titles, strict=True))
            ],
            "published_at": days.cast(pa.timestamp("us", "UTC")),
            "copies": chance.geometric(0.9, count),
            "language": ["en"] * count,
            "date_suspect": np.zeros(count, bool),
            "label": labels,
            "x": spots[:, 0],
            "y": spots[:, 1],
        }
    )
    stories = points.filter(pa.array(labels >= 0)).group_by("label").aggregate(
        [
            ("title", "min"),
            ("label", "count"),
            ("venue", "count_distinct"),
            ("published_at", "min"),
            ("published_at", "max"),
        ]
    )  # fmt: skip
    stories = stories.sort_by("label").rename_columns(
        ["label", "title", "size", "outlets", "first_published", "last_published"]
    )
    n = stories.num_rows
    titles_of = [title.split() for title in stories["title"].to_pylist()]
    for name, values in {
        "story_id": pa.array([f"s{row}" for row in range(n)]),
        "short_title": pa.array([" ".join(words[:3]) for words in titles_of]),
        "kind": pa.array(["event"] * n),
        "keywords": pa.array([words[:5] for words in titles_of]),
        "copies": stories["size"],
        "exemplar_doc_id": pa.nulls(n, pa.string()),
        "topic_id": pa.array([f"s{row // 6 * 6}" for row in range(n)]),
        "topic": pa.array([f"topic {row // 6}" for row in range(n)]),
    }.items():
        stories = stories.append_column(name, values)
    return points, stories


def vocabulary() -> np.ndarray:
    """Return all words of the bundled sample, each as often as it occurs."""
    rows = pacsv.read_csv(SAMPLE)
    texts = rows["title"].to_pylist() + rows["description"].to_pylist()
    return np.array(" ".join(text or "" for text in texts).split())


def prose(chance: np.random.Generator, words: np.ndarray, count: int, length: int) -> list[str]:
    """Return texts of `length` words."""
    return [" ".join(row) for row in words[chance.integers(0, len(words), (count, length))]]


# --- in the browser -------------------------------------------------------------------------------


def measure(pages: dict[str, Path], repeats: int) -> list[list[object]]:
    """Return one row of the table per page; the pages take turns."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, BROWSERS)))
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in pages}
    for _ in range(repeats):
        for name, path in pages.items():
            # A browser of its own: nothing of the page before is still at work in it.
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
                runs[name].append(use(browser, path))
                browser.close()
    return [
        [
            name,
            f"{pages[name].stat().st_size / 1e6:.1f}",
            spread([run["load"] for run in found], 1),
            spread([run["hover"] * 1000 for run in found], 0),
            spread([run["wheel"] * 1000 for run in found], 0),
            spread([run["search"] for run in found], 2),
            spread([run["idle"] for run in found], 2),
        ]
        for name, found in runs.items()
    ]


def use(browser: Any, path: Path) -> dict[str, float]:
    """Open a page and do what readers do; return CPU seconds: of hover and wheel, per event."""
    tab = browser.new_page(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    found = {"load": cpu(tab, lambda: load(tab, path))}
    found["idle"] = cpu(tab, lambda: tab.wait_for_timeout(IDLE * 1000))
    width, height = (tab.evaluate("[innerWidth, innerHeight]")[n] for n in (0, 1))
    field = tab.locator("#search, #text-search").first
    x, y = (width * 0.3, height * 0.45) if tab.locator("#map").count() else (width / 2, height / 2)

    def hover() -> None:
        for step in range(MOVES):
            tab.mouse.move(x - 150 + 300 * (step % 8) / 8, y - 100 + 200 * (step // 8) / 3)
            tab.wait_for_timeout(60)

    def wheel() -> None:
        for step in range(TICKS):
            tab.mouse.wheel(0, -120 if step % 2 else 120)
            tab.wait_for_timeout(120)
        tab.wait_for_timeout(800)

    def search() -> None:
        field.fill("flood")
        field.press("Enter")
        tab.wait_for_timeout(2000)

    found["hover"] = cpu(tab, hover) / MOVES
    found["wheel"] = cpu(tab, wheel) / TICKS
    found["search"] = cpu(tab, search) if field.count() else float("nan")
    tab.close()
    return found


def load(tab: Any, path: Path) -> None:
    """Open a page and wait until it is drawn: ours says so, others are given time."""
    tab.goto(path.as_uri(), timeout=300_000)
    if tab.locator("#map").count():
        tab.wait_for_selector("html[data-ready]", timeout=300_000)
        tab.wait_for_timeout(1500)
    else:
        tab.wait_for_timeout(12_000)


def cpu(tab: Any, act: Callable[[], None]) -> float:
    """Return the CPU seconds that the browser's processes spend on an act."""
    start = spent()
    act()
    tab.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    return spent() - start


def spent() -> float:
    """Return the CPU seconds of all browsers that this process has started."""
    import psutil

    total = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            times = process.cpu_times()
            if "chrom" in process.name():
                total += times.user + times.system
        except psutil.Error:
            continue
    return total


if __name__ == "__main__":
    main()
