"""Which headlines name a story well: plain statements, without the outlet's name or labels.

A headline is no plain statement if it is a question, a quotation or an exclamation, if it is cut
off, explains or lists something ("How …", "5 takeaways"), or carries a label such as "LIVE",
"WATCH" or "podcast".
The words are those of some languages; in others, only punctuation counts.
"""

import re
from collections.abc import Iterable

from newsclust_pipeline.stories.tokens import tokenize

_LABELS = """
analysis blog briefing breaking column comment editorial exclusive explained explainer gallery
interview letters live newsletter opinion photos pictures podcast profile quiz recap review reviewed
roundup round-up transcript update updates video videos watch weekly wrap
aktuell analyse eilmeldung interview kommentar liveblog liveticker meinung newsblog ticker
analyse direct infographie tribune vidéo vivo directo análisis opinión vídeo diretta opinione
aovivo онлайн видео мнение фото трансляция canlı 直播 视频 動画 速報 مباشر فيديو लाइव वीडियो
"""
_OPENERS = """
how here's heres inside meet what when where which who why
comment pourquoi qui wann warum was wer wie wo cómo cuándo dónde qué quién cosa perché
где зачем как когда кто почему что
"""
_LABEL_WORDS = frozenset(_LABELS.split())
_OPENER_WORDS = frozenset(_OPENERS.split())
_COUNTED_NOUNS = "facts moments questions reasons takeaways things tips ways"
_COUNTED = frozenset(_COUNTED_NOUNS.split())
_SEPARATOR = r"(?:\s+[|–—-]\s+|\s*:\s+|\s*[：｜]\s*)"
_FIRST = re.compile(rf"^(?P<segment>.{{1,40}}?){_SEPARATOR}(?P<rest>.+)$")
_LAST = re.compile(r"^(?P<rest>.+)\s+[|–—-]\s+(?P<segment>[^|–—]{1,40})$")
_LAST_IN_BRACKETS = re.compile(r"^(?P<rest>.+?)\s*[\(\[](?P<segment>[^()\[\]]{1,40})[\)\]]$")
_QUESTION_OR_EXCLAMATION = frozenset("?？؟՞!！¿¡")
_CUT = ("…", "...")
_OPENING_QUOTES = "\"'“”„«‘「『"


def clean_headline(title: str, outlets: Iterable[str]) -> str:
    """Return a headline without labels, sections and names of its outlets at either end.

    >>> clean_headline("LIVE: Ferry fire kills two – video | Harbour Post", ["Harbour Post"])
    'Ferry fire kills two'
    """
    names = {_words(outlet) for outlet in outlets}
    # "|" separates a headline from a section, an author or an outlet.
    title = max(title.split(" | "), key=len).strip()
    while match := _removable(title, names):
        title = match["rest"].strip()
    return title


def is_plain(title: str) -> bool:
    """Return True if a headline is a plain statement.

    >>> is_plain("Ferry fire kills two"), is_plain("Ferry fire: what we know")
    (True, False)
    """
    if not title or not _QUESTION_OR_EXCLAMATION.isdisjoint(title):
        return False
    if title[0] in _OPENING_QUOTES or title.rstrip().endswith(_CUT):
        return False
    segments = [s for s in re.split(_SEPARATOR, title) if s]
    words = [_words(segment) for segment in segments]
    labels = any(not _LABEL_WORDS.isdisjoint(part) for part in words) and len(words) > 1
    labels = labels or words[0][-1:] == ("live",) or words[0][:1] in {("live",), ("watch",)}
    opens = any(part[:1] and part[0] in _OPENER_WORDS for part in (words[0], words[-1]))
    return not (labels or opens or _counts(words))


def _removable(title: str, names: set[tuple[str, ...]]) -> re.Match[str] | None:
    """Return the match of a first or last segment that is only labels or an outlet's name."""
    for pattern in (_LAST, _LAST_IN_BRACKETS, _FIRST):
        match = pattern.match(title)
        words = _words(match["segment"]) if match else ()
        if words and (words in names or _LABEL_WORDS.issuperset(words)):
            return match
    return None


def _counts(segments: list[tuple[str, ...]]) -> bool:
    """Return True if a segment announces a list: "10 things to know", "5 takeaways"."""
    return any(not _COUNTED.isdisjoint(words) for words in segments)


def _words(text: str) -> tuple[str, ...]:
    return tuple(token.text.replace("’", "'") for token in tokenize(text))
