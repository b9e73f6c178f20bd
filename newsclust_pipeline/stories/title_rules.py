"""A model's answer → a title, if articles of several outlets support every word of it.

The headline of one article may contain an instruction to the model, and a model may follow it. So
nothing in a title may come from one outlet alone: each word or an inflection of it, each number and
each symbol must stand in articles of at least two outlets. There is no exception for small words,
because "not", "by" or "for" can turn the meaning round. A title without a word that is supported
everywhere costs little: the story keeps its headline.

Inflections are words with the same stem (Snowball stemmers, Porter 2001) whose endings only tell
number or case, in languages that are listed here.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from newsclust_pipeline.stories.tokens import LEAD, common_prefix, tokenize

MAX_LENGTH = 120  # characters of a title
_MIN_LENGTH = 3
_MIN_OUTLETS = 2
_SOURCES = 50  # articles of a story that can support a title
# A link, or what Markdown or HTML would act on.
_MARKUP = re.compile(r"://|www\.|[<>{}\[\]|`*#\\]|[^\W\d_]\.[^\W\d_]{2}")
_QUOTES = "\"'“”„«»‘’「」『』 "
# The blocks of Chinese, Japanese, Thai, Lao, Burmese and Khmer characters.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_JOINERS = "\u200c\u200d"  # are part of words in some scripts
_PLAIN = frozenset(",.:;-–—'’/()&·،؛、。：，；・।")
_QUESTION = frozenset("?？؟՞⸮\u037e")
_NUMBER = re.compile(r"(?:(?<!\w)[-–−])?\d+(?:[.,:/–-]\d+)*")
_LONE = re.compile(rf"(?<![{_UNSPACED}])[{_UNSPACED}](?![{_UNSPACED}])")
# Stemmers, and the endings that only tell number or case. A stem alone is not enough: "fire" and
# "fired", "accuse" and "accusé" have the same stem, but not the same subject.
_STEMMERS = {
    "de": ("german", " e en n er es s"),
    "en": ("english", " e es ies s y"),
    "es": ("spanish", " es s"),
    "fr": ("french", " e es s x"),
    "it": ("italian", " e i o a"),
    "nl": ("dutch", " e en s"),
    "pt": ("portuguese", " es s"),
    "ru": ("russian", " а ам ами ах е ей ем и ие ии ий ию ия ов ой ом у ы ь ю я ям ями ях"),
    "sv": ("swedish", " ar en er et n or s"),
}
# The closed class of each language. The list is not complete; it only makes the rules stricter.
_NEGATING_WORDS = """
no not nor never neither without none cannot kein keine keinem keinen keiner nicht nie niemals
ohne aucun aucune jamais ne ni non pas sans jamás ninguna ningún nunca sin não nenhum sem mai
nessun nessuno senza geen niet nooit zonder aldrig aldri ej ikke ingen inte utan uten uden bez
není nie nigdy nikdy без не нет ни никогда немає ні değil yok δεν μην όχι χωρίς ei eivät nem
nincs fără nu بدون غير لا لم لن ليس ليست אין בלי לא نه نیست बिना न नहीं bukan tanpa tidak không ไม่
"""
_NEGATIONS = frozenset(_NEGATING_WORDS.split())
_UNSPACED_NEGATIONS = frozenset("不没沒無无未非勿否")


class Source(NamedTuple):
    """An article that can support a title: its text, headline first, and its outlets."""

    text: str
    outlets: frozenset[str]


def accept_title(answer: str, sources: Sequence[Source], language: str = "en") -> str | None:
    """Return the title that a model's answer contains, or None if it is not acceptable.

    A title is one line of readable characters, neither long nor a question, without links or
    markup. Every word, number and symbol of it is supported by articles of at least two outlets.
    If headlines of two outlets negate something, the title must contain a negation, too.

    Args:
        answer: what the model wrote.
        sources: the story's articles, the most typical first.
        language: of the story, BCP 47. In languages without a stemmer here, words must be equal.
    """
    title = answer.strip().strip(_QUOTES)
    if not _is_plain_line(title):
        return None
    outlets: dict[str, set[str]] = defaultdict(set)
    negating: set[str] = set()
    stem = _stemmer(language)
    for source in sources[:_SOURCES]:
        for part in set(_parts(source.text[:LEAD], stem)):
            outlets[part] |= source.outlets
        if _negates(source.text.partition("\n")[0]):
            negating |= source.outlets
    parts = set(_parts(title, stem))
    supported = all(len(outlets[part]) >= _MIN_OUTLETS for part in parts)
    if not supported or not any(character.isalnum() for character in title):
        return None
    return None if len(negating) >= _MIN_OUTLETS and not _negates(title) else title


def _is_plain_line(title: str) -> bool:
    """Return True if a title is readable, of a usual length, no question, and free of markup."""
    readable = all(c.isprintable() or c in _JOINERS for c in title)
    usual = _MIN_LENGTH <= len(title) <= MAX_LENGTH and not _MARKUP.search(title)
    return readable and usual and _QUESTION.isdisjoint(title)


def _parts(text: str, stem: Callable[[str], str]) -> Iterator[str]:
    """Yield what must be supported: stems of words, whole numbers, symbols and unusual marks."""
    text = unicodedata.normalize("NFKC", text)
    yield from _NUMBER.findall(text)
    for token in tokenize(text):
        yield stem(token.text) if token.spaced and token.text.isalpha() else token.text
    # A character of a script without spaces that stands alone is no token.
    yield from _LONE.findall(text)
    for character in text:
        if character not in _PLAIN and unicodedata.category(character)[0] in "PS":
            yield '"' if character in _QUOTES else character


@cache
def _stemmer(language: str) -> Callable[[str], str]:
    """Return the function from a word to what all its inflections share, in a language (BCP 47)."""
    import snowballstemmer

    known = _STEMMERS.get(language.split("-", 1)[0].lower())
    if not known:
        return lambda word: word
    stem, endings = snowballstemmer.stemmer(known[0]).stemWord, set(known[1].split(" "))

    @cache
    def without_ending(word: str) -> str:
        root: str = stem(word)
        # The German stemmer also removes umlauts.
        ending = word[common_prefix(_without_accents(word), _without_accents(root)) :]
        return f"{root}-" if ending in endings else word

    return without_ending


def _without_accents(word: str) -> str:
    decomposed = unicodedata.normalize("NFD", word)
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _negates(text: str) -> bool:
    """Return True if a text contains a negation."""
    words = {token.text.replace("’", "'") for token in tokenize(text)}
    contracted = any(word.endswith("n't") for word in words)
    return contracted or not (_NEGATIONS.isdisjoint(words) and _UNSPACED_NEGATIONS.isdisjoint(text))
