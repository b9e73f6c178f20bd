"""The flat map in a browser: drawing, view, titles, hover, and the card that stays open."""

import pytest

from newsclust_pipeline_tests.viz.browsing import (
    EVIL,
    ROWS,
    SIZE,
    apart,
    coloured,
    crowd,
    hover,
    labels,
    listed,
    pin,
    pixel,
    row_of,
    sample,
    text_of,
    titles_of,
    until_x,
    x_range,
)


def paints(tab):
    """Whether dots are really on the screen: the map looks different without them."""
    drawn = tab.locator("#map").screenshot()
    tab.evaluate("document.getElementById('dots').style.visibility = 'hidden'")
    bare = tab.locator("#map").screenshot()
    tab.evaluate("document.getElementById('dots').style.visibility = ''")
    return drawn != bare


def ratio(tab):
    """Lengths of the axes over those on the screen: 1 if a circle is a circle."""
    return tab.evaluate(
        """(() => {
          const map = document.getElementById("map");
          const [[x0, x1], [y0, y1]] = newsclustMap.box();
          return ((x1 - x0) / map.clientWidth) / ((y1 - y0) / map.clientHeight);
        })()"""
    )


def test_map_is_drawn_by_webgl(tab):
    assert tab.get_attribute("#map", "data-drawing") == "webgl"
    assert paints(tab)
    low, high = x_range(tab)
    assert low < 0
    assert high > 20


NO_WEBGL = """
const original = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
  return kind === "webgl2" ? null : original.call(this, kind, ...rest);
};
"""


