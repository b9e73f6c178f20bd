"""Find sentences that recur across an outlet's articles and say nothing about any of them.

Notices of cookies and subscriptions, trailers of feeds ("The post … appeared first on …") and menus
of sites make unrelated articles alike. A sentence is boilerplate if it occurs under several
headlines of one outlet, or of all, which are not about the same event: neither do the headlines
agree, nor are they about the text that their articles share. So the sentences of a wire story that
many outlets print under many headlines are none. Nothing but the articles at hand decides.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from newsclust_pipeline.ingest.headlines import Words, cover, headline_similarity, tokens
from newsclust_pipeline.ingest.sentences import (
    Sentence,
    common_edge,
    first_units,
    last_units,
    split_sentences,
)

_OWN_HEADLINE = "\ue000"  # takes the place of the headline in "The post <headline> appeared first"
_MIN_HEADLINES = 3  # unrelated ones that a sentence must occur under
_MIN_AGREEMENT = 0.35  # of two headlines about one event; see `headlines.headline_similarity`
_MIN_EDGES = 6  # articles that begin or end alike, and their share among an outlet's
_MIN_EDGE_SHARE = 0.2
_MIN_UNRELATED_SHARE = 0.7  # of the articles that begin or end alike
_CHUNK_SIZE = 10_000  # articles that are Python objects at one time
_MAX_SAMPLE = 24  # articles of a sentence that are compared


@dataclass(frozen=True)
class Boilerplate:
    """The sentences that are left out of what is embedded.

    Attributes:
        embedded: (n,) texts without such sentences; null where nothing is left out.
        bodies: descriptions without such sentences, by row, where something is left out.
        counts: how many articles have a sentence, by sentence, the most frequent first.
    """

    embedded: pa.Array
    bodies: dict[int, str]
    counts: dict[str, int]


def find_boilerplate(articles: pa.Table) -> Boilerplate:
    """Return the texts without boilerplate, and the sentences that are left out.

    Args:
        articles: columns title, description, venue.
    """
    corpus = _Corpus(articles)
    embedded: list[str | None] = [None] * articles.num_rows
    bodies: dict[int, str] = {}
    counts: Counter[str] = Counter()
    for row, keys in corpus.boilerplate().items():
        title, sentences = corpus.article(row)
        left_out = {s.key: s.text for s in sentences if s.key in keys}
        # A scraper that took a page's notices often took its paragraphs twice, too.
        kept = {s.key: s.text for s in reversed(sentences) if s.key not in keys}
        bodies[row] = "".join(reversed(kept.values())).replace(_OWN_HEADLINE, title).strip()
        embedded[row] = "\n".join(filter(None, (title, bodies[row])))
        counts.update(text.replace(_OWN_HEADLINE, "…").strip() for text in left_out.values())
    ordered = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    return Boilerplate(pa.array(embedded, pa.string()), bodies, ordered)


class _Corpus:
    """The sentences of all articles, as one pair of sentence and row for each that may recur."""

    def __init__(self, articles: pa.Table) -> None:
        self._texts = articles.select(["title", "description"])
        outlets = pd.factorize(articles["venue"].to_numpy())[0] + 1  # 0 if unknown
        self._scopes = (outlets, np.zeros_like(outlets))
        self._edges: frozenset[str] = frozenset()
        self._words: dict[int, tuple[frozenset[str], dict[str, frozenset[str]]]] = {}
        self._edges = frozenset(self._common_edges())
        self._words.clear()

    def article(self, row: int) -> tuple[str, list[Sentence]]:
        """Return headline and sentences of an article. Joined, they make up the description."""
        title, text = next(self._texts_from(row, 1))
        return title, list(split_sentences(text, self._edges))

    def boilerplate(self) -> dict[int, set[str]]:
        """Return the keys of boilerplate by row, for rows that have any."""
        found: dict[int, set[int]] = defaultdict(set)
        pairs = self._pairs(self._sentence_keys)
        for scope in self._scopes:
            for rows, key_hash in _recurring(pairs, scope, _sentences_needed(scope)):
                if self._are_unrelated(rows):
                    for row in rows:
                        found[row].add(key_hash)
        keys = {row: _left_out(self.article(row)[1], found[row]) for row in sorted(found)}
        return {row: left_out for row, left_out in keys.items() if left_out}

    def _common_edges(self) -> set[str]:
        """Return the boilerplate that texts begin or end with, where no mark sets it apart."""
        edges: set[str] = set()
        for closing in (False, True):
            pairs = self._pairs(last_units if closing else first_units)
            for scope in self._scopes:
                for rows, _ in _recurring(pairs, scope, _edges_needed(scope)):
                    edge = common_edge([self._text(row) for row in rows[:_MAX_SAMPLE]], closing)
                    if edge not in edges and self._is_edge(rows, edge):
                        edges.add(edge)
        return edges

    def _is_edge(self, rows: list[int], edge: str) -> bool:
        """Return True if texts begin or end with an edge that splits one of their sentences."""
        sentences = (s.text.casefold() for s in self.article(rows[0])[1])
        is_within = any(edge in sentence and edge != sentence.strip() for sentence in sentences)
        return is_within and self._are_unrelated(rows, _MIN_UNRELATED_SHARE)

    def _text(self, row: int) -> str:
        return next(self._texts_from(row, 1))[1]

    def _sentence_keys(self, text: str) -> set[str]:
        keys = {s.key for s in split_sentences(text, self._edges)}
        return keys - {"", _OWN_HEADLINE}

    def _pairs(self, keys: Callable[[str], Iterable[str]]) -> tuple[np.ndarray, np.ndarray]:
        """Return the hashes of the keys of all descriptions, and the row of each."""
        hashes, rows = array("q"), array("q")
        for start in range(0, self._texts.num_rows, _CHUNK_SIZE):
            for row, (_, text) in enumerate(self._texts_from(start, _CHUNK_SIZE), start):
                distinct = set(map(hash, keys(text)))
                hashes.extend(distinct)
                rows.extend([row] * len(distinct))
        return np.asarray(hashes), np.asarray(rows)

    def _texts_from(self, start: int, length: int) -> Iterator[tuple[str, str]]:
        """Yield headline and description, in which the headline is replaced by a mark."""
        columns = (column.to_pylist() for column in self._texts.slice(start, length).columns)
        for title, text in zip(*columns, strict=True):
            yield title, (text or "").replace(title, _OWN_HEADLINE)

    def _are_unrelated(self, rows: list[int], share: float = 0.0) -> bool:
        """Return True if enough of the articles in which a text occurs are unrelated.

        Args:
            rows: the articles.
            share: of the articles that must be unrelated; at least `_MIN_HEADLINES` of them.
        """
        places = np.linspace(0, len(rows) - 1, min(len(rows), _MAX_SAMPLE)).astype(int)
        needed = max(_MIN_HEADLINES, share * len(places))
        unrelated: list[int] = []
        for place in places:
            if not any(self._is_related(rows[place], other) for other in unrelated):
                unrelated.append(rows[place])
            if len(unrelated) >= needed:
                return True
        return False

    def _is_related(self, one: int, other: int) -> bool:
        headline, sentences = self._words_of(one)
        other_headline, other_sentences = self._words_of(other)
        common = sentences.keys() & other_sentences.keys()
        shared = frozenset[str]().union(*(sentences[key] for key in common))
        words = Words(headline, shared), Words(other_headline, shared)
        overlap = max(cover(headline, other_headline), cover(other_headline, headline))
        return max(overlap, headline_similarity(*words)) >= _MIN_AGREEMENT

    def _words_of(self, row: int) -> tuple[frozenset[str], dict[str, frozenset[str]]]:
        """Return the words of a headline, and those of each sentence of its article."""
        if row not in self._words:
            title, sentences = self.article(row)
            self._words[row] = tokens(title), {s.key: tokens(s.text) for s in sentences}
        return self._words[row]


def _left_out(sentences: list[Sentence], recurring: set[int]) -> set[str]:
    """Return the keys of the sentences that are left out, of those that recur.

    Short ones, such as "Log in.", are left out at the end of a text, and beside others that are.
    """
    is_recurring = [hash(sentence.key) in recurring for sentence in sentences]
    places = {
        place
        for place, sentence in enumerate(sentences)
        if is_recurring[place] and (sentence.is_long or sentence.is_last)
    }
    for step in (1, -1):
        for place in range(len(sentences))[::step]:
            if is_recurring[place] and place - step in places:
                places.add(place)
    return {sentences[place].key for place in places}


def _sentences_needed(scope: np.ndarray) -> np.ndarray:
    """Return how many articles of each outlet must have a sentence."""
    return np.maximum(_MIN_HEADLINES, np.ceil(np.sqrt(np.bincount(scope)) / 2))


def _edges_needed(scope: np.ndarray) -> np.ndarray:
    """Return how many articles of each outlet must begin or end alike."""
    return np.maximum(_MIN_EDGES, np.ceil(np.bincount(scope) * _MIN_EDGE_SHARE))


def _recurring(
    pairs: tuple[np.ndarray, np.ndarray], scope: np.ndarray, needed: np.ndarray
) -> Iterator[tuple[list[int], int]]:
    """Yield the rows of each key that is frequent among the articles of one outlet.

    Args:
        pairs: keys (p,) and the row (p,) of each.
        scope: (n,) outlet of each article.
        needed: number of articles that must have the key, by outlet.
    """
    keys, rows = pairs
    order = np.lexsort((rows, scope[rows], keys))
    keys, rows = keys[order], rows[order]
    scopes = scope[rows]
    is_first = np.ones(len(keys), dtype=bool)
    is_first[1:] = (keys[1:] != keys[:-1]) | (scopes[1:] != scopes[:-1])
    starts = np.flatnonzero(is_first)
    lengths = np.diff(np.append(starts, len(keys)))
    for group in np.flatnonzero(lengths >= needed[scopes[starts]]):
        start = starts[group]
        yield rows[start : start + lengths[group]].tolist(), int(keys[start])
