"""Take apart dates with separators or words, such as "5 mars 2024 à 08:15 CET"."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from newsclust_pipeline.ingest.month_names import find_month

_WORDS = r"[^\d\s,./\-:()+\[\]|][^\d,/\-:()+\[\]|]*?"
_MIDNIGHT = (0, 0, 0, 0)
_ORDINAL = r"(?:st|nd|rd|th|º|°|er|ème)?(?:\.|-?[аеoя]\b)?"
_END = r"(?![\d:])"
_NUMERIC = re.compile(rf"(?<![\d:.])(\d{{1,2}})\s?([./-])\s?(\d{{1,2}})\s?\2\s?(\d{{4}}){_END}")
_YEAR_FIRST = re.compile(
    r"(?<!\d)(\d{4})\s?[-/.年년]\s?(\d{1,2})\s?[-/.月월]\s?(\d{1,2})(?!\d)\s?[日일号號.]?"
)
# 5th of March 2024 · 05-Mar-2024 · 5. března 2024 · 5 de marzo de 2024
_DAY_FIRST = (
    rf"(?<![\d:])(?P<day>\d{{1,2}}){_ORDINAL}[\s\-,/]*(?P<month>{_WORDS})[\s\-.,/]*"
    rf"(?P<year>\d{{4}}){_END}"
)
# March 5th, 2024 · Mar-05-2024
_MONTH_FIRST = (
    rf"(?P<month>{_WORDS})[\s\-./]*(?<!\d)(?P<day>\d{{1,2}}){_ORDINAL}[\s,\-/]+"
    rf"(?P<year>\d{{4}}){_END}"
)
# 2024 March 5 · 2024-Mar-05 · 2024. március 5.
_YEAR_MONTH = (
    rf"(?<!\d)(?P<year>\d{{4}})\.?[\s\-,/]*(?P<month>{_WORDS})[\s\-./]*(?P<day>\d{{1,2}})"
    r"(?![\d:])"
)
# Tue Mar 05 08:15:00 +0000 2024
_YEAR_LAST = (
    rf"(?P<month>{_WORDS})\s+(?P<day>\d{{1,2}})\s+(?P<clock>\d{{1,2}}:\d{{2}}:\d{{2}}"
    rf"(?:\s+(?:[+-]\d{{4}}|[a-z]{{2,5}}))?)\s+(?P<year>\d{{4}}){_END}"
)
# 05-Mar-24, by Oracle and spreadsheets; not "05 Mar 08:15"
_SHORT_YEAR = (
    rf"(?<![\d:])(?P<day>\d{{1,2}})(?P<gap>[\s\-/])(?P<month>{_WORDS})(?P=gap)'?"
    r"(?P<year>\d{2})(?!\d|\s?[:.h])"
)
# 5 tháng 3, 2024
_VIETNAMESE = (
    rf"(?<!\d)(?P<day>\d{{1,2}})\s+tháng\s+(?P<number>\d{{1,2}})[\s,]+(?:năm\s+)?"
    rf"(?P<year>\d{{4}}){_END}"
)
_NAMED = tuple(
    map(re.compile, (_DAY_FIRST, _MONTH_FIRST, _YEAR_MONTH, _YEAR_LAST, _SHORT_YEAR, _VIETNAMESE))
)
_CLOCK = re.compile(
    r"(?<![\d+:−-])(\d{1,2})\s?[:.h時时點点시]\s?(\d{2})(?:\s?[分분])?"
    r"(?:\s?[:.]?(\d{2})(?:[.,](\d{1,9}))?\s?[秒초]?)?(?!\d)(?:\s?uhr\b)?"
)
_HOUR = re.compile(r"(?<![\d+:−-])(\d{1,2})(?=\s?[ap]\.?m\b)|(?<![\d+:−-])(\d{1,2})\s?(?:uhr|h)\b")
_AM = re.compile(r"(?<![^\W\d])a\.?\s?m\b\.?|上午|午前|오전|(?<!\w)ص(?!\w)")
_PM = re.compile(r"(?<![^\W\d])p\.?\s?m\b\.?|下午|午後|오후|(?<!\w)م(?!\w)")
_OFFSET = re.compile(r"(?:\b(?:utc|gmt)\s?)?([+−-])(\d{1,2})(?::?(\d{2}))?(?!\d)")
_ZONE_WORD = re.compile(r"(?<!\w)[^\W\d_]{1,5}(?!\w)")

# Hours from UTC. Names with several meanings are left out, except for those that RFC 2822 fixes
# (EST, CST, MST, PST and their summer times), and BST, which is British in news.
_ZONE_HOURS: dict[str, float] = {
    "z": 0, "utc": 0, "gmt": 0, "ut": 0, "wet": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5,
    "mst": -7, "mdt": -6, "pst": -8, "pdt": -7, "akst": -9, "akdt": -8, "hst": -10, "brt": -3,
    "clt": -4, "pet": -5, "cot": -5, "bst": 1, "west": 1, "cet": 1, "mez": 1, "cest": 2, "mesz": 2,
    "eet": 2, "eest": 3, "sast": 2, "wat": 1, "eat": 3, "msk": 3, "мск": 3, "trt": 3, "idt": 3,
    "irst": 3.5, "pkt": 5, "npt": 5.75, "ict": 7, "wib": 7, "wita": 8, "sgt": 8, "myt": 8,
    "hkt": 8, "pht": 8, "awst": 8, "jst": 9, "kst": 9, "acst": 9.5, "acdt": 10.5, "aest": 10,
    "aedt": 11, "nzst": 12, "nzdt": 13,
}  # fmt: skip
_ZONE_PLACES = {
    "et": "America/New_York",
    "ct": "America/Chicago",
    "mt": "America/Denver",
    "pt": "America/Los_Angeles",
}
# Named zones with several meanings, and the one that a dump's other dates can prove.
AMBIGUOUS_ZONES = {"ist": timezone(timedelta(hours=5, minutes=30))}
# Words that make another time of a date.
_REFUSED = frozenset(
    re.split(" ", "ago before until till after since next vor nach hace avant après")
)
# Short words in capitals that are no zone.
_NOT_ZONES = frozenset(
    re.split(
        " ",
        "on at the of um uhr am pm le el il à a an mon tue tues wed thu thur thurs "
        "fri sat sun upd new",
    )
)


@dataclass(frozen=True)
class Parts:
    """The parts of a date.

    Attributes:
        year: four digits.
        month: of a slashed date, the second number.
        day: of a slashed date, the first number.
        clock: hour, minute, second, microsecond; None without a time of day.
        zone: None if the text names none.
        doubt: the name of a zone that has several meanings, or "".
        slashed: whether day and month may be in the other order.
    """

    year: int
    month: int
    day: int
    clock: tuple[int, int, int, int] | None
    zone: tzinfo | None
    doubt: str
    slashed: bool

    def moment(self, *, swapped: bool = False) -> datetime | None:
        """Return the moment, with day and month swapped or not; None if there is none."""
        month, day = (self.day, self.month) if swapped else (self.month, self.day)
        zone = AMBIGUOUS_ZONES.get(self.doubt) or self.zone or UTC
        try:
            return datetime(self.year, month, day, *(self.clock or _MIDNIGHT), zone)
        except ValueError:
            return None


def split_date(text: str) -> Parts | None:
    """Return the parts of a date; None if day, month or year is missing or a part is unknown.

    >>> split_date("Updated 5 March 2024 at 8:15 PM").clock
    (20, 15, 0, 0)
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    plain = "".join(str(unicodedata.digit(c)) if c.isdigit() else c for c in plain)
    lowered = re.sub(r"\[[a-z_/]+\]", "", plain.lower())  # [Europe/Paris] after an offset
    day = _find_day(lowered)
    if day is None:
        return None
    year, month, number, slashed, rest = day
    clock, rest = _take_clock(rest)
    zone, doubt, rest = _take_zone(rest)
    if clock == () or _has_unknown(rest, plain):
        return None
    return Parts(year, month, number, clock or None, zone, doubt, slashed)


