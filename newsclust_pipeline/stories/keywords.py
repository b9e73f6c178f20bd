"""Documents and their labels → keywords: what one story mentions and the other stories don't.

The weight is class-based TF-IDF (Grootendorst 2022, "BERTopic", arXiv:2203.05794): the documents
of a story are one class, and a word weighs more the more of them contain it and the rarer it is
elsewhere. Words that occur everywhere have a low weight anyway. Stop words of the story's language
are left out, because they can be rare elsewhere if few stories are in that language.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise, repeat
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from newsclust_pipeline.core.engine import IN_PROCESS, Engine
from newsclust_pipeline.stories.phrases import Rarity, TokenizedTexts, find_phrase
from newsclust_pipeline.stories.stop_words import stop_words
from newsclust_pipeline.stories.tokens import lead, same_stem, tokenize

_TEXTS, _STORIES = 4096, 256  # of a partition
_PHRASE_DOCUMENTS = 200  # documents of a story in which phrases are looked up
_MIN_WEIGHT = 0.25  # of the story's first keyword: words that weigh less are not characteristic
_SMALL_WEIGHT = 0.3  # factor for small words of a story that is alone in its language
_MIN_USES = 0.5  # uses per document of the story, one in a headline counting as two
_COMMON = 0.02  # a word is common if this share of the documents of other stories has it
_FAMILIAR = 0.28  # a language is familiar if this share of a story's words is common


def keywords(
    corpus: "Corpus",
    labels: np.ndarray,
    count: int = 5,
    languages: Sequence[str | None] = (),
    engine: Engine = IN_PROCESS,
) -> list[list[str]]:
    """Return the keywords of every story, the most characteristic first.

    No two stories share a keyword, and no two keywords of a story share a word or forms of one.
    Time and memory grow linearly with the number of characters.

    Args:
        corpus: the texts of all n documents. Those in no story count, too: they show which words
            are common.
        labels: (n,) the documents' stories, numbered from 0 without gaps; negative for none.
        count: maximum number of keywords of a story. There are fewer where fewer words are
            characteristic.
        languages: of the stories, BCP 47, None if unknown.
        engine: chooses keywords of many stories.
    """
    stories = _stories(corpus, labels, languages)
    taken: set[str] = set()
    chosen = []
    for story, choice in zip(stories, _choices(corpus, stories, count, engine), strict=True):
        # A worker knows one story at a time. Where another story has taken a keyword, choose again.
        if choice is None or not taken.isdisjoint(choice):
            texts = TokenizedTexts(corpus.read(story.documents))
            choice = _choose(story.candidates, texts, story.rarity, taken, count)  # noqa: PLW2901
        taken.update(choice)
        chosen.append(list(choice.values()))
    return chosen


class _Story(NamedTuple):
    """What the keywords of a story are chosen from.

    Attributes:
        candidates: tokens, the most characteristic first.
        documents: rows of the documents in which phrases are looked up; none without candidates.
        rarity: of a token, seen from this story.
    """

    candidates: list[str]
    documents: np.ndarray
    rarity: Rarity


def _stories(corpus: "Corpus", labels: np.ndarray, languages: Sequence[str | None]) -> list[_Story]:
    members = _members(labels)
    rarities = corpus.rarities(len(members))
    weights, foreign = corpus.weights(members, rarities)
    stories = []
    for story, documents in enumerate(members):
        own = slice(*weights.indptr[story : story + 2])
        stop = stop_words(languages[story]) if languages else frozenset()
        order = np.argsort(-weights.data[own], kind="stable")
        ordered = zip(weights.indices[own][order], weights.data[own][order], strict=True)
        named = ((corpus.tokens[token], weight) for token, weight in ordered)
        allowed = [(token, weight) for token, weight in named if token not in stop]
        candidates = [t for t, weight in allowed if weight >= _MIN_WEIGHT * allowed[0][1]]
        rarity = corpus.rarity(rarities, stop, foreign=bool(foreign[story]))
        stories.append(
            _Story(candidates, documents[: len(candidates) and _PHRASE_DOCUMENTS], rarity)
        )
    return stories


def _choices(
    corpus: "Corpus", stories: list[_Story], count: int, engine: Engine
) -> Iterator[dict[str, str] | None]:
    """Yield what each story would choose if it were alone; None where that is to be found out."""
    if not engine.is_parallel or len(stories) <= _STORIES:
        yield from repeat(None, len(stories))
        return
    batches = (
        [_apart(corpus, story) for story in stories[start : start + _STORIES]]
        for start in range(0, len(stories), _STORIES)
    )
    yield from chain.from_iterable(engine.map(_choose_apart, batches, count))


# Candidates, texts, and the rarities of all tokens in them.
_Apart = tuple[list[str], list[str], dict[str, float]]


def _apart(corpus: "Corpus", story: _Story) -> _Apart:
    tokens = corpus.tokens_of(story.documents)
    rarities = {token: story.rarity(token) for token in tokens}
    return story.candidates, corpus.read(story.documents), rarities


def _choose_apart(batch: list[_Apart], count: int) -> list[dict[str, str]]:
    return [
        _choose(candidates, TokenizedTexts(texts), rarities.__getitem__, set(), count)
        for candidates, texts, rarities in batch
    ]


class _Counts(NamedTuple):
    """The tokens of some texts.

    Attributes:
        tokens: every distinct token, in the order of its first use.
        is_small: (tokens,) whether it is used as a small word.
        indptr: with `indices` and `uses`, the matrix (texts, tokens): 0, 1, or 2 for a token of
            the headline.
        indices: see `indptr`.
        uses: see `indptr`.
    """

    tokens: list[str]
    is_small: np.ndarray
    indptr: np.ndarray
    indices: np.ndarray
    uses: np.ndarray


def _count(texts: Sequence[str], _: None) -> _Counts:
    """Tokenize texts and count their tokens."""
    indptr, indices, uses = array("q", [0]), array("i"), array("b")
    numbers: dict[str, int] = {}
    small: set[int] = set()
    for text in texts:
        row: dict[int, int] = {}
        for token in tokenize(text):
            number = numbers.setdefault(token.text, len(numbers))
            row.setdefault(number, 1 + token.headline)
            if token.small:
                small.add(number)
        indices.extend(row)
        uses.extend(row.values())
        indptr.append(len(indices))
    is_small = np.zeros(len(numbers), dtype=bool)
    is_small[list(small)] = True
    return _Counts(list(numbers), is_small, *map(np.array, (indptr, indices, uses)))


class Corpus:
    """All texts, tokenized and counted.

    The first line of a text is its headline, whose words count twice.

    Attributes:
        texts: their leads.
        tokens: every distinct token; its position is its number.
    """

    def __init__(self, texts: Iterable[str], engine: Engine = IN_PROCESS) -> None:
        """Count the tokens of texts; the engine runs many texts in parts."""
        self.texts = [lead(text) for text in texts]
        size = _TEXTS if engine.is_parallel else max(len(self.texts), 1)
        engine = engine if len(self.texts) > size else IN_PROCESS
        parts = (self.texts[start : start + size] for start in range(0, len(self.texts), size))
        self._number: dict[str, int] = {}
        self._counts, self._small = self._join(list(engine.map(_count, parts)))
        self.tokens = list(self._number)
        self._everywhere = self._counts.sum(axis=0)

    def read(self, documents: np.ndarray) -> list[str]:
        """Return the leads of these documents, by row."""
        return [self.texts[document] for document in documents]

    def tokens_of(self, documents: np.ndarray) -> list[str]:
        """Return the distinct tokens of these documents, by row."""
        return [self.tokens[token] for token in np.unique(self._counts[documents].indices)]

    def _join(self, parts: list[_Counts]) -> tuple[sp.csr_array, np.ndarray]:
        """Number the tokens of all parts; return the matrix of uses, and which tokens are small."""
        empty = np.zeros(0, np.int64)
        indices, small, ends = [empty], [empty], [np.zeros(1, np.int64)]
        for part in parts:
            added = (self._number.setdefault(t, len(self._number)) for t in part.tokens)
            numbers = np.fromiter(added, np.int64, len(part.tokens))
            indices.append(numbers[part.indices])
            small.append(numbers[part.is_small])
            ends.append(ends[-1][-1] + part.indptr[1:])
        is_small = np.zeros(len(self._number), dtype=bool)
        is_small[np.concatenate(small)] = True
        uses = np.concatenate([np.zeros(0), *(part.uses for part in parts)])
        shape = (len(self.texts), len(self._number))
        matrix = (uses, np.concatenate(indices).astype(np.int32), np.concatenate(ends))
        return sp.csr_array(matrix, shape=shape), is_small

    def rarities(self, stories: int) -> np.ndarray:
        """Return the rarity (tokens,) of every token, as of c-TF-IDF with so many classes."""
        uses: np.ndarray = self._counts.sum() / (stories + 1) / self._everywhere
        return np.log1p(uses)

    def weights(
        self, members: list[np.ndarray], rarities: np.ndarray
    ) -> tuple[sp.csr_array, np.ndarray]:
        """Return the weights (stories, tokens) and which stories are alone in their language.

        A token has a weight only in the story where it weighs most. The weight is that of c-TF-IDF
        with the share of the story's documents as frequency, times the square root of the story's
        share of all documents with the token, noise included.
        """
        sizes = np.array([len(documents) for documents in members], dtype=np.intp)
        rows = np.repeat(np.arange(len(members)), sizes)
        columns = np.concatenate([np.array([], np.intp), *members])
        shape = (len(members), len(self.texts))
        belongs = sp.csr_array((np.ones(len(rows)), (rows, columns)), shape=shape)
        per_story = (belongs @ self._counts).tocoo()
        story, token, uses = per_story.row, per_story.col, per_story.data
        foreign = self._foreign(story, token, uses, len(members))
        rarity = rarities[token] * np.where(foreign[story] & self._small[token], _SMALL_WEIGHT, 1)
        weight = uses / sizes[story] * rarity * np.sqrt(uses / self._everywhere[token])
        # More than 2, the count of one headline: at least two documents and one headline.
        best = np.flatnonzero(uses > np.maximum(2, _MIN_USES * sizes[story]))
        best = best[np.lexsort((story[best], -weight[best], token[best]))]
        best = best[np.unique(token[best], return_index=True)[1]]
        entries = (weight[best], (story[best], token[best]))
        return sp.csr_array(entries, shape=per_story.shape), foreign

    def _foreign(
        self, story: np.ndarray, token: np.ndarray, uses: np.ndarray, stories: int
    ) -> np.ndarray:
        """Return a mask (stories,) of those that use few of the words common in other stories."""
        common = uses * (self._everywhere[token] - uses > _COMMON * len(self.texts))
        all_uses = np.bincount(story, uses, stories)
        return np.bincount(story, common, stories) < _FAMILIAR * all_uses

    def rarity(self, rarities: np.ndarray, stop: frozenset[str], *, foreign: bool) -> Rarity:
        """Return the function from token to rarity for a story; the rarity of stop words is 0."""

        def rarity(token: str) -> float:
            if token in stop:
                return 0.0
            number = self._number[token]
            factor = _SMALL_WEIGHT if foreign and self._small[number] else 1
            return float(rarities[number]) * factor

        return rarity


def _members(labels: np.ndarray) -> list[np.ndarray]:
    """Return the row numbers of every story's documents, in ascending order."""
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(labels.max(initial=-1) + 2))
    return [order[first:end] for first, end in pairwise(starts)]


def _choose(
    candidates: Sequence[str],
    texts: TokenizedTexts,
    rarity: Rarity,
    taken: set[str],
    count: int,
) -> dict[str, str]:
    """Return a story's keywords: how each is spelled, by its name, which is not in `taken`."""
    chosen: dict[str, str] = {}
    used: list[str] = []
    for token in candidates:
        if len(chosen) == count:
            break
        if len(token) < 2 or token.isnumeric() or any(same_stem(token, other) for other in used):
            continue
        parts, spelling = find_phrase(token, texts, rarity)
        name = " ".join(parts)
        if name in taken or any(same_stem(part, other) for part in parts for other in used):
            continue
        used += parts
        chosen[name] = spelling
    return chosen
