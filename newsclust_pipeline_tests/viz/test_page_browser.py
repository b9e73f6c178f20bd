"""The map page in a real headless Chromium, opened from disk, as a reader opens it.

Skipped without Chromium or playwright; with NEWSCLUST_REQUIRE_BROWSER=1 that is a failure.
"""

import os
import shutil
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from newsclust_pipeline.viz.page import build_page

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
EVIL = "</script><script>window.hacked=1</script><img src=x onerror='window.hacked=1'>"
DAY = datetime(2024, 4, 24, tzinfo=UTC)
BRIDGE, FROST, NOISE = 4, 9, -1
SIZE = {"width": 1200, "height": 800}


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


class Visits:
    """Opens pages from disk, and notes whatever they ask for or complain of."""

    def __init__(self, browser, folder):
        self.browser, self.path = browser, folder / "cluster_plot.html"
        self.requests, self.complaints, self.contexts = [], [], []

    def __call__(self, text, **options):
        self.path.write_text(text, encoding="utf-8")
        options = {"viewport": SIZE, "reduced_motion": "reduce"} | options
        self.contexts.append(self.browser.new_context(**options))
        tab = self.contexts[-1].new_page()
        tab.add_init_script(WATCH)
        tab.on("request", lambda request: self.requests.append(request.url))
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        tab.on("console", self._said)
        tab.goto(self.path.as_uri())
        tab.wait_for_selector("html[data-ready]", timeout=60_000)
        return tab

    def _said(self, message):
        if message.type == "error":
            self.complaints.append(message.text)

    def end(self):
        for context in self.contexts:
            context.close()
        assert self.requests == [self.path.as_uri()] * len(self.contexts)
        assert self.complaints == []


@pytest.fixture
def visit(browser, tmp_path):
    """Opens a page; afterwards it must have asked for nothing and complained of nothing."""
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
    opened.keyboard.press("Escape")
    opened.click("[data-view=stories]")
    until_shown(opened, "low < 0 && high > 20")
    opened.evaluate("window.opened.length = 0")
    return opened


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


def sample(in_space=False):
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
        "label": labels,
        "probability": [1.0] * len(ROWS),
        "x": x,
        "y": y,
    }
    if in_space:
        columns["z"] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    return build_page(pa.table(columns), stories(), {"embedder": EVIL})


