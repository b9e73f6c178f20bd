"""The map page in a real headless Chromium, opened from disk, as a reader opens it.

Skipped without Chromium or playwright; with NEWSCLUST_REQUIRE_BROWSER=1 that is a failure.
"""

import os
import shutil
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from newsclust_pipeline.stages.page import build_page

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
WATCH = """
window.opened = [];
window.open = (...args) => { window.opened.push(args); return null; };
"""
EVIL = "</script><script>window.hacked=1</script><img src=x onerror='window.hacked=1'>\u202eevil"
DAY = datetime(2024, 4, 24, 9, tzinfo=UTC)
BRIDGE, FROST, NOISE = 4, 9, -1


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
    """Opens a page from disk; afterwards it must not have asked for or complained of anything."""
    seen, contexts = {"requests": [], "complaints": []}, []

    def opened(text, **options):
        path = tmp_path / "cluster_plot.html"
        path.write_text(text, encoding="utf-8")
        options = {"viewport": {"width": 1200, "height": 800}, "reduced_motion": "reduce"} | options
        contexts.append(browser.new_context(**options))
        tab = contexts[-1].new_page()
        tab.add_init_script(WATCH)
        tab.on("request", lambda request: seen["requests"].append(request.url))
        tab.on("pageerror", lambda error: seen["complaints"].append(str(error)))
        tab.on(
            "console", lambda said: said.type == "error" and seen["complaints"].append(said.text)
        )
        tab.goto(path.as_uri())
        tab.wait_for_selector("html[data-ready]", timeout=60_000)
        return tab

    yield opened
    for context in contexts:
        context.close()
    assert seen["requests"] == [(tmp_path / "cluster_plot.html").as_uri()] * len(contexts)
    assert seen["complaints"] == []


# Three of one story, two of another (x apart), one in none (far below, and hostile).
ROWS = [
    (BRIDGE, 0.0, 10.0, "Bridge reopens after flood", "https://lantern.example/bridge", 1),
    (BRIDGE, 1.0, 10.0, "First ferry passes the bridge", "https://lantern.example/ferry", 5),
    (BRIDGE, 0.0, 9.0, "Mayor praises bridge crew", None, 1),
    (FROST, 20.0, 10.0, "Frost hits the orchards", "https://lantern.example/frost", 1),
    (FROST, 20.0, 9.0, EVIL, "javascript:window.hacked=1", 1),
    (NOISE, 10.0, 0.0, "A quiet day at the library", "https://lantern.example/quiet", 1),
]


def sample(in_space=False):
    labels, x, y, titles, urls, copies = zip(*ROWS, strict=True)
    columns = {
        "doc_id": [f"d{n}" for n in range(len(ROWS))],
        "title": titles,
        "description": [f"Snippet: {title}" for title in titles],
        "venue": ["The Lantern"] * len(ROWS),
        "url": urls,
        "published_at": pa.array([DAY] * len(ROWS), pa.timestamp("us", "UTC")),
        "copies": copies,
        "label": labels,
        "probability": [1.0] * len(ROWS),
        "x": x,
        "y": y,
    }
    if in_space:
        columns["z"] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    return build_page(pa.table(columns), stories(), {"embedder": "minilm"})


def stories():
    days = pa.array([DAY, DAY], pa.timestamp("us", "UTC"))
    return pa.table(
        {
            "story_id": ["s4", "s9"],
            "label": [BRIDGE, FROST],
            "title": ["Harbour bridge", EVIL],
            "size": [3, 2],
            "outlets": [1, 1],
            "first_published": days,
            "last_published": days,
        }
    )


# The map fills its element, so a place on it follows from the axes' ranges.
PLACE = """([x, y]) => {
  const map = document.getElementById("map"), box = map.getBoundingClientRect();
  const at = (value, [low, high]) => (value - low) / (high - low);
  return [box.left + at(x, map.layout.xaxis.range) * box.width,
          box.bottom - at(y, map.layout.yaxis.range) * box.height];
}"""


def place(tab, row):
    return tab.evaluate(PLACE, list(ROWS[row][1:3]))


