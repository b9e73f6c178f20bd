"""Split text into sentences, in scripts with and without spaces between words."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from newsclust_pipeline.ingest.headlines import UNSPACED

_ABBREVIATIONS = "Mr Mrs Ms Dr St Sr Jr Gov Sen Rep Gen Lt Col Sgt Prof No vs Hr Fr Nr Mme Sra"
_NO_ABBREVIATION = "".join(rf"(?<!\b{name}\.)" for name in _ABBREVIATIONS.split())
# The end of a sentence: marks of many scripts. A single letter before a full stop is an initial.
# What comes before the mark is looked at last, which is ten times as fast.
_END = re.compile(
    rf"(?:[!?…]|\.(?<!\b[^\W\d_]\.){_NO_ABBREVIATION})[.!?…]*[\"”’»)\]]*\s+"
    r"|[。！？｡।॥؟۔።]+[」』）\"”’]*\s*|\s[|•·»]\s+"
)
_NOT_LETTERS = ' .!?…。！？｡।॥؟۔።"”’»)]」』）|•·'
_UNSPACED = re.compile(f"[{UNSPACED}]")
_UNITS = re.compile(rf"[{UNSPACED}]|[^\s{UNSPACED}]+")
_MIN_WORDS = 4
_MIN_CHARACTERS = 8  # in scripts without spaces
_MAJORITY = 0.8  # of texts that must agree on the next unit of a common edge
_WINDOW = 400  # characters of a text in which its edges are looked for


@dataclass(frozen=True)
class Sentence:
    """A sentence with the white space that follows it.

    Attributes:
        text: the sentence.
        key: equal for sentences that differ in case and in the mark at their end only.
        is_long: whether it has at least four words, or eight characters without spaces.
        is_last: whether it ends the text.
    """

    text: str
    key: str
    is_long: bool
    is_last: bool


def split_sentences(text: str, edges: Collection[str] = ()) -> Iterator[Sentence]:
    """Yield the sentences of a text. Joined, they are the text.

    Args:
        text: any text.
        edges: openings and closings that count as sentences although no mark ends them; see
            `common_edge`.

    >>> [s.text for s in split_sentences("Storm hits J. Doe's boat. 船が沈んだ。Read more")]
    ["Storm hits J. Doe's boat. ", '船が沈んだ。', 'Read more']
    """
    start = 0
    for end in _boundaries(text, edges):
        yield _sentence(text[start:end], is_last=end == len(text))
        start = end


def first_units(text: str) -> list[str]:
    """Return the first four words, or eight characters without spaces; nothing if that is all."""
    window = text[:_WINDOW].casefold()
    units = window.split(None, _MIN_WORDS) if window.isascii() else _UNITS.findall(window)
    is_unspaced = bool(units) and _UNSPACED.match(units[0])
    needed = _MIN_CHARACTERS if is_unspaced else _MIN_WORDS
    return [_join(units[:needed])] if len(units) > needed else []


def last_units(text: str) -> list[str]:
    """Return the last two words, or four characters without spaces; nothing if that is all."""
    window = text[-_WINDOW:].casefold()
    units = window.split()[-_MIN_WORDS:] if window.isascii() else _UNITS.findall(window)
    is_unspaced = bool(units) and _UNSPACED.match(units[-1])
    needed = _MIN_CHARACTERS // 2 if is_unspaced else _MIN_WORDS // 2
    return [_join(units[-needed:])] if len(units) > needed else []


def common_edge(texts: Sequence[str], closing: bool) -> str:
    """Return the longest run of words that most texts begin with, or end with, in lower case."""
    rows = [_UNITS.findall(text.casefold()) for text in texts]
    rows = [row[::-1] if closing else row for row in rows]
    common: list[str] = []
    while rows:
        counts = Counter(row[len(common)] for row in rows if len(row) > len(common))
        unit, count = counts.most_common(1)[0] if counts else ("", 0)
        if count < _MAJORITY * len(rows):
            break
        rows = [row for row in rows if row[len(common) : len(common) + 1] == [unit]]
        common.append(unit)
    return _join(common[::-1] if closing else common)


def _boundaries(text: str, edges: Collection[str]) -> list[int]:
    """Return the ends of the sentences of a text, in order."""
    ends = {match.end() for match in _END.finditer(text)} | ({len(text)} if text else set())
    if edges:
        lower = text.casefold()
        if len(lower) == len(text):  # casefold() makes some texts longer, such as "ß"
            ends |= {len(edge) for edge in edges if lower.startswith(edge)}
            ends |= {len(text) - len(edge) for edge in edges if lower.endswith(edge)} - {0}
    return sorted(ends)


def _sentence(text: str, is_last: bool) -> Sentence:
    is_long = text.strip().count(" ") >= _MIN_WORDS - 1 or (
        not text.isascii() and len(_UNSPACED.findall(text)) >= _MIN_CHARACTERS
    )
    return Sentence(text, text.strip(_NOT_LETTERS).casefold(), is_long, is_last)


def _join(units: list[str]) -> str:
    """Join units with spaces, but for characters of scripts without spaces."""
    text = ""
    for unit in units:
        is_apart = text and not (_UNSPACED.match(text[-1]) and _UNSPACED.match(unit))
        text += f" {unit}" if is_apart else unit
    return text