def stories():
    days = [DAY, DAY + timedelta(days=8)], [DAY + timedelta(days=2), DAY + timedelta(days=9)]
    first, last = (pa.array(side, pa.timestamp("us", "UTC")) for side in days)
    return pa.table(
        {
            "story_id": ["s4", "s9"],
            "label": [BRIDGE, FROST],
            "title": ["Harbour bridge", EVIL],
            "keywords": [["harbour", "flood"], [EVIL]],
            "size": [3, 2],
            "copies": [7, 2],
            "outlets": [2, 2],
            "first_published": first,
            "last_published": last,
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


def lit(tab):
    """The headlines that are drawn in colour, by the markers' places."""
    xs, ys = tab.evaluate(
        "(({data: [, over]}) => [[...over.x], [...over.y]])(document.getElementById('map'))"
    )
    places = {(row[1], row[2]): row[3] for row in ROWS}
    return {places[place] for place in zip(xs, ys, strict=True)}


def beneath(tab):
    return tab.evaluate("document.getElementById('map').data[0].x.length")


def listed(tab):
    return tab.locator("#list .headline").all_text_contents()


def titles_of(*rows):
    return {ROWS[row][3] for row in rows}


def said(tab, selector):
    return tab.locator(selector).inner_text().replace("\u00a0", " ").replace("\u2060", "")


def labels(tab):
    return tab.locator(".label.on").all_text_contents()


# --- the map -------------------------------------------------------------------------------------


def test_map_is_drawn_by_webgl(tab):
    assert paints(tab)
    low, high = shown(tab)
    assert low < 0
    assert high > 20


def ratio(tab):
    """Lengths of the axes over those on the screen: equal if a circle is a circle."""
    return tab.evaluate(
        """(() => {
          const map = document.getElementById("map");
          const length = ({ range: [low, high] }) => high - low;
          const [across, up] = [length(map.layout.xaxis), length(map.layout.yaxis)];
          return (across / map.clientWidth) / (up / map.clientHeight);
        })()"""
    )


def test_axes_are_equal_and_stay_so_when_the_window_changes(tab):
    assert ratio(tab) == pytest.approx(1, rel=0.01)
    tab.set_viewport_size({"width": 1200, "height": 600})
    tab.wait_for_timeout(500)
    assert ratio(tab) == pytest.approx(1, rel=0.01)
    tab.set_viewport_size(SIZE)
    tab.wait_for_timeout(500)
    assert ratio(tab) == pytest.approx(1, rel=0.01)


def test_hover_tells_the_article_and_its_story(tab):
    hover(tab, 1)
    card = said(tab, "#card")
    assert "First ferry passes the bridge" in card
    assert "Snippet: First ferry" in card
    assert "Lantern" in card
    assert "25 Apr 2024" in card
    assert "Harbour bridge" in card
    assert "5 identical copies" in card


def test_hover_says_nothing_of_a_single_copy_and_names_noise(tab):
    card = hover(tab, 5).inner_text()
    assert "A quiet day at the library" in card
    assert "In no story" in card
    assert "copies" not in card


def test_the_card_goes_when_the_pointer_leaves(tab):
    hover(tab, 0)
    tab.mouse.move(5, 5)
    tab.wait_for_selector("#card", state="hidden")


def test_card_stays_within_the_window(tab):
    for row in (0, 3, 5):
        box = hover(tab, row).bounding_box()
        assert box["x"] >= 0
        assert box["y"] >= 0
        assert box["x"] + box["width"] <= SIZE["width"]
        assert box["y"] + box["height"] <= SIZE["height"]


def test_a_click_opens_the_article_apart(tab):
    hover(tab, 0)
    tab.mouse.click(*place(tab, 0))
    tab.wait_for_function("window.opened.length > 0")
    assert tab.evaluate("window.opened") == [
        ["https://lantern.example/bridge", "_blank", "noopener,noreferrer"]
    ]


def test_hostile_document_does_nothing(tab):
    card = hover(tab, 4)
    assert card.locator(".card-title").text_content() == EVIL + "evil"
    assert card.locator(".card-title *").count() == 0
    tab.mouse.click(*place(tab, 4))
    tab.click("tr[data-story='1']")
    assert tab.locator("#chosen-title").text_content() == EVIL
    assert listed(tab) == [EVIL + "evil", ROWS[3][3]]
    assert tab.locator("#list a").count() == 1
    assert tab.locator("#list img, #list script, .label img, #outlet img, footer img").count() == 0
    assert tab.evaluate("window.opened") == []
    assert tab.evaluate("window.hacked") is None


def test_wheel_zooms_drag_pans_reset_returns(tab):
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
    assert ratio(tab) == pytest.approx(1, rel=0.01)
    tab.click("#reset")
    until_shown(tab, f"Math.abs(low - {before[0]}) < 1e-6")


def test_buttons_and_keys_zoom_and_move(tab):
    low, high = shown(tab)
    tab.click("[aria-label='Zoom in']")
    until_shown(tab, f"high - low < {(high - low) * 0.7}")
    tab.locator("#map").focus()
    tab.keyboard.press("-")
    until_shown(tab, f"high - low > {(high - low) * 0.9}")
    low, high = shown(tab)
    tab.keyboard.press("ArrowRight")
    until_shown(tab, f"low > {low + 0.05 * (high - low)}")
    tab.keyboard.press("0")
    until_shown(tab, "low < 0 && high > 20")


def test_zooming_glides_when_motion_is_welcome(visit):
    tab = visit(sample(), reduced_motion="no-preference")
    tab.click("tr[data-story='1']")
    until_shown(tab, "low > 10")


# --- titles on the map ---------------------------------------------------------------------------


def test_titles_stand_on_the_map_beside_their_stories_and_not_over_each_other(tab):
    assert set(labels(tab)) == {"Harbour bridge", EVIL}
    one, other = (label.bounding_box() for label in tab.locator(".label.on").all())
    assert apart(one, other)
    x, y = place(tab, 1)
    assert abs(one["x"] + one["width"] / 2 - x) < 250
    assert abs(one["y"] + one["height"] / 2 - y) < 120


def apart(one, other):
    return (
        one["x"] + one["width"] <= other["x"]
        or other["x"] + other["width"] <= one["x"]
        or one["y"] + one["height"] <= other["y"]
        or other["y"] + other["height"] <= one["y"]
    )


def test_a_title_is_a_button_for_the_pointer(tab):
    box = tab.locator(".label.on", has_text="Harbour bridge").bounding_box()
    tab.mouse.move(box["x"] + 5, box["y"] + 5)
    tab.mouse.click(box["x"] + 5, box["y"] + 5)
    until_shown(tab, "high < 15")
    assert said(tab, "#chosen-title") == "Harbour bridge"


def test_more_titles_appear_as_one_zooms_in_and_none_overlap(crowded):
    tab = crowded
    few = labels(tab)
    assert 3 < len(few) <= 40
    assert "Story number 0" in few
    boxes = [label.bounding_box() for label in tab.locator(".label.on").all()]
    assert all(apart(a, b) for n, a in enumerate(boxes) for b in boxes[:n])
    x, y = tab.evaluate(PLACE, [25, 25])
    tab.mouse.move(x, y)
    tab.mouse.wheel(0, -1500)
    tab.wait_for_function(NEW_TITLE, arg=few)
    boxes = [label.bounding_box() for label in tab.locator(".label.on").all()]
    assert all(apart(a, b) for n, a in enumerate(boxes) for b in boxes[:n])


NEW_TITLE = """(known) => [...document.querySelectorAll(".label.on")]
  .some((label) => !known.includes(label.textContent))"""


def crowd(side=50, **options):
    """As many stories as a square of this side holds, of three articles each, one place apart."""
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
        "label": labels,
        "x": labels % side + np.tile([0.0, 0.2, 0.1], count),
        "y": labels // side + np.tile([0.0, 0.0, 0.2], count),
    }
    told = {"label": range(count), "title": numbers, "size": [3] * count, "outlets": [0] * count}
    described = pa.table({**told, "first_published": days, "last_published": days})
    return build_page(pa.table(columns), described, {}, **options)


# --- search, filters, lists ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("ferry", [1]),
        ("GELEE frost", [3]),
        ("flood", [0, 1, 2]),  # a keyword of the story, and in one headline
        ("daily pear", [2, 3]),  # an outlet
        ("bridge pear", [2]),
        ("library", [5]),
        ("nothing of it", []),
    ],
)
def test_search_finds_headlines_outlets_and_keywords(tab, query, found):
    tab.fill("#search", query)
    tab.wait_for_function("document.getElementById('status').textContent !== ''")
    assert lit(tab) == titles_of(*found)
    assert beneath(tab) == len(ROWS) - len(found)
    tab.click("[data-view=articles]")
    assert set(listed(tab)) == titles_of(*found)
    assert tab.locator("#no-articles").is_visible() == (not found)


