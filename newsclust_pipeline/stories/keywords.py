"""Documents and their labels → keywords: what a story speaks of and no other one does.

Class-based TF-IDF (Grootendorst 2022, "BERTopic", arXiv:2203.05794): a story's documents are taken
as one, and a word weighs more the more of them hold it and the rarer it is elsewhere. There is no
list of stop words, which would know some languages only: words that are everywhere weigh little.

Words are those of Unicode. Scripts that leave no spaces (Chinese, Japanese, Thai, …) are counted by
pairs of characters, and pairs that come together are read as one word.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, takewhile
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

LEAD = 600  # characters of a text that are read: news say first what they are about
_PHRASE_DOCUMENTS = 200  # documents of a story that tell which words come together
_TOGETHER = 2 / 3  # a word is joined to a neighbour that it has in this share of its documents,
_NOT_COMMON = 0.6  # and that is at least as rare, times this
_LONGEST = 12  # characters of a word in a script without spaces
_LEAST = 0.25  # of the weight of a story's first keyword: what weighs less tells nothing
_TWINS = 0.57  # forms of one word have this share of the longer one in common, from its start
_SMALL = 0.3  # what small words weigh in a story whose language has no other one
_COMMON = 0.02  # a word is common if it is in this share of the documents of other stories,
_FAMILIAR = 0.28  # and a story's language if this share of its words is


class Unit(NamedTuple):
    """A word in one case, or two characters of a script without spaces, and where it stands.

    `small`: short and not written large, as articles and prepositions are.
    """

    text: str
    start: int
    end: int
    spaced: bool
    headline: bool
    small: bool = False


Read = tuple[str, Sequence[Unit]]  # a text, and what it was cut into
Rarity = Callable[[str], float]  # how rare a unit is, seen from one story


def keywords(texts: Sequence[str], labels: np.ndarray, count: int = 5) -> list[list[str]]:
    """Find the keywords of every story, the most telling first.

    No two stories share a keyword, and no two keywords of a story a word or forms of one. Time
    and memory grow with the characters read.

    Args:
        texts: of all n documents, those in no story included: they tell what is common. The first
            line of a text is its headline, whose words count twice.
        labels: (n,) the documents' stories, numbered from 0 without gaps; below 0 for none.
        count: keywords to a story, at most. There are fewer where less sets it apart.
    """
    corpus = _Corpus(texts)
    members = _members(labels)
    weights, foreign = corpus.weights(members)
    taken: set[str] = set()
    found = []
    for story, documents in enumerate(members):
        own = slice(*weights.indptr[story : story + 2])
        units, weight = weights.indices[own], weights.data[own]
        order = np.argsort(-weight, kind="stable")
        telling = units[order[weight[order] >= _LEAST * weight.max(initial=0)]]
        said = [_read(corpus.texts[document]) for document in documents[:_PHRASE_DOCUMENTS]]
        rarity = corpus.rarity_seen_from(foreign=bool(foreign[story]))
        found.append(_chosen([corpus.units[u] for u in telling], said, rarity, taken, count))
    return found


def segmented(text: str) -> Iterator[Unit]:
    """Cut a text into words, and into pairs of characters where a script leaves no spaces.

    >>> [unit.text for unit in segmented("Haiti’s U.S. envoy resigns 海地总理")]
    ['haiti', 'us', 'envoy', 'resigns', '海地', '地总', '总理']
    """
    headline = len(text.partition("\n")[0])
    for found in _words().finditer(text):
        start, end = found.span("word") if found["word"] else found.span()
        if found["word"]:
            word = text[start:end].replace(".", "").casefold()
            small = len(word) < 4 and not text[start].isupper()
            yield Unit(word, start, end, spaced=True, headline=start < headline, small=small)
        else:
            for at in range(start, end - 1):
                pair = text[at : at + 2]
                yield Unit(pair, at, at + 2, spaced=False, headline=at < headline)


@cache
def _words() -> Any:
    """Compile what a word is: elisions before it (l’, d’) and endings behind it (’s) are none."""
    import regex

    unspaced = r"\p{Han}\p{Hiragana}\p{Katakana}ー々\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
    letter = rf"[[\p{{L}}\p{{M}}\p{{N}}]--[{unspaced}]]"
    return regex.compile(
        rf"(?V1)(?P<unspaced>[{unspaced}]+)"
        r"|(?P<word>\p{Lu}(?:\.\p{Lu})+)(?:\.|\b)"
        rf"|(?:\b\p{{Ll}}{{1,2}}['’])?(?P<word>{letter}+(?:['’](?:t\b|{letter}{{3,}}))*)"
        rf"(?:['’]{letter}{{1,2}}\b)?"
    )


class _Corpus:
    """All texts, cut into units and counted.

    Attributes:
        texts: as far as they are read.
        units: the text of every distinct unit.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = [text[:LEAD] for text in texts]
        self._number: dict[str, int] = {}
        small: set[int] = set()
        self._holds = self._counted(small)
        self.units = list(self._number)
        self._small = np.array([unit in small for unit in range(len(self.units))], dtype=bool)
        self._everywhere = self._holds.sum(axis=0)

    def _counted(self, small: set[int]) -> sp.csr_array:
        """Tell which document (row) holds which unit (column): 1, or 2 if a headline does.

        The numbers of small units are added to `small`.
        """
        indptr, indices, data = array("q", [0]), array("i"), array("b")
        for text in self.texts:
            row: dict[int, int] = {}
            for unit in segmented(text):
                number = self._number.setdefault(unit.text, len(self._number))
                row.setdefault(number, 1 + unit.headline)
                if unit.small:
                    small.add(number)
            indices.extend(row)
            data.extend(row.values())
            indptr.append(len(indices))
        shape = (len(self.texts), len(self._number))
        return sp.csr_array((np.array(data, float), np.array(indices), np.array(indptr)), shape)

    def weights(self, members: list[np.ndarray]) -> tuple[sp.csr_array, np.ndarray]:
        """Weigh every unit in the story that it tells most of, and in no other: (stories, units).

        The weight is c-TF-IDF's, the frequency being the share of the story's documents with the
        unit, times the root of the story's share of all documents with it, noise included.

        Beside them (stories,): is it the only one in its language?
        """
        self._rarity = np.log1p(self._holds.sum() / (len(members) + 1) / self._everywhere)
        sizes = np.array([len(documents) for documents in members], dtype=np.intp)
        rows = np.repeat(np.arange(len(members)), sizes)
        columns = np.concatenate([np.array([], np.intp), *members])
        shape = (len(members), len(self.texts))
        belongs = sp.csr_array((np.ones(len(rows)), (rows, columns)), shape=shape)
        there = (belongs @ self._holds).tocoo()
        story, unit, said = there.row, there.col, there.data
        foreign = self._foreign(story, unit, said, len(members))
        rarity = self._rarity[unit] * np.where(foreign[story] & self._small[unit], _SMALL, 1)
        weight = said / sizes[story] * rarity * np.sqrt(said / self._everywhere[unit])
        # More than a headline's worth: in two documents at least, and in one of their headlines.
        best = np.flatnonzero(said > 2)
        best = best[np.lexsort((story[best], -weight[best], unit[best]))]
        best = best[np.unique(unit[best], return_index=True)[1]]
        entries = (weight[best], (story[best], unit[best]))
        return sp.csr_array(entries, shape=there.shape), foreign

    def _foreign(
        self, story: np.ndarray, unit: np.ndarray, said: np.ndarray, stories: int
    ) -> np.ndarray:
        """Tell the stories (stories,) in whose words those of a common language are missing."""
        shared = said * (self._everywhere[unit] - said > _COMMON * len(self.texts))
        all_said = np.bincount(story, said, stories)
        return np.bincount(story, shared, stories) < _FAMILIAR * all_said

    def rarity_seen_from(self, *, foreign: bool) -> Rarity:
        """Give the rarity of units as it is in a story, by its language."""

        def rarity(unit: str) -> float:
            number = self._number[unit]
            return float(self._rarity[number]) * (_SMALL if foreign and self._small[number] else 1)

        return rarity


