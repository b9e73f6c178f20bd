"""Remove HTML markup from text, as feeds and content management systems put it into descriptions.

Only text that contains HTML is changed. `5 < 6`, `<3` or `AT&T` are not HTML.
"""

import re

from lxml import etree  # type: ignore[import-untyped]

_BLOCKS = (
    "address|article|aside|blockquote|br|center|dd|div|dl|dt|figcaption|figure|footer|form|h[1-6]|"
    "header|hr|li|main|nav|ol|p|pre|section|table|tbody|td|tfoot|th|thead|tr|ul"
)
_INLINE = (
    "a|abbr|acronym|audio|b|big|body|button|cite|code|del|em|embed|font|head|html|i|iframe|img|"
    "input|ins|label|link|mark|meta|noscript|object|picture|q|s|script|small|source|span|strike|"
    "strong|style|sub|sup|svg|time|tt|u|var|video|wbr"
)
_NAMES = f"(?:{_BLOCKS}|{_INLINE})"
# Evidence of HTML: an element that has no end tag, an attribute, a comment, the end of a block, or
# a block right at the start. Other elements need both tags: `<b>` alone is none.
_EVIDENCE = re.compile(
    rf"</(?:{_BLOCKS})\s*>|<(?:br|hr|wbr)\s*/?>|<{_NAMES}\s[^<>]*=[^<>]|<!--|<!\[CDATA\[|"
    rf"^\s*<(?:{_BLOCKS})>",
    re.IGNORECASE,
)
_TAG = re.compile(rf"<(/?)({_INLINE})\s*>", re.IGNORECASE)
_NOT_TEXT = re.compile(r"<!\[CDATA\[|\]\]>|\0")
_IS_BLOCK = re.compile(_BLOCKS)
_WITHOUT_TEXT = frozenset({"iframe", "noscript", "object", "script", "style", "svg", "template"})


def strip_markup(text: str) -> str:
    """Return the text of HTML without tags, comments, scripts and styles; other text unchanged.

    Block elements become spaces, so that the words of two paragraphs stay apart.

    >>> strip_markup('<p>Crews dig.</p><p>The <b>quake</b>y coast <a href="/1">Read on</a></p>')
    ' Crews dig.  The quakey coast Read on '
    >>> strip_markup("Profits < costs at AT&T")
    'Profits < costs at AT&T'
    """
    if "<" not in text or not _is_html(text):
        return text
    # A target instead of a tree: its time is linear in the depth of nested elements, too.
    parser = etree.HTMLParser(target=_TextTarget(), huge_tree=True, remove_pis=True)
    parser.feed(_NOT_TEXT.sub(" ", text))
    return str(parser.close())


def _is_html(text: str) -> bool:
    if _EVIDENCE.search(text):
        return True
    tags = {(slash, name.lower()) for slash, name in _TAG.findall(text)}
    return any(("/", name) in tags for slash, name in tags if not slash)


class _TextTarget:
    """Target of lxml's parser that collects the visible text."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._hidden_depth = 0

    def start(self, tag: str, _attributes: dict[str, str]) -> None:
        self._hidden_depth += tag in _WITHOUT_TEXT
        self._separate(tag)

    def end(self, tag: str) -> None:
        self._hidden_depth -= tag in _WITHOUT_TEXT
        self._separate(tag)

    def data(self, text: str) -> None:
        if not self._hidden_depth:
            self._parts.append(text)

    def comment(self, _text: str) -> None:
        pass

    def close(self) -> str:
        return "".join(self._parts)

    def _separate(self, tag: str) -> None:
        if _IS_BLOCK.fullmatch(tag):
            self._parts.append(" ")
