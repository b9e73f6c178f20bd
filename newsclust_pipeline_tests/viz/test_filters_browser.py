"""Search, filters, lists, dates, history and exports in a browser."""

import csv
import io

import pytest

from newsclust_pipeline_tests.viz.browsing import (
    EVIL,
    ROWS,
    coloured,
    crowd,
    grey,
    listed,
    text_of,
    titles_of,
    until_x,
    x_range,
)


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("ferry", [1]),
        ("GELEE frost", [3]),
        ("ferries", [1]),
        ("reopening", [0]),
        ("praised crews", [2]),
        ("flood", [0, 1, 2]),  # a keyword of the story, and in one headline
        ("daily pear", [2, 3]),  # an outlet
        ("snippet quiet", [5]),  # the description
        ("bridge pear", [2]),
        ("library", [5]),
        ("nothing of it", []),
    ],
)
def test_search_covers_headlines_descriptions_outlets_and_keywords(tab, query, rows):
    tab.fill("#search", query)
    tab.wait_for_function("() => document.getElementById('status').textContent !== ''")
    assert coloured(tab) == titles_of(*rows)
    assert grey(tab) == len(ROWS) - len(rows)
    tab.click("[data-view=articles]")
    assert set(listed(tab)) == titles_of(*rows)
    assert tab.locator("#no-articles").is_visible() == (not rows)


def test_search_zooms_and_escape_ends_it(tab):
    tab.keyboard.press("/")
    tab.keyboard.type("frost")
    until_x(tab, "low > 10")
    assert text_of(tab, "#status") == "1 article in 1 story"
    assert tab.locator("tr[data-story]").count() == 1
    tab.keyboard.press("Escape")
    until_x(tab, "low < 0")
    assert tab.input_value("#search") == ""
    assert tab.locator("tr[data-story]").count() == 2


def test_several_outlets_can_be_chosen(tab):
    assert text_of(tab, "#outlets summary") == "All 3 outlets"
    tab.click("#outlets summary")
    options = tab.locator("#outlets label").all_inner_texts()
    assert sorted(options) == sorted(
        ["Lantern\n2", "Daily Pear\n2", EVIL + "\n1", "No outlet named\n1"]
    )
    tab.get_by_label("Daily Pear").check()
    assert coloured(tab) == titles_of(2, 3)
    assert grey(tab) == 0
    assert text_of(tab, "#outlets summary") == "Daily Pear"
    tab.get_by_label("No outlet named").check()
    assert grey(tab) == 1
    assert text_of(tab, "#outlets summary") == "2 of 3 outlets"
    tab.keyboard.press("Escape")
    assert tab.locator("#outlets > div").is_hidden()
    assert tab.evaluate("document.activeElement.tagName") == "SUMMARY"
    assert coloured(tab) == titles_of(2, 3), "the menu closes before the filters go"


def test_languages_can_be_chosen_where_there_are_several(tab, visit):
    tab.click("#languages summary")
    tab.locator("#languages").get_by_label("French").check()
    assert coloured(tab) == titles_of(3, 4)
    one = visit(crowd(side=3))
    assert one.locator("#languages").is_hidden()
    assert one.locator("#outlets").is_hidden()


def test_noise_can_be_hidden(tab):
    assert "16.7\u00a0%" in tab.inner_text(".switch")
    tab.uncheck("#noise")
    assert grey(tab) == 0
    assert coloured(tab) == titles_of(0, 1, 2, 3, 4)
    tab.check("#noise")
    assert grey(tab) == 1


