"""Titles and keywords → short titles: unique, and short enough for a label on the map."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from newsclust_pipeline.stories.tokens import tokenize

MAX_LENGTH = 32  # characters
_TOPICAL = 3  # first keywords of a story; a clause must contain a word of one
# Where a clause ends: punctuation before a blank, a dash between blanks, or full-width punctuation.
# Commas mostly separate the items of a list.
_CLAUSE_END = re.compile(r"[:;.!?…؛؟।|](?=\s)|\s[–—|-]+\s|\s\(|[。！？；：，、]")


def short_titles(titles: Sequence[str], keyword_lists: Sequence[Sequence[str]]) -> list[str]:
    """Return one short title per story, no two of them equal in any case.

    It is the title, or its first clause, or the keywords, or the beginning of the title, whichever
    comes first that fits into `MAX_LENGTH` characters. A clause that begins several titles
    ("Ukraine war: …") names none of them, nor does one without any of the first keywords.

    >>> short_titles(["Ferry fire off Vesterglans: captain held"], [["ferry fire"]])
    ['Ferry fire off Vesterglans']
    """
    shared = Counter(_key(_first_clause(title)) for title in titles)
    taken: set[str] = set()
    chosen = []
    for title, keywords in zip(titles, keyword_lists, strict=True):
        unique = shared[_key(_first_clause(title))] == 1
        candidates = _candidates(title, keywords, with_clause=unique)
        short = next(c for c in candidates if _key(c) not in taken)
        taken.add(_key(short))
        chosen.append(short)
    return chosen


def _candidates(title: str, keywords: Sequence[str], *, with_clause: bool) -> Iterator[str]:
    """Yield short titles of a story in order of preference, without end."""
    title = " ".join(title.split())
    clause = _first_clause(title)
    if 0 < len(title) <= MAX_LENGTH:
        yield title
    if with_clause and len(clause) <= MAX_LENGTH and _is_topical(clause, keywords):
        yield clause
    if joined := _join(keywords):
        yield joined
    yield _cut(title, MAX_LENGTH)
    number = 2
    while True:
        suffix = f" ({number})"
        yield _cut(title, MAX_LENGTH - len(suffix)) + suffix
        number += 1


def _first_clause(title: str) -> str:
    return _CLAUSE_END.split(title, maxsplit=1)[0].strip()


def _is_topical(clause: str, keywords: Sequence[str]) -> bool:
    """Return True if a clause has more than one token, one of them of the first keywords."""
    words = [token.text for token in tokenize(clause)]
    topical = {token.text for keyword in keywords[:_TOPICAL] for token in tokenize(keyword)}
    return len(words) > 1 and not topical.isdisjoint(words)


def _join(keywords: Sequence[str]) -> str:
    """Return as many of the first keywords as fit, separated by commas."""
    joined = ""
    for keyword in keywords:
        longer = f"{joined}, {keyword}" if joined else keyword
        if len(longer) > MAX_LENGTH:
            break
        joined = longer
    return joined


def _cut(text: str, length: int) -> str:
    """Return the beginning of a text, ended by "…" after a whole word or character."""
    if len(text) <= length:
        return text or "…"
    kept = ""
    for cluster in _graphemes().findall(text):
        if len(kept) + len(cluster) > length - 1:
            break
        kept += cluster
    word, blank, _ = kept.rpartition(" ")
    return (word if blank and len(word) > length / 2 else kept).rstrip(" ,;:–—-") + "…"


def _key(title: str) -> str:
    return " ".join(title.casefold().split())


@cache
def _graphemes() -> Any:
    """Return the pattern of characters as readers see them, with their combining marks."""
    import regex

    return regex.compile(r"\X")
