"""What the values of a column look like: addresses, prose, nested objects written as text."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

_URL = re.compile(r"\s*(?:https?://|//[^\s/]+\.|www\.[^\s/]+/)", re.IGNORECASE)
_DOMAIN = re.compile(r"\s*(?:[\w-]+\.)+[a-z]{2,}\s*", re.IGNORECASE)
_PICTURE = re.compile(r"\.(?:jpe?g|png|gif|webp|svg|mp4|mp3|ico)(?:$|\?)", re.IGNORECASE)
_CLOCK = re.compile(r"\s*\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s*(?:[ap]\.?m\.?)?\s*", re.IGNORECASE)
# Scripts that don't separate words by spaces: a character says about as much as half a word.
_DENSE = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_LONGEST_LITERAL = 20_000
_MAX_DEPTH = 6


def is_url(text: str) -> bool:
    """Return True for web addresses, but not for a host alone, which names an outlet."""
    return bool(_URL.match(text))


def is_page_url(text: str) -> bool:
    """Return True for web addresses that don't end like a picture or a video."""
    return is_url(text) and not _PICTURE.search(text)


def is_domain(text: str) -> bool:
    """Return True for host names such as "news.example"."""
    return bool(_DOMAIN.fullmatch(text))


def is_clock(text: str) -> bool:
    """Return True for a time of day without a date."""
    return bool(_CLOCK.fullmatch(text))


def count_words(text: str) -> int:
    """Return the number of words; two characters count as one in scripts without spaces."""
    dense = len(_DENSE.findall(text))
    return len(text.split()) + dense // 2


def parse_literal(text: str) -> Any:
    """Return the object or list that a text writes down as JSON or in Python's way; else the text.

    pandas writes nested values of an API as `{'id': None, 'name': 'Post'}` into a CSV file.

    >>> parse_literal("{'id': None, 'name': 'Post'}")
    {'id': None, 'name': 'Post'}
    """
    if text[:1] not in "{[" or text[-1:] not in "}]" or not 2 <= len(text) <= _LONGEST_LITERAL:
        return text
    return _parse_literal(text)


@lru_cache(maxsize=4096)  # outlets recur
def _parse_literal(text: str) -> Any:
    for parse in (json.loads, ast.literal_eval):
        try:
            value = parse(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, SystemError):
            continue
        return value if isinstance(value, dict | list) else text
    return text


def paths_of(cells: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the path and the value of every leaf; of lists the first entry stands for all.

    >>> list(paths_of({"title": "Fog", "source": {"id": 1, "name": "Post"}}))
    [(('title',), 'Fog'), (('source', 'id'), 1), (('source', 'name'), 'Post')]
    """
    for key, value in cells.items():
        yield from _leaves((key,), value)


def _leaves(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, str):
        value = parse_literal(value)
    if isinstance(value, list) and value and isinstance(value[0], dict | list):
        value = value[0]
    if isinstance(value, dict) and len(path) < _MAX_DEPTH:
        for key, inner in value.items():
            yield from _leaves((*path, str(key)), inner)
    else:
        yield path, value


def value_at(cells: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """Return the value at a path; None if there is none."""
    value = cells.get(path[0])
    for key in path[1:]:
        if isinstance(value, str):
            value = parse_literal(value)
        if isinstance(value, list):
            value = next((entry for entry in value if isinstance(entry, dict)), None)
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def as_scalar(value: Any) -> Any:
    """Return a list's entries as one text, and any other value as it is.

    Some exports keep the paragraphs of a body as a list; a list of one entry is that entry.
    """
    if isinstance(value, str):
        value = parse_literal(value) if value[:2] in {"['", '["'} else value
    if isinstance(value, list):
        entries = [entry for entry in value if isinstance(entry, str | int | float)]
        return entries[0] if len(entries) == 1 else "\n".join(map(str, entries)) or None
    return None if isinstance(value, dict) else value
