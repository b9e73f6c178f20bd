"""Recognise the different addresses (URLs) of one page, and those that name no single article."""

import re
from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

from w3lib.url import canonicalize_url

# Parameters that say where a reader came from, not which page it is.
_TRACKING = re.compile(
    r"utm_.*|at_[a-z]+|mc_[ce]id|(?:fb|g|dc|ms|tw|y|wb|gb)clid|_ga|_gl|_hs(?:enc|mi)|(?:ns|pk|mtm|wt|xt"
    r"|piwik|matomo|guce)_.*|cmp(?:id)?|ocid|icid|ito|ncid|xtor|spm|smid|smtyp|sref|ftag|guccounter"
    r"|emc|mod|ref(?:errer|erer|src|_src|_url)?|source|src|rss|feed(?:type|name)?|campaign(?:_?id)?"
    r"|traffic_source|partner|share|__twitter_impression|igshid|sr_share|taid|reflink|nocache",
    re.IGNORECASE,
)
_SESSION = re.compile(
    r"(?:php)?sess(?:ion)?_?id|jsessionid|aspsessionid\w*|cftoken|cfid|sid|s|token", re.IGNORECASE
)
_SESSION_VALUE = re.compile(r"(?=.*\d)[\w.!-]{16,}")
# Parameters that say how a page is shown, with values that do so: ?print=1, ?page=2, ?output=amp.
_VIEW = re.compile(
    r"amp|output(?:type)?|view|mobile|m|print(?:able|view|er|version)?|page(?:wanted|num(?:ber)?)?|pg"
    r"|paging|single(?:page)?|show(?:all|comments)|comments?|format|refresh|reload",
    re.IGNORECASE,
)
_VIEW_VALUE = re.compile(
    r"|\d{1,2}|all|full|true|false|yes|no|print|amp|amphtml|mobile|html|auto|single", re.IGNORECASE
)
_VARIANT_HOST = re.compile(r"^(?:(?:www\d*|m|mobile?|amp|touch|wap)\.)+(?=[^.]+\.)")
_AMP_CACHE = re.compile(
    r"^https?://(?:www\.google\.[a-z.]+/amp|[\w-]+\.cdn\.ampproject\.org/[cv])/(?:s/)?",
    re.IGNORECASE,
)
_SESSION_PATH = re.compile(r";jsessionid=[^/?#]*", re.IGNORECASE)
_VARIANT_PATH = re.compile(
    r"(?:/(?:index|default)\.\w{2,5}|/amp|/print|/page/\d{1,2}|\.amp|\.s?html?|/)$", re.IGNORECASE
)
_LIVE = re.compile(
    r"live|live[-_]?(?:blog|updates?|news|ticker|reporting|page|coverage)|(?:news)?ticker|en-vivo"
    r"|minuto-a-minuto|en-direct|direct|diretta|ao-vivo",
    re.IGNORECASE,
)
_ID = re.compile(
    r"(?:\w*_)?(?:id|p|post|art(?:icle)?|story|news|item|doc(?:ument)?|a|n)(?:_?(?:id|no))?|[a-z]id",
    re.IGNORECASE,
)
_DATE_PATH = re.compile(r"(?:.*/)?(?:19|20)\d\d(?:/(?:\d{1,2}|[a-z]{3,9})){0,2}", re.IGNORECASE)
_DIGIT = re.compile(r"\d")
_MIN_CHARACTERS = 6  # of a headline in a script without spaces
_DATE = re.compile(r"(?:19|20)\d{6}")
_NUMBER = re.compile(r"\d{5,}")
_CODE = re.compile(r"(?=[a-z_-]*\d)(?=[\d_-]*[a-z])[a-z\d_]{8,}", re.IGNORECASE)
_WORDS = re.compile(r"[^\W\d_]+")


class Precision(Enum):
    """How surely an address names one article."""

    ARTICLE = auto()
    UNCLEAR = auto()
    SECTION = auto()


