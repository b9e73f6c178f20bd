"""Clean the text of single cells: markup, entities, encoding, white space, missing values."""

import html
import re
import unicodedata
from collections.abc import Mapping

from newsclust_pipeline.ingest.encoding_repair import repair_encoding
from newsclust_pipeline.ingest.markup import strip_markup

_MAX_CHARACTERS = 1_000_000  # of a cell before it is cleaned; the rest is ignored
# An ampersand that was escaped again and again: "&amp;amp;amp;" is "&" after three decodings.
_NESTED_AMPERSAND = re.compile(r"&(?:(?:amp|AMP|#0*38|#[xX]0*26);)+")
_MAX_PASSES = 5  # each removes one layer of escaping

# Those that are no white space. (Above 127 they may be letters in another encoding.)
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_CONTROL_CHARACTERS = dict.fromkeys([*range(32), *range(127, 160)], " ")
# What exports write for a missing value. Only as a whole cell, in any case.
_MISSING_VALUES = frozenset({"", "nan", "none", "null", "nat", "n/a", "<na>", "#n/a"})


def clean_text(value: object) -> str | None:
    r"""Return a cell's text, entities decoded and white space collapsed; None if it is empty.

    Tags of HTML are removed; see `markup`. Cleaning is idempotent, so that a dump which was cleaned
    before gives the same ids.

    >>> clean_text("  Fish &amp;amp; <i>chips</i>&nbsp;\n row "), clean_text("NaN")
    ('Fish & chips row', None)
    """
    text = _as_text(value)[:_MAX_CHARACTERS]
    if text.isascii() and "&" not in text and "<" not in text:  # most cells
        return _without_padding(text)
    text = _CONTROLS.sub(" ", text)
    for _ in range(_MAX_PASSES):
        plain = strip_markup(_decode_entities(text))
        if plain == text:
            break
        text = plain
    return _without_padding(text)


def clean_url(value: object) -> str | None:
    """Return an address without white space and control characters, or None if it is empty.

    Only `&amp;` is decoded: as HTML, the query `?a=1&copy=2` would contain a copyright sign.
    """
    text = _as_text(value).replace("&amp;", "&").translate(_CONTROL_CHARACTERS)
    return _without_padding("".join(text.split()))


def _as_text(value: object) -> str:
    """Return a cell's value as text that can be encoded as UTF-8; "" for a missing value."""
    if isinstance(value, str) and value.isascii():
        return value
    if isinstance(value, Mapping):  # {"source": {"id": …, "name": …}}
        value = value.get("name")
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124 (NaN)
        return ""
    # Unpaired surrogates break tokenizers and files.
    return str(value).encode("utf-8", "replace").decode()


def _decode_entities(text: str) -> str:
    """Return text with one layer of entities decoded, double encoding repaired, in NFC.

    All layers of an escaped ampersand are removed at once: one by one, the time would be quadratic.
    """
    if "&" in text:
        text = html.unescape(_NESTED_AMPERSAND.sub("&", text))
    return unicodedata.normalize("NFC", repair_encoding(text))


def _without_padding(text: str) -> str | None:
    """Collapse white space and control characters; return None if no text remains."""
    if not text.isprintable():
        text = text.translate(_CONTROL_CHARACTERS)
    text = " ".join(text.split())
    return None if text.lower() in _MISSING_VALUES or not _is_visible(text) else text


def _is_visible(text: str) -> bool:
    """Return True if a text without control characters has one that can be seen.

    Zero-width characters can't. All of ASCII can.
    """
    return text.isascii() or any(c.isprintable() and not c.isspace() for c in text)
