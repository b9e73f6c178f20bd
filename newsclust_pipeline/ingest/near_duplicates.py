"""Near-duplicates: articles with almost the same text, such as a wire story in several outlets.

Two articles are near-duplicates if both their texts and their headlines agree. Texts agree if most
of the shorter one's shingles (runs of three words) occur in the other one: containment (Broder
1997, "On the resemblance and containment of documents"). Headlines agree as defined by
`headlines.headline_similarity`; so a text that stands under unrelated headlines, such as a paywall
notice, proves nothing. Words are compared as they are: a translation is no near-duplicate.

The first published article is kept, and each later one is compared only with articles that are
kept. So no article is removed because it resembles another removed one.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import numpy as np
import pyarrow as pa

from newsclust_pipeline.ingest.headlines import (
    Words,
    bare_headline,
    headline_key,
    headline_similarity,
    missing,
    tokens,
)
from newsclust_pipeline.ingest.shingles import ShingleIndex, containment

_MAX_SHORT_TEXT = 200  # characters of a text that may have too few shingles
_MIN_KEY = 12  # letters of a text that two articles don't have by chance
_MIN_SIMILARITY_WITHIN = 0.9  # of texts of one outlet
_MIN_AGREEMENT = 0.5  # of headlines
_MIN_AGREEMENT_ELSEWHERE = 0.4  # of headlines of two outlets
_MIN_AGREEMENT_OF_DAYS = 0.85  # of headlines, for one outlet's articles of different days
_SAME_DAY = timedelta(hours=20)
_CHUNK_SIZE = 20_000  # articles whose words are in memory at a time


@dataclass(frozen=True)
class Match:
    """Why an article is a near-duplicate of an earlier one.

    Attributes:
        original: row of the earlier article.
        text_similarity: containment of the texts, 0 to 1.
        headline_similarity: agreement of the headlines, 0 to 1.
    """

    original: int
    text_similarity: float
    headline_similarity: float


def find_near_duplicates(
    articles: pa.Table, similarity: float, bodies: Mapping[int, str] | None = None
) -> dict[int, Match]:
    """Return the near-duplicates among articles, by row, each with the article that is kept.

    Args:
        articles: columns title, description, published_at, url, venue, date_suspect, in order of
            publication. Articles with a suspect date count as the last ones.
        similarity: the minimum containment of texts, above 0 and at most 1.
        bodies: by row, the description without boilerplate, for articles that have any.
    """
    texts = _Texts(articles, bodies or {})
    comparison = _Comparison(articles, texts, similarity)
    indexes: tuple[_Index, ...] = (
        ShingleIndex(texts, similarity),
        ShingleIndex(texts, similarity, with_headline=False),
        _EqualTexts(texts),
    )
    matches: dict[int, Match] = {}
    for row in np.argsort(articles["date_suspect"].to_numpy(), kind="stable").tolist():
        candidates = sorted({other for index in indexes for other in index.near_duplicates(row)})
        match = next(filter(None, (comparison.match(row, other) for other in candidates)), None)
        if match:
            matches[row] = match
            continue
        for index in indexes:
            index.add(row)
    return matches


class _Texts:
    """Bare headlines, and descriptions without boilerplate; read from the table when needed."""

    def __init__(self, articles: pa.Table, bodies: Mapping[int, str]) -> None:
        self._columns = articles.select(["title", "url", "venue", "description"])
        self._bodies = bodies

    def __len__(self) -> int:
        return self._columns.num_rows

    def __getitem__(self, row: int) -> tuple[str, str]:
        return next(self.slice(row, 1))

    def slice(self, start: int, length: int) -> Iterator[tuple[str, str]]:
        """Yield headline and description ("" if there is none) of a run of rows."""
        columns = (column.to_pylist() for column in self._columns.slice(start, length).columns)
        for row, (title, url, venue, text) in enumerate(zip(*columns, strict=True), start):
            yield bare_headline(title, url, venue), self._bodies.get(row, text) or ""


class _Comparison:
    """Comparison of two articles word by word."""

    def __init__(self, articles: pa.Table, texts: _Texts, similarity: float) -> None:
        self._articles = articles.select(["venue", "published_at"])
        self._texts = texts
        self._similarity = similarity

    def match(self, row: int, earlier: int) -> Match | None:
        """Return why an article is a near-duplicate of an earlier one; None if it is none."""
        (title, body), (earlier_title, earlier_body) = self._texts[row], self._texts[earlier]
        if bool(body) != bool(earlier_body):
            return None
        text = containment(body or title, earlier_body or earlier_title)
        one, other = _words(title, body), _words(earlier_title, earlier_body)
        text_needed, headline_needed = self._thresholds(row, earlier)
        is_equal = headline_key(title) == headline_key(earlier_title)
        if text < text_needed or (not is_equal and _name_others(one, other)):
            return None
        headline = 1.0 if is_equal else headline_similarity(one, other)
        return Match(earlier, text, headline) if headline >= headline_needed else None

    def _thresholds(self, row: int, earlier: int) -> tuple[float, float]:
        """Return how similar two articles' texts and headlines must be.

        One outlet's texts must be more similar than those of two, because an outlet makes its
        columns and tables from templates; and so must its headlines of two days. An unknown outlet
        may be the same.
        """
        pair = (self._articles.slice(place, 1).to_pylist()[0] for place in (row, earlier))
        venues, times = zip(
            *((article["venue"], article["published_at"]) for article in pair), strict=True
        )
        if None not in venues and venues[0] != venues[1]:
            return self._similarity, _MIN_AGREEMENT_ELSEWHERE
        is_next_day = None not in times and abs(times[0] - times[1]) > _SAME_DAY
        agreement = _MIN_AGREEMENT_OF_DAYS if is_next_day else _MIN_AGREEMENT
        return max(self._similarity, _MIN_SIMILARITY_WITHIN), agreement


def _words(title: str, body: str) -> Words:
    return Words(tokens(title), tokens(body))


def _name_others(one: Words, other: Words) -> bool:
    """Return True if each headline names something that the other article lacks.

    A number counts, and a word if the text is about it, too. If there is no text, every word does.
    """
    return all(
        any(
            t.isdigit() or t in a.body or not a.body
            for t in missing(a.headline, b.headline | b.body)
        )
        for a, b in ((one, other), (other, one))
    )


class _Index(Protocol):
    """Finds texts that may be near-duplicates, among those that were added."""

    def add(self, row: int) -> None: ...

    def near_duplicates(self, row: int) -> Iterable[int]: ...


class _EqualTexts:
    """Texts that are too short for shingles, by a hash of their letters and digits."""

    def __init__(self, texts: _Texts) -> None:
        self._keys = np.zeros(len(texts), dtype=np.int64)  # 0 for texts that are not compared
        for start in range(0, len(texts), _CHUNK_SIZE):
            for row, text in enumerate(texts.slice(start, _CHUNK_SIZE), start):
                if sum(map(len, text)) <= _MAX_SHORT_TEXT:
                    key = "".join(map(headline_key, text))
                    self._keys[row] = hash(key) if len(key) >= _MIN_KEY else 0
        self._rows: dict[int, int] = {}

    def add(self, row: int) -> None:
        self._rows.setdefault(int(self._keys[row]), row)

    def near_duplicates(self, row: int) -> Iterable[int]:
        key = int(self._keys[row])
        return [self._rows[key]] if key and key in self._rows else []
