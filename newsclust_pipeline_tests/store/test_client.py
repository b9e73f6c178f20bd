"""Calls that hold for Milvus Lite and a server alike."""

import numpy as np

from newsclust_pipeline.core.tables import checksums, matrix
from newsclust_pipeline.store import client as client_module
from newsclust_pipeline.store.collection import search_target
from newsclust_pipeline_tests.documents import embeddings, fill, ids


def test_all_checksums_are_read_page_by_page(client, name, monkeypatch):
    monkeypatch.setattr(client_module, "PAGE_ROWS", 100)
    doc_ids = ids(*range(450))
    collection = search_target(client, fill(client, name, doc_ids).state, embeddings(doc_ids))
    expected = checksums(matrix(embeddings(doc_ids))).tolist()
    assert client.checksums(collection) == dict(zip(doc_ids, expected, strict=True))


def test_a_search_sees_the_latest_writes(client, name):
    for n in range(10, 15):
        table = embeddings(ids(*range(n)))
        collection = search_target(client, fill(client, name, ids(*range(n))).state, table)
        everyone = client.search(
            collection, data=np.ones((3, 8), np.float32), limit=50, output_fields=["id"]
        )
        assert [len(hits) for hits in everyone] == [n] * 3
