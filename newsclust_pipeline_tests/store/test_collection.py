"""The documents in Milvus: exactly those of the dump, and never vectors of two embedders.

All of it in Milvus Lite, and again on a real server.
"""

from dataclasses import asdict

import pyarrow as pa
import pytest

from newsclust_pipeline.core.errors import CollectionError
from newsclust_pipeline.store.collection import content_digest, count, serving, sync
from newsclust_pipeline.store.indexes import Index
from newsclust_pipeline_tests.documents import (
    articles,
    collections_of,
    embeddings,
    expect_held,
    fill,
    ids,
)


def test_the_collection_holds_every_document_with_its_id_vector_and_text(client, name):
    table = embeddings(ids(1, 2, 3))
    done = sync(client, name, articles(ids(1, 2, 3), "Ålesund 🔥"), table, Index())
    expect_held(client, name, table)
    texts = client.query(name, filter="", limit=10, output_fields=["text"])
    assert [row["text"] for row in texts] == ["Ålesund 🔥"] * 3
    assert (done.new, done.removed, done.reused, done.rebuilt) == (3, 0, 0, False)


def test_the_state_tells_what_is_held_and_no_path(client, name):
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
    second = fill(client, name, ids(3, 1, 2))  # the order of the rows is none of its business
    assert (second.new, second.removed, second.reused, second.rebuilt) == (0, 0, 3, False)
    assert second.state == first.state
    expect_held(client, name, embeddings(ids(1, 2, 3)))


def test_documents_that_left_the_dump_leave_and_new_ones_come(client, name):
    before = fill(client, name, ids(1, 2, 3)).state
    done = fill(client, name, ids(3, 4))
    assert (done.new, done.removed, done.reused) == (1, 2, 1)
    assert done.state.digest != before.digest
    expect_held(client, name, embeddings(ids(3, 4)))


def test_thousands_of_documents_come_and_go_in_calls_of_a_thousand(client, name):
    many, steps = ids(*range(2300)), []
    table = embeddings(many)
    sync(client, name, articles(many), table, Index(), lambda *step: steps.append(step))
    assert steps == [(1000, 2300), (2000, 2300), (2300, 2300)]
    assert fill(client, name, many).new == 0
    assert fill(client, name, many[2250:]).removed == 2250
    expect_held(client, name, table.slice(2250))


def test_a_changed_embedder_or_dimension_rebuilds_and_the_alias_moves(client, name):
    fill(client, name, ids(1, 2, 3))
    for changed in (
        {"fingerprint": "minilm/2"},
        {"fingerprint": "bge/1", "dimension": 16},
        {"fingerprint": "bge/1", "dimension": 4},  # an embedder may forget to tell it apart
    ):
        done = fill(client, name, ids(2, 3, 4), **changed)
        assert (done.new, done.rebuilt) == (3, True)
        expect_held(client, name, embeddings(ids(2, 3, 4), **changed))
        assert len(collections_of(client, name)) == 1  # the old one is gone


def test_an_interrupted_rebuild_leaves_the_old_collection_serving(client, name):
    old, many = ids(1, 2, 3), ids(*range(1500))

    def pull_the_plug(done, total):
        raise KeyboardInterrupt

    fill(client, name, old)
    new = embeddings(many, fingerprint="minilm/2")
    with pytest.raises(KeyboardInterrupt):
        sync(client, name, articles(many), new, Index(), pull_the_plug)
    expect_held(client, name, embeddings(old))
    done = sync(client, name, articles(many), new, Index())
    assert (done.new, done.reused, done.rebuilt) == (500, 1000, True)  # goes on where it was
    expect_held(client, name, new)


def test_a_collection_of_that_name_that_is_not_ours_is_refused_and_kept(client, name):
    client.create_collection(name, dimension=2)
    with pytest.raises(
        CollectionError, match=rf"{name}: made by something else.*MILVUS_COLLECTION"
    ):
        fill(client, name, ids(1, 2))
    assert collections_of(client, name) == [name]


