"""Read dates of publication, which come in many forms, often several in one column.

A date is read only if it has one meaning: day, month and year, and a zone that is known or absent
(which means UTC). "03/06/2024" has two; `DateColumn` decides between them from all rows of a dump.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from newsclust_pipeline.ingest.date_words import split_date

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)
_EXCEL_EPOCH = datetime(1899, 12, 30, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# The years 1700 to 2299.
_FIRST, _END = ((datetime(y, 1, 1) - _NAIVE_EPOCH) // _MICROSECOND for y in (1700, 2300))
_NUMBER = re.compile(r"(\d+)(?:\.(\d*))?(?:[eE]\+?(\d{1,2}))?")
# Microseconds of the unit of a Unix time, by the number of its digits.
_UNITS = {9: 10**6, 10: 10**6, 12: 10**3, 13: 10**3, 15: 1, 16: 1, 19: 1}
_STAMPS = {8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_EXCEL_DAYS = range(30_000, 60_000)  # 1982 to 2064
_EXACT_DIGITS = 10  # of a number in scientific notation that is exact to the second
_INDIA = 330  # minutes
_DAY_IN_URL = re.compile(r"(?<!\d)(20\d\d)[/-]?(\d\d)[/-]?(\d\d)(?!\d)")
_INDIAN_URL = re.compile(r"https?://[^/]+\.in(?:[:/]|$)", re.IGNORECASE)
_CLEAR_MAJORITY = 0.95
_MIN_ROWS_FOR_SPAN = 3
_CLEAR_SPAN = 5
_WHY = {"": "no row decides", "mixed": "the rows contradict each other"}
_ORDER_NOTES = {
    "dmy": "day first",
    "mdy": "month first",
    "mixed": "day or month first: undecided, {:,} undated",
    "": "day or month first: undecided",
}
_LONGEST = 200  # characters of a date
_DOTNET = re.compile(r"/?Date\((-?\d{9,16})(?:[+-]\d{4})?\)/?")
_CALL = re.compile(r"(?:Timestamp|ISODate|new Date|Date|datetime)\(\s*['\"]([^'\"]+)['\"].*\)")
_NUMBERS = re.compile(r"(?:time\.struct_time|datetime\.datetime|datetime\.date)?[(\[](.*)[)\]]")


class Reading(NamedTuple):
    """What a text says about a moment, in microseconds since 1970 (UTC).

    Attributes:
        time: the moment. With a doubt about the order, the month-first reading; with a doubt about
            the zone, None.
        other: with a doubt, the other reading.
        doubt: "" for a text with one meaning, "order", or the name of a zone.
        order: "dmy" or "mdy" if the text proves the order of its column, else "".
        has_clock: whether the text has a time of day.
        offset: minutes from UTC, if the text states them.
    """

    time: int | None
    other: int | None = None
    doubt: str = ""
    order: str = ""
    has_clock: bool = True
    offset: int | None = None


def read_date(text: str) -> Reading | None:
    """Return what a text says about a moment; None if it can't be read.

    >>> read_date("2024-06-03T12:00:00Z").time
    1717416000000000
    >>> read_date("3 hours ago")
    """
    reading = _read(text.strip())
    times = (reading.time, reading.other) if reading else ()
    return reading if all(t is None or _FIRST <= t < _END for t in times) else None


def _read(text: str) -> Reading | None:
    if text[4:5] == "-" or text[8:9] == "T":
        reading = _read_iso(text)
        if reading:
            return reading
    number = _NUMBER.fullmatch(text)
    if number:
        return _read_number(*number.groups(""))
    return _read_serialised(text[:_LONGEST]) or (_read_words(text) if len(text) < 100 else None)


def _read_iso(text: str) -> Reading | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    offset = moment.utcoffset()
    minutes = None if offset is None else offset // timedelta(minutes=1)
    return Reading(_microseconds(moment), has_clock=len(text) > 12, offset=minutes)


def _microseconds(moment: datetime) -> int:
    return (moment - (_NAIVE_EPOCH if moment.tzinfo is None else _EPOCH)) // _MICROSECOND


def _read_number(whole: str, fraction: str, exponent: str) -> Reading | None:
    """Read Unix times in every unit, compact stamps and serial days of spreadsheets."""
    if exponent:
        if len(whole + fraction) < _EXACT_DIGITS:
            return None  # 1.70963E+12 was rounded: it may be hours off
        shift = int(exponent)
        digits = (whole + fraction).ljust(len(whole) + shift, "0")
        whole, fraction = digits[: len(whole) + shift], digits[len(whole) + shift :]
    fraction = fraction.rstrip("0")
    if len(whole) == 5 and int(whole) in _EXCEL_DAYS:
        seconds = round(float(f"{whole}.{fraction}") * 86_400)
        moment = _EXCEL_EPOCH + timedelta(seconds=seconds)
        return Reading(_microseconds(moment), has_clock=bool(fraction))
    return _read_stamp(whole) or _read_unix(whole, fraction)


def _read_stamp(digits: str) -> Reading | None:
    """Read a stamp such as 20240305081500. Of ten digits: as a Unix time it would be after 2033."""
    if digits[:2] not in {"19", "20"} or (len(digits) == 10 and digits[:2] == "19"):
        return None
    form = _STAMPS.get(len(digits) - 3 if len(digits) == 17 else len(digits))
    try:
        moment = datetime.strptime(digits[:14], form or "").replace(tzinfo=UTC)
    except ValueError:
        return None
    milliseconds = timedelta(milliseconds=int(digits[14:] or 0))
    return Reading(_microseconds(moment + milliseconds), has_clock=len(digits) > 8)


def _read_unix(whole: str, fraction: str) -> Reading | None:
    unit = _UNITS.get(len(whole))
    if unit is None:
        return None
    time = int(whole) // 1000 if len(whole) == 19 else int(whole) * unit
    return Reading(time + int(float(f"0.{fraction or 0}") * unit))


def _read_serialised(text: str) -> Reading | None:
    """Read dates in the notation of a programming language, such as `Timestamp('2024-03-05')`."""
    if found := _DOTNET.fullmatch(text):
        return _read_unix(found[1], "")
    if found := _CALL.fullmatch(text):
        return _read(found[1].strip())
    if found := _NUMBERS.fullmatch(text):
        stated, _, zone = found[1].partition("tzinfo")
        numbers = [int(number) for number in re.findall(r"(?<![\w.])\d+", stated)[:6]]
        if not len(numbers) >= 3 or (zone and "utc" not in zone.lower()):
            return None
        try:
            moment = datetime(*numbers, *[0] * (7 - len(numbers)), UTC)  # type: ignore[arg-type,call-arg]
        except (ValueError, OverflowError):
            return None
        return Reading(_microseconds(moment), has_clock=len(numbers) > 3)
    return None


def _read_words(text: str) -> Reading | None:
    """Read dates with separators or words."""
    parts = split_date(text) if any(map(str.isdigit, text)) else None
    if parts is None:
        return None
    moment = parts.moment()
    other = parts.moment(swapped=True) if parts.slashed else None
    if moment is None and other is None:
        return None
    time = None if moment is None else _microseconds(moment)
    swapped = None if other is None else _microseconds(other)
    if parts.doubt:
        return None if parts.slashed else Reading(None, time, parts.doubt)
    known = Reading(time, has_clock=parts.clock is not None, offset=_offset(moment or other))
    if not parts.slashed or time == swapped:
        return known
    if time is None or swapped is None:
        order = "mdy" if time is None else "dmy"
        return known._replace(time=swapped if time is None else time, order=order)
    return known._replace(time=swapped, other=time, doubt="order")


def _offset(moment: datetime | None) -> int | None:
    offset = moment.utcoffset() if moment else None
    return None if offset is None else offset // timedelta(minutes=1)


@dataclass
class DateColumn:
    """Evidence from all rows about a column whose dates have two meanings.

    Attributes:
        setting: "dmy" or "mdy" where the rows don't decide; "auto" to leave it to them.
        name: the dump and the column, for messages.
    """

    setting: str = "auto"
    name: str = ""
    _proofs: Counter[str] = field(default_factory=Counter)
    _doubts: Counter[str] = field(default_factory=Counter)
    _india: int = 0
    _spans: list[tuple[int, int]] = field(default_factory=list)

    def add(self, reading: Reading, url: str | None = None) -> None:
        """Take a reading into account, and the date that the article's address may contain."""
        if reading.doubt:
            self._doubts[reading.doubt] += 1
            self._india += bool(_INDIAN_URL.match(url or ""))
        if reading.doubt == "order":
            self._add_ambiguous(reading, url or "")
        elif reading.order:
            self._proofs[reading.order] += 1
        elif reading.offset == _INDIA:
            self._india += 1

    def _add_ambiguous(self, reading: Reading, url: str) -> None:
        times = (reading.time or 0, reading.other or 0)
        found = _DAY_IN_URL.search(url)
        if found:
            day = "".join(f"{int(part):02}" for part in found.groups())
            self._proofs += Counter(
                order
                for order, time in zip(("mdy", "dmy"), times, strict=True)
                if f"{_EPOCH + timedelta(microseconds=time):%Y%m%d}" == day
            )
        low, high = self._spans or [times, times]
        self._spans = [
            (min(low[0], times[0]), min(low[1], times[1])),
            (max(high[0], times[0]), max(high[1], times[1])),
        ]

    @property
    def order(self) -> str:
        """The order: "dmy", "mdy", "mixed" if the rows disagree, or "" if nothing decides."""
        by_setting = "" if self.setting == "auto" else self.setting
        if self._proofs:
            (best, count), *_ = self._proofs.most_common()
            clear = count >= _CLEAR_MAJORITY * self._proofs.total()
            return best if clear else by_setting or "mixed"
        return by_setting or self._by_span()

    def _by_span(self) -> str:
        """Return the order in which the dates lie close together, if in the other they don't.

        Six days of one month look like one day in each of six months when they are swapped.
        """
        if self._doubts["order"] < _MIN_ROWS_FOR_SPAN:
            return ""
        low, high = self._spans
        month_first, day_first = high[0] - low[0], high[1] - low[1]
        if day_first * _CLEAR_SPAN < month_first:
            return "dmy"
        return "mdy" if month_first * _CLEAR_SPAN < day_first else ""

    @property
    def doubts(self) -> dict[str, bool | None]:
        """Which reading holds for every kind of doubt: False the first, True the other, None none.

        Without any evidence about the order, the month comes first.
        """
        order = {"dmy": True, "mixed": None}.get(self.order, False)
        return {
            doubt: order if doubt == "order" else (True if self._india else None)
            for doubt in self._doubts
        }

    @property
    def warning(self) -> str:
        """What the user should decide or know; "" if every date has one meaning."""
        count = self._doubts["order"]
        if count and self.order in {"", "mixed"}:
            done = "they are undated" if self.order else "the month is read first"
            return (
                f"{count:,} dates such as 03/06/2024 may be day or month first, and "
                f"{_WHY[self.order]}: {done}. Set `news.date_order` to dmy or mdy."
            )
        return ""

    @property
    def note(self) -> str:
        """What was decided about dates with two meanings, for the column report."""
        notes = [_ORDER_NOTES[self.order].format(self._doubts["order"])] * bool(
            self._doubts["order"]
        )
        notes += [
            f"{count:,} in zone {zone.upper()}, " + ("as India's" if self._india else "undated")
            for zone, count in self._doubts.items()
            if zone != "order"
        ]
        return "; ".join(notes)