def test_a_story_shows_what_it_is_about_and_its_articles_in_the_order_of_time(tab):
    before = x_range(tab)
    tab.click("tr[data-story='0']")
    until_x(tab, "high < 15")
    assert coloured(tab) == titles_of(0, 1, 2)
    assert grey(tab) == 3
    assert listed(tab) == [ROWS[0][3], ROWS[1][3], ROWS[2][3]]
    assert text_of(tab, "#chosen-about") == (
        "3 articles · 7 with copies · 2 outlets · 24–26 Apr 2024"
    )
    assert text_of(tab, "#chosen-lead") == "Snippet: Bridge reopens after flood"
    assert text_of(tab, "#chosen-first") == "First reported by Lantern, 24 Apr 2024."
    assert tab.locator("#chosen-keywords li").all_text_contents() == ["harbour", "flood"]
    assert tab.locator("#chosen-outlets li").all_text_contents() == ["Lantern 2", "Daily Pear 1"]
    link = tab.locator("#list a").first
    assert link.get_attribute("href") == "https://lantern.example/bridge"
    assert link.get_attribute("rel") == "noopener noreferrer"
    tab.click("#chosen-outlets button >> nth=1")
    assert listed(tab) == [ROWS[2][3]]
    tab.click("#back")
    tab.click("#reset")
    until_x(tab, "high > 20")
    assert x_range(tab) == pytest.approx(before)
    assert tab.locator("#chosen-story").is_hidden()


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
    tab.click("th[data-by=title] button")
    tab.click("th[data-by=size] button")


def test_a_row_shows_its_trend_in_the_colour_of_its_dots(tab):
    row = tab.locator("tr[data-story='1']")
    spark = row.locator("svg")
    assert spark.get_attribute("aria-label") == "rising, 2 more"
    line = spark.locator("path").evaluate("path => getComputedStyle(path).stroke")
    assert line == row.locator(".dot").evaluate("dot => getComputedStyle(dot).backgroundColor")
    dot = tab.evaluate(
        "newsclustMap.colourOf(newsclustMap.titles().indexOf(arguments[0]))".replace(
            "arguments[0]", repr(ROWS[3][3])
        )
    )
    assert line == f"rgb({dot[0]}, {dot[1]}, {dot[2]})"


def test_empty_columns_are_hidden(visit):
    tab = visit(crowd(side=3))
    assert tab.locator("th[data-by=outlets]").is_hidden()
    assert tab.locator("th[data-by=dates]").is_visible()


# --- dates ------------------------------------------------------------------------------------


def bar(tab, day):
    """The middle of a day's bar: there are ten of them."""
    box = tab.locator("#histogram").bounding_box()
    return box["x"] + box["width"] * (day + 0.5) / 10, box["y"] + box["height"] / 2


def test_a_drag_over_the_timeline_chooses_those_days(tab):
    assert text_of(tab, "#span") == "24 Apr – 3 May 2024 · 1 article without a date"
    tab.mouse.move(*bar(tab, 1))
    tab.mouse.down()
    tab.mouse.move(*bar(tab, 8), steps=3)
    tab.mouse.up()
    tab.wait_for_function("() => document.getElementById('status').textContent.startsWith('3')")
    assert coloured(tab) == titles_of(1, 2, 3)
    assert grey(tab) == 0
    assert text_of(tab, "#span") == "25 Apr – 2 May 2024"
    assert text_of(tab, "tr[data-story='0'] td:nth-child(2)").startswith("2")
    tab.click("#all-dates")
    assert coloured(tab) == titles_of(0, 1, 2, 3, 4)
    assert grey(tab) == 1


def test_the_keyboard_moves_either_end_of_the_range(tab):
    tab.locator("#from").focus()
    for _ in range(2):
        tab.keyboard.press("ArrowRight")
    tab.wait_for_function("() => document.getElementById('status').textContent.startsWith('3')")
    assert coloured(tab) == titles_of(2, 3, 4)
    assert tab.get_attribute("#from", "aria-valuetext").replace("\u00a0", " ") == "26 Apr 2024"
    tab.locator("#to").focus()
    tab.keyboard.press("Home")
    tab.wait_for_function("() => document.getElementById('status').textContent.startsWith('1')")
    assert coloured(tab) == titles_of(2), "one day at least"
    assert tab.get_attribute("#to", "aria-valuetext").replace("\u00a0", " ") == "26 Apr 2024"


