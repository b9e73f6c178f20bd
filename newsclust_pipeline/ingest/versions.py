"""Merge the versions of one article: states of one page, and headlines marked as a new version.

A page that was read several times, under whichever of its addresses, is one article whose latest
text counts. So is a story that an agency publishes again as "UPDATE 2-…", or a headline that once
has the outlet's name at its end and once has not. An address that names no single article (a home
page, one address for everything) merges nothing but equal headlines.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from itertools import chain, pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from newsclust_pipeline.ingest.headlines import (
    Words,
    bare_headline,
    cover,
    headline_key,
    headline_similarity,
    host_of,
    tokens,
)
from newsclust_pipeline.ingest.urls import Page, Precision, page_of

SAME_PAGE = "version of the same page"
SAME_HEADLINE = "version of the same headline"
_MIN_AGREEMENT = 0.5  # of two headlines, for an address that may not name one article
_MIN_OVERLAP = 0.3  # of a headline with the other version's text, at an address that names one
_MAX_HEADLINES = 3  # without anything in common that the page of one article may have
_MAX_COMPARED = 8  # headlines of a page that a later one is compared with
_SAME_DAY = timedelta(hours=20)
_NEXT_DAY = timedelta(hours=28)
_NEXT_VERSION = timedelta(days=3)  # until an agency publishes a story again
_SAME_STORY = timedelta(days=7)  # until a page is corrected
_MIN_KEY = 12  # letters of a headline that two events don't have by chance
_CHUNK_SIZE = 10_000  # articles that are Python objects at one time
_QUERY = re.compile(r"[?#;].*", re.DOTALL)
_VARIANT = re.compile(
    r"(?:/(?:index|default)\.\w+|/amp|/print|/page/\d+|\.amp|\.s?html?|/)+$", re.I
)


@dataclass(frozen=True)
class Versions:
    """Which articles are versions of another.

    Attributes:
        latest: (n,) for each article the row of its latest version, which may be itself.
        reason: by row of an earlier version, why the two are the same article.
    """

    latest: np.ndarray
    reason: dict[int, str]


@dataclass(frozen=True)
class _Version:
    """What is compared of one row: the headline is bare, without prefix and outlet."""

    row: int
    time: datetime | None
    title: str
    headline: str
    key: str
    description: str | None

    @property
    def is_marked(self) -> bool:
        """Whether the headline has a prefix or the outlet's name."""
        return self.headline != self.title

    @property
    def order(self) -> float:
        """Seconds since 1970; undated versions come first."""
        return self.time.timestamp() if self.time else -math.inf

    @cached_property
    def words(self) -> Words:
        return Words(tokens(self.headline), tokens(self.description or ""))


def find_versions(articles: pa.Table) -> Versions:
    """Return which articles are versions of one and which version is the latest.

    Args:
        articles: columns doc_id, title, description, published_at, url, venue.
    """
    pages = list(_rows_by_page(articles["url"]).values())
    headlines = list(_rows_by_headline(articles))
    versions = _versions(articles, chain(*(rows for _, rows in pages), *headlines))
    groups = _Groups(articles.num_rows)
    for page, rows in pages:
        for one, other in _page_links(page, _by_time(versions, rows)):
            groups.join(one, other, SAME_PAGE)
    for rows in headlines:
        for one, other in _headline_links(_by_time(versions, rows)):
            groups.join(one, other, SAME_HEADLINE)
    return groups.result(versions)


class _Groups:
    """Disjoint sets of rows, with the reason why rows were joined."""

    def __init__(self, rows: int) -> None:
        self._parent = list(range(rows))
        self._reason: dict[int, str] = {}

    def join(self, one: int, other: int, reason: str) -> None:
        self._reason.setdefault(one, reason)
        self._reason.setdefault(other, reason)
        self._parent[self.root(one)] = self.root(other)

    def root(self, row: int) -> int:
        while self._parent[row] != row:
            self._parent[row] = self._parent[self._parent[row]]
            row = self._parent[row]
        return row

    def result(self, versions: dict[int, _Version]) -> Versions:
        members = defaultdict(list)
        for row in self._reason:
            members[self.root(row)].append(row)
        latest = np.arange(len(self._parent))
        for rows in members.values():
            latest[rows] = _latest([versions[row] for row in rows])
        return Versions(latest, {r: why for r, why in self._reason.items() if latest[r] != r})


def _latest(versions: list[_Version]) -> int:
    """Return the row of the version that represents all.

    It has the latest text. A headline alone is no later text than the same headline with a
    description, because some sources list headlines only. Of versions with the same words, the
    first with the shortest headline is taken, which has no mark. Of two at the same time, the
    longer one counts as later.
    """
    by_time = sorted(versions, key=lambda v: (v.order, len(v.description or ""), v.row))
    latest = [version for version in by_time if version.key == by_time[-1].key]
    latest = [version for version in latest if version.description] or latest
    words = headline_key(latest[-1].description or "")
    same = [version for version in latest if headline_key(version.description or "") == words]
    return min(same, key=lambda v: (len(v.title), v.order, v.row)).row


def _versions(articles: pa.Table, rows: Iterable[int]) -> dict[int, _Version]:
    """Return what is compared of these rows."""
    wanted = sorted(set(rows))
    fields = articles.select(["title", "description", "published_at", "url", "venue"])
    versions = {}
    taken = fields.take(pa.array(wanted, pa.int64())).to_pylist()
    for row, article in zip(wanted, taken, strict=True):
        bare = bare_headline(article["title"], article["url"], article["venue"])
        title, time, text = article["title"], article["published_at"], article["description"]
        versions[row] = _Version(row, time, title, bare, headline_key(bare), text)
    return versions


