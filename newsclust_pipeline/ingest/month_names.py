"""Names of months in some 200 languages, from the data of dateparser.

dateparser itself is not used to parse: it completes what is missing in a date from today's, and
takes a millisecond each.
"""

import re
import unicodedata
from collections import defaultdict
from functools import cache

_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
# A name that is two months in two of these languages is read as neither: "listopad" is October in
# Croatian and November in Polish. Against all others, the language with more speakers counts.
_MAJOR_LANGUAGES = 60
_LINKS = frozenset(re.split(" ", "de del di do da of the la le el ta den der am g г"))
_ACCENTS = re.compile(r"[\u0300-\u036f.]")


def find_month(words: str) -> int | None:
    """Return the number of the month that some words name; None if they name none, or several.

    >>> find_month("März"), find_month("de marzo de"), find_month("listopad")
    (3, 3, None)
    """
    table = _table()
    whole = " ".join(word for word in _key(words).split() if word not in _LINKS)
    if whole in table:
        return table[whole]
    months = {table[key] for key in whole.split() if key in table}
    return months.pop() if len(months) == 1 else None


def _key(name: str) -> str:
    """Return a name without case, accents and full stops. The vowel signs of Hindi stay."""
    return _ACCENTS.sub("", unicodedata.normalize("NFKD", name).casefold()).strip()


@cache
def _table() -> dict[str, int]:
    from dateparser.data.languages_info import language_order
    from dateparser.languages.loader import default_loader

    major = set(language_order[:_MAJOR_LANGUAGES])
    languages: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for code, locale in default_loader.get_locale_map(languages=language_order).items():
        for number, month in enumerate(_MONTHS, start=1):
            for name in locale.info.get(month, ()):
                languages[_key(name)][number].add(code)
    table = {}
    for name, months in languages.items():
        known = [n for n, codes in months.items() if codes & major] or list(months)
        if len(known) == 1 and name:
            table[name] = known[0]
    return table
