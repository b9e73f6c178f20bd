"""Near-duplicates: articles with almost the same text, such as wire stories with another headline.

Two articles are near-duplicates if most of the shorter one's shingles (runs of three words) occur
in the other one: containment (Broder 1997, "On the resemblance and containment of documents").
Words are compared as they are, so a translation is no near-duplicate. The first published article
is kept, and each later one is compared only with articles that are kept. So no article is removed
because it resembles another removed one.
"""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

# One character in scripts without spaces between words, else a run of word characters.
_WORDS = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]|\w+")
_SHINGLE_WORDS = 3
_MIN_SHINGLES = 10  # shorter texts agree by chance, so they are not compared
_MIN_LENGTH_RATIO = 1 / 2  # of the shorter to the longer text
_PRIME = np.uint64(0x9E3779B97F4A7C15)  # multiplier that mixes the hashes of a shingle's words
_CHUNK_SIZE = 20_000  # articles whose words are in memory at a time


@dataclass(frozen=True)
class Deduplicated:
    """Articles without near-duplicates, and the near-duplicates.

    Attributes:
        table: the articles that are kept, in their order. `copies` and `venues` include those of
            their near-duplicates.
        duplicates: the other articles: their own columns, and `duplicate_of` (the doc_id of the
            article that is kept instead).
    """

    table: pa.Table
    duplicates: pa.Table


def deduplicate(articles: pa.Table, similarity: float | None) -> Deduplicated:
    """Return the articles with near-duplicates replaced by the first published of them.

    Args:
        articles: columns doc_id, title, description, venue, copies, venues (lists of strings,
            sorted), in order of publication; other columns are kept.
        similarity: as in `find_near_duplicates`; None keeps all articles.
    """
    rows = np.arange(articles.num_rows)
    original = rows if similarity is None else find_near_duplicates(articles, similarity)
    is_duplicate = original != rows
    duplicate_of = pa.array(articles["doc_id"].to_numpy()[original[is_duplicate]], pa.string())
    duplicates = articles.filter(is_duplicate).append_column("duplicate_of", duplicate_of)
    groups = articles.select(["copies", "venues"]).to_pandas().groupby(original)
    table = articles.filter(~is_duplicate)
    for name, values in (
        ("copies", groups["copies"].sum()),
        ("venues", groups["venues"].agg(lambda lists: sorted(set().union(*lists)))),
    ):
        field = table.schema.field(name)
        position = table.schema.get_field_index(name)
        table = table.set_column(position, field, pa.array(values, field.type))
    return Deduplicated(table, duplicates)


def find_near_duplicates(articles: pa.Table, similarity: float) -> np.ndarray:
    """Return for each article the row of the article that is kept: itself, or an earlier one.

    Articles of different outlets are also compared by their descriptions alone, because outlets
    publish wire stories under their own headlines. Articles of one outlet are compared only with
    their headlines included, because outlets repeat boilerplate.

    Args:
        articles: columns title, description, venue, in order of publication.
        similarity: the minimum containment, above 0 and at most 1.

    Returns:
        (n,) row numbers.
    """
    whole = _ShingleIndex(articles, ["title", "description"], similarity)
    body = _ShingleIndex(articles, ["description"], similarity)
    venues = articles["venue"].to_pylist()
    original = np.arange(articles.num_rows)
    for row in range(len(original)):
        elsewhere = [
            other
            for other in body.near_duplicates(row)
            if venues[row] is None or venues[other] != venues[row]
        ]
        candidates = whole.near_duplicates(row) + elsewhere
        if candidates:
            original[row] = min(candidates)
        else:
            whole.add(row)
            body.add(row)
    return original


class _ShingleIndex:
    """Shingles of all texts, and an inverted index of the texts added so far.

    Only shingles that several texts have can show that two are similar. Of these, the shorter of
    two near-duplicates must share one of its rarest (prefix filtering: Chaudhuri, Ganti, Kaushik
    2006), so that common phrases are never looked up.

    Example: a text of 20 shingles at a similarity of 0.8 may miss 4 of them in the other text. So
    of its 5 rarest shingles at least one is in every near-duplicate that is longer.
    """

    def __init__(self, articles: pa.Table, fields: list[str], similarity: float) -> None:
        hashes, row = _shingle_hashes(articles.select(fields))
        n = articles.num_rows
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


def _shingle_hashes(texts: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Return the hashes (s,) of all texts' shingles, each once a text, and the texts' rows (s,)."""
    hashes, rows = [np.zeros(0, dtype=np.uint64)], [np.zeros(0, dtype=np.int64)]
    for start in range(0, texts.num_rows, _CHUNK_SIZE):
        chunk = texts.slice(start, _CHUNK_SIZE)
        words, owners = _word_hashes(chunk)
        runs = np.zeros(max(len(words) - _SHINGLE_WORDS + 1, 0), dtype=np.uint64)
        for offset in range(_SHINGLE_WORDS):
            runs = runs * _PRIME + words[offset : offset + len(runs)]
        in_one_text = owners[: len(runs)] == owners[_SHINGLE_WORDS - 1 :]
        frame = pd.DataFrame({"row": owners[: len(runs)][in_one_text], "hash": runs[in_one_text]})
        frame = frame.drop_duplicates()
        hashes.append(frame["hash"].to_numpy())
        rows.append(frame["row"].to_numpy() + start)
    return np.concatenate(hashes), np.concatenate(rows)


def _word_hashes(texts: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Return the hashes (w,) of all words of a chunk, in order, and the row (w,) of each."""
    words = [
        _WORDS.findall(" ".join(filter(None, row)).casefold())
        for row in zip(*(column.to_pylist() for column in texts.columns), strict=True)
    ]
    counts = np.array([len(text) for text in words], dtype=np.int64)
    flat = np.array([word for text in words for word in text], dtype=object)
    return pd.util.hash_array(flat), np.repeat(np.arange(len(words)), counts)
