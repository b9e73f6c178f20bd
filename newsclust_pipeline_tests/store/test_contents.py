"""The digest of a collection's content."""

import pytest

from newsclust_pipeline.core.errors import CollectionError
from newsclust_pipeline.store.contents import CollectionState, content_digest, verify_inputs
from newsclust_pipeline_tests.documents import embeddings, ids


def changed_vector(table):
    """Return the table with the vectors of two documents exchanged."""
    return table.take([1, 0, *range(2, len(table))]).set_column(0, "doc_id", table["doc_id"])


def test_the_digest_depends_on_documents_vectors_and_embedder_not_on_order():
    digest = content_digest(embeddings(ids(1, 2)))
    assert content_digest(embeddings(ids(2, 1))) == digest
    others = [
        embeddings(ids(1)),
        embeddings(ids(1, 2), fingerprint="minilm/2"),
        changed_vector(embeddings(ids(1, 2))),
    ]
    assert digest not in map(content_digest, others)


def test_embeddings_other_than_those_of_the_collection_are_refused():
    table = embeddings(ids(1, 2))
    state = CollectionState("news", 2, 8, "FLAT", "IP", content_digest(table))
    verify_inputs(state, table)
    for other in (embeddings(ids(1)), changed_vector(table)):
        with pytest.raises(CollectionError, match=r"news: .*Materialise milvus_collection again"):
            verify_inputs(state, other)
