"""Every width, touch, keyboard, accessibility, print, and maps that are not the usual ones."""

import re

import pyarrow as pa
import pytest

from newsclust_pipeline.viz.page import build_page
from newsclust_pipeline_tests.viz.browsing import (
    NOISE,
    PHONE,
    SIZE,
    crowd,
    listed,
    pin,
    pixel,
    sample,
    stories,
    text_of,
    x_range,
)

# Every visible element lies in the window, and no ancestor cuts a control. Lists may be scrolled,
# and the map cuts its own dots and titles.
CLIPPED = """() => {
  const found = [];
  const name = (e) => `${e.tagName}#${e.id}.${e.className}`;
  for (const element of document.querySelectorAll("body *")) {
    if (element.closest("#map > *, [hidden], script, style, noscript")) continue;
    if (!element.checkVisibility({ visibilityProperty: true })) continue;
    const box = element.getBoundingClientRect();
    if (!box.width || !box.height) continue;
    if (element.closest("svg") && element.tagName !== "svg") continue;
    const slider = element.matches("#from, #to"); // its thumb reaches a little beyond the axis
    const slack = slider ? 13 : 1;
    if (box.left < -slack || box.right > innerWidth + slack) found.push(`out: ${name(element)}`);
    if (!element.matches("button, input, select, summary, a")) continue;
    for (let parent = element.parentElement; parent; parent = parent.parentElement) {
      if (parent.matches("body, html")) break;
      const style = getComputedStyle(parent);
      if (style.overflowX === "visible") continue;
      const frame = parent.getBoundingClientRect();
      const across = box.left < frame.left - slack || box.right > frame.right + slack;
      const scrolls = ["auto", "scroll"].includes(style.overflowY);
      const down = !scrolls && (box.top < frame.top - slack || box.bottom > frame.bottom + slack);
      if (across || down) found.push(`clipped: ${name(element)} by ${name(parent)}`);
    }
  }
  if (document.documentElement.scrollWidth > innerWidth) found.push("page");
  return [...new Set(found)];
}"""
SMALL = """() => [...document.querySelectorAll("button, summary, select, input, a")]
  .filter((e) => e.checkVisibility({ visibilityProperty: true }))
  .map((e) => [e, (e.closest("label") ?? e).getBoundingClientRect()])
  .filter(([, box]) => box.width && (box.width < 24 || box.height < 23.5))
  .map(([e, box]) => `${e.tagName}#${e.id}.${e.className} ${box.width} × ${box.height}`)"""
WIDTHS = [*range(320, 1201, 40), 861, 900, 901, 1119, 1366, 1440, 1600, 1920, 2200, 2560]


def test_no_width_from_320_to_2560_pixels_hides_or_cuts_anything(visit):
    tab = visit(sample())
    for width in WIDTHS:
        tab.set_viewport_size({"width": width, "height": 800})
        tab.wait_for_timeout(120)
        assert tab.evaluate(CLIPPED) == [], width
        assert tab.evaluate("document.getElementById('map').clientHeight") > 90, width
    tab.click("tr[data-story='0']")
    for width in WIDTHS[::3]:
        tab.set_viewport_size({"width": width, "height": 800})
        tab.wait_for_timeout(120)
        assert tab.evaluate(CLIPPED) == [], (width, "with a story")


def test_a_pinned_card_lies_in_the_window_at_any_width(visit):
    tab = visit(sample())
    for width in (320, 390, 768, 1024, 1440, 1920):
        tab.set_viewport_size({"width": width, "height": 800})
        tab.keyboard.press("Escape")
        tab.wait_for_timeout(150)
        tab.evaluate("scrollTo(0, 0)")
        box = pin(tab, 0).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= 800
        assert tab.evaluate(CLIPPED) == [], width


@pytest.mark.parametrize("options", [{}, PHONE], ids=["desktop", "phone"])
def test_every_target_is_at_least_24_pixels_large(visit, options):
    tab = visit(sample(), **options)
    assert tab.evaluate(SMALL) == []
    tab.click("tr[data-story='0'] button")
    tab.wait_for_selector("#chosen-story:not([hidden])")
    assert tab.evaluate(SMALL) == []


# --- touch ------------------------------------------------------------------------------------


