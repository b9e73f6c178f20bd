"""The stop words of a language."""

from functools import cache

# The list of the package has 1,333 English words, such as case, fire and state. These are the words
# of the Snowball project's list, and adverbs that news add to sentences.
_ENGLISH = """
a about above after again against all also am among an and any are as at be because been before
being below between both but by can could did do does doing down during each few for from further
had has have having he her here hers herself him himself his how however i if in into is it its
itself just me more most my myself no nor not now of off on once only or other our ours ourselves
out over own regarding respectively said same say says she should so some such than that the their
theirs them themselves then there these they this those through to too under until up very was we
were what when where whether which while who whom why will with would you your yours yourself
yourselves
"""


@cache
def stop_words(language: str | None) -> frozenset[str]:
    """Return the stop words of a language (BCP 47), case-folded; none if it is not known.

    >>> "the" in stop_words("en-GB"), "der" in stop_words("de"), stop_words("xx")
    (True, True, frozenset())
    """
    from stop_words import LANGUAGE_MAPPING, get_stop_words

    code = (language or "").split("-", 1)[0].lower()
    if code == "en":
        return frozenset(_ENGLISH.split())
    if code not in LANGUAGE_MAPPING:
        return frozenset()
    return frozenset(word.casefold() for word in get_stop_words(code))
