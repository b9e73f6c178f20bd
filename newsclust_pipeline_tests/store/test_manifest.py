"""An unchanged Milvus Lite file isn't opened, and every change to it is noticed."""

import os

import pytest

from newsclust_pipeline.core.errors import CollectionError
from newsclust_pipeline.store import lite
from newsclust_pipeline.store.client import Client
from newsclust_pipeline.store.collection import sync, verify
from newsclust_pipeline.store.connection import connect
from newsclust_pipeline.store.indexes import Index
from newsclust_pipeline.store.manifest import read_manifest
from newsclust_pipeline_tests.documents import OWNER, articles, assert_stored, embeddings, fill, ids


@pytest.fixture
def path(tmp_path):
    return tmp_path / "milvus.db"


@pytest.fixture
def forbid_opening(monkeypatch):
    """Return a function that makes opening the file an error from then on."""

    def start(*_):
        raise AssertionError("the file was opened")

    return lambda: monkeypatch.setattr(lite, "_start", start)


def fill_closed(path, doc_ids, **embedder):
    with connect(str(path), OWNER) as client:
        return fill(client, "news", doc_ids, **embedder)


def test_an_unchanged_file_is_not_opened(path, forbid_opening):
    first = fill_closed(path, ids(1, 2, 3))
    forbid_opening()
    again = fill_closed(path, ids(3, 1, 2))
    assert (again.state, again.new, again.removed, again.rebuilt) == (first.state, 0, 0, False)
    with connect(str(path), OWNER) as client:
        verify(client, first.state, embeddings(ids(1, 2, 3)))


def test_new_documents_are_written_without_reading_the_stored_ids(path, monkeypatch):
    fill_closed(path, ids(1, 2, 3))
    monkeypatch.setattr(Client, "checksums", lambda *_: pytest.fail("they are known"))
    done = fill_closed(path, ids(2, 3, 4))
    assert (done.new, done.removed) == (1, 1)
    with connect(str(path), OWNER) as client:
        assert_stored(client, "news", embeddings(ids(2, 3, 4)))
    assert list(read_manifest(path).documents) == ids(2, 3, 4)


@pytest.mark.parametrize(
    "changed",
    [
        {"fingerprint": "minilm/2"},
        {"name": "other"},
        {"index": Index("IVF_FLAT", build={"nlist": 2})},
        {"doc_ids": ids(1, 2)},
    ],
    ids=str,
)
def test_a_manifest_is_valid_only_for_its_own_content(path, changed):
    fill_closed(path, ids(1, 2, 3))
    values = {"doc_ids": ids(1, 2, 3), "name": "news", "index": Index()} | changed
    table = embeddings(values["doc_ids"], fingerprint=values.get("fingerprint", "minilm/1"))
    with connect(str(path), OWNER) as client:
        sync(client, values["name"], articles(values["doc_ids"]), table, values["index"])
    assert read_manifest(path).index == values["index"].name
    with connect(str(path), OWNER) as client:
        assert_stored(client, values["name"], table)
        assert (
            client.describe_index(values["name"], "embedding")["index_type"] == values["index"].kind
        )


def delete_a_document(client):
    [collection] = [name for name in client.list_collections() if name.startswith("news")]
    client.load_collection(collection)
    client.delete(collection, ids=["d0002"])


@pytest.mark.parametrize("flushed", [True, False])
def test_a_change_by_another_program_invalidates_the_manifest(path, flushed):
    fill_closed(path, ids(1, 2, 3))
    with connect(str(path), OWNER) as client:
        delete_a_document(client)
        if flushed:
            client.flush(client.list_collections()[0])
    assert read_manifest(path) is None
    assert fill_closed(path, ids(1, 2, 3)).new == 1
    with connect(str(path), OWNER) as client:
        assert_stored(client, "news", embeddings(ids(1, 2, 3)))


def test_a_vector_replaced_by_another_program_is_corrected(path):
    fill_closed(path, ids(1, 2, 3))
    with connect(str(path), OWNER) as client:
        [collection] = client.list_collections()
        other = embeddings(ids(9))["embedding"][0].as_py()
        client.upsert(collection, [{"id": "d0002", "embedding": other, "text": "x", "checksum": 1}])
    assert fill_closed(path, ids(1, 2, 3)).new == 1
    with connect(str(path), OWNER) as client:
        assert_stored(client, "news", embeddings(ids(1, 2, 3)))


def test_a_vector_that_the_embedder_changed_is_noticed_and_written_again(path):
    table = embeddings(ids(1, 2, 3))
    other = table.take([0, 2, 1]).set_column(0, "doc_id", table["doc_id"])
    state = fill_closed(path, ids(1, 2, 3)).state
    with (
        connect(str(path), OWNER) as client,
        pytest.raises(CollectionError, match="Materialise milvus_collection"),
    ):
        verify(client, state, other)
    with connect(str(path), OWNER) as client:
        assert sync(client, "news", articles(ids(1, 2, 3)), other, Index()).new == 2
    with connect(str(path), OWNER) as client:
        assert_stored(client, "news", other)


def test_a_failed_run_writes_no_manifest(path):
    with pytest.raises(RuntimeError, match="broke"), connect(str(path), OWNER) as client:
        fill(client, "news", ids(1, 2, 3))
        raise RuntimeError("broke")
    assert read_manifest(path) is None


def test_a_call_after_the_sync_prevents_the_manifest(path):
    with connect(str(path), OWNER) as client:
        fill(client, "news", ids(1, 2, 3))
        delete_a_document(client)
    assert read_manifest(path) is None


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"files": 1, "contents": {}}', "\0"])
def test_an_unreadable_manifest_is_ignored(path, content):
    first = fill_closed(path, ids(1, 2)).state
    path.with_name("milvus.db.manifest").write_text(content)
    assert read_manifest(path) is None
    assert fill_closed(path, ids(1, 2)).state == first
    assert list(read_manifest(path).documents) == ids(1, 2)


def test_a_file_with_another_time_invalidates_the_manifest(path):
    fill_closed(path, ids(1, 2))
    some = next(p for p in path.rglob("*.parquet"))
    os.utime(some, (1, 1))
    assert read_manifest(path) is None


def test_an_empty_collection_has_a_manifest(path, forbid_opening):
    fill_closed(path, ids(1, 2))
    assert fill_closed(path, []).removed == 2
    forbid_opening()
    assert fill_closed(path, []).state.count == 0


def test_without_a_file_there_is_no_manifest(path):
    assert read_manifest(path) is None


def test_every_flipped_bit_of_a_manifest_is_noticed(path):
    fill_closed(path, ids(1, 2))
    manifest = path.with_name("milvus.db.manifest")
    content = bytearray(manifest.read_bytes())
    for bit in range(8 * len(content)):
        content[bit // 8] ^= 1 << bit % 8
        manifest.write_bytes(content)
        assert read_manifest(path) is None, bit
        content[bit // 8] ^= 1 << bit % 8
