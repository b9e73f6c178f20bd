"""Compare headlines: what two of them share, and which parts of one say nothing about the event."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

# Scripts without spaces between words: Thai, Lao, Myanmar, Khmer, Kana, Han.
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"
_TOKENS = re.compile(rf"[{UNSPACED}]+|[^\W\d_{UNSPACED}]+|\d+")
_UNSPACED_RUN = re.compile(rf"[{UNSPACED}]+")
# What agencies and outlets put before a headline when they publish it again: "UPDATE 2-Storm …".
_VERSION_PREFIX = re.compile(
    r"^\W*(?:(?:UPDATE|CORRECT(?:ED|ION)|WRAPUP|REFILE|RPT|REPEAT|RECAP|AMENDED|UPDATED|CLARIFICATION|"
    r"ADVISORY|BREAKING(?: NEWS)?|LIVE|WATCH|VIDEO|LISTEN|PHOTOS|PICTURES|JUST IN|EILMELDUNG|EIL|"
    r"KORREKTUR|AKTUALISIERT|URGENT|ALERTE|MISE À JOUR|ACTUALIZACIÓN|ÚLTIMA HORA|AGGIORNAMENTO|"
    r"速報|更新)"
    r"(?:\s*(?:NO\.?\s*)?\d{1,2}(?!\d))?\W*[-:–—\])|】]\W*)+",
    re.IGNORECASE,
)
_SUFFIX = re.compile(r"\s+(?:[|•·»]|-{1,2}|–|—|::)\s+([^|•·»]{2,40})$")
_MAX_ADDITION = 0.15  # share of a headline that may be new without making it another event's
_SEPARATOR = re.compile(r"[-:–—\])|】•·»]")  # that every prefix and suffix has
_HOST = re.compile(r"//([^/?#]+)")
_LETTERS = re.compile(r"[\W_]+")
_ASCII_SIGNS = {code: None for code in range(128) if not chr(code).isalnum()}


@dataclass(frozen=True)
class Words:
    """The words of an article, as of `tokens`: of its headline, and of the rest."""

    headline: frozenset[str]
    body: frozenset[str]


def strip_suffix(title: str, outlets: Collection[str]) -> str:
    """Return a headline without the name of an outlet at its end.

    Args:
        title: a headline.
        outlets: names as of `outlet_names`.

    >>> strip_suffix("Storm hits coast | Herald", outlet_names("The Herald", ""))
    'Storm hits coast'
    """
    match = _SUFFIX.search(title)
    if not match:
        return title
    is_outlet = any(_is_name_of(_letters(match[1]), outlet) for outlet in outlets)
    return title[: match.start()] if is_outlet and match.start() else title


def _is_name_of(name: str, outlet: str) -> bool:
    """Return True if two reduced names are equal, or one begins or ends with the other."""
    shorter, longer = sorted((name, outlet), key=len)
    differs_little = len(shorter) > 2 and len(longer) - len(shorter) <= 8
    return name == outlet or (
        differs_little and (longer.startswith(shorter) or longer.endswith(shorter))
    )


def strip_prefix(title: str) -> str:
    """Return a headline without the marks of a new version, such as "UPDATE 2-" or "WATCH:"."""
    return _VERSION_PREFIX.sub("", title) or title


def outlet_names(venue: str | None, host: str) -> frozenset[str]:
    """Return the names that an outlet may have at the end of a headline, reduced to letters.

    Args:
        venue: the outlet.
        host: the host of the article's address; all its labels but the last count.
    """
    labels = host.split(".")[:-1]
    return frozenset(filter(None, map(_letters, [venue or "", *labels])))


def bare_headline(title: str, url: str | None, venue: str | None) -> str:
    """Return a headline without the mark of a new version and the name of its outlet."""
    if not _SEPARATOR.search(title):  # fast, and true of most headlines
        return title
    return strip_prefix(strip_suffix(title, outlet_names(venue, host_of(url))))


def host_of(url: str | None) -> str:
    """Return the host of an address; "" if there is none."""
    match = _HOST.search(url or "")
    return match[1] if match else ""


def headline_key(title: str) -> str:
    """Return the letters and digits of a headline; equal for headlines of the same words.

    >>> headline_key("Earthquake : 9 dead") == headline_key("EARTHQUAKE: 9 dead")
    True
    """
    return _letters(title)


def tokens(text: str) -> frozenset[str]:
    """Return the words and numbers of a text; in scripts without spaces, pairs of characters.

    Words are in lower case; acronyms stay in upper case, so that US is not us.
    """
    found: set[str] = set()
    for token in _TOKENS.findall(unicodedata.normalize("NFKC", text)):
        if len(token) > 1 and _UNSPACED_RUN.fullmatch(token):
            found.update(token[i : i + 2] for i in range(len(token) - 1))
        else:
            found.add(token if _is_acronym(token) and not text.isupper() else token.casefold())
    return frozenset(found)


def cover(headline: Collection[str], text: Collection[str]) -> float:
    """Return the share of a headline's tokens that occur in a text, weighted by their length.

    Long words, numbers and acronyms say more than short words, in most languages: "the" weighs 2,
    "earthquake" 7. A word also occurs if the text has an inflected form of it.
    """
    total = sum(map(_weight, headline))
    return 1 - sum(map(_weight, missing(headline, text))) / total if total else 1.0


def missing(headline: Collection[str], text: Collection[str]) -> set[str]:
    """Return the tokens of a headline that don't occur in a text, not even inflected."""
    absent = set(headline).difference(text)
    return {t for t in absent if t.isdigit() or not any(_is_inflected(t, other) for other in text)}


def headline_similarity(one: Words, other: Words) -> float:
    """Return how far two headlines agree, 0 to 1, given the texts of their articles.

    If one headline adds nothing, it is the share of the other that occurs in the first article. If
    each has words that the other article lacks, the two may be about different events, and only the
    shared text can show that they are about the same: it is the share of either headline that the
    shared text covers. Boilerplate covers none.

    Example: the text "A fire broke out on the night ferry" covers both "Night ferry burns" and
    "Fire on ferry"; "Log in to read on" covers neither.
    """
    covered = (
        cover(one.headline, other.headline | other.body),
        cover(other.headline, one.headline | one.body),
    )
    if 1 - max(covered) > _MAX_ADDITION:
        shared = one.body & other.body
        return min(cover(one.headline, shared), cover(other.headline, shared))
    return min(covered)


def _is_inflected(one: str, other: str) -> bool:
    """Return True if two words begin alike: storm, storms; election, electoral; not Iran, Iraq."""
    if one[:4] != other[:4]:
        return False
    shorter, longer = sorted((one, other), key=len)
    common = next(
        (i for i, (a, b) in enumerate(zip(shorter, longer, strict=False)) if a != b), len(shorter)
    )
    if common == len(shorter):
        return len(longer) - common <= 4 <= common
    return common >= 5 and common >= 0.75 * len(shorter)


def _weight(token: str) -> int:
    if token.isdigit() or _is_acronym(token):
        return 4
    return 3 if _UNSPACED_RUN.fullmatch(token) else min(len(token), 8) - 1


def _is_acronym(token: str) -> bool:
    return 1 < len(token) <= 4 and token.isupper()


def _letters(text: str) -> str:
    if text.isascii():  # the same, in a fifth of the time
        return text.translate(_ASCII_SIGNS).lower()
    return _LETTERS.sub("", unicodedata.normalize("NFKC", text)).casefold()
