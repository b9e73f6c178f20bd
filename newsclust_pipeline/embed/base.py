"""Turn texts into unit vectors with any embedder; texts that were embedded before are looked up.

This module has what the embedders share: the protocol, the use of the cache, and the checks of the
vectors that a model returns. The embedders are in modules of their own.
"""

import pickle
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from newsclust_pipeline import schemas
from newsclust_pipeline.core.engine import IN_PROCESS, Engine
from newsclust_pipeline.core.errors import EmbeddingError
from newsclust_pipeline.core.progress import Progress
from newsclust_pipeline.core.tables import embedded_texts
from newsclust_pipeline.embed.cache import DamagedCacheError, VectorCache, rescue

# Positions in the sequence of texts (n,), and their vectors (n, dimension) as float32. A text that
# can't be embedded has NaN.
Batch = tuple[np.ndarray, np.ndarray]
# The mean cosine distance between texts about unrelated subjects, by the name of the embedder. Only
# documents about a single event need it: among them no two are unrelated.
UNRELATED_DISTANCE = {"minilm": 0.95, "e5": 0.9}
CHUNK = 4096  # texts that are Python strings at the same time
_UNUSABLE = "the embedder returned a vector that is zero or not finite"
_MISSING = "the embedder returned no vector"


class Embedder(Protocol):
    """A model that turns texts into vectors.

    The vector of a text must depend on the text and on what `fingerprint` covers, nothing else.
    """

    @property
    def name(self) -> str:
        """The name by which a user chooses the embedder."""

    @property
    def model(self) -> str:
        """The name of its model, as a user would write it."""

    @property
    def dimension(self) -> int:
        """Components of a vector. May cost a request, so it is read only if nothing is cached."""

    @property
    def fingerprint(self) -> str:
        """Identifies everything that the vectors depend on; others are never mixed with them."""

    def encode(self, texts: Sequence[str]) -> Iterator[Batch]:
        """Yield the vectors of texts in batches, in any order and of any size.

        An embedder that refuses single texts has an attribute `refusals`: the reason by text. One
        that workers may run has an attribute `texts_per_partition`, which changes no vector.
        """


@dataclass(frozen=True)
class Embedded:
    """The vectors of the documents, and how many of them were computed.

    Attributes:
        table: doc_id and embedding (fixed-size list of float32, unit length), rows in the order of
            the articles; the schema's metadata has embedder, model, dimension and fingerprint.
        new: number of texts embedded in this run. All others came from the cache.
        pruned: number of vectors deleted from the cache because no run has used them for long.
        rejected: the reason by doc_id, for documents that can't be embedded; not in the table.
        warnings: what was wrong with the cache.
    """

    table: pa.Table
    new: int
    pruned: int
    rejected: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()

    @property
    def dimension(self) -> int:
        """Components of a vector."""
        return int(self.table.schema.field("embedding").type.list_size)


def embed(
    articles: pa.Table,
    embedder: Embedder,
    cache_path: Path,
    progress: Progress = lambda *_: None,
    keep_days: int = 0,
    max_rejected: float = 0.0,
    engine: Engine = IN_PROCESS,
) -> Embedded:
    """Return the vectors of articles (columns doc_id, text, embedded_text).

    Texts stay in Arrow, except for those that are being looked up or embedded. Every usable vector
    is cached before a useless one raises an error. A damaged cache is replaced by one with all
    vectors that can be read.

    Args:
        articles: the documents.
        embedder: embeds the texts that the cache doesn't have.
        cache_path: the file of the cache; see `VectorCache`.
        progress: called with the number of texts embedded and of texts to embed.
        keep_days: delete cached vectors that no run has used for so many days; 0 deletes none.
        max_rejected: share of the documents that may have no vector; one document always may, if
            there are others and the share isn't 0.
        engine: runs the embedder, if workers may run it.

    Raises:
        EmbeddingError: vectors are of another dimension than expected; too many texts have no
            usable vector; or the cache can't be used.
    """
    compute = partial(
        _embed, articles, embedder, cache_path, progress, keep_days, max_rejected, engine
    )
    try:
        return compute()
    except DamagedCacheError:
        warning = rescue(cache_path)
    embedded = compute()
    return replace(embedded, warnings=[warning, *embedded.warnings])


def _embed(
    articles: pa.Table,
    embedder: Embedder,
    cache_path: Path,
    progress: Progress,
    keep_days: int,
    max_rejected: float,
    engine: Engine,
) -> Embedded:
    warnings = []
    with VectorCache(cache_path, embedder.fingerprint) as cache:
        run = _Run(articles, embedder, cache, max_rejected)
        try:
            run.embed(progress, engine)
        except _OtherDimensionError as error:
            if not cache.clear():
                raise
            warnings.append(f"{error} The cached vectors of this model are deleted; all are new.")
            run = _Run(articles, embedder, cache, max_rejected)
            run.embed(progress, engine)
        pruned = cache.prune(keep_days) if keep_days else 0
        if cache.damaged:
            warnings.append(
                f"{cache_path}: {cache.damaged:,} vectors were damaged; their texts were embedded "
                "again. Check the disk."
            )
    return Embedded(run.table(), run.new, pruned, run.rejected, warnings)


class _OtherDimensionError(EmbeddingError):
    """The embedder's vectors are of another dimension than the cached ones."""