def _find_day(text: str) -> tuple[int, int, int, bool, str] | None:
    """Return year, month, day, whether these two may be swapped, and the rest of the text."""
    if found := _YEAR_FIRST.search(text):
        return int(found[1]), int(found[2]), int(found[3]), False, _without(text, found)
    if found := _NUMERIC.search(text):
        slashed = found[2] != "."
        return int(found[4]), int(found[3]), int(found[1]), slashed, _without(text, found)
    for pattern in _NAMED:
        for found in pattern.finditer(text):
            parts = found.groupdict()
            month = int(parts["number"]) if "number" in parts else find_month(parts["month"])
            if month:
                rest = f"{_without(text, found)} {parts.get('clock') or ''}"
                return _full_year(parts["year"]), month, int(parts["day"]), False, rest
    return None


def _without(text: str, found: re.Match[str]) -> str:
    return f"{text[: found.start()]} {text[found.end() :]}"


def _full_year(year: str) -> int:
    """Return a year of four digits: of two, those up to next year are of this century."""
    if len(year) == 4:
        return int(year)
    this = datetime.now(UTC).year
    return this // 100 * 100 + int(year) - (100 if int(year) > this % 100 + 1 else 0)


def _take_clock(text: str) -> tuple[tuple[int, int, int, int] | tuple[()] | None, str]:
    """Return the time of day, None without one or () if there is no such time; and the rest."""
    if found := _CLOCK.search(text):
        hour, minute, second, fraction = found.groups()
        parts = [int(hour), int(minute), int(second or 0), int((fraction or "0").ljust(6, "0")[:6])]
    elif found := _HOUR.search(text):
        parts = [int(found[1] or found[2]), 0, 0, 0]
    else:
        return None, text
    rest = _without(text, found)
    morning, evening = _AM.search(rest), _PM.search(rest)
    if morning or evening:
        if not 1 <= parts[0] <= 12:
            return ((*parts,) if parts[0] < 24 and not morning else ()), rest  # type: ignore[return-value]
        parts[0] = parts[0] % 12 + (12 if evening else 0)
        rest = _PM.sub(" ", _AM.sub(" ", rest))
    if parts[0] > 23 or parts[1] > 59 or parts[2] > 60:
        return (), rest
    parts[2] = min(parts[2], 59)  # a leap second
    return (parts[0], parts[1], parts[2], parts[3]), rest


