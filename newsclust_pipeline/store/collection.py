"""The documents in Milvus: exactly those of the dumps.

A collection belongs to one embedder. It is called `<alias>_<digest of the embedder>`, and `<alias>`
is its alias. A new embedder or dimension fills a new collection, and the alias moves when that one
is complete: vectors of two embedders never mix, and an interrupted rebuild leaves the old
collection in use.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from newsclust_pipeline.core.errors import CollectionError
from newsclust_pipeline.core.progress import Progress
from newsclust_pipeline.core.tables import join, matrix
from newsclust_pipeline.store.batches import ROWS_PER_CALL, batches
from newsclust_pipeline.store.client import Client
from newsclust_pipeline.store.indexes import Index
from newsclust_pipeline.store.manifest import Manifest, checksum, checksums
from newsclust_pipeline.store.ownership import publish, served_collection
from newsclust_pipeline.store.schema import METRIC, TEXT_BYTES, create_collection, ensure_index

FOREIGN_WRITER = (
    "Another program writes to it: set `milvus.collection` to a name of your own, and run again "
    "from milvus_collection on."
)


@dataclass(frozen=True)
class CollectionState:
    """What the collection contains, as persisted: no path and no token.

    Attributes:
        collection: the alias of the collection.
        digest: of the embedder and the ids of all documents; equal digests mean equal content.
    """

    collection: str
    count: int
    dimension: int
    index: str
    metric: str
    digest: str


@dataclass(frozen=True)
class Sync:
    """The changes that made the collection equal to the dumps.

    Attributes:
        new: documents written.
        removed: documents deleted.
        rebuilt: whether the collection replaced that of another embedder.
    """

    state: CollectionState
    new: int
    removed: int
    rebuilt: bool

    @property
    def reused(self) -> int:
        """Documents that were in the collection before and stay."""
        return self.state.count - self.new


def sync(
    client: Client,
    alias: str,
    articles: pa.Table,
    embeddings: pa.Table,
    index: Index,
    progress: Progress = lambda *_: None,
) -> Sync:
    """Write the documents that the collection lacks, and delete those that left the dumps.

    Args:
        client: an open Milvus.
        alias: the name under which the collection is used.
        articles: columns doc_id, text.
        embeddings: columns doc_id, embedding; the embedder's fingerprint in the metadata.
        index: the index of the vectors; a different one is replaced.
        progress: called with documents written and documents to write.

    Raises:
        CollectionError: the alias is used by something else, or the collection doesn't contain what
            was written.
    """
    documents = join(embeddings.select(["doc_id"]), articles.select(["doc_id", "text"]))
    vectors = matrix(embeddings)
    wanted = _wanted(alias, embeddings, index)
    state = CollectionState(
        alias, len(vectors), vectors.shape[1], index.kind, METRIC, content_digest(embeddings)
    )
    manifest = client.manifest  # what is known without opening the file
    if manifest == wanted:
        return Sync(state, new=0, removed=0, rebuilt=False)
    previous = served_collection(client, alias)
    _prepare(client, wanted.collection, vectors.shape[1], index)
    stored = _stored_checksums(client, manifest, wanted)
    removed = sorted(stored.keys() - wanted.documents.keys())
    _delete(client, wanted.collection, removed)
    changed = [stored.get(doc_id) != s for doc_id, s in wanted.documents.items()]
    rows = np.flatnonzero(np.array(changed, dtype=bool))
    _write(client, wanted.collection, documents.take(rows), vectors[rows], progress)
    _verify_count(client, wanted.collection, len(vectors))
    publish(client, alias, previous, wanted.collection)
    client.record_manifest(wanted)
    return Sync(state, len(rows), len(removed), previous not in {None, wanted.collection})


def verify(client: Client, state: CollectionState, embeddings: pa.Table) -> None:
    """Raise an error unless the collection contains these documents, and Milvus Lite their vectors.

    A Milvus Lite file that is unchanged since the last run isn't opened.

    Raises:
        CollectionError: documents or vectors differ.
    """
    verify_inputs(state, embeddings)
    wanted, manifest = _wanted(state.collection, embeddings), client.manifest
    if manifest and _same_collection(manifest, wanted) and manifest.documents == wanted.documents:
        return
    collection = search_target(client, state, embeddings)
    _verify_count(client, collection, state.count)
    if client.is_lite:
        _verify_vectors(client, collection, list(wanted.documents), matrix(embeddings))


def verify_inputs(state: CollectionState, embeddings: pa.Table) -> None:
    """Raise an error unless the collection was filled from these embeddings.

    Raises:
        CollectionError: it was filled from other ones.
    """
    if state.digest != content_digest(embeddings):
        raise CollectionError(
            f"collection {state.collection}: filled from other embeddings than the current ones. "
            "Materialise milvus_collection again."
        )


def search_target(client: Client, state: CollectionState, embeddings: pa.Table) -> str:
    """Load the collection of these embeddings and return its own name.

    Raises:
        CollectionError: the alias belongs to another collection.
    """
    collection = collection_name(state.collection, embeddings)
    if collection != served_collection(client, state.collection):
        raise CollectionError(
            f"collection {state.collection}: now contains vectors of another embedder. "
            "Materialise milvus_collection again."
        )
    client.load_collection(collection)
    return collection


def content_digest(embeddings: pa.Table) -> str:
    """Return a digest of the embedder and the ids, in any order."""
    content = [_fingerprint(embeddings), *sorted(embeddings["doc_id"].to_pylist())]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def vector_space(embeddings: pa.Table) -> str:
    """Return the embedder's fingerprint and the dimension of the vectors, as one string."""
    return f"{_fingerprint(embeddings)}/{matrix(embeddings).shape[1]}"


