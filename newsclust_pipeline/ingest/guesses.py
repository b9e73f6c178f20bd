"""Guess from a sample of rows which columns hold which field of an article.

A name proposes, the values dispose: a column of addresses is no outlet, whatever its name. A field
without a known name goes to the column whose values look like it.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from newsclust_pipeline.ingest.dates import Reading
from newsclust_pipeline.ingest.names import LATER, field_of, plain_name
from newsclust_pipeline.ingest.samples import DAY, Path, Sample, Values
from newsclust_pipeline.ingest.values import is_clock, is_domain, is_page_url

_MOST = 0.8  # share of values from which a column counts as one kind
_HALF = 0.5
_TITLE_WORDS = 3.5  # per value, on average
_BODY_WORDS = 8
_MAX_TITLE_WORDS = 30
_OUTLET_WORDS = 10
_CLOCKS = frozenset(
    plain_name(name)
    for name in (
        "time", "hour", "pub time", "publish time", "published time", "time of day", "zeit",
        "uhrzeit", "heure", "hora", "ora", "tijd", "godzina", "čas", "klockslag", "время", "час",
        "saat", "ώρα", "الوقت", "ساعت", "时间", "時間", "時刻", "시간", "giờ",
    )
)  # fmt: skip
# Names of columns that are never a body, an address or a date of the article itself.
_OTHER = re.compile(
    r"author|byline|writer|autor|image|img|photo|picture|thumb|icon|logo|video|audio|media|avatar|"
    r"keyword|tags?$|categor|licen|copyright|disclaimer|entit|sentiment|location|birth|expir|"
    r"comment|feed|rss|mobile|amp|favicon|embed|social|credit|caption|prompt|cookie|header|"
    r"source|publisher|provider|home",
    re.IGNORECASE,
)


class Guess(NamedTuple):
    """A column that may hold a field.

    Attributes:
        field: the field.
        path: the column's name; for nested objects the keys that lead to the value.
        rank: lower is better.
        known_by: "name", "values" or "setting".
        clock: the path of the time of day that belongs to a column of days, if any.
    """

    field: str
    path: Path
    rank: int
    known_by: str
    clock: Path | None = None


def guess_columns(sample: Sample, chosen: Mapping[str, str]) -> list[Guess]:
    """Return the columns for every field, best first; none for a field that has no column.

    Args:
        sample: rows of one dump.
        chosen: column or path by field, from the user; used if the sample has it.
    """
    named = _by_name(sample)
    guesses = {name: _ranked(sample, name, named[name]) for name in _JUDGES}
    for name, path in chosen.items():
        found = _find_path(sample, path)
        if found:
            guesses[name] = [Guess(name, found, -1, "setting")]
    claimed = {guess.path for listed in guesses.values() for guess in listed}
    for name in ("url", "published_at", "venue", "title", "description"):
        if not any(sample.columns[guess.path].by_row for guess in guesses[name]):
            free = {p: v for p, v in sample.columns.items() if p not in claimed and v.by_row}
            guess = _by_values(name, free, guesses)
            guesses[name] += [guess] if guess else []
            claimed |= {guess.path} if guess else set()
    return [guess for listed in guesses.values() for guess in listed]


def _by_name(sample: Sample) -> dict[str, list[Guess]]:
    guesses: dict[str, list[Guess]] = defaultdict(list)
    for path, values in sample.columns.items():
        named = field_of(path)
        if named is None:
            continue
        name, rank = named
        if name == "venue" and values.urls > _HALF:  # the address of the article, or of its outlet
            name, rank = "url", LATER + rank
        if not values.by_row or _JUDGES[name](rank, values):
            guesses[name].append(Guess(name, path, rank, "name"))
    return guesses


def _ranked(sample: Sample, name: str, guesses: list[Guess]) -> list[Guess]:
    """Return the guesses for a field, best first; empty columns last."""
    columns = sample.columns
    ranked = sorted(guesses, key=lambda guess: (not columns[guess.path].by_row, guess.rank))
    if name == "url":
        ranked.sort(key=lambda guess: columns[guess.path].urls < _HALF)
        return [g for g in ranked if g.rank < LATER] or ranked[:1]
    return _ranked_dates(sample, ranked) if name == "published_at" else ranked


def _ranked_dates(sample: Sample, ranked: list[Guess]) -> list[Guess]:
    """Return dates of publication, readable ones and finer ones first.

    Dates of a change or of a download are used only where a dump has no others.
    """
    columns = sample.columns
    ranked = [g for g in ranked if g.rank < LATER and columns[g.path].by_row] or ranked
    ranked.sort(key=lambda guess: columns[guess.path].dates < _HALF)
    if not ranked or columns[ranked[0].path].clocks >= _HALF:
        return ranked
    best = columns[ranked[0].path]
    for guess in ranked[1:]:
        finer = columns[guess.path]
        if guess.rank < LATER and finer.clocks > _HALF and _same_days(best, finer):
            return [guess, *(g for g in ranked if g is not guess)]
    clock = _clock_column(sample, best)
    return [ranked[0]._replace(clock=clock), *ranked[1:]] if clock else ranked


def _same_days(days: Values, times: Values) -> bool:
    """Return True if most rows have the same day in both columns, give or take a time zone."""
    both = days.readings.keys() & times.readings.keys()
    near = [_distance(days.readings[row], times.readings[row]) < 2 * DAY for row in both]
    return bool(near) and fmean(near) >= _MOST


def _distance(day: Reading, time: Reading) -> int:
    moments = [moment for moment in (day.time, day.other) if moment is not None]
    other = [moment for moment in (time.time, time.other) if moment is not None]
    return min(abs(a - b) for a in moments for b in other)


def _clock_column(sample: Sample, days: Values) -> Path | None:
    """Return the column with the time of day that belongs to a column of days."""
    if not days.readings or days.clocks:
        return None
    for path, values in sample.columns.items():
        if plain_name(path[-1]) in _CLOCKS and values.share(is_clock) >= _MOST:
            return path
    return None


def _is_title(rank: int, values: Values) -> bool:
    return values.urls < _HALF and (rank < LATER or values.words >= _TITLE_WORDS)


def _is_description(_: int, values: Values) -> bool:
    return values.urls < _HALF


def _is_date_column(_: int, values: Values) -> bool:
    return values.share(is_clock) < _MOST


def _is_url_column(rank: int, values: Values) -> bool:
    return rank < LATER or values.urls >= _HALF


def _is_venue(_: int, values: Values) -> bool:
    return values.words <= _OUTLET_WORDS and values.share(str.isdecimal) < _MOST


_JUDGES: dict[str, Callable[[int, Values], bool]] = {
    "title": _is_title,
    "description": _is_description,
    "published_at": _is_date_column,
    "url": _is_url_column,
    "venue": _is_venue,
}


def _by_values(
    name: str, free: Mapping[Path, Values], guesses: Mapping[str, Sequence[Guess]]
) -> Guess | None:
    """Return the column whose values look like a field, if there is one."""
    path: Path | None = None
    plausible = {p: v for p, v in free.items() if not any(_OTHER.search(str(key)) for key in p)}
    if name == "url":
        pages = {p: v.distinct for p, v in plausible.items() if v.share(is_page_url) >= _MOST}
        path = max(pages, key=pages.__getitem__, default=None)
    elif name == "published_at":
        path = next((p for p, v in plausible.items() if _is_date_text(v)), None)
    elif name == "venue":
        path = next((p for p, v in plausible.items() if v.share(is_domain) >= _MOST), None)
    elif name == "title":
        path = _title_column(plausible) if _is_table_of_articles(guesses) else None
    else:
        prose = {p: v.words for p, v in plausible.items() if _is_prose(v)}
        path = max(prose, key=prose.__getitem__, default=None)
    return Guess(name, path, 0, "values") if path else None


def _is_date_text(values: Values) -> bool:
    """Return True for readable dates, but not for numbers, which could be anything."""
    return values.dates >= _MOST and values.share(lambda t: t.replace(".", "").isdecimal()) < _HALF


def _is_prose(values: Values) -> bool:
    return values.words >= _BODY_WORDS and values.urls < _HALF and values.dates < _HALF


def _is_table_of_articles(guesses: Mapping[str, Sequence[Guess]]) -> bool:
    named = [name for name, listed in guesses.items() if any(g.known_by == "name" for g in listed)]
    return len(named) >= 2


def _title_column(plausible: Mapping[Path, Values]) -> Path | None:
    """Return the shortest of the columns whose values read like headlines."""
    lines = {
        path: values.words
        for path, values in plausible.items()
        if _TITLE_WORDS <= values.words <= _MAX_TITLE_WORDS
        and values.distinct >= _MOST
        and values.urls < _HALF
        and values.dates < _HALF
    }
    return min(lines, key=lines.__getitem__, default=None)


def _find_path(sample: Sample, path: str) -> Path | None:
    """Return the column with a name, or the keys of a path such as "headline.main"."""
    dotted = {".".join(map(str, known)): known for known in sample.columns}
    return dotted.get(path)