@dataclass(frozen=True)
class Page:
    """A page on the web.

    Attributes:
        key: text that is equal for all addresses of the page.
        precision: how surely the address names one article. ARTICLE: by a number, a code or the
            words of a headline. UNCLEAR: by less, as in /3 or /storm-1. SECTION: not at all, as
            home pages, sections and feeds.
        is_live: whether it is the address of a live page, whose headline changes all the time.
        words: the words of its path, in lower case.
    """

    key: str
    precision: Precision
    is_live: bool
    words: frozenset[str]


def page_of(url: str) -> Page | None:
    """Return the page that an address leads to; None if it is no address of the web.

    Tracking and session parameters, fragments, AMP and mobile variants, print views and further
    pages of an article lead to the same page.

    >>> page_of("https://amp.herald.example/news/storm-hits-coast.amp.html?utm_source=rss#top").key
    'herald.example/news/storm-hits-coast'
    >>> page_of("https://herald.example/news").precision.name
    'SECTION'
    """
    try:
        parts = urlsplit(_canonical(url))
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return None
    host = _VARIANT_HOST.sub("", parts.hostname)
    path, query, fragment = _page_path(parts.path), _page_query(parts), _page_fragment(url)
    segments = [unquote(segment) for segment in path.split("/") if segment]
    is_live = any(_LIVE.fullmatch(segment) for segment in segments)
    precision = _precision(segments, query + fragment, words_needed=2 if is_live else 3)
    return Page(
        host + path + (f"?{query}" if query else "") + fragment,
        precision,
        is_live and precision is Precision.ARTICLE,
        frozenset(word.casefold() for segment in segments for word in _WORDS.findall(segment)),
    )


def _canonical(url: str) -> str:
    """Return an address with the host in lower case, parameters sorted, escapes normalised."""
    inner = _AMP_CACHE.sub("https://", url)
    canonical: str = canonicalize_url(_SESSION_PATH.sub("", inner), keep_fragments=False)
    return canonical


def _page_path(path: str) -> str:
    """Return a path without what only selects a variant of the page."""
    path = re.sub("^/(?:amp|print|m)(?=/)", "", re.sub("/{2,}", "/", path))
    while (shorter := _VARIANT_PATH.sub("", path)) != path:
        path = shorter
    return path


def _page_query(parts: SplitResult) -> str:
    """Return the parameters that select the page."""
    return urlencode(
        [
            (name, value)
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
            if not _is_ignored(name, value)
        ]
    )


def _is_ignored(name: str, value: str) -> bool:
    return bool(
        _TRACKING.fullmatch(name)
        or (_SESSION.fullmatch(name) and _SESSION_VALUE.fullmatch(value))
        or (_VIEW.fullmatch(name) and _VIEW_VALUE.fullmatch(value))
    )


def _page_fragment(url: str) -> str:
    """Return the fragment if a script of the site selects the page by it: #!/article/7."""
    fragment = url.partition("#")[2]
    return f"#{fragment}" if fragment.startswith(("!", "/")) else ""


def _precision(segments: list[str], query: str, words_needed: int) -> Precision:
    parameters = parse_qsl(query.partition("#")[0])
    if (
        any(_names_article(segment, words_needed) for segment in segments)
        or any(_ID.fullmatch(name) and _DIGIT.search(value) for name, value in parameters)
        or _has_identifier(unquote(query))
    ):
        return Precision.ARTICLE
    is_date = _DATE_PATH.fullmatch("/".join(segments[-3:]))
    has_number = not is_date and any(_DIGIT.search(segment) for segment in segments)
    if query or has_number or any(len(_WORDS.findall(segment)) > 1 for segment in segments):
        return Precision.UNCLEAR
    return Precision.SECTION


def _names_article(segment: str, words_needed: int) -> bool:
    """Return True if a part of a path has a number, a code or the words of a headline."""
    is_headline = len(_WORDS.findall(segment)) >= words_needed or (
        not segment.isascii() and len(segment) >= _MIN_CHARACTERS
    )
    return is_headline or _has_identifier(segment)


def _has_identifier(text: str) -> bool:
    return not _DATE.fullmatch(text) and bool(_NUMBER.search(text) or _CODE.search(text))
