"""Documents for tests of Milvus, whose content is derived from their ids."""

import numpy as np
import pyarrow as pa

from newsclust_pipeline.core.tables import matrix
from newsclust_pipeline.store.collection import sync
from newsclust_pipeline.store.indexes import Index
from newsclust_pipeline.store.owner import Owner

OWNER = Owner("owner-of-the-tests")


def ids(*numbers):
    return [f"d{number:04}" for number in numbers]


def articles(doc_ids, text="Ferry fire off Vesterglans"):
    return pa.table(
        {
            "doc_id": pa.array(doc_ids, pa.string()),
            "text": pa.array([text] * len(doc_ids), pa.string()),
        }
    )


def embeddings(doc_ids, dimension=8, fingerprint="minilm/1"):
    """Return unit vectors that depend only on id, dimension and fingerprint, like an embedder's."""
    seeds = [[ord(c) for c in f"{doc_id}{fingerprint}"] for doc_id in doc_ids]
    vectors = np.array([np.random.default_rng(s).normal(size=dimension) for s in seeds])
    return as_table(doc_ids, vectors.reshape(-1, dimension), fingerprint)


def as_table(doc_ids, vectors, fingerprint="minilm/1"):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    flat = pa.array(unit.astype(np.float32).ravel())
    column = pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
    table = pa.table({"doc_id": pa.array(doc_ids, pa.string()), "embedding": column})
    return table.replace_schema_metadata({"fingerprint": fingerprint})


def fill(client, name, doc_ids, **embedder):
    return sync(client, name, articles(doc_ids), embeddings(doc_ids, **embedder), Index())


def stored_vectors(client, name):
    """Return the vector of every document in the collection, by id."""
    client.load_collection(name)
    rows = client.query(name, filter="", limit=16_000, output_fields=["id", "embedding"])
    return {row["id"]: np.array(row["embedding"], dtype=np.float32) for row in rows}


def collections_of(client, name):
    return [other for other in client.list_collections() if other.startswith(name)]


def assert_stored(client, name, table):
    stored = stored_vectors(client, name)
    assert sorted(stored) == sorted(table["doc_id"].to_pylist())
    stacked = np.stack([stored[doc_id] for doc_id in table["doc_id"].to_pylist()])
    np.testing.assert_array_equal(stacked, matrix(table))
