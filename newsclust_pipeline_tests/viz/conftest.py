"""The map page in a real headless Chromium, opened from disk, as a reader opens it.

Skipped without Chromium or playwright; with NEWSCLUST_REQUIRE_BROWSER=1 that is a failure.
"""

import os
import shutil

import pytest

from newsclust_pipeline_tests.viz.browsing import Visits, crowd, sample

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# No GPU here: WebGL is drawn in software. Nothing of the browser's own may reach for the network.
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]


@pytest.fixture(scope="module")
def browser():
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _no_browser("playwright is not installed: pip install 'newsclust_pipeline[test]'")
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        _no_browser(f"none of {', '.join(NAMES)} is on PATH: install Chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield chromium
        chromium.close()


def _no_browser(reason):
    if os.environ.get("NEWSCLUST_REQUIRE_BROWSER") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def visit(browser, tmp_path):
    """Opens a page; afterwards it must have requested nothing and reported no error."""
    visits = Visits(browser, tmp_path)
    yield visits
    visits.end()


@pytest.fixture(scope="module")
def opened(browser, tmp_path_factory):
    """The page that most tests use one after the other."""
    visits = Visits(browser, tmp_path_factory.mktemp("page"))
    yield visits(sample())
    visits.end()


@pytest.fixture(scope="module")
def crowded(browser, tmp_path_factory):
    """A page with 2,500 stories."""
    visits = Visits(browser, tmp_path_factory.mktemp("crowd"))
    yield visits(crowd())
    visits.end()


@pytest.fixture
def tab(opened):
    """The shared page as it was when it opened, but for the order of the table."""
    opened.mouse.move(2, 2)
    for _ in range(2):  # the first may close a card
        opened.keyboard.press("Escape")
    opened.click("#reset")
    opened.click("[data-view=stories]")
    opened.wait_for_function("() => newsclustMap.view() === null")
    opened.wait_for_timeout(200)  # titles are placed a moment after the view has come to rest
    return opened
