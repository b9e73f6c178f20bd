"""Text → tokens: words in any script, and pairs of characters where a script has no spaces."""

import re
from collections.abc import Iterator
from functools import cache
from itertools import takewhile
from typing import Any, NamedTuple

LEAD = 600  # characters of a text that are read: news articles state their subject first
_LONGEST_WORD = 40
# The last word of a text that its source has cut.
_CUT_OFF = re.compile(r"\s+\S*(?:…|\.\.\.)\s*(?:\[\+\d+ chars\])?\s*$")
# The pattern of `_pattern`, for texts in ASCII.
_ASCII = re.compile(
    r"([A-Z](?:\.[A-Z])+)(?:\.|\b)"
    r"|(?:\b[a-z]{1,2}')?([A-Za-z0-9]+(?:'(?:t\b|[A-Za-z0-9]{3,}))*)(?:'[A-Za-z0-9]{1,2}\b)?",
    re.ASCII,
)
# Two forms of one word share this part of the longer form, counted from its start.
_SHARED_STEM = 0.57


class Token(NamedTuple):
    """A word, or a pair of adjacent characters of a script without spaces, with its position.

    Attributes:
        text: the token, case-folded.
        start, end: its position in the text it was cut from.
        spaced: True for words, False for pairs of characters.
        headline: True if it starts in the text's first line.
        small: True for words of at most three letters that start with a lower-case letter, as
            articles and prepositions do.
    """

    text: str
    start: int
    end: int
    spaced: bool
    headline: bool
    small: bool = False


def tokenize(text: str) -> Iterator[Token]:
    """Yield the tokens of a text in their order.

    >>> [token.text for token in tokenize("Haiti’s U.S. envoy resigns 海地总理")]
    ['haiti', 'us', 'envoy', 'resigns', '海地', '地总', '总理']
    """
    headline = len(text.partition("\n")[0])
    if text.isascii():
        yield from _ascii_tokens(text, headline)
        return
    for match in _pattern().finditer(text):
        start, end = match.span("word") if match["word"] else match.span()
        if match["word"]:
            word = text[start:end].replace(".", "").casefold()
            small = len(word) < 4 and not text[start].isupper()
            yield Token(word, start, end, spaced=True, headline=start < headline, small=small)
        else:
            for at in range(start, end - 1):
                pair = text[at : at + 2]
                yield Token(pair, at, at + 2, spaced=False, headline=at < headline)


def _ascii_tokens(text: str, headline: int) -> Iterator[Token]:
    """Yield the tokens of a text in ASCII, faster than by the pattern for all scripts."""
    for match in _ASCII.finditer(text):
        start, end = match.span(match.lastindex or 0)
        word = text[start:end].lower()
        if "." in word:
            word = word.replace(".", "")
        small = len(word) < 4 and not text[start].isupper()
        yield Token(word, start, end, spaced=True, headline=start < headline, small=small)


def lead(text: str) -> str:
    """Return the beginning of a text, at most `LEAD` characters, without a word that is cut off.

    Descriptions of some sources are cut, too, and end in "…", "..." or "[+123 chars]".

    >>> lead("The resort was closed by resid… [+1234 chars]")
    'The resort was closed by'
    """
    whole = _CUT_OFF.sub("", text)
    if len(whole) > LEAD:
        whole = whole[: LEAD + 1]
        blank = max(whole.rfind(" "), whole.rfind("\n"))
        # A script without spaces has no blank nearby, and is cut after any character.
        whole = whole[:blank] if blank >= LEAD - _LONGEST_WORD else whole[:LEAD]
    return whole


def same_stem(one: str, other: str) -> bool:
    """Return True if two words are equal or look like forms of one word, by their common prefix.

    >>> same_stem("protest", "protesters"), same_stem("china", "chinese")
    (True, True)
    >>> same_stem("iran", "iraq")
    False
    """
    common, longer = common_prefix(one, other), max(len(one), len(other))
    shortest_stem = 3 if common == min(len(one), len(other)) else 4
    return one == other or common >= max(shortest_stem, _SHARED_STEM * longer)


def common_prefix(one: str, other: str) -> int:
    """Return the number of characters with which two words begin alike."""
    equal = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return sum(1 for _ in equal)


@cache
def _pattern() -> Any:
    """Return the compiled pattern of words and of runs of characters without spaces.

    Elisions before a word (l’, d’) and endings behind it (’s) are not part of it.
    """
    import regex

    unspaced = r"\p{Han}\p{Hiragana}\p{Katakana}ー々\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
    letter = rf"[[\p{{L}}\p{{M}}\p{{N}}]--[{unspaced}]]"
    return regex.compile(
        rf"(?V1)(?P<unspaced>[{unspaced}]+)"
        r"|(?P<word>\p{Lu}(?:\.\p{Lu})+)(?:\.|\b)"
        rf"|(?:\b\p{{Ll}}{{1,2}}['’])?(?P<word>{letter}+(?:['’](?:t\b|{letter}{{3,}}))*)"
        rf"(?:['’]{letter}{{1,2}}\b)?"
    )