def test_without_webgl_the_map_is_drawn_all_the_same(browser, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(sample(), encoding="utf-8")
    context = browser.new_context(viewport=SIZE)
    context.add_init_script(NO_WEBGL)
    tab = context.new_page()
    tab.goto(path.as_uri())
    tab.wait_for_selector("html[data-ready]")
    assert tab.get_attribute("#map", "data-drawing") == "2d"
    assert paints(tab)
    context.close()


def test_axes_are_equal_and_stay_so_when_the_window_changes(tab):
    assert ratio(tab) == pytest.approx(1, rel=0.01)
    tab.set_viewport_size({"width": 1200, "height": 600})
    tab.wait_for_timeout(300)
    assert ratio(tab) == pytest.approx(1, rel=0.01)
    low, high = x_range(tab)
    assert low < 0
    assert high > 20
    tab.set_viewport_size(SIZE)
    tab.wait_for_timeout(300)


def test_hover_shows_the_article_and_its_story(tab):
    hover(tab, 1)
    card = text_of(tab, "#tip")
    for part in ("First ferry passes the bridge", "Snippet: First ferry", "Lantern", "25 Apr 2024"):
        assert part in card
    assert "Harbour bridge" in card
    assert "5 copies" in card
    tab.mouse.move(5, 5)
    tab.wait_for_selector("#tip", state="hidden")


def test_hover_names_noise_and_omits_a_single_copy(tab):
    card = hover(tab, 5).inner_text()
    assert "A quiet day at the library" in card
    assert "In no story" in card
    assert "copies" not in card


def test_cards_stay_within_the_window(tab):
    for row in (0, 3, 5):
        box = hover(tab, row).bounding_box()
        assert box["x"] >= 0
        assert box["y"] >= 0
        assert box["x"] + box["width"] <= SIZE["width"]
        assert box["y"] + box["height"] <= SIZE["height"]


def test_a_click_pins_a_card_with_link_story_and_similar_articles(tab):
    card = pin(tab, 0)
    assert card.locator("h2").inner_text() == "Bridge reopens after flood"
    link = card.locator("#card-link")
    assert link.get_attribute("href") == "https://lantern.example/bridge"
    assert link.get_attribute("rel") == "noopener noreferrer"
    similar = card.locator("#card-similar-list li").all_inner_texts()
    assert [text.split("\n")[0] for text in similar][:2] == [ROWS[1][3], ROWS[2][3]]
    tab.mouse.move(2, 2)
    assert card.is_visible()
    card.locator("#card-similar-list button").first.click()
    assert card.locator("h2").inner_text() == "First ferry passes the bridge"
    card.locator("#card-story").click()
    assert text_of(tab, "#chosen-title") == "Harbour bridge"
    assert card.is_hidden()


def test_an_article_without_address_has_a_card_without_link(tab):
    card = pin(tab, 2)
    assert card.locator("#card-link").is_hidden()
    tab.keyboard.press("Escape")
    assert card.is_hidden()


def test_a_hostile_document_does_nothing(tab):
    card = pin(tab, 4)
    assert card.locator("h2").text_content() == EVIL + "evil"
    assert card.locator("h2 *").count() == 0
    assert card.locator("#card-link").is_hidden()
    tab.keyboard.press("Escape")
    tab.click("tr[data-story='1']")
    assert tab.locator("#chosen-title").text_content() == EVIL
    assert listed(tab) == [ROWS[3][3], EVIL + "evil"], "in the order of time"
    assert tab.locator("#list a").count() == 1
    assert tab.locator("#list img, .label img, #outlets img, footer img, .chips img").count() == 0
    assert tab.evaluate("window.hacked") is None


def test_a_row_of_the_list_marks_its_article_and_the_map_marks_the_row(tab):
    tab.click("tr[data-story='0']")
    until_x(tab, "high < 15")
    tab.wait_for_timeout(200)
    before = tab.locator("#marks").screenshot()
    tab.hover(f"#list li[data-row='{row_of(tab, 1)}']")
    tab.wait_for_timeout(100)
    assert tab.locator("#marks").screenshot() != before
    hover(tab, 1)
    assert tab.locator("#list li.hot").get_attribute("data-row") == str(row_of(tab, 1))


def test_a_row_of_the_table_marks_its_story_and_the_map_marks_the_row(tab):
    before = tab.locator("#marks").screenshot()
    tab.hover("tr[data-story='0']")
    tab.wait_for_timeout(100)
    assert tab.locator("#marks").screenshot() != before
    hover(tab, 3)
    assert tab.locator("tr.hot").get_attribute("data-story") == "1"


# --- the view ---------------------------------------------------------------------------------


def test_wheel_zooms_about_the_pointer_drag_pans_reset_returns(tab):
    low, high = x_range(tab)
    x, y = pixel(tab, 5)
    tab.mouse.move(x, y)
    tab.mouse.wheel(0, -400)
    until_x(tab, f"high - low < {high - low - 0.5}")
    assert pixel(tab, 5) == pytest.approx([x, y], abs=1), "what is under the pointer stays there"
    zoomed = x_range(tab)
    tab.mouse.move(x, y - 60)
    tab.mouse.down()
    tab.mouse.move(x + 80, y - 60, steps=4)
    tab.mouse.up()
    until_x(tab, f"low < {zoomed[0] - 0.1}")
    assert pixel(tab, 5)[0] == pytest.approx(x + 80, abs=1), "the map follows the pointer"
    assert ratio(tab) == pytest.approx(1, rel=0.01)
    tab.click("#reset")
    until_x(tab, f"Math.abs(low - {low}) < 1e-6")


def test_zoom_has_limits_on_both_sides(tab):
    x, y = pixel(tab, 5)
    tab.mouse.move(x, y)
    widths = []
    for step in (-1000, 1000):
        for _ in range(25):
            tab.mouse.wheel(0, step)
        tab.wait_for_timeout(200)
        low, high = x_range(tab)
        widths.append(high - low)
    assert widths[0] > 0.02
    assert widths[1] < 100


def test_buttons_and_keys_zoom_and_move(tab):
    low, high = x_range(tab)
    tab.click("[aria-label='Zoom in']")
    until_x(tab, f"high - low < {(high - low) * 0.7}")
    tab.locator("#map").focus()
    tab.keyboard.press("-")
    until_x(tab, f"high - low > {(high - low) * 0.9}")
    low, high = x_range(tab)
    tab.keyboard.press("ArrowRight")
    until_x(tab, f"low > {low + 0.05 * (high - low)}")
    tab.keyboard.press("0")
    until_x(tab, "low < 0 && high > 20")


def test_zooming_is_animated_when_motion_is_welcome(visit):
    tab = visit(sample(), reduced_motion="no-preference")
    tab.click("tr[data-story='1']")
    until_x(tab, "low > 10")


def test_dragging_with_shift_selects_a_box_and_lasso_an_outline(tab):
    (x0, y0), (x1, y1) = pixel(tab, 0), pixel(tab, 1)
    tab.keyboard.down("Shift")
    tab.mouse.move(x0 - 15, y0 - 15)
    tab.mouse.down()
    tab.mouse.move(x1 + 15, y1 + 15, steps=4)
    tab.mouse.up()
    tab.keyboard.up("Shift")
    tab.wait_for_selector("#selection:not([hidden])")
    assert coloured(tab) == titles_of(0, 1)
    tab.click("#selection")
    tab.wait_for_function("() => newsclustMap.view() === null")
    tab.click("[data-mode=lasso]")
    x, y = pixel(tab, 3)
    tab.mouse.move(x - 20, y - 20)
    tab.mouse.down()
    for dx, dy in ((20, -20), (20, 90), (-20, 90)):
        tab.mouse.move(x + dx, y + dy, steps=3)
    tab.mouse.up()
    tab.wait_for_selector("#selection:not([hidden])")
    assert coloured(tab) == titles_of(3, 4)
    tab.click("[data-view=articles]")
    assert set(listed(tab)) == titles_of(3, 4)
    assert tab.get_attribute("#mode-pan", "aria-pressed") == "true"


# --- titles on the map ------------------------------------------------------------------------


def test_titles_stand_by_their_stories_whole_and_apart(tab):
    assert "Harbour bridge" in labels(tab)
    for label in tab.locator(".label.on").all():
        assert label.evaluate("e => e.scrollWidth <= e.clientWidth + 1"), "nothing is cut"
        assert "…" not in label.text_content()
    boxes = [label.bounding_box() for label in tab.locator(".label.on").all()]
    assert all(apart(a, b) for n, a in enumerate(boxes) for b in boxes[:n])
    box = tab.locator(".label.on", has_text="Harbour bridge").bounding_box()
    x, y = pixel(tab, 1)
    assert abs(box["x"] + box["width"] / 2 - x) < 250
    assert abs(box["y"] + box["height"] / 2 - y) < 120


def test_a_title_is_a_button_for_the_pointer(tab):
    box = tab.locator(".label.on", has_text="Harbour bridge").bounding_box()
    tab.mouse.click(box["x"] + 5, box["y"] + 5)
    until_x(tab, "high < 15")
    assert text_of(tab, "#chosen-title") == "Harbour bridge"


COVERED = """() => {
  const boxes = [...document.querySelectorAll(".label.on")].map((e) => e.getBoundingClientRect());
  const dots = newsclustMap.over().map((row) => newsclustMap.pixelOf(row)).filter(Boolean);
  const hit = ([x, y]) =>
    boxes.some((b) => x > b.left && x < b.right && y > b.top && y < b.bottom);
  return dots.filter(hit).length / dots.length;
}"""
NEW_TITLE = """(known) => [...document.querySelectorAll(".label.on")]
  .some((label) => !known.includes(label.textContent))"""


def test_more_titles_appear_on_zooming_in_and_they_hardly_cover_dots(crowded):
    tab = crowded
    few = labels(tab)
    assert 3 < len(few) <= 42
    boxes = [label.bounding_box() for label in tab.locator(".label.on").all()]
    assert all(apart(a, b) for n, a in enumerate(boxes) for b in boxes[:n])
    assert tab.evaluate(COVERED) <= 0.05
    box = tab.locator("#map").bounding_box()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.mouse.wheel(0, -900)
    tab.wait_for_function(NEW_TITLE, arg=few)
    assert tab.evaluate(COVERED) <= 0.05


def test_articles_are_named_when_they_are_close(visit):
    tab = visit(crowd(side=10))
    box = tab.locator("#map").bounding_box()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for _ in range(2):
        tab.mouse.wheel(0, -700)
    tab.wait_for_selector(".label-article.on")
    assert labels(tab)[0].startswith(("Article", "Story"))