def _by_time(versions: dict[int, _Version], rows: list[int]) -> list[_Version]:
    return sorted((versions[row] for row in rows), key=lambda v: (v.order, v.row))


# --- one page


def _rows_by_page(urls: pa.ChunkedArray) -> dict[str, tuple[Page, list[int]]]:
    """Return the pages that have several rows, by key.

    Only addresses that end alike are parsed, because parsing takes most of the time.
    """
    endings = np.array([_ending(url) for url in _values(urls)], dtype=np.int64)
    _, code, count = np.unique(endings, return_inverse=True, return_counts=True)
    pages: dict[str, tuple[Page, list[int]]] = {}
    candidates = np.flatnonzero(count[code] > 1)
    for row, url in zip(candidates.tolist(), urls.take(candidates).to_pylist(), strict=True):
        if url and (page := page_of(url)):
            pages.setdefault(page.key, (page, []))[1].append(row)
    return {key: (page, rows) for key, (page, rows) in pages.items() if len(rows) > 1}


def _values(column: pa.ChunkedArray) -> Iterator[Any]:
    """Yield the values of a column, of which few are Python objects at one time."""
    for batch in pa.table({"": column}).to_batches(_CHUNK_SIZE):
        yield from batch.column(0).to_pylist()


def _ending(url: str | None) -> int:
    """Return a hash that is equal for all addresses of one page, and unequal for most others."""
    path = _QUERY.sub("", url or "")
    names = _VARIANT.sub("", path).rsplit("/", 1)
    return hash(names[-1])


def _page_links(page: Page, versions: list[_Version]) -> Iterator[tuple[int, int]]:
    """Yield pairs of rows that are versions of one article, among those of one page."""
    if _is_daily(versions):
        return
    clusters = _cluster(page, versions)
    unrelated = len({clusters.root(place) for place in range(len(versions))})
    if unrelated > _MAX_HEADLINES and not page.is_live:  # the address of many articles
        clusters = _cluster(replace(page, precision=Precision.SECTION), versions)
    elif page.precision is Precision.ARTICLE:
        for place in range(1, len(versions)):
            if _gap(versions[place - 1], versions[place]) <= _SAME_DAY:
                clusters.join(place - 1, place, SAME_PAGE)
    for place, version in enumerate(versions):
        yield versions[clusters.root(place)].row, version.row


def _cluster(page: Page, versions: list[_Version]) -> _Groups:
    """Return groups of versions, by place, whose texts show that they are one article."""
    clusters = _Groups(len(versions))
    recent: dict[str, int] = {}  # by headline, the place of its last version
    for place, version in enumerate(versions):
        for other in list(recent.values())[-_MAX_COMPARED:]:
            if _is_same_state(page, versions[other], version):
                clusters.join(other, place, SAME_PAGE)
        recent.pop(version.key, None)
        recent[version.key] = place
    return clusters


def _is_same_state(page: Page, earlier: _Version, later: _Version) -> bool:
    """Return True if the texts of two versions of one page show that they are one article."""
    gap = _gap(earlier, later)
    if earlier.key == later.key:
        says_more = earlier.description and later.description
        return page.precision is Precision.ARTICLE or gap <= _SAME_DAY or not says_more
    if page.precision is Precision.SECTION:
        return False
    one, other = earlier.words, later.words
    if page.precision is Precision.UNCLEAR:
        agreement = headline_similarity(one, other)
        return gap <= _SAME_DAY and agreement >= _MIN_AGREEMENT
    overlap = max(
        cover(one.headline, other.headline | other.body),
        cover(other.headline, one.headline | one.body),
        min(cover(one.headline, page.words), cover(other.headline, page.words)),
    )
    return overlap >= (_MIN_OVERLAP if gap <= _SAME_DAY else _MIN_AGREEMENT) and gap <= _SAME_STORY


def _is_daily(versions: list[_Version]) -> bool:
    """Return True if a page changes in a daily rhythm: it holds editions, not versions."""
    times = [version.time for version in versions if version.time]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    return len(gaps) > 1 and all(_SAME_DAY < gap < _NEXT_DAY for gap in gaps)


def _gap(one: _Version, other: _Version) -> timedelta:
    return abs(other.time - one.time) if one.time and other.time else timedelta(0)


# --- one headline


def _rows_by_headline(articles: pa.Table) -> Iterator[list[int]]:
    """Yield the rows of one outlet that have the same bare headline, if one of them is marked."""
    marked: dict[int, str] = {}
    columns = [_values(articles[name]) for name in ("title", "url", "venue")]
    for row, (title, url, venue) in enumerate(zip(*columns, strict=True)):
        bare = bare_headline(title, url, venue)
        if bare != title and len(key := headline_key(bare)) >= _MIN_KEY:
            marked[row] = key
    keys = set(marked.values())
    rows: dict[tuple[str, str], list[int]] = defaultdict(list)
    columns = [_values(articles[name]) for name in ("title", "url", "venue")] if keys else []
    for row, (title, url, venue) in enumerate(zip(*columns, strict=True)):
        key = marked.get(row) or headline_key(title)
        if key in keys:
            rows[venue or host_of(url), key].append(row)
    yield from (group for group in rows.values() if len(group) > 1)


def _headline_links(versions: list[_Version]) -> Iterator[tuple[int, int]]:
    """Yield pairs of rows that are versions of one article, among those of one headline."""
    for earlier, later in pairwise(versions):
        is_marked = earlier.is_marked or later.is_marked
        if is_marked and _gap(earlier, later) <= _NEXT_VERSION:
            yield earlier.row, later.row