def _read(text: str) -> Read:
    return text, list(segmented(text))


def _members(labels: np.ndarray) -> list[np.ndarray]:
    """Give the documents of every story, in their order."""
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(labels.max(initial=-1) + 2))
    return [order[first:end] for first, end in pairwise(starts)]


def _chosen(
    candidates: Sequence[str], said: Sequence[Read], rarity: Rarity, taken: set[str], count: int
) -> list[str]:
    """Choose a story's keywords among its units; `taken` are those of all stories, in one case."""
    chosen: list[str] = []
    used: list[str] = []
    for unit in candidates:
        if len(chosen) == count:
            break
        if len(unit) < 2 or unit.isnumeric() or any(twins(unit, other) for other in used):
            continue
        parts, shown = _phrase(unit, said, rarity)
        name = " ".join(parts)
        if name in taken or any(twins(part, other) for part in parts for other in used):
            continue
        taken.add(name)
        used += parts
        chosen.append(shown)
    return chosen


def twins(one: str, other: str) -> bool:
    """Tell whether two words are one, or forms of one, by their common beginning.

    >>> twins("protest", "protesters"), twins("china", "chinese"), twins("iran", "iraq")
    (True, True, False)
    """
    equal = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    common, longer = sum(1 for _ in equal), max(len(one), len(other))
    least = 3 if common == min(len(one), len(other)) else 4
    return one == other or common >= max(least, _TWINS * longer)


