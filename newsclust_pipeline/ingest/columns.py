"""Names of a dump's columns, and the fields that they hold."""

import re
from collections.abc import Iterable, Sequence

from newsclust_pipeline.core.errors import DumpError

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
    """Return the letters and digits of a column's name, in lower case."""
    return re.sub(r"[\W_]+", "", str(name)).lower()


_RANKS = {
    field: {plain(name): rank for rank, name in enumerate(names)} for field, names in NAMES.items()
}


def match(columns: Iterable[str]) -> dict[str, list[str]]:
    """Return the columns that may hold each field, best first.

    >>> columns = match(["pubDate", "summary", "Headline", "abstract", "id"])
    >>> columns["title"], columns["description"], columns["url"]
    (['Headline'], ['summary', 'abstract'], [])
    """
    listed = list(columns)
    return {
        field: sorted((c for c in listed if plain(c) in ranks), key=lambda c: ranks[plain(c)])
        for field, ranks in _RANKS.items()
    }


def has_title(columns: Iterable[str]) -> bool:
    """Return True if one of these columns holds titles."""
    return any(plain(name) in _RANKS["title"] for name in columns)


def no_title(dump: str, columns: Sequence[str]) -> DumpError:
    """Return the error for a dump without a title column; it names the columns that are there."""
    names = ", ".join(repr(c) for c in columns[:12]) or "none"
    return DumpError(
        f"{dump}: no title column. Columns found: {names}. "
        "Name the column with the headlines 'title' (or 'headline')."
    )
