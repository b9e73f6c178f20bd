"""Documents and their labels → keywords: what one story mentions and the other stories don't.

The weight is class-based TF-IDF (Grootendorst 2022, "BERTopic", arXiv:2203.05794): the documents
of a story are one class, and a word weighs more the more of them contain it and the rarer it is
elsewhere. Words that occur everywhere have a low weight anyway. Stop words of the story's language
are left out, because they can be rare elsewhere if few stories are in that language.
"""

from array import array
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import scipy.sparse as sp

from newsclust_pipeline.stories.phrases import Rarity, TokenizedTexts, find_phrase
from newsclust_pipeline.stories.stop_words import stop_words
from newsclust_pipeline.stories.tokens import lead, same_stem, tokenize

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
    """
    members = _members(labels)
    rarities = corpus.rarities(len(members))
    weights, foreign = corpus.weights(members, rarities)
    taken: set[str] = set()
    chosen = []
    for story, documents in enumerate(members):
        own = slice(*weights.indptr[story : story + 2])
        stop = stop_words(languages[story]) if languages else frozenset()
        order = np.argsort(-weights.data[own], kind="stable")
        ordered = zip(weights.indices[own][order], weights.data[own][order], strict=True)
        named = ((corpus.tokens[token], weight) for token, weight in ordered)
        allowed = [(token, weight) for token, weight in named if token not in stop]
        candidates = [t for t, weight in allowed if weight >= _MIN_WEIGHT * allowed[0][1]]
        read = corpus.read(documents[:_PHRASE_DOCUMENTS]) if candidates else TokenizedTexts([])
        rarity = corpus.rarity(rarities, stop, foreign=bool(foreign[story]))
        chosen.append(_choose(candidates, read, rarity, taken, count))
    return chosen


class Corpus:
    """All texts, tokenized and counted.

    The first line of a text is its headline, whose words count twice.

    Attributes:
        texts: their leads.
        tokens: every distinct token; its position is its number.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = [lead(text) for text in texts]
        self._number: dict[str, int] = {}
        small: set[int] = set()
        self._counts = self._count(small)
        self.tokens = list(self._number)
        self._small = np.array([token in small for token in range(len(self.tokens))], dtype=bool)
        self._everywhere = self._counts.sum(axis=0)

    def read(self, documents: np.ndarray) -> TokenizedTexts:
        """Return these documents, by row, with the positions of their tokens."""
        return TokenizedTexts([self.texts[document] for document in documents])

    def _count(self, small: set[int]) -> sp.csr_array:
        """Return the matrix (documents, tokens): 0, 1, or 2 for a token of the headline.

        The numbers of small tokens are added to `small`.
        """
        indptr, indices, data = array("q", [0]), array("i"), array("b")
        for text in self.texts:
            row: dict[int, int] = {}
            for token in tokenize(text):
                number = self._number.setdefault(token.text, len(self._number))
                row.setdefault(number, 1 + token.headline)
                if token.small:
                    small.add(number)
            indices.extend(row)
            data.extend(row.values())
            indptr.append(len(indices))
        shape = (len(self.texts), len(self._number))
        return sp.csr_array((np.array(data, float), np.array(indices), np.array(indptr)), shape)

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
) -> list[str]:
    """Return a story's keywords, and add them, case-folded, to `taken`: those of all stories."""
    chosen: list[str] = []
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
        taken.add(name)
        used += parts
        chosen.append(spelling)
    return chosen