def hover(tab, row):
    """Points at a document as a hand does: coming from somewhere else."""
    x, y = place(tab, row)
    tab.mouse.move(x - 40, y + 40)
    tab.mouse.move(x, y, steps=4)
    tab.wait_for_selector("#card:not([hidden])")
    return tab.locator("#card")


def shown(tab):
    """The stretch of the x axis in sight."""
    low, high = tab.evaluate("document.getElementById('map').layout.xaxis.range")
    return low, high


def colours(tab):
    return tab.evaluate("document.getElementById('map').data[1].marker.color")


def until_shown(tab, test):
    script = f"() => {{ const [low, high] = document.getElementById('map').layout.xaxis.range; \
return {test}; }}"
    tab.wait_for_function(script)


def paints(tab):
    """Whether markers are really on the screen: the map looks different without them."""
    drawn = tab.locator("#map").screenshot()
    tab.evaluate("Plotly.restyle('map', {visible: false})")
    bare = tab.locator("#map").screenshot()
    tab.evaluate("Plotly.restyle('map', {visible: true})")
    return drawn != bare and "WebGL" not in tab.inner_text("#map")


def test_map_is_drawn_by_webgl(visit):
    tab = visit(sample())
    assert paints(tab)
    low, high = shown(tab)
    assert low < 0
    assert high > 20


def test_axes_are_equal(visit):
    tab = visit(sample())
    size = tab.evaluate(
        "(([b]) => [b.width, b.height])([document.getElementById('map').getBoundingClientRect()])"
    )
    (left, right), (bottom, top) = tab.evaluate(
        "(({xaxis, yaxis}) => [xaxis.range, yaxis.range])(document.getElementById('map').layout)"
    )
    assert (right - left) / size[0] == pytest.approx((top - bottom) / size[1], rel=0.01)


def test_hover_tells_the_article_and_its_story(visit):
    card = hover(visit(sample()), 1)
    said = card.inner_text().replace("\u00a0", " ")
    assert "First ferry passes the bridge" in said
    assert "Snippet: First ferry" in said
    assert "The Lantern" in said
    assert "24 Apr 2024" in said
    assert "Harbour bridge" in said
    assert "5 identical copies" in said


def test_hover_says_nothing_of_a_single_copy_and_names_noise(visit):
    said = hover(visit(sample()), 5).inner_text()
    assert "A quiet day at the library" in said
    assert "In no story" in said
    assert "copies" not in said


def test_the_card_goes_when_the_pointer_leaves(visit):
    tab = visit(sample())
    hover(tab, 0)
    tab.mouse.move(5, 5)
    tab.wait_for_selector("#card", state="hidden")


def test_card_stays_within_the_window(visit):
    tab = visit(sample())
    for row in (0, 3, 5):
        box = hover(tab, row).bounding_box()
        assert box["x"] >= 0
        assert box["y"] >= 0
        assert box["x"] + box["width"] <= 1200
        assert box["y"] + box["height"] <= 800


def test_a_click_opens_the_article_apart(visit):
    tab = visit(sample())
    hover(tab, 0)
    tab.mouse.click(*place(tab, 0))
    tab.wait_for_function("window.opened.length > 0")
    assert tab.evaluate("window.opened") == [
        ["https://lantern.example/bridge", "_blank", "noopener,noreferrer"]
    ]


def test_hostile_document_does_nothing(visit):
    tab = visit(sample())
    card = hover(tab, 4)
    assert card.locator(".card-title").text_content() == EVIL
    assert card.locator(".card-title *").count() == 0
    tab.mouse.click(*place(tab, 4))
    tab.click("tr[data-story='1']")
    assert tab.locator(".focus-title").text_content() == EVIL
    assert tab.evaluate("window.opened") == []
    assert tab.evaluate("window.hacked") is None


def test_a_row_zooms_to_its_story_and_dims_the_rest(visit):
    tab = visit(sample())
    before = shown(tab)
    tab.click("tr[data-story='1']")
    until_shown(tab, "low > 10")
    bright = colours(tab)
    assert bright[0] == bright[1] == bright[2] != bright[3] == bright[4]
    assert bright[0].startswith("rgba")
    assert tab.get_attribute("tr[data-story='1']", "aria-selected") == "true"
    tab.click("tr[data-story='1']")
    until_shown(tab, "low < 0")
    assert shown(tab) == pytest.approx(before)
    assert tab.locator("#focus").is_hidden()


