"""How quick is the map page, in a real browser?

    python -m benchmarks.page [--sizes 100000] [--repeats 3]

Documents are made of the bundled sample's words, at random, with as many letters as news has:
random words deflate less than prose, so the file is rather too large than too small. The browser
is headless Chromium without a GPU: WebGL is drawn by the processor, which is the slow case. All
times are those that the page's clock gives from an event to the frame that shows what it did.
"""

import argparse
import re
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from benchmarks.report import spread, table, versions
from newsclust_pipeline.defs.resources import SAMPLE
from newsclust_pipeline.viz.page import build_page

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
OUTLETS, SINCE = 80, 1_770_000_000


def main() -> None:
    """Run the benchmark."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000])
    options.add_argument("--repeats", type=int, default=3)
    given = options.parse_args()
    rows = [measured(documents, given.repeats) for documents in given.sizes]
    head = ["documents", "file, MB", "built, s", "ready, s", "hover, ms", "search, s"]
    table(
        "page",
        f"The map page, {given.repeats} repeats: median (least-most)",
        [*head, "row click, s", "brush, s", "zoom with titles, s"],
        rows,
    )
    print(versions("plotly", "playwright"))


# --- a page as large as asked for -----------------------------------------------------------------


def documents_and_stories(count: int) -> tuple[pa.Table, pa.Table]:
    """Make as many documents as asked for, two fifths of them in no story, and their stories."""
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
    return points, stories


def vocabulary() -> np.ndarray:
    """Return all words of the bundled sample, each as often as it occurs."""
    rows = pacsv.read_csv(SAMPLE)
    texts = rows["title"].to_pylist() + rows["description"].to_pylist()
    return np.array(" ".join(text or "" for text in texts).split())


def prose(chance: np.random.Generator, words: np.ndarray, count: int, length: int) -> list[str]:
    """Make texts of so many words."""
    return [" ".join(row) for row in words[chance.integers(0, len(words), (count, length))]]


# --- in the browser -------------------------------------------------------------------------------


def measured(documents: int, repeats: int) -> list[object]:
    """Build a page and use it so many times; one row of the table."""
    from playwright.sync_api import sync_playwright

    start = time.perf_counter()
    html = build_page(*documents_and_stories(documents), {"embedder": "none"})
    built = time.perf_counter() - start
    program = next(filter(None, map(shutil.which, BROWSERS)))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "page.html"
        path.write_text(html, encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        runs = [used(browser, path) for _ in range(repeats)]
        size = path.stat().st_size / 1e6
        browser.close()
    times = [spread([run[name] for run in runs], 2) for name in runs[0] if name != "hover"]
    hover = spread([run["hover"] * 1000 for run in runs], 0)
    return [f"{documents:,}", f"{size:.1f}", f"{built:.1f}", times[0], hover, *times[1:]]


def used(browser: Any, path: Path) -> dict[str, float]:
    """Open the page and do what readers do; seconds of each."""
    view = {"width": 1440, "height": 900}
    tab = browser.new_page(viewport=view, reduced_motion="reduce")
    start = time.perf_counter()
    tab.goto(path.as_uri())
    tab.wait_for_selector("html[data-ready]", timeout=300_000)
    found = {"ready": time.perf_counter() - start, "hover": hovered(tab)}
    field = "Object.assign(document.getElementById('search'), {value: 'flood'})"
    found["search"] = until(
        tab, f"{field}.dispatchEvent(new Event('input'))", "/ in /.test(status())"
    )
    tab.keyboard.press("Escape")
    tab.wait_for_timeout(1500)
    found["row"] = until(
        tab, "document.querySelector('tr[data-story]').click()", "/ in /.test(status())"
    )
    tab.keyboard.press("Escape")
    tab.wait_for_timeout(1500)
    slider = "Object.assign(document.getElementById('from'), {value: 20})"
    found["brush"] = until(
        tab, f"{slider}.dispatchEvent(new Event('input'))", "/ in /.test(status())"
    )
    tab.keyboard.press("Escape")
    tab.wait_for_timeout(1500)
    found["zoom"] = until(
        tab, "document.querySelector('[data-zoom]').click()", "titles() !== before"
    )
    tab.close()
    return found


UNTIL = """([act, test]) => new Promise((done) => {
  const status = () => document.getElementById("status").textContent.replaceAll("\\u00a0", " ");
  const titles = () =>
    [...document.querySelectorAll(".label.on")].map((label) => label.textContent).join();
  const before = titles();
  const start = performance.now();
  eval(act);
  const look = () => {
    if (eval(test)) requestAnimationFrame(() => done(performance.now() - start));
    else requestAnimationFrame(look);
  };
  look();
})"""


def until(tab: Any, act: str, test: str) -> float:
    """Return the seconds from an action to the frame that shows its effect."""
    return tab.evaluate(UNTIL, [act, test]) / 1000


def hovered(tab: Any) -> float:
    """Return the median seconds from a move of the pointer to the frame that shows its effect."""
    box = tab.locator("#map").bounding_box()
    tab.evaluate(
        """() => {
          window.took = [];
          document.getElementById("map").addEventListener("mousemove", ({ timeStamp }) =>
            requestAnimationFrame(() =>
              setTimeout(() => window.took.push(performance.now() - timeStamp))), true);
        }"""
    )
    for step in range(24):
        x = box["x"] + box["width"] * (0.3 + 0.4 * (step % 8) / 8)
        tab.mouse.move(x, box["y"] + box["height"] * (0.35 + 0.3 * (step // 8) / 3))
        tab.wait_for_timeout(60)
    return statistics.median(tab.evaluate("window.took")) / 1000


if __name__ == "__main__":
    main()