class Fingers:
    """Touches as a touch screen reports them."""

    def __init__(self, tab):
        self.session = tab.context.new_cdp_session(tab)

    def send(self, kind, *points):
        touches = [{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(points)]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    def move(self, starts, ends, steps=8):
        self.send("touchStart", *starts)
        for step in range(1, steps + 1):
            share = step / steps
            moved = [
                (a + (c - a) * share, b + (d - b) * share)
                for (a, b), (c, d) in zip(starts, ends, strict=True)
            ]
            self.send("touchMove", *moved)
        self.send("touchEnd")


def centre(tab):
    box = tab.locator("#map").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_two_fingers_zoom_about_their_middle_and_one_pans_when_zoomed_in(visit):
    tab = visit(sample(), **PHONE)
    fingers, (x, y) = Fingers(tab), centre(tab)
    low, high = x_range(tab)
    fingers.move([(x - 30, y), (x + 30, y)], [(x - 90, y), (x + 90, y)])
    tab.wait_for_timeout(300)
    zoomed = x_range(tab)
    assert zoomed[1] - zoomed[0] == pytest.approx((high - low) / 3, rel=0.1)
    assert sum(zoomed) == pytest.approx(low + high, abs=0.1 * (high - low))
    fingers.move([(x, y)], [(x + 60, y)])
    tab.wait_for_timeout(300)
    assert x_range(tab)[0] < zoomed[0]
    before = x_range(tab)
    fingers.move([(x - 30, y), (x + 30, y)], [(x - 80, y), (x - 20, y)])  # both move left
    tab.wait_for_timeout(300)
    after = x_range(tab)
    assert after[0] > before[0]
    assert after[1] - after[0] == pytest.approx(before[1] - before[0], rel=0.05)


def test_one_finger_scrolls_the_page_over_the_whole_map_but_not_over_a_part(visit):
    tab = visit(crowd(side=10), **PHONE)
    fingers, (x, y) = Fingers(tab), centre(tab)
    fingers.move([(x, y)], [(x, y - 120)])
    tab.wait_for_timeout(400)
    assert tab.evaluate("scrollY") > 50
    tab.wait_for_timeout(1200)  # the page glides on after the finger has left
    tab.evaluate("scrollTo(0, 0)")
    x, y = centre(tab)
    fingers.move([(x - 30, y), (x + 30, y)], [(x - 90, y), (x + 90, y)])
    tab.wait_for_timeout(500)
    before, (low, _) = tab.evaluate("[scrollY, newsclustMap.box()[1]]")
    fingers.move([(x, y)], [(x, y - 120)])
    tab.wait_for_timeout(500)
    after, (panned, _) = tab.evaluate("[scrollY, newsclustMap.box()[1]]")
    assert after == before
    assert panned < low


def test_on_a_phone_a_tap_pins_the_card_and_a_row_opens_its_story(visit):
    tab = visit(sample(), **PHONE)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    tab.touchscreen.tap(*pixel(tab, 0))
    tab.wait_for_selector("#card:not([hidden])")
    assert tab.locator("#card-link").get_attribute("href") == "https://lantern.example/bridge"
    tab.locator("#card-close").tap()
    assert tab.locator("#card").is_hidden()
    tab.locator("tr[data-story='1'] button").tap()
    tab.wait_for_selector("#chosen-story:not([hidden])")
    tab.wait_for_timeout(100)
    box = tab.locator("#chosen-title").bounding_box()
    assert 0 < box["y"] < 844, "what was chosen is in sight"


def test_a_pinch_on_a_safari_trackpad_zooms(visit):
    tab = visit(sample())
    low, high = x_range(tab)
    tab.evaluate(
        """() => {
          const map = document.getElementById("map");
          const { left, top, width, height } = map.getBoundingClientRect();
          for (const kind of ["gesturestart", "gesturechange", "gestureend"]) {
            const scale = kind === "gesturestart" ? 1 : 2;
            const event = new Event(kind, { cancelable: true });
            Object.assign(event, { scale, clientX: left + width / 2, clientY: top + height / 2 });
            map.dispatchEvent(event);
          }
        }"""
    )
    tab.wait_for_timeout(200)
    now = x_range(tab)
    assert now[1] - now[0] == pytest.approx((high - low) / 2, rel=0.02)


def test_a_pinch_on_other_trackpads_zooms_and_does_not_zoom_the_page(visit):
    tab = visit(sample())
    low, high = x_range(tab)
    stopped = tab.evaluate(
        """() => {
          const wheel = { deltaY: -20, ctrlKey: true, cancelable: true, bubbles: true };
          return !document.getElementById("map").dispatchEvent(new WheelEvent("wheel", wheel));
        }"""
    )
    assert stopped
    tab.wait_for_timeout(200)
    now = x_range(tab)
    assert now[1] - now[0] == pytest.approx((high - low) * 0.82, rel=0.02)


# --- keyboard and accessibility ---------------------------------------------------------------


def test_the_keyboard_alone_opens_and_leaves_a_story(tab):
    tab.locator("tr[data-story='0'] button").focus()
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#chosen-story:not([hidden])")
    assert tab.evaluate("document.activeElement.id") == "back"
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#chosen-story", state="hidden")
    assert tab.evaluate("document.activeElement.closest('tr').dataset.story") == "0"


def test_the_keyboard_alone_reaches_an_article_its_neighbours_and_comes_back(tab):
    tab.locator("#map").focus()
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#card:not([hidden])")
    first = text_of(tab, "#card h2")
    for _ in range(8):
        tab.keyboard.press("Tab")
        if tab.evaluate("Boolean(document.activeElement.closest('#card-similar-list'))"):
            break
    tab.keyboard.press("Enter")
    assert text_of(tab, "#card h2") != first
    tab.keyboard.press("Escape")
    assert tab.locator("#card").is_hidden()
    assert tab.evaluate("document.activeElement.id") == "map"


def axe(tab):
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(tab).response["violations"]
    return [(rule["id"], [node["html"][:120] for node in rule["nodes"]]) for rule in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visit, scheme):
    tab = visit(sample(), color_scheme=scheme)
    assert axe(tab) == []
    tab.click("#outlets summary")
    assert axe(tab) == []
    tab.keyboard.press("Escape")
    tab.click("tr[data-story='0']")
    tab.click("#chosen-history summary")
    tab.click("footer summary")
    assert axe(tab) == []
    pin(tab, 0)
    assert axe(tab) == []


def test_axe_finds_nothing_on_a_phone(visit):
    tab = visit(sample(), **PHONE)
    assert axe(tab) == []


# --- looks ------------------------------------------------------------------------------------


def test_the_dark_scheme_redraws_the_dots(visit):
    tab = visit(sample(), color_scheme="light")
    colour = "newsclustMap.colourOf(newsclustMap.over()[0]).join()"
    light = tab.evaluate(colour)
    tab.emulate_media(color_scheme="dark")
    tab.wait_for_function(f"() => {colour} !== '{light}'")
    tab.click("#theme")
    tab.wait_for_function(f"() => {colour} === '{light}'")
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(251, 250, 247)"


def test_the_printed_page_is_one_with_the_whole_map(visit):
    tab = visit(crowd(side=10))
    tab.click("[aria-label='Zoom in']")
    tab.wait_for_timeout(300)
    zoomed = tab.evaluate("newsclustMap.view()")
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.evaluate("newsclustMap.view()") is None, "the whole map"
    stage = tab.locator(".stage").bounding_box()
    assert stage["width"] == 1040
    pdf = tab.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    tab.wait_for_timeout(100)
    assert tab.evaluate("newsclustMap.view()") == pytest.approx(zoomed, rel=0.02)


# --- other maps -------------------------------------------------------------------------------


def test_map_in_space(visit):
    tab = visit(sample(in_space=True))
    assert "gl-container" in tab.inner_html("#map")
    tab.click("tr[data-story='1']")
    camera = "document.getElementById('map').layout.scene.camera.center.x"
    tab.wait_for_function(f"() => Math.abs({camera}) > 0.1")
    assert tab.evaluate("document.getElementById('map').data[1].marker.color.length") == 2
    tab.keyboard.press("Escape")
    tab.wait_for_function(f"() => {camera} === 0")


def test_far_articles_are_outside_the_view_and_can_be_reached(visit):
    from newsclust_pipeline_tests.viz.pages import build, document, story

    rows = [document(n, x=float(n % 10), y=float(n // 10)) for n in range(100)]
    tab = visit(build([*rows, document(100, x=300.0, y=3.0)], [story()]))
    assert x_range(tab)[1] < 100
    tab.click("#all")
    tab.wait_for_function("() => newsclustMap.box()[0][1] > 300")


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
            "language": pa.nulls(2),
            "date_suspect": [False, False],
            "label": [NOISE, NOISE],
            "x": [3.0, 3.0],
            "y": [4.0, 4.0],
        }
    )
    tab = visit(build_page(columns.slice(0, rows), stories().slice(0, 0), {}))
    assert tab.locator("#map").count() == (rows > 0)
    assert tab.locator(".tools").is_visible() == (rows > 0)
    assert tab.locator("#timeline").is_hidden()
    assert "No story so far" in text_of(tab, "#no-stories")
    tab.click("[data-view=articles]")
    assert len(listed(tab)) == rows
    assert tab.evaluate("document.documentElement.scrollWidth") <= SIZE["width"]
