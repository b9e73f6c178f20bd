"""Articles that are all but the same: wire stories under another headline or with a trailer.

Two articles are near-copies if most of the shorter one's shingles (runs of three words) are in the
other: containment (Broder 1997, "On the resemblance and containment of documents"). Words are
compared as they are, so that a translation is no copy. The first published one stands for all, and
each is compared with those that stand, not with other copies: no chain leads from one to another.
"""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

# A character each in scripts that don't put spaces between words, else runs of word characters.
_WORDS = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]|\w+")
_RUN = 3  # words of a shingle
_LEAST = 10  # shingles that a text must have to be compared: shorter ones agree by chance
_SHORTEST = 1 / 2  # of the longer text, at which a shorter one can still be its copy
_PRIME = np.uint64(0x9E3779B97F4A7C15)  # spreads the hashes of words that make up a run
_CHUNK = 20_000  # articles whose words are in memory at a time


@dataclass(frozen=True)
class Folded:
    """Articles, near-copies folded into those that stand for them.

    Attributes:
        table: the articles that stand, in their order; `copies` and `venues` are those of all.
        folded: the others: their own columns, and `stands` (the doc_id of the one that does).
    """

    table: pa.Table
    folded: pa.Table


def fold(articles: pa.Table, similarity: float | None) -> Folded:
    """Fold near-copies into the first published of them.

    Args:
        articles: columns doc_id, title, description, venue, copies, venues (lists of strings,
            sorted), in order of publication; others are kept.
        similarity: as of `near_copies`; None folds nothing.
    """
    rows = np.arange(articles.num_rows)
    stands = rows if similarity is None else near_copies(articles, similarity)
    others = articles.filter(stands != rows)
    standing = pa.array(articles["doc_id"].to_numpy()[stands[stands != rows]], pa.string())
    counted = articles.select(["copies", "venues"]).to_pandas().groupby(stands)
    table = articles.filter(stands == rows)
    for name, values in (
        ("copies", counted["copies"].sum()),
        ("venues", counted["venues"].agg(lambda lists: sorted(set().union(*lists)))),
    ):
        field = table.schema.field(name)
        place = table.schema.get_field_index(name)
        table = table.set_column(place, field, pa.array(values, field.type))
    return Folded(table, others.append_column("stands", standing))


def near_copies(articles: pa.Table, similarity: float) -> np.ndarray:
    """Find for every article the one that stands for it: itself, or the first it is a copy of.

    Articles of different outlets are compared by their descriptions, too: agencies' texts run under
    many headlines. Those of one outlet are compared in whole only: outlets repeat boilerplate.

    Args:
        articles: columns title, description, venue, in order of publication.
        similarity: the least containment, above 0, at most 1.

    Returns:
        (n,) rows of the articles that stand for each.
    """
    whole = _Shingles(articles, ["title", "description"], similarity)
    body = _Shingles(articles, ["description"], similarity)
    venues = articles["venue"].to_pylist()
    stands = np.arange(articles.num_rows)
    for row in range(len(stands)):
        elsewhere = [
            other for other in body.like(row) if venues[row] is None or venues[other] != venues[row]
        ]
        found = whole.like(row) + elsewhere
        if found:
            stands[row] = min(found)
        else:
            whole.add(row)
            body.add(row)
    return stands


class _Shingles:
    """Shingles of texts, and which of the texts added have them.

    Only shingles that several texts have can tell that two are alike. Of these, a text that is the
    shorter of two copies must share one of its rarest (prefix filtering: Chaudhuri, Ganti, Kaushik
    2006), so that common phrases are never looked up.
    """

    def __init__(self, articles: pa.Table, fields: list[str], similarity: float) -> None:
        hashed, row = _hashed(articles.select(fields))
        n = articles.num_rows
        self._similarity = similarity
        self._sizes = np.bincount(row, minlength=n)
        _, code, texts = np.unique(hashed, return_inverse=True, return_counts=True)
        shared = texts[code] > 1
        code, row = code[shared], row[shared]
        order = np.lexsort((code, texts[code], row))  # of a text, the rarest first
        self._codes = code[order]
        self._starts = np.searchsorted(row[order], np.arange(n + 1))
        alone = self._sizes - np.diff(self._starts)
        missable = np.floor(self._sizes * (1 - similarity) + 1e-9).astype(np.int64)
        self._rarest = np.maximum(missable + 1 - alone, 0)
        self._all: dict[int, list[int]] = {}
        self._rare: dict[int, list[int]] = {}

    def add(self, row: int) -> None:
        """Let later texts be compared with this one."""
        if self._sizes[row] < _LEAST:
            return
        codes = self._of(row)
        for code in codes:
            self._all.setdefault(code, []).append(row)
        for code in codes[: self._rarest[row]]:
            self._rare.setdefault(code, []).append(row)

    def like(self, row: int) -> list[int]:
        """Give the texts added that are near-copies of this one."""
        if self._sizes[row] < _LEAST:
            return []
        codes = self._of(row)
        near = {other for code in codes[: self._rarest[row]] for other in self._all.get(code, ())}
        near.update(other for code in codes for other in self._rare.get(code, ()))
        own = set(codes)
        return [other for other in near if self._alike(row, other, own)]

    def _alike(self, row: int, other: int, own: set[int]) -> bool:
        shorter, longer = sorted((self._sizes[row], self._sizes[other]))
        shared = len(own.intersection(self._of(other)))
        return bool(shared >= self._similarity * shorter and shorter >= _SHORTEST * longer)

    def _of(self, row: int) -> list[int]:
        codes: list[int] = self._codes[self._starts[row] : self._starts[row + 1]].tolist()
        return codes


def _hashed(texts: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Give the hashes (s,) of all texts' shingles, each once a text, and the texts' rows (s,)."""
    hashes, rows = [np.zeros(0, dtype=np.uint64)], [np.zeros(0, dtype=np.int64)]
    for start in range(0, texts.num_rows, _CHUNK):
        chunk = texts.slice(start, _CHUNK)
        words, owners = _words(chunk)
        # Runs that reach over a text's end are dropped.
        runs = np.zeros(max(len(words) - _RUN + 1, 0), dtype=np.uint64)
        for offset in range(_RUN):
            runs = runs * _PRIME + words[offset : offset + len(runs)]
        within = owners[: len(runs)] == owners[_RUN - 1 :]
        frame = pd.DataFrame({"row": owners[: len(runs)][within], "hash": runs[within]})
        frame = frame.drop_duplicates()
        hashes.append(frame["hash"].to_numpy())
        rows.append(frame["row"].to_numpy() + start)
    return np.concatenate(hashes), np.concatenate(rows)


def _words(texts: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Give the hashes of a chunk's words, in order, and the row of each."""
    found = [
        _WORDS.findall(" ".join(filter(None, row)).casefold())
        for row in zip(*(column.to_pylist() for column in texts.columns), strict=True)
    ]
    counts = np.array([len(words) for words in found], dtype=np.int64)
    flat = np.array([word for words in found for word in words], dtype=object)
    return pd.util.hash_array(flat), np.repeat(np.arange(len(found)), counts)
