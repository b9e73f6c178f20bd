"""Recurring columns of an outlet: weather, lottery, horoscope, market close, "5 things to know".

A series is a set of articles of one outlet whose headlines share a frame ("Lottery results … March:
winning numbers for the … draw") and that appear at a regular rhythm. No list of words is used, so
that it works in every language. An event fails one of the conditions: several outlets report it, or
its headlines vary, or it has no fixed hour.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa

from newsclust_pipeline.stories.tokens import tokenize

NO_SERIES = -1
MIN_ISSUES = 4
MAJORITY = 0.5  # a story is a column if more than this share of its articles is in a series
_EXCLUSIVE = 0.8  # of all headlines with the frame's words, this share is the outlet's
_FRAME = 0.8  # a word belongs to the frame if this share of the headlines has it in one place
_SIMILAR = 0.5  # a headline with this share of the frame's bigrams has the frame
_MIN_FRAME = 0.4  # mean share of a headline that is frame,
_CLEAR_FRAME = 0.6  # and if there is little evidence of a rhythm: few issues, or dates without time
_MANY_ISSUES = 8
_REGULAR = 0.75  # share of the intervals that are a multiple of the period
_TOLERANCE = 0.125  # of the period: three hours of a day
_MAX_MISSED = 7  # a longer multiple of the period proves nothing
_HOUR = 3600.0
_MIN_PERIOD = 5 * _HOUR  # articles about one event may follow each other within hours
_MIN_DAY = 20 * _HOUR  # least period of several issues

Bigram = tuple[str, str]
Place = tuple[str, int]  # a word and its position


class _Headline(NamedTuple):
    row: int
    seconds: float  # since 1970; NaN if unknown
    tokens: Sequence[str]


def find_series(articles: pa.Table) -> np.ndarray:
    """Return the number of every article's series (n,), `NO_SERIES` for articles in none.

    Time and memory grow linearly with the number of headlines.

    Args:
        articles: columns title, venue, url, published_at; the last three may be null. Where the
            venue is unknown, the host of the address is the outlet.
    """
    outlets: dict[str, list[_Headline]] = defaultdict(list)
    for headline, outlet in _headlines(articles):
        outlets[outlet].append(headline)
    everywhere: dict[Bigram, list[int]] = defaultdict(list)
    for own in outlets.values():
        for headline in own:
            for bigram in _bigrams(headline):
                everywhere[bigram].append(headline.row)
    series = np.full(articles.num_rows, NO_SERIES, dtype=np.int32)
    count = 0
    for outlet in sorted(outlets):
        for issues in _series_of(outlets[outlet], everywhere):
            series[[headline.row for headline in issues]] = count
            count += 1
    return series


def is_column(labels: np.ndarray, series: np.ndarray, stories: int) -> np.ndarray:
    """Return a mask (stories,) of those of which most articles belong to a series."""
    member = labels >= 0
    sizes = np.bincount(labels[member], minlength=stories)
    recurring = np.bincount(labels[member & (series != NO_SERIES)], minlength=stories)
    return recurring > MAJORITY * sizes


def _headlines(articles: pa.Table) -> Iterator[tuple[_Headline, str]]:
    """Yield every dated article's headline, without numbers, and its outlet."""
    seconds = np.asarray(
        articles["published_at"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_pandas(),
        dtype=np.float64,
    )
    seconds = seconds / 1e6
    columns = (articles[name].to_pylist() for name in ("title", "venue", "url"))
    for row, (title, venue, url) in enumerate(zip(*columns, strict=True)):
        if np.isfinite(seconds[row]):
            tokens = [token.text for token in tokenize(title) if not token.text.isnumeric()]
            yield _Headline(row, float(seconds[row]), tokens), venue or host_of(url)


def host_of(url: str | None) -> str:
    """Return the host of an address; empty if there is none."""
    try:
        return urlsplit(url or "").hostname or ""
    except ValueError:
        return ""


def _bigrams(headline: _Headline) -> set[Bigram]:
    return set(pairwise(headline.tokens))


def _series_of(
    headlines: list[_Headline], everywhere: dict[Bigram, list[int]]
) -> Iterator[list[_Headline]]:
    """Yield the series of one outlet, those of the most frequent frames first."""
    having: dict[Bigram, list[_Headline]] = defaultdict(list)
    for headline in headlines:
        for bigram in _bigrams(headline):
            having[bigram].append(headline)
    frequent = {b: own for b, own in having.items() if len(own) >= MIN_ISSUES}
    own_rows = {headline.row for headline in headlines}
    taken: set[int] = set()
    for bigram in sorted(frequent, key=lambda b: (-len(frequent[b]), b)):
        if len(frequent[bigram]) < _EXCLUSIVE * len(everywhere[bigram]):
            continue
        articles = [headline for headline in frequent[bigram] if headline.row not in taken]
        if (
            len(articles) >= MIN_ISSUES
            and _is_series(articles)
            and _is_exclusive(articles, own_rows, everywhere)
        ):
            taken.update(headline.row for headline in articles)
            yield articles


def _is_series(articles: list[_Headline]) -> bool:
    """Return True if the headlines have a common frame and appear at a regular rhythm."""
    by_day = all(headline.seconds % (24 * _HOUR) == 0 for headline in articles)
    issues = _issues(articles)
    least = _CLEAR_FRAME if by_day or len(issues) < _MANY_ISSUES else _MIN_FRAME
    return _frame_share(articles) >= least and _is_regular(issues)


def _frame_share(articles: list[_Headline]) -> float:
    """Return the mean share of a headline's words that stand in one place of most headlines.

    A place is counted from the headline's start or from its end.
    """
    places = Counter(place for headline in articles for pair in _places(headline) for place in pair)
    frame = {place for place, count in places.items() if count >= _FRAME * len(articles)}
    return float(
        np.mean([np.mean([not frame.isdisjoint(pair) for pair in _places(h)]) for h in articles])
    )


def _places(headline: _Headline) -> Iterator[tuple[Place, Place]]:
    """Yield every word with its position from the start, from 0, and from the end, from −1."""
    length = len(headline.tokens)
    for position, word in enumerate(headline.tokens):
        yield (word, position), (word, position - length)


def _is_exclusive(
    articles: list[_Headline], own_rows: set[int], everywhere: dict[Bigram, list[int]]
) -> bool:
    """Return True if few headlines of other outlets have the frame of these articles."""
    bigrams = Counter(bigram for headline in articles for bigram in _bigrams(headline))
    frame = [bigram for bigram, count in bigrams.items() if count >= _FRAME * len(articles)]
    shared = Counter(row for b in frame for row in everywhere[b] if row not in own_rows)
    others = sum(count >= _SIMILAR * len(frame) for count in shared.values())
    return len(articles) >= _EXCLUSIVE * (len(articles) + others)


def _issues(articles: list[_Headline]) -> np.ndarray:
    """Return the times of issues in seconds: articles that follow within an hour are one issue."""
    seconds = np.sort([headline.seconds for headline in articles])
    return seconds[np.diff(seconds, prepend=-np.inf) > _HOUR]


def _is_regular(issues: np.ndarray) -> bool:
    """Return True if issues appear at a regular rhythm, of one or several issues per period.

    With two issues per period, such as morning and evening, every second one is a period apart.
    Most intervals must be the period, their median, or with issues missed a multiple of it.
    """
    return any(
        _is_periodic(issues[count:] - issues[:-count], _MIN_PERIOD if count == 1 else _MIN_DAY)
        for count in (1, 2, 3)
        if len(issues) >= max(MIN_ISSUES, 2 * count + 1)
    )


def _is_periodic(intervals: np.ndarray, min_period: float) -> bool:
    period = float(np.median(intervals))
    if period < min_period:
        return False
    multiples = intervals / period
    nearest = np.clip(np.rint(multiples), 1, _MAX_MISSED)
    return float(np.mean(np.abs(multiples - nearest) <= _TOLERANCE)) >= _REGULAR
