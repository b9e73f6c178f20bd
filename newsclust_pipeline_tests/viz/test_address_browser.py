"""The address holds what the page shows: Back, reload and links restore it."""

from newsclust_pipeline_tests.viz.browsing import (
    coloured,
    listed,
    pin,
    sample,
    text_of,
    titles_of,
    until_x,
    x_range,
)


def fragment(tab):
    return tab.evaluate("decodeURIComponent(location.hash)")


def test_the_page_opens_without_a_fragment(visit):
    tab = visit(sample())
    tab.wait_for_timeout(400)
    assert fragment(tab) == ""


def test_a_link_restores_story_filters_view_article_and_theme(visit):
    first = visit(sample())
    first.click("tr[data-story='0']")
    first.click("#outlets summary")
    first.get_by_label("Lantern").check()
    first.keyboard.press("Escape")
    first.click("#theme")
    first.click("[aria-label='Zoom out']")
    pin(first, 1)
    first.wait_for_timeout(500)
    address = first.evaluate("location.hash")
    for part in ("story=s4", "outlet=Lantern", "theme=dark", "article=d1", "view="):
        assert part in address
    second = visit(sample(), address)
    assert coloured(second) == coloured(first) == titles_of(0, 1)
    assert text_of(second, "#chosen-title") == "Harbour bridge"
    assert text_of(second, "#card h2") == "First ferry passes the bridge"
    assert second.evaluate("document.documentElement.dataset.theme") == "dark"
    assert [round(x, 3) for x in x_range(second)] == [round(x, 3) for x in x_range(first)]
    assert second.evaluate("location.hash") == address


def test_reload_restores_search_dates_and_arrival(visit):
    tab = visit(sample(), "#q=bridge&from=2024-04-25&to=2024-05-01&tab=articles")
    assert coloured(tab) == titles_of(1, 2)
    tab.reload()
    tab.wait_for_selector("html[data-ready]")
    assert coloured(tab) == titles_of(1, 2)
    assert tab.input_value("#search") == "bridge"
    assert set(listed(tab)) == titles_of(1, 2)
    tab = visit(sample(), "#since=2024-05-01T08:01&noise=0&language=fr")
    assert coloured(tab) == titles_of(3, 4)
    assert not tab.is_checked("#noise")


def test_back_and_forward_go_through_what_was_chosen(visit):
    tab = visit(sample())
    tab.click("tr[data-story='0']")
    until_x(tab, "high < 15")
    tab.wait_for_timeout(400)
    pin(tab, 1)
    tab.wait_for_timeout(400)
    tab.go_back()
    tab.wait_for_selector("#card", state="hidden")
    assert "story=s4" in fragment(tab)
    tab.go_back()
    tab.wait_for_selector("#chosen-story", state="hidden")
    assert fragment(tab) == ""
    tab.go_forward()
    tab.wait_for_selector("#chosen-story:not([hidden])")
    assert coloured(tab) == titles_of(0, 1, 2)


def test_unknown_and_malformed_parts_are_ignored(visit):
    address = "#story=gone&article=none&from=yesterday&view=a,b,c&outlet=Nobody&theme=pink&q=%E0%A4"
    tab = visit(sample(), address)
    assert tab.locator("#card").is_hidden()
    assert tab.locator("#chosen-story").is_hidden()


def test_copy_link_copies_the_address(visit):
    tab = visit(sample(), permissions=["clipboard-read", "clipboard-write"])
    tab.click("tr[data-story='1']")
    tab.wait_for_timeout(400)
    tab.click("#chosen-story .copy-link")
    tab.wait_for_function(
        "() => document.querySelector('#chosen-story .copy-link').textContent === 'Copied'"
    )
    assert "story=s9" in tab.evaluate("navigator.clipboard.readText()")
