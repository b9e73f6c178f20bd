"""What a collection contains, and what it must contain to match the embeddings."""

import hashlib
import json
from dataclasses import dataclass

import pyarrow as pa

from newsclust_pipeline.core.errors import CollectionError
from newsclust_pipeline.core.tables import checksums, matrix
from newsclust_pipeline.store.client import Client
from newsclust_pipeline.store.indexes import Index
from newsclust_pipeline.store.manifest import Manifest
from newsclust_pipeline.store.ownership import collection_name


@dataclass(frozen=True)
class CollectionState:
    """What the collection contains, as persisted: no path and no token.

    Attributes:
        collection: the alias of the collection.
        digest: of the embedder and of the ids and vectors of all documents; equal digests mean
            equal content.
    """

    collection: str
    count: int
    dimension: int
    index: str
    metric: str
    digest: str


def wanted_content(
    client: Client, alias: str, embeddings: pa.Table, index: Index | None = None
) -> Manifest:
    """Return what the collection of these embeddings must contain."""
    name = collection_name(client, alias, vector_space(embeddings))
    ids, sums = embeddings["doc_id"].to_pylist(), checksums(matrix(embeddings)).tolist()
    return Manifest(alias, name, index.name if index else "", dict(zip(ids, sums, strict=True)))


def content_digest(embeddings: pa.Table) -> str:
    """Return a digest of the embedder, the ids and the vectors; the order of rows has no effect."""
    sums = checksums(matrix(embeddings)).tolist()
    documents = sorted(zip(embeddings["doc_id"].to_pylist(), sums, strict=True))
    content = json.dumps([fingerprint(embeddings), *documents])
    return hashlib.sha256(content.encode()).hexdigest()


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


def vector_space(embeddings: pa.Table) -> str:
    """Return the embedder's fingerprint and the dimension of the vectors, as one string."""
    return f"{fingerprint(embeddings)}/{matrix(embeddings).shape[1]}"


def fingerprint(embeddings: pa.Table) -> str:
    """Return the embedder's fingerprint."""
    return str((embeddings.schema.metadata or {})[b"fingerprint"].decode())
