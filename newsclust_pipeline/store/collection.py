"""The documents in Milvus: exactly those of the dump.

How Milvus is opened: `milvus.py`. How it is searched: `search.py`.

A collection belongs to one embedder: its vectors live in `<name>_<embedder's digest>`, and `<name>`
is an alias of it. A changed embedder or dimension fills another collection, and the alias moves
over when that one is complete: old and new vectors never mix, a broken rebuild leaves the old
collection serving.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from newsclust_pipeline.core.errors import CollectionError
from newsclust_pipeline.core.progress import Progress
from newsclust_pipeline.core.tables import matrix
from newsclust_pipeline.store.connection import ROWS_PER_CALL, Connection, batches
from newsclust_pipeline.store.indexes import Index
from newsclust_pipeline.store.manifest import Seal, checksums

# All vectors have unit length, so the largest inner product is the smallest Euclidean distance,
# and Milvus Lite searches it in far less time and memory than L2.
METRIC = "IP"
_TEXT_BYTES = 65_535  # Milvus's own limit for VARCHAR
MEDDLED = (
    "Something else writes to it: set MILVUS_COLLECTION to a name of its own, and run again from "
    "milvus_collection on."
)


@dataclass(frozen=True)
class CollectionState:
    """What the collection holds, as persisted. No path and no token: safe to pass on.

    Attributes:
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
    """What it took to bring the collection in step with the dump."""

    state: CollectionState
    new: int
    removed: int
    rebuilt: bool

    @property
    def reused(self) -> int:
        """Documents that were in the collection before and stay."""
        return self.state.count - self.new


def sync(
    client: Connection,
    name: str,
    articles: pa.Table,
    embeddings: pa.Table,
    index: Index,
    progress: Progress = lambda *_: None,
) -> Sync:
    """Bring the collection in step: upsert what it lacks, delete what left the dump.

    A document's id comes from its text, so a server's known ids need no second look. An embedded
    file's vectors are compared with those given: one that is another by now (a service doesn't
    always give the same) is written again.

    Args:
        client: an open Milvus.
        name: what the collection is called, by alias.
        articles: columns doc_id, text.
        embeddings: columns doc_id, embedding; embedder's fingerprint in the schema's metadata.
        index: the index that the vectors get; another one than they have is built anew.
        progress: called with documents written and documents to write.

    Raises:
        CollectionError: the collection is not ours, or doesn't hold what was written.
    """
    ids, vectors = articles["doc_id"].to_pylist(), matrix(embeddings)
    digest = content_digest(embeddings)
    state = CollectionState(name, len(ids), vectors.shape[1], index.kind, METRIC, digest)
    wanted = Seal(name, _own(name, embeddings), index.name, checksums(ids, vectors))
    if client.sealed == wanted:
        return Sync(state, new=0, removed=0, rebuilt=False)
    known = client.sealed if _same_collection(client.sealed, wanted) else None
    before = _serving(client, name)
    if not client.has_collection(wanted.own):
        _create(client, wanted.own, vectors.shape[1])
    _index(client, wanted.own, index)
    client.load_collection(wanted.own)
    there = known.documents if known else dict.fromkeys(client.ids(wanted.own))
    gone = sorted(there.keys() - ids)
    for start in range(0, len(gone), ROWS_PER_CALL):
        client.delete(wanted.own, ids=gone[start : start + ROWS_PER_CALL])
    missing = np.array([doc_id not in there for doc_id in ids], dtype=bool)
    if known:
        sums = wanted.documents
        missing = np.array([there.get(doc_id) != sums[doc_id] for doc_id in ids], dtype=bool)
    elif client.embedded:
        missing[_differing(client, wanted.own, ids, vectors, np.flatnonzero(~missing))] = True
    rows = np.flatnonzero(missing)
    _upsert(client, wanted.own, articles.take(rows), vectors[rows], progress)
    _verify(client, wanted.own, len(ids))
    if client.embedded:
        compare(client, wanted.own, ids, vectors, rows)
    _serve(client, name, before, wanted.own)
    client.seal(wanted)
    return Sync(state, len(rows), len(gone), rebuilt=before not in {None, wanted.own})


def _same_collection(seal: Seal | None, wanted: Seal) -> bool:
    return seal is not None and (seal.name, seal.own) == (wanted.name, wanted.own)


def content_digest(embeddings: pa.Table) -> str:
    """Give the digest of what the collection must hold: the embedder and the ids, in any order."""
    content = [_fingerprint(embeddings), *sorted(embeddings["doc_id"].to_pylist())]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def serving(client: Connection, state: CollectionState, embeddings: pa.Table) -> str:
    """Load the collection that holds these embeddings, ready to be searched; give its own name.

    Raises:
        CollectionError: the collection holds other documents than these.
    """
    own = _own(state.collection, embeddings)
    if state.digest != content_digest(embeddings) or own != _serving(client, state.collection):
        raise CollectionError(
            f"collection {state.collection}: filled from other embeddings than those given. "
            "Materialise milvus_collection again."
        )
    client.load_collection(own)
    return own


def is_sealed(client: Connection, state: CollectionState, embeddings: pa.Table) -> bool:
    """Tell whether it is known without a look that the collection holds these vectors."""
    seal, ids = client.sealed, embeddings["doc_id"].to_pylist()
    return (
        seal is not None
        and (seal.name, seal.own) == (state.collection, _own(state.collection, embeddings))
        and state.digest == content_digest(embeddings)
        and seal.documents == checksums(ids, matrix(embeddings))
    )