class _Run:
    """The vectors of articles while they are looked up and embedded."""

    def __init__(
        self, articles: pa.Table, embedder: Embedder, cache: VectorCache, max_rejected: float
    ) -> None:
        self._ids, self._texts = articles["doc_id"], embedded_texts(articles)
        self._embedder, self._cache = embedder, cache
        dimension = cache.dimension or embedder.dimension
        self._vectors = np.zeros((len(self._texts), dimension), dtype=np.float32)
        share = max_rejected * len(self._texts)
        self._most_rejected = min(max(share, 1 if max_rejected else 0), len(self._texts) - 1)
        self.new, self.rejected = 0, dict[str, str]()

    def embed(self, progress: Progress, engine: Engine) -> None:
        """Fill in cached vectors, then embed the other texts."""
        missing = self._fill_from_cache()
        self.new = len(missing)
        done = 0
        size = getattr(self._embedder, "texts_per_partition", 0)
        if len(missing) <= size or not size:
            engine, size = IN_PROCESS, CHUNK
        parts = [missing[start : start + size] for start in range(0, len(missing), size)]
        texts = (self._texts.take(rows).to_pylist() for rows in parts)
        for rows, batches in zip(parts, _encode_all(engine, self._embedder, texts), strict=True):
            for count in self._take(rows, batches):
                done += count
                progress(done, len(missing))

    def table(self) -> pa.Table:
        """Return the table of the documents that have a vector."""
        table = _embeddings_table(self._ids, self._vectors, self._embedder)
        if not self.rejected:
            return table
        rejected = pa.array(list(self.rejected), pa.string())
        return table.filter(pc.invert(pc.is_in(self._ids, rejected)))

    def _fill_from_cache(self) -> np.ndarray:
        """Write cached vectors into their rows and return the rows of the other texts."""
        missing = [
            start + self._cache.fill(self._chunk(start), self._vectors[start : start + CHUNK])
            for start in range(0, len(self._texts), CHUNK)
        ]
        return np.concatenate([np.array([], dtype=np.intp), *missing])

    def _chunk(self, start: int) -> list[str]:
        return self._texts.slice(start, CHUNK).to_pylist()

    def _take(self, rows: np.ndarray, batches: Iterable[Batch]) -> Iterator[int]:
        """Take the vectors of some rows; yield the size of every batch once it is cached."""
        texts, ids = self._texts.take(rows).to_pylist(), self._ids.take(rows).to_pylist()
        left = np.ones(len(rows), dtype=bool)
        for positions, batch in batches:
            unit = unit_vectors(batch, [ids[p] for p in positions], self._vectors.shape[1])
            usable = np.isfinite(unit[:, 0])
            good = positions[usable]
            self._vectors[rows[good]] = unit[usable]
            self._cache.store([texts[p] for p in good], unit[usable])
            self._reject({ids[p]: self._reason(texts[p]) for p in positions[~usable]})
            left[positions] = False
            yield len(positions)
        self._reject({ids[p]: _MISSING for p in np.flatnonzero(left)})

    def _reason(self, text: str) -> str:
        refusals: Mapping[str, str] = getattr(self._embedder, "refusals", {})
        return refusals.get(text, _UNUSABLE)

    def _reject(self, reasons: Mapping[str, str]) -> None:
        """Note documents without a vector; raise an error if there are too many."""
        self.rejected.update(reasons)
        if len(self.rejected) > self._most_rejected:
            doc_id, reason = next(iter(self.rejected.items()))
            raise EmbeddingError(
                f"document {doc_id}: {reason}. {len(self.rejected)} of {len(self._texts)} "
                "documents have no vector so far, more than max_rejected of embeddings allows. "
                "Check the model, or the service that runs it. Usable vectors are cached."
            )


def _encode_all(
    engine: Engine, embedder: Embedder, partitions: Iterable[list[str]]
) -> Iterator[Iterable[Batch]]:
    """Yield the batches of every partition of texts."""
    if not engine.is_parallel:
        return (embedder.encode(texts) for texts in partitions)
    return engine.map(_encode, partitions, pickle.dumps(_unopened(embedder)))


def _unopened(embedder: Embedder) -> Embedder:
    """Return an embedder without what it has loaded, such as its model: workers load it, too."""
    other, kinds = copy(embedder), type(embedder).__mro__
    loaded = {name for kind in kinds for name, value in vars(kind).items()
              if isinstance(value, cached_property)}  # fmt: skip
    other.__dict__ = {name: value for name, value in vars(other).items() if name not in loaded}
    return other


def _encode(texts: list[str], pickled: bytes) -> list[Batch]:
    return list(_loaded(pickled).encode(texts))


@lru_cache(maxsize=1)
def _loaded(pickled: bytes) -> Embedder:
    """Return the embedder, which a worker keeps for its next partition."""
    embedder: Embedder = pickle.loads(pickled)  # noqa: S301 (from the process that started the run)
    return embedder


def unit_vectors(vectors: np.ndarray, ids: Sequence[str], dimension: int) -> np.ndarray:
    """Return vectors (n, dimension) scaled to unit length, as float32; NaN if that is impossible.

    Raises:
        EmbeddingError: the array has another shape. The message names the first document.
    """
    if vectors.shape != (len(ids), dimension):
        raise _OtherDimensionError(
            f"document {ids[0]}: the embedder returned an array of shape {vectors.shape}, expected "
            f"{(len(ids), dimension)}. Check that `embedder.model` names one model only."
        )
    wide = vectors.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    usable = np.isfinite(lengths) & (lengths > 1e-6)
    return np.divide(wide, lengths, out=np.full_like(wide, np.nan), where=usable).astype(np.float32)


def _embeddings_table(ids: pa.ChunkedArray, vectors: np.ndarray, embedder: Embedder) -> pa.Table:
    """Return the table of `embeddings`, which names the embedder in its metadata."""
    dimension = vectors.shape[1]
    schema = schemas.embeddings(dimension).schema.with_metadata(
        {
            "embedder": embedder.name,
            "model": embedder.model,
            "dimension": str(dimension),
            "fingerprint": embedder.fingerprint,
        }
    )
    flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), dimension)
    return pa.Table.from_arrays([ids, flat], schema=schema)
