"""Text from outside, made safe to show on one line."""

import re
import unicodedata

# Embeddings, overrides and isolates change the order in which the text around them is shown.
_BIDI_CONTROLS = re.compile("[\u202a-\u202e\u2066-\u2069]")


def one_line(text: str) -> str:
    r"""Return a text on one line, without control characters and bidirectional overrides.

    A line break in a headline or a file name could begin a line of a log with a command to the
    program that reads it, such as "::warning::" in GitHub Actions.

    >>> one_line("x\n::warning::\u202ey")
    'x ::warning::y'
    """
    text = _BIDI_CONTROLS.sub("", " ".join(text.split()))
    return "".join(c for c in text if unicodedata.category(c) not in {"Cc", "Zl", "Zp"})