def compare(
    client: Connection, own: str, ids: Sequence[str], vectors: np.ndarray, rows: np.ndarray
) -> None:
    """Read vectors back: they must be those that were embedded.

    Args:
        client: an open Milvus.
        own: the collection's own name.
        ids: (n,) of all documents that it must hold.
        vectors: (n, d) float32, theirs.
        rows: (r,) which of them to read.

    Raises:
        CollectionError: it holds more or fewer documents, or another vector.
    """
    held = count(client, own)
    if held != len(ids):
        raise CollectionError(
            f"collection {own}: holds {held} documents where there should be {len(ids)}. {MEDDLED}"
        )
    for row in _differing(client, own, ids, vectors, rows)[:1]:
        raise CollectionError(
            f"collection {own}: holds no vector or another one for document {ids[row]}. {MEDDLED}"
        )


def _differing(
    client: Connection, own: str, ids: Sequence[str], vectors: np.ndarray, rows: np.ndarray
) -> list[int]:
    """Read vectors back, a batch at a time; give the rows that the collection has otherwise."""
    found = []
    for start in range(0, len(rows), ROWS_PER_CALL):
        batch = {ids[row]: row for row in rows[start : start + ROWS_PER_CALL]}
        held = client.get(own, ids=list(batch), output_fields=["id", "embedding"])
        stored = {row["id"]: np.asarray(row["embedding"], np.float32) for row in held}
        found += [
            int(row)
            for doc_id, row in batch.items()
            if not np.array_equal(stored.get(doc_id, ()), vectors[row])
        ]
    return found


def made_of(embeddings: pa.Table) -> str:
    """Tell which embedder's vectors these are, and of what dimension."""
    return f"{_fingerprint(embeddings)}/{matrix(embeddings).shape[1]}"


def _fingerprint(embeddings: pa.Table) -> str:
    return str((embeddings.schema.metadata or {})[b"fingerprint"].decode())


def _own(name: str, embeddings: pa.Table) -> str:
    """Name the collection that belongs to these embeddings' model and dimension."""
    return f"{name}_{hashlib.sha256(made_of(embeddings).encode()).hexdigest()[:12]}"


def _serving(client: Connection, name: str) -> str | None:
    """Tell which collection the alias points to; None if there is no such alias yet."""
    if not client.has_collection(name):
        return None
    plain = name in client.list_collections()
    serving = name if plain else str(client.describe_alias(name)["collection_name"])
    if not _is_ours(serving, name):
        raise CollectionError(
            f"collection {name}: made by something else (ours is an alias of that name for "
            f"{name}_…). Set MILVUS_COLLECTION to another name, or remove that one yourself."
        )
    return serving


def _create(client: Connection, own: str, dimension: int) -> None:
    from pymilvus import DataType

    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=64)
    schema.add_field("embedding", DataType.FLOAT_VECTOR, dim=dimension)
    schema.add_field("text", DataType.VARCHAR, max_length=_TEXT_BYTES)
    client.create_collection(own, schema=schema, consistency_level="Strong")


def _index(client: Connection, own: str, index: Index) -> None:
    """Give the vectors this index, in the place of another one."""
    if "embedding" in client.list_indexes(own):
        present = client.describe_index(own, "embedding")
        told = present | present.get("params", {})  # Milvus Lite nests them, a server doesn't
        built = {name: int(told.get(name, 0)) for name in index.build}
        if present["index_type"] == index.kind and built == index.build:
            return
        client.release_collection(own)
        client.drop_index(own, "embedding")
    wanted = client.prepare_index_params()
    # Nested: Milvus Lite loses parameters that are not, and a server takes both.
    params = {"params": {"params": dict(index.build)}} if index.build else {}
    wanted.add_index("embedding", index_type=index.kind, metric_type=METRIC, **params)
    client.create_index(own, wanted)


def _upsert(
    client: Connection, own: str, articles: pa.Table, vectors: np.ndarray, progress: Progress
) -> None:
    ids, texts = articles["doc_id"].to_pylist(), [_cut(t) for t in articles["text"].to_pylist()]
    done = 0
    for batch in batches([vectors.itemsize * vectors.shape[1] + len(t.encode()) for t in texts]):
        rows = zip(ids[batch], vectors[batch], texts[batch], strict=True)
        client.upsert(own, [{"id": i, "embedding": vector, "text": t} for i, vector, t in rows])
        done = batch.stop
        progress(done, len(ids))
    client.settle(own, "embedding")


def _cut(text: str) -> str:
    """Cut a text to the bytes that Milvus takes, between characters."""
    return text.encode()[:_TEXT_BYTES].decode(errors="ignore")


def count(client: Connection, own: str) -> int:
    """Count the documents in a collection, as they are now."""
    return int(client.query(own, filter="", output_fields=["count(*)"])[0]["count(*)"])


def _verify(client: Connection, own: str, expected: int) -> None:
    held = count(client, own)
    if held != expected:
        raise CollectionError(
            f"collection {own}: holds {held} documents where {expected} were written. Something "
            "else writes to it: set MILVUS_COLLECTION to a name of its own, and run again."
        )


def _serve(client: Connection, name: str, serving: str | None, own: str) -> None:
    """Point the alias to the complete collection, and drop those of other embedders."""
    if serving is None:
        client.create_alias(own, name)
    elif serving != own:
        client.alter_alias(own, name)
    for other in client.list_collections():
        if other != own and _is_ours(other, name):
            client.drop_collection(other)


def _is_ours(collection: str, name: str) -> bool:
    """Tell by its name whether a collection was made here, for some embedder."""
    return re.fullmatch(rf"{re.escape(name)}_[0-9a-f]{{12}}", collection) is not None
