"""The Dagster UI in a real headless Chromium, started as the README says, used by clicking.

Skipped like the tests of the page. A failure leaves a picture of the browser's window in the folder
that NEWSCLUST_SCREENSHOTS names, or in the test's own.
"""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

import newsclust_pipeline
from newsclust_pipeline.definitions import build_defs
from newsclust_pipeline_tests.conftest import write_dump
from newsclust_pipeline_tests.viz.conftest import browser  # noqa: F401 (a fixture)

ROOT = Path(newsclust_pipeline.__file__).parents[1]
MINUTES = 60_000  # in milliseconds


def documented_command(port):
    """The documented command behind `make ui`, on another port."""
    page = (ROOT / "docs" / "installation.md").read_text(encoding="utf-8")
    (command,) = set(re.findall(r"`\.venv/bin/(dagster dev [^`]*)`", page))
    makefile = (ROOT / "Makefile").read_text().replace("$(PORT)", "3000")
    assert command in makefile, "docs/installation.md and the Makefile agree"
    program, *arguments = shlex.split(command.replace("3000", str(port)))
    return [Path(sys.executable).with_name(program), *arguments]


@pytest.fixture
def ui(tmp_path, sample_rows):
    """The address of a running UI on a small dump."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(ROOT / "dagster.yaml", home)
    dump = write_dump(tmp_path / "news.csv", sample_rows[:60])
    settings = {"DAGSTER_HOME": home, "NEWSCLUST_DATA_DIR": tmp_path / "data"}
    settings |= {"NEWSCLUST_NEWS": dump, "NEWSCLUST_DATA_URL": "http://127.0.0.1:9/news/"}
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            documented_command(port),
            cwd=ROOT,
            env=os.environ | {name: str(value) for name, value in settings.items()},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(f"{address}/server_info", server)
        yield address
    finally:
        server.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            server.wait(20)
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)


def wait_for(address, server):
    for _ in range(600):
        assert server.poll() is None, "the UI ended before it began; see its log"
        try:
            return urlopen(address, timeout=5).close()  # noqa: S310 (our own server)
        except (URLError, OSError):
            time.sleep(0.2)
    return pytest.fail(f"{address}: no answer in two minutes")


@pytest.fixture
def tab(browser, tmp_path, request):  # noqa: F811
    """A window of the browser; what it asks of the network is noted."""
    opened = browser.new_page(viewport={"width": 1500, "height": 1000})
    opened.asked = []
    opened.on("request", lambda asked: opened.asked.append(asked.url))
    yield opened
    opened.close()


@contextmanager
def picture_on_failure(tab, folder):
    try:
        yield
    except Exception:
        folder = Path(os.environ.get("NEWSCLUST_SCREENSHOTS") or folder)
        folder.mkdir(parents=True, exist_ok=True)
        tab.screenshot(path=folder / "ui.png", full_page=True)
        raise


def test_materialising_all_by_clicking_turns_every_asset_green_and_shows_the_map(ui, tab, tmp_path):
    keys = build_defs().resolve_asset_graph().materializable_asset_keys
    assets = [key.to_user_string() for key in keys]
    green = tab.get_by_role("img", name="run_success")
    with picture_on_failure(tab, tmp_path):
        tab.goto(ui)
        tab.locator('a[href="/asset-groups"]').click(timeout=MINUTES)
        materialise = tab.get_by_role("button", name="Materialize all")
        materialise.wait_for(timeout=MINUTES)
        for asset in assets:
            tab.get_by_title(asset, exact=True).first.wait_for(timeout=MINUTES)
        assert green.count() == 0
        materialise.click()
        # The dumps, which the run observes, are green, too.
        green.nth(len(assets)).wait_for(timeout=4 * MINUTES)
        assert green.count() == len(assets) + 1

        tab.goto(f"{ui}/assets/cluster_plot")
        tab.get_by_text("[Show Markdown]").click(timeout=MINUTES)
        preview = tab.get_by_role("img", name="the map")
        preview.wait_for(timeout=MINUTES)
        assert preview.evaluate("image => image.naturalWidth") > 500, "it is drawn"
        assert tab.locator('a[href="http://127.0.0.1:9/news/cluster_plot.html"]').count()

        tab.goto(f"{ui}/assets/raw_news?view=checks")
        tab.get_by_text("no_sudden_drop").first.wait_for(timeout=MINUTES)
        tab.get_by_text("Succeeded").nth(6).wait_for(timeout=MINUTES)
    elsewhere = [url for url in tab.asked if not url.startswith((ui, "data:", "blob:"))]
    assert elsewhere == [], "the UI's files come with the package"