def test_an_alias_of_that_name_that_is_not_ours_is_refused_and_its_collection_kept(client, name):
    client.create_collection(f"precious_{name}", dimension=2)
    client.create_alias(f"precious_{name}", name)
    try:
        with pytest.raises(CollectionError, match=f"{name}.*MILVUS_COLLECTION"):
            fill(client, name, ids(1, 2))
    finally:
        assert f"precious_{name}" in client.list_collections()


def test_two_names_in_one_milvus_keep_to_themselves(client, name):
    fill(client, name, ids(1, 2))
    fill(client, f"{name}_more", ids(3))
    fill(client, name, ids(1))
    expect_held(client, name, embeddings(ids(1)))
    expect_held(client, f"{name}_more", embeddings(ids(3)))


def test_long_texts_are_cut_at_65535_bytes_between_characters(client, name):
    cuts = {
        "x" * 65_535: "x" * 65_535,  # just fits
        "x" * 65_536: "x" * 65_535,
        "å" * 40_000: "å" * 32_767,  # 2 bytes each: one more would stand half
        "x" + "🔥" * 20_000: "x" + "🔥" * 16_383,  # 4 bytes each
    }
    doc_ids = ids(*range(len(cuts)))
    documents = pa.table({"doc_id": doc_ids, "text": list(cuts)})
    sync(client, name, documents, embeddings(doc_ids), Index())
    rows = client.query(name, filter="", limit=10, output_fields=["id", "text"])
    kept = {row["id"]: row["text"] for row in rows}
    assert [kept[doc_id] for doc_id in doc_ids] == list(cuts.values())


def test_no_documents_empty_the_collection(client, name):
    fill(client, name, ids(1, 2))
    done = fill(client, name, [])
    assert (done.removed, done.state.count) == (2, 0)


def test_another_index_is_built_in_place_of_the_one_there_was(client, name):
    table = embeddings(ids(1, 2, 3))
    fill(client, name, ids(1, 2, 3))
    hnsw = Index("HNSW", build={"M": 8, "efConstruction": 64})
    for wanted in (hnsw, hnsw, Index("IVF_FLAT", build={"nlist": 2}), Index()):
        done = sync(client, name, articles(ids(1, 2, 3)), table, wanted)
        built = client.describe_index(name, "embedding")
        assert (done.new, done.state.index, built["index_type"]) == (0, wanted.kind, wanted.kind)
        told = built | built.get("params", {})  # Milvus Lite nests them
        assert {key: int(told[key]) for key in wanted.build} == wanted.build
        expect_held(client, name, table)


def test_what_is_held_is_handed_out_to_be_searched_under_its_own_name(client, name):
    state = fill(client, name, ids(1, 2, 3)).state
    own = serving(client, state, embeddings(ids(1, 2, 3)))
    assert own in collections_of(client, name)
    assert count(client, own) == 3


def test_other_documents_than_those_held_are_refused(client, name):
    state = fill(client, name, ids(1, 2, 3)).state
    for others in (embeddings(ids(1, 2)), embeddings(ids(1, 2, 3), fingerprint="minilm/2")):
        with pytest.raises(CollectionError, match=rf"{name}: .*Materialise milvus_collection"):
            serving(client, state, others)


def test_a_collection_that_another_embedder_has_taken_is_refused(client, name):
    # As when two data folders with different embedders share one Milvus server and name.
    table = embeddings(ids(1, 2, 3))
    state = sync(client, name, articles(ids(1, 2, 3)), table, Index()).state
    fill(client, name, ids(1, 2, 3), fingerprint="minilm/2")
    with pytest.raises(CollectionError, match=name):
        serving(client, state, table)


def test_the_digest_follows_documents_and_embedder_not_their_order():
    digest = content_digest(embeddings(ids(1, 2)))
    assert content_digest(embeddings(ids(2, 1))) == digest
    others = [embeddings(ids(1)), embeddings(ids(1, 2), fingerprint="minilm/2")]
    assert digest not in map(content_digest, others)
