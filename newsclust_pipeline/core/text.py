"""Text from outside, made safe to show on one line."""

import re
import unicodedata

# Embeddings, overrides and isolates change the order in which the text around them is shown.
_BIDI_CONTROLS = re.compile("[\u202a-\u202e\u2066-\u2069]")
# Escape sequences of terminals: colours, movements, titles of windows.
_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])|\x9b"
)
_LINE_BREAKS = {"Cc", "Zl", "Zp"}  # and all other control characters


def one_line(text: str) -> str:
    r"""Return a text on one line, as `without_controls`, with white space collapsed.

    >>> one_line("x\n ::warning::\u202ey")
    'x ::warning::y'
    """
    return " ".join(without_controls(text).split())


def without_controls(text: str) -> str:
    r"""Return a text in which line breaks and other control characters are spaces.

    A line break in a headline or a file name could begin a line of a log with a command to the
    program that reads it, such as "::warning::" in GitHub Actions. Escape sequences of terminals
    and bidirectional overrides are removed. Other white space stays, because it may be in a path.

    >>> without_controls("a  b\x1b[31m.csv\n")
    'a  b.csv '
    """
    if text.isascii() and text.isprintable():
        return text
    text = _BIDI_CONTROLS.sub("", _ESCAPES.sub("", text))
    return "".join(" " if unicodedata.category(c) in _LINE_BREAKS else c for c in text)