def test_the_timeline_shows_the_search_and_the_days_of_a_story(tab):
    everything = tab.locator(".bar").get_attribute("d")
    assert tab.locator(".tick").count() >= 3
    tab.fill("#search", "ferry")
    tab.wait_for_selector("#clear:not([hidden])")
    assert everything.count("M") == 5
    assert tab.locator(".bar").get_attribute("d").count("M") == 1
    tab.keyboard.press("Escape")
    tab.click("tr[data-story='0']")
    assert text_of(tab, "#span") == "24–26 Apr 2024 · this story's days"


# --- history ----------------------------------------------------------------------------------


def test_the_page_says_what_is_new_since_the_previous_run(tab):
    assert tab.title() == "Harbour bridge: first of 2 stories; 1 new story since yesterday"
    assert tab.locator("tr[data-story='0'] .badge").inner_text() == "+1"
    assert tab.locator("tr[data-story='1'] .badge").inner_text() == "new"
    tab.select_option("#since", index=1)
    assert coloured(tab) == titles_of(1, 3, 4)
    tab.select_option("#since", value="date")
    tab.fill("#since-date", "2024-05-03")
    tab.locator("#since-date").dispatch_event("change")
    assert coloured(tab) == set()


def test_a_story_shows_its_events(tab):
    tab.click("tr[data-story='0']")
    tab.click("#chosen-history summary")
    assert [
        text.replace("\u00a0", " ") for text in tab.locator("#chosen-events li").all_inner_texts()
    ] == [
        "2 May 2024, 08:00: grew from 2 to 3 articles",
        "1 May 2024, 08:00: new, 3 articles",
    ]
    assert tab.locator("#chosen-life i").count() == 2
    assert "joined in the last run" in tab.locator("#list li").nth(1).inner_text()


def test_a_page_of_a_first_run_has_no_history(visit):
    tab = visit(crowd(side=3))
    assert tab.locator("#since").is_hidden()
    assert tab.locator(".badge").count() == 0


# --- getting data out -------------------------------------------------------------------------


def test_the_articles_in_focus_can_be_saved_as_csv_and_copied(visit):
    from newsclust_pipeline_tests.viz.browsing import sample

    tab = visit(sample(), permissions=["clipboard-read", "clipboard-write"])
    tab.click("tr[data-story='1']")
    with tab.expect_download() as download:
        tab.click("#download")
    text = download.value.path().read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["doc_id"] for row in rows] == ["d3", "d4"]
    assert rows[0]["title"] == ROWS[3][3]
    assert rows[0]["url"] == "https://lantern.example/frost"
    assert rows[0]["published_at"] == "2024-05-02T00:00Z"
    assert rows[1]["story_id"] == "s9"
    assert rows[1]["url"] == ""
    tab.click("#copy")
    tab.wait_for_function("() => document.getElementById('copy').textContent === 'Copied'")
    copied = tab.evaluate("navigator.clipboard.readText()").split("\n")
    assert [line.split("\t")[0] for line in copied] == ["doc_id", "d3", "d4"]


# --- many stories -----------------------------------------------------------------------------


def test_thousands_of_stories_are_added_on_scrolling(crowded):
    tab = crowded
    assert tab.locator("tr[data-story]").count() < 100
    tab.locator("tr[data-story]").last.scroll_into_view_if_needed()
    tab.wait_for_selector("tr[data-story='100']", state="attached")
    assert tab.locator("tr[data-story]").count() < 500
    assert "24 Apr 2024" in text_of(tab, "#span")


def test_a_sample_says_so(visit):
    tab = visit(crowd(side=10, limit=200))
    tab.click("footer summary")
    assert "the map shows 200 of them" in text_of(tab, "footer")
    assert text_of(tab, "tr[data-story='0'] td:nth-child(2)").startswith("3"), (
        "the story's own size"
    )
    tab.fill("#search", "article")
    tab.wait_for_selector("#clear:not([hidden])")
    assert text_of(tab, "#status") == "200 articles on the map in 100 stories"