def test_search_zooms_and_escape_ends_it(tab):
    tab.keyboard.press("/")
    tab.keyboard.type("frost")
    until_shown(tab, "low > 10")
    assert said(tab, "#status") == "1 article in 1 story"
    assert tab.locator("tr[data-story]").count() == 1
    tab.keyboard.press("Escape")
    until_shown(tab, "low < 0")
    assert tab.input_value("#search") == ""
    assert tab.locator("tr[data-story]").count() == 2


def test_an_outlet_can_be_chosen(tab):
    names = tab.locator("#outlet option").all_text_contents()
    assert names[0].replace("\u00a0", " ") == "All 3 outlets"
    assert names[1:] == ["Lantern (2)", "Daily Pear (2)", EVIL + " (1)", "No outlet named (1)"] or (
        sorted(names[1:3]) == ["Daily Pear (2)", "Lantern (2)"]
    )
    tab.select_option("#outlet", label="Daily Pear (2)")
    assert lit(tab) == titles_of(2, 3)
    assert beneath(tab) == 0
    tab.select_option("#outlet", label="No outlet named (1)")
    assert lit(tab) == set()
    assert beneath(tab) == 1


def test_noise_can_be_hidden(tab):
    assert "16.7\u00a0%" in tab.inner_text(".switch")
    tab.uncheck("#noise")
    assert beneath(tab) == 0
    assert lit(tab) == titles_of(0, 1, 2, 3, 4)
    tab.check("#noise")
    assert beneath(tab) == 1


