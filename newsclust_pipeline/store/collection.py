"""The documents in Milvus: exactly those of the dumps.

A collection belongs to one embedder. It is called `<alias>_<digest of the embedder>`, and `<alias>`
is its alias. A new embedder or dimension fills a new collection, and the alias moves when that one
is complete: vectors of two embedders never mix, and an interrupted rebuild leaves the old
collection in use.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from newsclust_pipeline.core.errors import CollectionError, DamagedCollectionError
from newsclust_pipeline.core.progress import Progress
from newsclust_pipeline.core.tables import checksums, join, matrix
from newsclust_pipeline.store.batches import ROWS_PER_CALL
from newsclust_pipeline.store.client import Client
from newsclust_pipeline.store.contents import (
    CollectionState,
    content_digest,
    vector_space,
    verify_inputs,
    wanted_content,
)
from newsclust_pipeline.store.indexes import Index
from newsclust_pipeline.store.manifest import Manifest
from newsclust_pipeline.store.ownership import (
    collection_name,
    new_record,
    publish,
    record_write,
    served_collection,
    verify_owned,
)
from newsclust_pipeline.store.schema import METRIC, TEXT_BYTES, create_collection, ensure_index

FOREIGN_WRITER = (
    "Another program writes to it: set `milvus.collection` to a name of your own, and run again "
    "from milvus_collection on."
)


@dataclass(frozen=True)
class Sync:
    """The changes that made the collection equal to the dumps.

    Attributes:
        new: documents written.
        removed: documents deleted.
        rebuilt: whether the collection replaced that of another embedder or version.
        not_dropped: former collections that stay, since aliases of others point to them.
        repair: what was wrong with the file, if it was replaced by a new one.
    """

    state: CollectionState
    new: int
    removed: int
    rebuilt: bool
    not_dropped: tuple[str, ...] = ()
    repair: str = ""

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

    A damaged Milvus Lite file inside the data folder is kept aside, and a new one is written.

    Args:
        client: an open Milvus.
        alias: the name under which the collection is used.
        articles: columns doc_id, text.
        embeddings: columns doc_id, embedding; the embedder's fingerprint in the metadata.
        index: the index of the vectors; a different one is replaced.
        progress: called with documents written and documents to write.

    Raises:
        CollectionError: the collection belongs to something else, which is left unchanged; or it
            doesn't contain what was written.
    """
    arguments = (client, alias, articles, embeddings, index, progress)
    try:
        return _sync(*arguments)
    except DamagedCollectionError as error:
        if not client.is_private:
            raise
        with client.new_file() as former:
            done = _sync(*arguments)
        repair = f"{error} The file is now {former}, and this run has written a new one."
        return replace(done, repair=repair)


def _sync(
    client: Client,
    alias: str,
    articles: pa.Table,
    embeddings: pa.Table,
    index: Index,
    progress: Progress,
) -> Sync:
    documents = join(embeddings.select(["doc_id"]), articles.select(["doc_id", "text"]))
    vectors = matrix(embeddings)
    wanted = wanted_content(client, alias, embeddings, index)
    state = CollectionState(
        alias, len(vectors), vectors.shape[1], index.kind, METRIC, content_digest(embeddings)
    )
    manifest = client.manifest  # what is known without opening the file
    if manifest == wanted:
        return Sync(state, new=0, removed=0, rebuilt=False)
    previous = served_collection(client, alias)
    _prepare(client, wanted, vectors.shape[1], index)
    removed, rows = _changes(client, manifest, wanted)
    if removed or len(rows):
        record_write(client, alias, wanted.collection)
    _delete(client, wanted.collection, removed)
    if len(rows) < len(vectors):  # otherwise a copy would take as much memory again
        documents, vectors = documents.take(rows), vectors[rows]
    _write(client, wanted, documents, vectors, progress)
    _verify_count(client, wanted.collection, state.count)
    not_dropped = publish(client, alias, previous, wanted.collection)
    client.record_manifest(wanted)
    rebuilt = previous not in {None, wanted.collection}
    return Sync(state, len(rows), len(removed), rebuilt, tuple(not_dropped))


def verify(client: Client, state: CollectionState, embeddings: pa.Table) -> None:
    """Raise an error unless the collection contains these documents, and Milvus Lite their vectors.

    A Milvus Lite file that is unchanged since the last run isn't opened.

    Raises:
        CollectionError: documents or vectors differ.
    """
    verify_inputs(state, embeddings)
    wanted, manifest = wanted_content(client, state.collection, embeddings), client.manifest
    if manifest and _same_collection(manifest, wanted) and manifest.documents == wanted.documents:
        return
    collection = search_target(client, state, embeddings)
    _verify_count(client, collection, state.count)
    if client.is_lite:
        _verify_vectors(client, collection, list(wanted.documents), matrix(embeddings))


