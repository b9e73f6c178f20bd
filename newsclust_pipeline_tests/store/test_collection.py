"""The collection contains exactly the documents of the dumps, and vectors of one embedder.

Every test runs on Milvus Lite and on a real server.
"""

from dataclasses import asdict

import pyarrow as pa
import pytest

from newsclust_pipeline.core.errors import CollectionError
from newsclust_pipeline.store import lite
from newsclust_pipeline.store.collection import search_target, sync, verify
from newsclust_pipeline.store.indexes import Index
from newsclust_pipeline_tests.documents import (
    articles,
    assert_stored,
    collections_of,
    embeddings,
    fill,
    ids,
)


def test_every_document_is_stored_with_its_id_vector_and_text(client, name):
    table = embeddings(ids(1, 2, 3))
    done = sync(client, name, articles(ids(1, 2, 3), "Ålesund 🔥"), table, Index())
    assert_stored(client, name, table)
    texts = client.query(name, filter="", limit=10, output_fields=["text"])
    assert [row["text"] for row in texts] == ["Ålesund 🔥"] * 3
    assert (done.new, done.removed, done.reused, done.rebuilt) == (3, 0, 0, False)


def test_the_state_describes_the_content_without_a_path(client, name):
    state = asdict(fill(client, name, ids(1, 2)).state)
    digest = state.pop("digest")
    assert len(digest) == 64
    assert state == {
        "collection": name,
        "count": 2,
        "dimension": 8,
        "index": "FLAT",
        "metric": "IP",
    }


def test_a_rerun_writes_nothing_and_does_not_grow_the_collection(client, name):
    first = fill(client, name, ids(1, 2, 3))
    second = fill(client, name, ids(3, 1, 2))  # in another order
    assert (second.new, second.removed, second.reused, second.rebuilt) == (0, 0, 3, False)
    assert second.state == first.state
    assert_stored(client, name, embeddings(ids(1, 2, 3)))


def test_new_documents_are_added_and_missing_ones_removed(client, name):
    before = fill(client, name, ids(1, 2, 3)).state
    done = fill(client, name, ids(3, 4))
    assert (done.new, done.removed, done.reused) == (1, 2, 1)
    assert done.state.digest != before.digest
    assert_stored(client, name, embeddings(ids(3, 4)))


def test_documents_are_written_and_deleted_in_batches(client, name, monkeypatch):
    monkeypatch.setattr(lite, "SEGMENT_ROWS", 1000)
    many, steps = ids(*range(2300)), []
    table = embeddings(many)
    sync(client, name, articles(many), table, Index(), lambda *step: steps.append(step))
    assert steps == [(1000, 2300), (2000, 2300), (2300, 2300)]
    assert fill(client, name, many).new == 0
    assert fill(client, name, many[2250:]).removed == 2250
    assert_stored(client, name, table.slice(2250))


def test_another_embedder_or_dimension_fills_a_new_collection(client, name):
    fill(client, name, ids(1, 2, 3))
    for changed in (
        {"fingerprint": "minilm/2"},
        {"fingerprint": "bge/1", "dimension": 16},
        {"fingerprint": "bge/1", "dimension": 4},  # an embedder may report one fingerprint for both
    ):
        done = fill(client, name, ids(2, 3, 4), **changed)
        assert (done.new, done.rebuilt) == (3, True)
        assert_stored(client, name, embeddings(ids(2, 3, 4), **changed))
        assert len(collections_of(client, name)) == 1  # the old one is gone


def test_an_interrupted_rebuild_leaves_the_old_collection_in_use(client, name, monkeypatch):
    monkeypatch.setattr(lite, "SEGMENT_ROWS", 1000)
    old, many = ids(1, 2, 3), ids(*range(1500))

    def interrupt(done, total):
        raise KeyboardInterrupt

    fill(client, name, old)
    new = embeddings(many, fingerprint="minilm/2")
    with pytest.raises(KeyboardInterrupt):
        sync(client, name, articles(many), new, Index(), interrupt)
    assert_stored(client, name, embeddings(old))
    done = sync(client, name, articles(many), new, Index())
    assert (done.new, done.reused, done.rebuilt) == (
        500,
        1000,
        True,
    )  # continues after the first batch
    assert_stored(client, name, new)


def test_two_aliases_in_one_milvus_are_independent(client, name):
    fill(client, name, ids(1, 2))
    fill(client, f"{name}_more", ids(3))
    fill(client, name, ids(1))
    assert_stored(client, name, embeddings(ids(1)))
    assert_stored(client, f"{name}_more", embeddings(ids(3)))


def test_long_texts_are_truncated_to_65535_bytes_between_characters(client, name):
    cuts = {
        "x" * 65_535: "x" * 65_535,  # exactly the limit
        "x" * 65_536: "x" * 65_535,
        "å" * 40_000: "å" * 32_767,  # 2 bytes each: another one would be split
        "x" + "🔥" * 20_000: "x" + "🔥" * 16_383,  # 4 bytes each
    }
    doc_ids = ids(*range(len(cuts)))
    documents = pa.table({"doc_id": doc_ids, "text": list(cuts)})
    sync(client, name, documents, embeddings(doc_ids), Index())
    rows = client.query(name, filter="", limit=10, output_fields=["id", "text"])
    stored = {row["id"]: row["text"] for row in rows}
    assert [stored[doc_id] for doc_id in doc_ids] == list(cuts.values())


def test_no_documents_empty_the_collection(client, name):
    fill(client, name, ids(1, 2))
    done = fill(client, name, [])
    assert (done.removed, done.state.count) == (2, 0)


def test_the_search_target_is_the_loaded_collection(client, name):
    state = fill(client, name, ids(1, 2, 3)).state
    target = search_target(client, state, embeddings(ids(1, 2, 3)))
    assert target in collections_of(client, name)
    assert client.count(target) == 3


def test_an_alias_that_moved_to_another_embedder_is_refused(client, name):
    table = embeddings(ids(1, 2, 3))
    state = sync(client, name, articles(ids(1, 2, 3)), table, Index()).state
    fill(client, name, ids(1, 2, 3), fingerprint="minilm/2")
    with pytest.raises(CollectionError, match=name):
        search_target(client, state, table)


def test_verify_accepts_the_content_and_notices_missing_documents(client, name):
    table = embeddings(ids(1, 2, 3))
    state = fill(client, name, ids(1, 2, 3)).state
    verify(client, state, table)
    client.delete(search_target(client, state, table), ids=["d0002"])
    with pytest.raises(CollectionError, match=rf"{name}.*contains 2 documents instead of 3"):
        verify(client, state, table)