def test_a_row_zooms_to_its_story_lists_its_articles_and_dims_the_rest(tab):
    before = shown(tab)
    tab.click("tr[data-story='0']")
    until_shown(tab, "high < 15")
    assert lit(tab) == titles_of(0, 1, 2)
    assert beneath(tab) == 3
    assert listed(tab) == [ROWS[2][3], ROWS[1][3], ROWS[0][3]], "newest first"
    assert said(tab, "#chosen-about") == ("3 articles · 7 with copies · 2 outlets · 24–26 Apr 2024")
    assert tab.locator("#chosen-keywords li").all_text_contents() == ["harbour", "flood"]
    link = tab.locator("#list a").first
    assert link.get_attribute("href") == "https://lantern.example/ferry"
    assert link.get_attribute("rel") == "noopener noreferrer"
    tab.click("#back")
    until_shown(tab, "high > 20")
    assert shown(tab) == pytest.approx(before)
    assert tab.locator("#chosen-story").is_hidden()


def test_an_article_of_the_list_is_ringed_on_the_map(tab):
    tab.click("tr[data-story='0']")
    until_shown(tab, "high < 15")
    tab.hover("#list li[data-row='2']")
    ring = tab.locator("#ring").bounding_box()
    x, y = place(tab, 1)
    assert ring["x"] + ring["width"] / 2 == pytest.approx(x, abs=2)
    assert ring["y"] + ring["height"] / 2 == pytest.approx(y, abs=2)
    tab.mouse.move(2, 2)
    assert tab.locator("#ring").is_hidden()


@pytest.mark.parametrize(
    ("column", "orders"),
    [
        ("title", (["1", "0"], ["0", "1"])),
        ("dates", (["1", "0"], ["0", "1"])),
        ("trend", (["1", "0"], ["0", "1"])),
        ("size", (["0", "1"], ["1", "0"])),
    ],
)
def test_the_table_is_sorted_by_a_click_on_a_column(tab, column, orders):
    if column == "size":
        tab.click("th[data-by=title] button")
    head = tab.locator(f"th[data-by={column}]")
    for order in orders:
        head.locator("button").click()
        rows = tab.locator("tr[data-story]")
        assert rows.evaluate_all("all => all.map((row) => row.dataset.story)") == order
        assert head.get_attribute("aria-sort") in {"ascending", "descending"}
    assert tab.locator("th[aria-sort]").count() == 1


def test_a_row_shows_its_trend_in_the_hue_of_its_dots(tab):
    row = tab.locator("tr[data-story='1']")
    spark = row.locator("svg")
    assert spark.get_attribute("aria-label") == "rising, 2 more"
    line = spark.locator("path").evaluate("path => getComputedStyle(path).stroke")
    assert line == row.locator(".dot").evaluate("dot => getComputedStyle(dot).backgroundColor")
    tab.hover("tr[data-story='1']")
    assert colours(tab)[3] == line


def test_keyboard_alone_selects_and_resets(tab):
    tab.locator("tr[data-story='0'] button").focus()
    tab.keyboard.press("Enter")
    until_shown(tab, "high < 15")
    assert tab.locator("#chosen-story").is_visible()
    assert tab.evaluate("document.activeElement.id") == "back"
    tab.keyboard.press("Enter")
    until_shown(tab, "high > 20")
    assert tab.evaluate("document.activeElement.closest('tr').dataset.story") == "0"


# --- dates ---------------------------------------------------------------------------------------


def bar(tab, day):
    """The middle of a day's bar: there are ten of them."""
    box = tab.locator("#histogram").bounding_box()
    return box["x"] + box["width"] * (day + 0.5) / 10, box["y"] + box["height"] / 2


def test_a_drag_over_the_timeline_leaves_those_days(tab):
    assert said(tab, "#span") == "24 Apr – 3 May 2024 · 1 article without a date"
    tab.mouse.move(*bar(tab, 1))
    tab.mouse.down()
    tab.mouse.move(*bar(tab, 8), steps=3)
    tab.mouse.up()
    tab.wait_for_function("document.getElementById('status').textContent.startsWith('3')")
    assert lit(tab) == titles_of(1, 2, 3)
    assert beneath(tab) == 0
    assert said(tab, "#span") == "25 Apr – 2 May 2024"
    assert said(tab, "tr[data-story='0'] td:nth-child(2)") == "2"
    tab.click("#all-dates")
    assert lit(tab) == titles_of(0, 1, 2, 3, 4)
    assert beneath(tab) == 1


