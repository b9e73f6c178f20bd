"""From Markdown to plain text, and to the markup of Slack, which other chats accept as well."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MAX_LENGTH = 3_000  # characters; Slack shows more only on request
# Mattermost notifies everyone on "@channel", and reads Markdown: links and pictures.
_ACTIVE = re.compile(r"[@\]`]")
_BREAK = "\u200b"  # a space without width
_TEXTS = {"text", "code_inline", "code_block", "fence", "html_inline", "html_block"}
_PLAIN = {
    "heading_open": "\n",
    "heading_close": "\n",
    "list_item_open": "- ",
    "paragraph_close": "\n",
    "softbreak": "\n",
    "hardbreak": "\n",
}
_SLACK = _PLAIN | {
    "strong_open": "*",
    "strong_close": "*",
    "heading_open": "\n*",
    "heading_close": "*\n",
    "list_item_open": "• ",
}


def as_html(markdown: str) -> str:
    """Return Markdown as HTML. HTML in it is shown as text, and unsafe links are no links."""
    return _parser().render(markdown)


def as_plain(markdown: str) -> str:
    """Return Markdown as plain text; the address of a link follows its text."""
    return "".join(_convert(_tokens(markdown), _PLAIN, is_slack=False)).strip()


def as_slack(markdown: str) -> str:
    """Return Markdown as Slack's markup; lines beyond `MAX_LENGTH` characters are left out.

    Text is shown as it is: it can't mention anyone, open a channel or become a link.
    """
    lines = "".join(_convert(_tokens(markdown), _SLACK, is_slack=True)).strip().splitlines()
    length, shown = 0, list[str]()
    for line in lines:
        length += len(line) + 1
        if length > MAX_LENGTH:
            return "\n".join([*shown, f"… and {len(lines) - len(shown)} more lines"])
        shown.append(line)
    return "\n".join(shown)


def defuse(text: str) -> str:
    """Return a text that neither Slack nor Mattermost takes for markup.

    >>> defuse("<!channel> & co")
    '&lt;!channel&gt; &amp; co'
    """
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _ACTIVE.sub(lambda found: found[0] + _BREAK, text)


def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    return MarkdownIt("js-default")


def _tokens(markdown: str) -> Iterator["Token"]:
    for token in _parser().parse(markdown):
        yield from token.children or [token]


def _convert(
    tokens: Iterable["Token"], marks: Mapping[str, str], *, is_slack: bool
) -> Iterator[str]:
    address = ""
    for token in tokens:
        if token.type == "link_open":
            address = str(token.attrGet("href"))
            yield f"<{_in_link(address)}|" if is_slack else ""
        elif token.type == "link_close":
            yield ">" if is_slack else f" <{address}>"
        elif token.type in _TEXTS:
            yield defuse(token.content) if is_slack else token.content
        else:
            yield marks.get(token.type, "")


def _in_link(address: str) -> str:
    """Return an address without the characters that end it in Slack's markup."""
    return address.replace("|", "%7C").replace("<", "%3C").replace(">", "%3E").replace("&", "&amp;")