def _take_zone(text: str) -> tuple[tzinfo | None, str, str]:
    """Return the zone, its name if it has several meanings, and the rest of the text."""
    if found := _OFFSET.search(text):
        sign, hours, minutes = found.groups()
        if len(hours) == 2 or "utc" in found[0] or "gmt" in found[0]:
            offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
            zone = timezone(offset if sign == "+" else -offset) if offset < timedelta(1) else None
            return zone, "", re.sub(r"(?<!\w)[a-z]{2,5}(?!\w)", " ", _without(text, found))
    for found in _ZONE_WORD.finditer(text):
        name = found[0]
        if name in AMBIGUOUS_ZONES:
            return None, name, _without(text, found)
        if name in _ZONE_PLACES:
            return ZoneInfo(_ZONE_PLACES[name]), "", _without(text, found)
        if name in _ZONE_HOURS:
            return timezone(timedelta(hours=_ZONE_HOURS[name])), "", _without(text, found)
    return None, "", text


def _has_unknown(rest: str, original: str) -> bool:
    """Return True if what is left has digits, a word that moves the date, or an unknown zone."""
    if any(c.isdigit() for c in rest):
        return True
    words = re.findall(r"[^\W\d_]+", rest)
    if _REFUSED.intersection(words):
        return True
    return any(
        2 <= len(word) <= 5
        and word not in _NOT_ZONES
        and re.search(rf"\d\s*{word.upper()}(?!\w)", original) is not None
        for word in words
    )
