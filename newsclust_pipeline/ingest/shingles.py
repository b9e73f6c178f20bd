"""Shingles: runs of three words, by which near-duplicates are found (Broder 1997)."""

import re
from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np
import pandas as pd

from newsclust_pipeline.ingest.headlines import headline_key

# One character in scripts without spaces between words, else a run of word characters.
_WORDS = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]|\w+")
_SHINGLE_WORDS = 3
_MIN_SHINGLES = 10  # shorter texts agree by chance, so they are not compared
_MIN_LENGTH_RATIO = 1 / 2  # of the shorter to the longer text
_PRIME = np.uint64(0x9E3779B97F4A7C15)  # multiplier that mixes the hashes of a shingle's words
_CHUNK_SIZE = 20_000  # articles whose words are in memory at a time


class Texts(Protocol):
    """Headlines and bodies, by row."""

    def __len__(self) -> int: ...

    def slice(self, start: int, length: int) -> Iterator[tuple[str, str]]:
        """Yield headline and body of a run of rows."""


def containment(one: str, other: str) -> float:
    """Return the share of the shorter text's shingles that occur in the longer one, 0 to 1.

    It is 0 if the longer text is more than twice as long: a round-up that quotes a text is another.
    """
    shorter, longer = sorted(({*_shingles(text)} for text in (one, other)), key=len)
    if len(shorter) < _MIN_LENGTH_RATIO * len(longer):
        return 0.0
    if not shorter:
        return float(headline_key(one) == headline_key(other))
    return len(shorter & longer) / len(shorter)


def _shingles(text: str) -> Iterator[tuple[str, ...]]:
    words = _WORDS.findall(text.casefold())
    return zip(*(words[start:] for start in range(_SHINGLE_WORDS)), strict=False)


class ShingleIndex:
    """Shingles of all texts, and an inverted index of the texts added so far.

    Only shingles that several texts have can show that two are similar. Of these, the shorter of
    two near-duplicates must share one of its rarest (prefix filtering: Chaudhuri, Ganti, Kaushik
    2006), so that common phrases are never looked up.

    Example: a text of 20 shingles at a similarity of 0.8 may miss 4 of them in the other text. So
    of its 5 rarest shingles at least one is in every near-duplicate that is longer.
    """

    def __init__(self, texts: Texts, similarity: float, *, with_headline: bool = True) -> None:
        hashes, row = _shingle_hashes(texts, with_headline)
        n = len(texts)
        self._similarity = similarity
        self._sizes = np.bincount(row, minlength=n)
        _, code, frequency = np.unique(hashes, return_inverse=True, return_counts=True)
        is_shared = frequency[code] > 1
        code, row = code[is_shared], row[is_shared]
        order = np.lexsort((code, frequency[code], row))  # within a text, the rarest first
        self._codes = code[order]
        self._starts = np.searchsorted(row[order], np.arange(n + 1))
        unshared = self._sizes - np.diff(self._starts)
        may_miss = np.floor(self._sizes * (1 - similarity) + 1e-9).astype(np.int64)
        self._prefix_sizes = np.maximum(may_miss + 1 - unshared, 0)
        self._rows_by_code: dict[int, list[int]] = {}
        self._rows_by_prefix_code: dict[int, list[int]] = {}

    def add(self, row: int) -> None:
        """Add a text to those that later ones are compared with."""
        if self._sizes[row] < _MIN_SHINGLES:
            return
        codes = self._codes_of(row)
        for code in codes:
            self._rows_by_code.setdefault(code, []).append(row)
        for code in codes[: self._prefix_sizes[row]]:
            self._rows_by_prefix_code.setdefault(code, []).append(row)

    def near_duplicates(self, row: int) -> list[int]:
        """Return the added texts that are near-duplicates of this one."""
        if self._sizes[row] < _MIN_SHINGLES:
            return []
        codes = self._codes_of(row)
        prefix = codes[: self._prefix_sizes[row]]
        candidates = {other for code in prefix for other in self._rows_by_code.get(code, ())}
        candidates.update(r for code in codes for r in self._rows_by_prefix_code.get(code, ()))
        own = set(codes)
        return [other for other in candidates if self._is_near_duplicate(row, other, own)]

    def _is_near_duplicate(self, row: int, other: int, own: set[int]) -> bool:
        shorter, longer = sorted((self._sizes[row], self._sizes[other]))
        common = len(own.intersection(self._codes_of(other)))
        return bool(common >= self._similarity * shorter and shorter >= _MIN_LENGTH_RATIO * longer)

    def _codes_of(self, row: int) -> list[int]:
        codes: list[int] = self._codes[self._starts[row] : self._starts[row + 1]].tolist()
        return codes


def _shingle_hashes(texts: Texts, with_headline: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the hashes (s,) of all texts' shingles, each once a text, and the texts' rows (s,)."""
    hashes, rows = [np.zeros(0, dtype=np.uint64)], [np.zeros(0, dtype=np.int64)]
    for start in range(0, len(texts), _CHUNK_SIZE):
        chunk = texts.slice(start, _CHUNK_SIZE)
        words, owners = _word_hashes(" ".join(text) if with_headline else text[1] for text in chunk)
        runs = np.zeros(max(len(words) - _SHINGLE_WORDS + 1, 0), dtype=np.uint64)
        for offset in range(_SHINGLE_WORDS):
            runs = runs * _PRIME + words[offset : offset + len(runs)]
        in_one_text = owners[: len(runs)] == owners[_SHINGLE_WORDS - 1 :]
        frame = pd.DataFrame({"row": owners[: len(runs)][in_one_text], "hash": runs[in_one_text]})
        frame = frame.drop_duplicates()
        hashes.append(frame["hash"].to_numpy())
        rows.append(frame["row"].to_numpy() + start)
    return np.concatenate(hashes), np.concatenate(rows)


def _word_hashes(texts: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the hashes (w,) of all words of these texts, in order, and the text (w,) of each."""
    words = [_WORDS.findall(text.casefold()) for text in texts]
    counts = np.array([len(text) for text in words], dtype=np.int64)
    flat = np.array([word for text in words for word in text], dtype=object)
    return pd.util.hash_array(flat), np.repeat(np.arange(len(words)), counts)