def search_target(client: Client, state: CollectionState, embeddings: pa.Table) -> str:
    """Load the collection of these embeddings and return its own name.

    Raises:
        CollectionError: the alias belongs to another collection.
    """
    collection = collection_name(client, state.collection, vector_space(embeddings))
    if collection != served_collection(client, state.collection):
        raise CollectionError(
            f"collection {state.collection}: doesn't contain these embeddings any more. "
            "Materialise milvus_collection again."
        )
    client.load_collection(collection)
    return collection


def _prepare(client: Client, wanted: Manifest, dimension: int, index: Index) -> None:
    """Create the collection if needed, give it this index and load it."""
    if not client.has_collection(wanted.collection):
        record = new_record(client, wanted.alias, wanted.collection)
        create_collection(client, wanted.collection, dimension, record)
    verify_owned(client, wanted.collection, wanted.alias)
    ensure_index(client, wanted.collection, index)
    client.load_collection(wanted.collection)


def _changes(
    client: Client, manifest: Manifest | None, wanted: Manifest
) -> tuple[list[str], np.ndarray]:
    """Return the ids to delete, and the rows whose document is missing or has another vector."""
    stored = _stored_checksums(client, manifest, wanted)
    removed = sorted(stored.keys() - wanted.documents.keys())
    changed = [stored.get(doc_id) != value for doc_id, value in wanted.documents.items()]
    return removed, np.flatnonzero(np.array(changed, dtype=bool))


def _stored_checksums(
    client: Client, manifest: Manifest | None, wanted: Manifest
) -> dict[str, int]:
    """Return the checksum of every stored document's vector, by id.

    Milvus Lite's vectors are read: another program may have replaced one without its checksum.
    """
    if manifest and _same_collection(manifest, wanted):
        return manifest.documents
    if not client.is_lite:
        return client.checksums(wanted.collection)
    blocks = client.vectors(wanted.collection)
    sums = (zip(ids, checksums(vectors).tolist(), strict=True) for ids, vectors in blocks)
    return dict(chain.from_iterable(sums))


def _same_collection(one: Manifest, other: Manifest) -> bool:
    return (one.alias, one.collection) == (other.alias, other.collection)


def _delete(client: Client, collection: str, ids: Sequence[str]) -> None:
    for start in range(0, len(ids), ROWS_PER_CALL):
        client.delete(collection, ids=ids[start : start + ROWS_PER_CALL])


def _write(
    client: Client, wanted: Manifest, documents: pa.Table, vectors: np.ndarray, progress: Progress
) -> None:
    """Write these documents (columns doc_id, text), and have Milvus Lite's read back."""
    ids = documents["doc_id"].to_pylist()
    checksum = [wanted.documents[doc_id] for doc_id in ids]
    columns = {
        "id": documents["doc_id"],
        "text": _truncated(documents["text"]),
        "checksum": checksum,
    }
    if ids:
        client.write(wanted.collection, pa.table(columns), vectors, progress)
    client.settle(wanted.collection, "embedding")
    if ids and client.is_lite:
        _verify_vectors(client, wanted.collection, ids, vectors)


def _truncated(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cut texts to the bytes that Milvus accepts, between two characters."""
    if (pc.max(pc.binary_length(texts)).as_py() or 0) <= TEXT_BYTES:
        return texts
    cut = (text.encode()[:TEXT_BYTES].decode(errors="ignore") for text in texts.to_pylist())
    return pa.chunked_array([pa.array(cut, pa.string())])


def _verify_count(client: Client, collection: str, expected: int) -> None:
    count = client.count(collection)
    if count != expected:
        raise DamagedCollectionError(
            f"collection {collection}: contains {count} documents instead of {expected}. "
            f"{FOREIGN_WRITER}"
        )


def _verify_vectors(
    client: Client, collection: str, ids: Sequence[str], vectors: np.ndarray
) -> None:
    """Raise an error unless these vectors can be read from the collection, bit by bit."""
    row_of = {doc_id: row for row, doc_id in enumerate(ids)}
    correct = np.zeros(len(ids), dtype=bool)
    for stored_ids, stored in client.vectors(collection):
        rows = np.array([row_of.get(doc_id, -1) for doc_id in stored_ids], dtype=np.intp)
        known = np.flatnonzero(rows >= 0)
        correct[rows[known]] = (stored[known] == vectors[rows[known]]).all(axis=1)
    for row in np.flatnonzero(~correct)[:1]:
        raise DamagedCollectionError(
            f"collection {collection}: contains no vector or another one for document {ids[row]}. "
            f"{FOREIGN_WRITER}"
        )