def collection_name(alias: str, embeddings: pa.Table) -> str:
    """Return the name of the collection of this embedder and dimension."""
    return f"{alias}_{hashlib.sha256(vector_space(embeddings).encode()).hexdigest()[:12]}"


def _fingerprint(embeddings: pa.Table) -> str:
    return str((embeddings.schema.metadata or {})[b"fingerprint"].decode())


def _wanted(alias: str, embeddings: pa.Table, index: Index | None = None) -> Manifest:
    """Return what the collection of these embeddings must contain."""
    sums = checksums(embeddings["doc_id"].to_pylist(), matrix(embeddings))
    return Manifest(alias, collection_name(alias, embeddings), index.name if index else "", sums)


def _prepare(client: Client, collection: str, dimension: int, index: Index) -> None:
    """Create the collection if needed, give it this index and load it."""
    if not client.has_collection(collection):
        create_collection(client, collection, dimension)
    ensure_index(client, collection, index)
    client.load_collection(collection)


def _stored_checksums(
    client: Client, manifest: Manifest | None, wanted: Manifest
) -> dict[str, int]:
    """Return the checksum of every stored document's vector, by id.

    A document's id is derived from its text, so on a server a stored id stands for its vector.
    Milvus Lite's vectors are read: a service doesn't always return the same vector for a text.
    """
    if manifest and _same_collection(manifest, wanted):
        return manifest.documents
    ids = sorted(client.ids(wanted.collection))
    if not client.is_lite:
        return {doc_id: wanted.documents.get(doc_id, 0) for doc_id in ids}
    pages = (ids[start : start + ROWS_PER_CALL] for start in range(0, len(ids), ROWS_PER_CALL))
    stored = (_read_vectors(client, wanted.collection, page) for page in pages)
    return {i: checksum(vector) for page in stored for i, vector in page.items()}


def _same_collection(one: Manifest, other: Manifest) -> bool:
    return (one.alias, one.collection) == (other.alias, other.collection)


def _read_vectors(client: Client, collection: str, ids: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the stored vectors of these documents, by id; some may be missing."""
    rows = client.get(collection, ids=list(ids), output_fields=["id", "embedding"])
    return {row["id"]: np.asarray(row["embedding"], np.float32) for row in rows}


def _delete(client: Client, collection: str, ids: Sequence[str]) -> None:
    for start in range(0, len(ids), ROWS_PER_CALL):
        client.delete(collection, ids=ids[start : start + ROWS_PER_CALL])


def _write(
    client: Client, collection: str, documents: pa.Table, vectors: np.ndarray, progress: Progress
) -> None:
    """Write these documents (columns doc_id, text), and have Milvus Lite's read back."""
    ids = documents["doc_id"].to_pylist()
    texts = [_truncated(text) for text in documents["text"].to_pylist()]
    sizes = [vectors.itemsize * vectors.shape[1] + len(text.encode()) for text in texts]
    for batch in batches(sizes):
        rows = zip(ids[batch], vectors[batch], texts[batch], strict=True)
        entities = [{"id": i, "embedding": vector, "text": text} for i, vector, text in rows]
        client.upsert(collection, entities)
        progress(batch.stop, len(ids))
    client.settle(collection, "embedding")
    if client.is_lite:
        _verify_vectors(client, collection, ids, vectors)


def _truncated(text: str) -> str:
    """Cut a text to the bytes that Milvus accepts, between two characters."""
    return text.encode()[:TEXT_BYTES].decode(errors="ignore")


def _verify_count(client: Client, collection: str, expected: int) -> None:
    count = client.count(collection)
    if count != expected:
        raise CollectionError(
            f"collection {collection}: contains {count} documents instead of {expected}. "
            f"{FOREIGN_WRITER}"
        )


def _verify_vectors(
    client: Client, collection: str, ids: Sequence[str], vectors: np.ndarray
) -> None:
    """Raise an error unless these vectors can be read from the collection, bit by bit."""
    for start in range(0, len(ids), ROWS_PER_CALL):
        page = ids[start : start + ROWS_PER_CALL]
        stored = _read_vectors(client, collection, page)
        for doc_id, vector in zip(page, vectors[start:], strict=False):
            if not np.array_equal(stored.get(doc_id, ()), vector):
                raise CollectionError(
                    f"collection {collection}: contains no vector or another one for document "
                    f"{doc_id}. {FOREIGN_WRITER}"
                )
