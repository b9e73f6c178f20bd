"""The usual names of a news dump's columns."""

import re
from collections.abc import Iterable

# In order of preference; compared without case, spaces and punctuation.
NAMES: dict[str, tuple[str, ...]] = {
    "title": ("title", "headline", "heading", "article title", "news title"),
    "description": (
        "description", "summary", "abstract", "snippet", "lead", "lede", "teaser", "standfirst",
        "subtitle", "excerpt", "short description", "article summary", "content", "body",
    ),
    "published_at": (
        "published at", "published", "publication date", "publish date", "published date",
        "date published", "pub date", "published on", "published time", "date", "datetime",
        "timestamp", "time", "created at",
    ),
    "url": ("url", "link", "href", "article url", "news url", "permalink", "web url", "guid url"),
    "venue": (
        "venue", "source", "outlet", "publisher", "publication", "newspaper", "source name",
        "site", "website", "domain", "media", "provider", "feed",
    ),
}  # fmt: skip


def plain(name: object) -> str:
    """Reduce a column's name to its letters and digits, in lower case."""
    return re.sub(r"[\W_]+", "", str(name)).lower()


_RANKS = {
    field: {plain(name): rank for rank, name in enumerate(names)} for field, names in NAMES.items()
}


def match(columns: Iterable[str]) -> dict[str, list[str]]:
    """Map each field to the columns that may hold it, best first.

    >>> found = match(["pubDate", "summary", "Headline", "abstract", "id"])
    >>> found["title"], found["description"], found["url"]
    (['Headline'], ['summary', 'abstract'], [])
    """
    listed = list(columns)
    return {
        field: sorted((c for c in listed if plain(c) in ranks), key=lambda c: ranks[plain(c)])
        for field, ranks in _RANKS.items()
    }


def has_title(columns: Iterable[str]) -> bool:
    """Tell whether a title column is among these."""
    return any(plain(name) in _RANKS["title"] for name in columns)
