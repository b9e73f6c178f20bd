"""A keyword's token → the phrase around it, written as the story's articles mostly write it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from newsclust_pipeline.stories.tokens import Token, tokenize

_ADJACENT_SHARE = 2 / 3  # a neighbour joins the phrase if this share of the documents has it there
_MIN_RARITY = 0.6  # and if it is at least this many times as rare as the token
_MAX_CHARACTERS = 12  # characters of a word in a script without spaces

Rarity = Callable[[str], float]  # how rare a token is, seen from one story


class TokenizedTexts:
    """Texts with their tokens, and where each token stands.

    Attributes:
        texts: each with the list of its tokens.
        places: by token, the number of each text that has it, and its position there; in order.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = [(text, list(tokenize(text))) for text in texts]
        self.places: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for document, (_, tokens) in enumerate(self.texts):
            for at, token in enumerate(tokens):
                self.places[token.text].append((document, at))


def find_phrase(token: str, texts: TokenizedTexts, rarity: Rarity) -> tuple[list[str], str]:
    """Return the tokens of the phrase around a token, and its most frequent spelling.

    A phrase has at most two words, neither of them much more common than the token. In scripts
    without spaces it is a sequence of characters, up to a word.
    """
    spans = [
        _Span(document, *texts.texts[document], at, at)
        for document, at in texts.places.get(token, ())
    ]
    if not spans:  # only documents beyond those in `texts` have it
        return [token], token
    while longer := _extend(spans, rarity, _MIN_RARITY * rarity(token)):
        spans = longer
    return spans[0].parts, _usual_spelling([span.spelling for span in spans])


@dataclass(frozen=True)
class _Span:
    """Where a phrase stands in a document: the positions of its first and last token."""

    document: int
    text: str
    tokens: Sequence[Token]
    first: int
    last: int

    @property
    def parts(self) -> list[str]:
        """The texts of the tokens, case-folded."""
        return [token.text for token in self.tokens[self.first : self.last + 1]]

    @property
    def spelling(self) -> str:
        """The phrase as it is written here."""
        return self.text[self.tokens[self.first].start : self.tokens[self.last].end]

    def joined(self, side: int) -> "tuple[Token, _Span] | None":
        """Return the token before (−1) or after (1) the span, and the span that includes it.

        Return None if the two don't form one expression.
        """
        at = self.first - 1 if side < 0 else self.last + 1
        if not 0 <= at < len(self.tokens):
            return None
        near, far = sorted([self.tokens[at], self.tokens[at - side]], key=lambda t: t.start)
        if near.spaced:
            fits = far.spaced and self.first == self.last and far.start == near.end + 1
            fits = fits and (self.text[near.end] in "-\u2010\u2011" or self._blank(near, far))
        else:
            fits = far.start == near.start + 1 and len(self.spelling) < _MAX_CHARACTERS
        first, last = min(self.first, at), max(self.last, at)
        span = _Span(self.document, self.text, self.tokens, first, last)
        return (self.tokens[at], span) if fits else None

    def _blank(self, near: Token, far: Token) -> bool:
        """Return True if a blank separates two words and no name starts after it."""
        name_starts = self.text[near.start].islower() and self.text[far.start].isupper()
        return self.text[near.end] == " " and not name_starts


def _extend(spans: list[_Span], rarity: Rarity, min_rarity: float) -> list[_Span]:
    """Return the spans with their most frequent neighbour, or no spans if it is not frequent."""
    beside: dict[tuple[int, str], list[_Span]] = {}
    for span in spans:
        for side in (-1, 1):
            token, joined = span.joined(side) or (None, None)
            if token and joined and rarity(token.text) >= min_rarity:
                beside.setdefault((side, token.text), []).append(joined)
    most = max(beside.values(), key=_documents, default=[])
    return most if _documents(most) >= max(2, _ADJACENT_SHARE * _documents(spans)) else []


def _documents(spans: list[_Span]) -> int:
    return len({span.document for span in spans})


def _usual_spelling(spellings: Sequence[str]) -> str:
    """Return the most frequent spelling, but prefer lower case unless it is much rarer.

    Headlines and beginnings of sentences capitalise words that are not names.
    """
    counts = Counter(spellings)
    most, times = counts.most_common(1)[0]
    return most.lower() if 3 * counts[most.lower()] >= times else most