@dataclass(frozen=True)
class _Span:
    """Where a keyword stands in a document: from its first unit to its last."""

    document: int
    text: str
    units: Sequence[Unit]
    first: int
    last: int

    @property
    def parts(self) -> list[str]:
        """The units, in one case."""
        return [unit.text for unit in self.units[self.first : self.last + 1]]

    @property
    def shown(self) -> str:
        """The keyword as it is written here."""
        return self.text[self.units[self.first].start : self.units[self.last].end]

    def joined(self, side: int) -> "tuple[Unit, _Span] | None":
        """Join the unit before (−1) or after (1) it; None if they are no one expression."""
        at = self.first - 1 if side < 0 else self.last + 1
        if not 0 <= at < len(self.units):
            return None
        near, far = sorted([self.units[at], self.units[at - side]], key=lambda unit: unit.start)
        if near.spaced:
            fits = far.spaced and self.first == self.last and far.start == near.end + 1
            fits = fits and (self.text[near.end] in "-\u2010\u2011" or self._one_name(near, far))
        else:
            fits = far.start == near.start + 1 and len(self.shown) < _LONGEST
        span = _Span(self.document, self.text, self.units, min(self.first, at), max(self.last, at))
        return (self.units[at], span) if fits else None

    def _one_name(self, near: Unit, far: Unit) -> bool:
        """Tell whether a blank is between two words, but not where a name begins."""
        into_name = self.text[near.start].islower() and self.text[far.start].isupper()
        return self.text[near.end] == " " and not into_name


def _phrase(unit: str, said: Sequence[Read], rarity: Rarity) -> tuple[list[str], str]:
    """Join to a unit what mostly stands beside it; give the units, and how it is mostly written.

    Two words at most, neither of them much more common than the unit; in scripts without spaces,
    characters up to a word.
    """
    spans = [
        _Span(document, text, units, at, at)
        for document, (text, units) in enumerate(said)
        for at, found in enumerate(units)
        if found.text == unit
    ]
    if not spans:  # only documents beyond those read here say it
        return [unit], unit
    while longer := _longer(spans, rarity, _NOT_COMMON * rarity(unit)):
        spans = longer
    return spans[0].parts, _written([span.shown for span in spans])


def _longer(spans: list[_Span], rarity: Rarity, least: float) -> list[_Span]:
    """Give the spans with the unit that most often stands beside them, if it mostly does."""
    beside: dict[tuple[int, str], list[_Span]] = {}
    for span in spans:
        for side in (-1, 1):
            unit, joined = span.joined(side) or (None, None)
            if unit and joined and rarity(unit.text) >= least:
                beside.setdefault((side, unit.text), []).append(joined)
    most = max(beside.values(), key=_documents, default=[])
    return most if _documents(most) >= max(2, _TOGETHER * _documents(spans)) else []


def _documents(spans: list[_Span]) -> int:
    return len({span.document for span in spans})


def _written(forms: Sequence[str]) -> str:
    """Choose among spellings: the commonest, but small letters that are not much rarer.

    Headlines and beginnings of sentences write words large that are none.
    """
    counts = Counter(forms)
    most, times = counts.most_common(1)[0]
    return most.lower() if 3 * counts[most.lower()] >= times else most
