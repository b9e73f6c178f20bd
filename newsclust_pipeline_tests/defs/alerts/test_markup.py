"""Markdown becomes plain text and Slack's markup, in which texts from outside stay texts."""

import pytest

from newsclust_pipeline.core.markdown import escape_markdown
from newsclust_pipeline.defs.alerts.markup import MAX_LENGTH, as_html, as_plain, as_slack

DIGEST = """# Stories of 2024-06-03

3 stories of 9 articles.

## New

- [**Ferry aground &#38; freed&#33;**](<https://a.example/x?y=1&z=2>) (2 articles)
- +3: **Orchard opens**
"""
HOSTILE = [
    "<!channel> everyone",
    "@channel @here @all look",
    "<https://evil.example|your bank>",
    "![x](https://evil.example/pixel.png)",
    "[your bank](https://evil.example)",
    "`code` ```fence",
    "# heading\n\n- list\n\n<script>alert(1)</script>",
    "calm\r\nBcc: all@example.org",
    "\u202egnp.exe",
]


def test_a_digest_in_slack_has_bold_titles_bullets_and_links():
    assert as_slack(DIGEST).splitlines() == [
        "*Stories of 2024-06-03*",
        "3 stories of 9 articles.",
        "",
        "*New*",
        "• <https://a.example/x?y=1&amp;z=2|*Ferry aground &amp; freed!*> (2 articles)",
        "• +3: *Orchard opens*",
    ]


def test_a_digest_in_plain_text_has_the_addresses_behind_the_titles():
    assert "- Ferry aground & freed! <https://a.example/x?y=1&z=2> (2 articles)" in as_plain(DIGEST)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_from_outside_stays_a_text(text):
    slack = as_slack(f"- **{escape_markdown(text)}**")
    assert slack.count("\n") == 0
    assert "<" not in slack
    assert ">" not in slack
    assert "@channel" not in slack
    assert "](" not in slack
    assert "```" not in slack
    assert "\u202e" not in slack
    html = as_html(f"- **{escape_markdown(text)}**")
    assert not [tag for tag in ("<script", "<img", "<a ", "<h1") if tag in html]


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "vbscript:x"])
def test_an_unsafe_address_is_no_link(address):
    assert "|" not in as_slack(f"[story](<{address}>)")
    assert "href" not in as_html(f"[story](<{address}>)")


def test_an_address_cannot_end_its_link_in_slack():
    text = as_slack("[story](<https://a.example/x|y>)")
    assert text == "<https://a.example/x%7Cy|story>"


def test_lines_beyond_the_limit_are_counted():
    text = as_slack("\n".join(f"- {'word ' * 20}{n}" for n in range(100)))
    assert len(text) < MAX_LENGTH + 50
    assert text.endswith("more lines")