def test_keyboard_alone_selects_and_resets(visit):
    tab = visit(sample())
    tab.locator("tr[data-story='0'] button").focus()
    tab.keyboard.press("Enter")
    until_shown(tab, "high < 15")
    assert tab.get_attribute("tr[data-story='0'] button", "aria-pressed") == "true"
    assert tab.locator("#focus").is_visible()
    tab.keyboard.press("Escape")
    until_shown(tab, "high > 20")
    assert tab.get_attribute("tr[data-story='0'] button", "aria-pressed") == "false"


def test_zooming_glides_when_motion_is_welcome(visit):
    tab = visit(sample(), reduced_motion="no-preference")
    tab.click("tr[data-story='1']")
    until_shown(tab, "low > 10")


def test_wheel_zooms_drag_pans_reset_returns(visit):
    tab = visit(sample())
    before = shown(tab)
    x, y = place(tab, 5)
    tab.mouse.move(x, y - 60)
    tab.mouse.wheel(0, -400)
    until_shown(tab, f"high - low < {before[1] - before[0] - 0.5}")
    zoomed = shown(tab)
    tab.mouse.down()
    tab.mouse.move(x + 80, y - 60, steps=4)
    tab.mouse.up()
    until_shown(tab, f"low < {zoomed[0] - 0.1}")
    tab.click("#reset")
    until_shown(tab, f"Math.abs(low - {before[0]}) < 1e-6")


def test_buttons_zoom(visit):
    tab = visit(sample())
    low, high = shown(tab)
    tab.click("[aria-label='Zoom in']")
    until_shown(tab, f"high - low < {(high - low) * 0.7}")


def test_noise_can_be_hidden(visit):
    tab = visit(sample())
    assert "16.7\u00a0%" in tab.inner_text(".switch")
    tab.uncheck("#noise")
    assert tab.evaluate("document.getElementById('map').data[0].visible") is False
    tab.check("#noise")
    assert tab.evaluate("document.getElementById('map').data[0].visible") is True


def test_dark_scheme_redraws_the_markers(visit):
    tab = visit(sample(), color_scheme="light")
    light = colours(tab)
    tab.emulate_media(color_scheme="dark")
    tab.wait_for_function(
        f"document.getElementById('map').data[1].marker.color[0] !== '{light[0]}'"
    )


def test_on_a_phone_a_tap_shows_the_card_with_its_link(visit):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    tab = visit(sample(), **phone)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    tab.touchscreen.tap(*place(tab, 0))
    tab.wait_for_selector("#card:not([hidden])")
    link = tab.locator(".card-link")
    assert link.get_attribute("href") == "https://lantern.example/bridge"
    assert link.get_attribute("rel") == "noopener noreferrer"
    assert tab.evaluate("window.opened") == []


def test_map_in_space(visit):
    tab = visit(sample(in_space=True))
    assert paints(tab)
    tab.click("tr[data-story='1']")
    tab.wait_for_function(
        "Math.abs(document.getElementById('map').layout.scene.camera.center.x) > 0.1"
    )
    assert len(set(colours(tab))) == 2
    tab.keyboard.press("Escape")
    tab.wait_for_function("document.getElementById('map').layout.scene.camera.center.x === 0")


@pytest.mark.parametrize("rows", [0, 1])
def test_hardly_any_documents(visit, rows):
    columns = pa.table(
        {
            "doc_id": pa.array(["d"], pa.string()),
            "title": ["Only one"],
            "description": pa.nulls(1),
            "venue": pa.nulls(1),
            "url": pa.nulls(1),
            "published_at": pa.nulls(1),
            "copies": [1],
            "label": [NOISE],
            "probability": [0.0],
            "x": [3.0],
            "y": [4.0],
        }
    )
    tab = visit(build_page(columns.slice(0, rows), stories().slice(0, 0), {}))
    assert tab.locator("#map").count() == rows
    assert tab.locator(".tools").is_visible() == bool(rows)
