"""Recurring columns of an outlet: weather, lottery, horoscope, market close, "5 things to know".

A series is a set of articles of one outlet whose headlines share a frame ("Lottery results … March:
winning numbers for the … draw") and that appear at a regular rhythm. No list of words is used, so
that it works in every language. An event fails one of the conditions: several outlets report it, or
its headlines vary, or it has no fixed hour.
"""

from array import array
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
    headlines = _Headlines(articles)
    series = np.full(articles.num_rows, NO_SERIES, dtype=np.int32)
    count = 0
    for outlet, frames in sorted(headlines.frames().items()):
        for issues in _series_of(headlines, outlet, frames):
            series[[headline.row for headline in issues]] = count
            count += 1
    return series


def is_column(labels: np.ndarray, series: np.ndarray, stories: int) -> np.ndarray:
    """Return a mask (stories,) of those of which most articles belong to a series."""
    member = labels >= 0
    sizes = np.bincount(labels[member], minlength=stories)
    recurring = np.bincount(labels[member & (series != NO_SERIES)], minlength=stories)
    return recurring > MAJORITY * sizes


def host_of(url: str | None) -> str:
    """Return the host of an address; empty if there is none."""
    try:
        return urlsplit(url or "").hostname or ""
    except ValueError:
        return ""


def _bigrams(headline: _Headline) -> set[Bigram]:
    return set(pairwise(headline.tokens))


class _Headlines:
    """The headlines of all dated articles, without numbers, and where their bigrams occur.

    Tokens and bigrams are numbers in arrays, because a million headlines as Python objects would
    take gigabytes.
    """

    def __init__(self, articles: pa.Table) -> None:
        times = articles["published_at"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
        self._seconds = np.asarray(times.to_pandas(), dtype=np.float64) / 1e6
        self._outlet = np.full(articles.num_rows, "", dtype=object)
        number: dict[str, int] = {}
        tokens, ends = array("i"), array("q", [0])
        for title in self._dated(articles):
            for token in tokenize(title):
                if not token.text.isnumeric():
                    tokens.append(number.setdefault(token.text, len(number)))
            ends.append(len(tokens))
        self._number, self._names = number, list(number)
        self._tokens, self._ends = np.array(tokens, dtype=np.int64), np.array(ends)
        self._keys, self._rows = self._distinct_bigrams()

    def _dated(self, articles: pa.Table) -> Iterator[str]:
        """Yield every article's headline, empty for undated ones, and note its outlet."""
        columns = (articles[name].to_pylist() for name in ("title", "venue", "url"))
        for row, (title, venue, url) in enumerate(zip(*columns, strict=True)):
            self._outlet[row] = venue or host_of(url)
            yield title if np.isfinite(self._seconds[row]) else ""

    def _distinct_bigrams(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the bigrams of all headlines (b,), in order, and the row (b,) of each."""
        row = np.repeat(np.arange(len(self._seconds)), np.diff(self._ends))
        keys = self._tokens[:-1] * len(self._names) + self._tokens[1:]
        within = row[:-1] == row[1:]
        keys, row = keys[within], row[:-1][within]
        order = np.lexsort((row, keys))
        keys, row = keys[order], row[order]
        first = np.ones(len(keys), dtype=bool)
        first[1:] = (keys[1:] != keys[:-1]) | (row[1:] != row[:-1])
        return keys[first], row[first]

    def headline(self, row: int) -> _Headline:
        """Return one headline."""
        tokens = self._tokens[self._ends[row] : self._ends[row + 1]]
        return _Headline(row, float(self._seconds[row]), [self._names[t] for t in tokens])

    def rows_of(self, bigram: Bigram) -> np.ndarray:
        """Return the rows of the headlines that have a bigram, in order."""
        key = self._number[bigram[0]] * len(self._names) + self._number[bigram[1]]
        start, end = np.searchsorted(self._keys, [key, key + 1])
        return self._rows[start:end]

    def frames(self) -> dict[str, dict[Bigram, np.ndarray]]:
        """Return, by outlet, the rows of every bigram that is frequent there and rare elsewhere."""
        names, outlet = np.unique(self._outlet, return_inverse=True)
        of_bigram = outlet[self._rows]
        order = np.lexsort((of_bigram, self._keys))
        keys, of_bigram = self._keys[order], of_bigram[order]
        first = np.ones(len(keys), dtype=bool)
        first[1:] = (keys[1:] != keys[:-1]) | (of_bigram[1:] != of_bigram[:-1])
        starts = np.flatnonzero(first)
        counts = np.diff(np.append(starts, len(keys)))
        totals = np.diff(np.searchsorted(self._keys, [keys[starts], keys[starts] + 1]), axis=0)[0]
        frames: dict[str, dict[Bigram, np.ndarray]] = defaultdict(dict)
        for group in np.flatnonzero((counts >= MIN_ISSUES) & (counts >= _EXCLUSIVE * totals)):
            start = starts[group]
            one, other = divmod(int(keys[start]), len(self._names))
            rows = self._rows[order[start : start + counts[group]]]
            name = names[of_bigram[start]]
            frames[name][self._names[one], self._names[other]] = rows
        return frames

    def is_exclusive(self, articles: list[_Headline], outlet: str) -> bool:
        """Return True if few headlines of other outlets have the frame of these articles."""
        bigrams = Counter(bigram for headline in articles for bigram in _bigrams(headline))
        frame = [bigram for bigram, count in bigrams.items() if count >= _FRAME * len(articles)]
        if not frame:
            return True
        rows, counts = np.unique(
            np.concatenate([self.rows_of(b) for b in frame]), return_counts=True
        )
        others = int(((self._outlet[rows] != outlet) & (counts >= _SIMILAR * len(frame))).sum())
        return len(articles) >= _EXCLUSIVE * (len(articles) + others)


def _series_of(
    headlines: _Headlines, outlet: str, frames: dict[Bigram, np.ndarray]
) -> Iterator[list[_Headline]]:
    """Yield the series of one outlet, those of the most frequent frames first."""
    taken: set[int] = set()
    for bigram in sorted(frames, key=lambda b: (-len(frames[b]), b)):
        rows = [row for row in frames[bigram].tolist() if row not in taken]
        if len(rows) < MIN_ISSUES:
            continue
        articles = [headlines.headline(row) for row in rows]
        if _is_series(articles) and headlines.is_exclusive(articles, outlet):
            taken.update(rows)
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