def test_the_keyboard_moves_either_end_of_the_stretch(tab):
    tab.locator("#from").focus()
    for _ in range(2):
        tab.keyboard.press("ArrowRight")
    tab.wait_for_function("document.getElementById('status').textContent.startsWith('3')")
    assert lit(tab) == titles_of(2, 3, 4)
    assert tab.get_attribute("#from", "aria-valuetext").replace("\u00a0", " ") == "26 Apr 2024"
    tab.locator("#to").focus()
    tab.keyboard.press("Home")
    tab.wait_for_function("document.getElementById('status').textContent.startsWith('1')")
    assert lit(tab) == titles_of(2), "one day at least"
    assert tab.get_attribute("#to", "aria-valuetext").replace("\u00a0", " ") == "26 Apr 2024"


def test_the_timeline_keeps_to_what_is_found(tab):
    everything = tab.locator(".bar").get_attribute("d")
    tab.fill("#search", "ferry")
    tab.wait_for_selector("#clear:not([hidden])")
    assert everything.count("M") == 5
    assert tab.locator(".bar").get_attribute("d").count("M") == 1


# --- looks ---------------------------------------------------------------------------------------


def test_dark_scheme_redraws_the_markers(visit):
    tab = visit(sample(), color_scheme="light")
    light = colours(tab)
    tab.emulate_media(color_scheme="dark")
    changed = "old => document.getElementById('map').data[1].marker.color[0] !== old"
    tab.wait_for_function(changed, arg=light[0])
    dark = colours(tab)
    tab.click("#theme")
    tab.wait_for_function(changed, arg=dark[0])
    assert colours(tab) == light
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(251, 250, 247)"


def test_everything_that_can_be_used_has_a_name(tab):
    for control in tab.locator("button, input, select, [role=application]").all():
        named = control.evaluate(
            "e => e.ariaLabel || e.textContent.trim() || e.closest('label')?.textContent.trim()"
        )
        assert named, control.evaluate("e => e.outerHTML")


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
    tab.locator("tr[data-story='1']").tap()
    tab.wait_for_selector("#chosen-story:not([hidden])")
    box = tab.locator("#chosen-title").bounding_box()
    assert 0 < box["y"] < 844, "what was chosen is in sight"


# --- the edges -----------------------------------------------------------------------------------


def test_map_in_space(visit):
    tab = visit(sample(in_space=True))
    assert paints(tab)
    tab.click("tr[data-story='1']")
    tab.wait_for_function(
        "Math.abs(document.getElementById('map').layout.scene.camera.center.x) > 0.1"
    )
    assert len(colours(tab)) == 2
    tab.keyboard.press("Escape")
    tab.wait_for_function("document.getElementById('map').layout.scene.camera.center.x === 0")


def test_thousands_of_stories_come_as_one_scrolls(crowded):
    tab = crowded
    assert tab.locator("tr[data-story]").count() < 100
    tab.locator("tr[data-story]").last.scroll_into_view_if_needed()
    tab.wait_for_selector("tr[data-story='100']", state="attached")
    assert tab.locator("tr[data-story]").count() < 500
    assert "24 Apr 2024" in said(tab, "#span")
    assert tab.locator("#outlet").is_hidden()


def test_a_sample_says_so(visit):
    tab = visit(crowd(side=10, limit=200))
    assert "the map shows 200 of them" in said(tab, "footer")
    assert said(tab, "tr[data-story='0'] td:nth-child(2)") == "3", "the story's own size"
    tab.fill("#search", "article")
    tab.wait_for_selector("#clear:not([hidden])")
    assert said(tab, "#status") == "200 articles on the map in 100 stories"


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_hardly_any_documents(visit, rows):
    columns = pa.table(
        {
            "doc_id": pa.array(["d", "e"], pa.string()),
            "title": ["Only one", "x" * 3000],
            "description": pa.nulls(2),
            "venue": pa.nulls(2),
            "url": pa.nulls(2),
            "published_at": pa.nulls(2),
            "copies": [1, 1],
            "label": [NOISE, NOISE],
            "probability": [0.0, 0.0],
            "x": [3.0, 3.0],
            "y": [4.0, 4.0],
        }
    )
    tab = visit(build_page(columns.slice(0, rows), stories().slice(0, 0), {}))
    assert tab.locator("#map").count() == (rows > 0)
    assert tab.locator(".tools").is_visible() == (rows > 0)
    assert tab.locator("#timeline").is_hidden()
    assert "No story so far" in said(tab, "#no-stories")
    tab.click("[data-view=articles]")
    assert len(listed(tab)) == rows
    assert tab.evaluate("document.documentElement.scrollWidth") <= SIZE["width"]
