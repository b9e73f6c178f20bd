"""What a Milvus Lite file holds is told without opening it, until anything touches it."""

import os

import pytest

from newsclust_pipeline.core.errors import CollectionError
from newsclust_pipeline.search.knn import nearest
from newsclust_pipeline.store import connection as room
from newsclust_pipeline.store.collection import sync
from newsclust_pipeline.store.connection import milvus
from newsclust_pipeline.store.indexes import Index
from newsclust_pipeline.store.manifest import sealed
from newsclust_pipeline_tests.documents import articles, embeddings, expect_held, fill, ids

BY_FAISS = Index(road="faiss")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "milvus.db"


@pytest.fixture
def closed(monkeypatch):
    """From the call on, make it a failure to open the file."""

    def opened(*_):
        raise AssertionError("the file was opened")

    return lambda: monkeypatch.setattr(room, "_opened", opened)


def fill_closed(path, doc_ids, **embedder):
    with milvus(str(path)) as client:
        return fill(client, "news", doc_ids, **embedder)


def test_a_file_as_the_last_run_left_it_is_not_opened(path, closed):
    first = fill_closed(path, ids(1, 2, 3))
    closed()
    again = fill_closed(path, ids(3, 1, 2))
    assert (again.state, again.new, again.removed, again.rebuilt) == (first.state, 0, 0, False)
    with milvus(str(path)) as client:
        found = nearest(client, first.state, embeddings(ids(1, 2, 3)), BY_FAISS, 2)
    assert found.neighbours.indices.shape == (3, 2)


def test_what_is_new_is_written_among_what_is_known_from_the_seal(path, monkeypatch):
    fill_closed(path, ids(1, 2, 3))
    monkeypatch.setattr(room.Connection, "ids", lambda *_: pytest.fail("ids are known"))
    done = fill_closed(path, ids(2, 3, 4))
    assert (done.new, done.removed) == (1, 1)
    with milvus(str(path)) as client:
        expect_held(client, "news", embeddings(ids(2, 3, 4)))
    assert list(sealed(path).documents) == ids(2, 3, 4)


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
def test_a_seal_stands_for_what_it_was_put_on_only(path, changed):
    fill_closed(path, ids(1, 2, 3))
    given = {"doc_ids": ids(1, 2, 3), "name": "news", "index": Index()} | changed
    table = embeddings(given["doc_ids"], fingerprint=given.get("fingerprint", "minilm/1"))
    with milvus(str(path)) as client:
        sync(client, given["name"], articles(given["doc_ids"]), table, given["index"])
    assert sealed(path).index == given["index"].name
    with milvus(str(path)) as client:
        expect_held(client, given["name"], table)
        assert (
            client.describe_index(given["name"], "embedding")["index_type"] == given["index"].kind
        )


def meddle(client):
    [own] = [name for name in client.list_collections() if name.startswith("news")]
    client.load_collection(own)
    client.delete(own, ids=["d0002"])


@pytest.mark.parametrize("flushed", [True, False])
def test_what_another_program_does_to_the_file_breaks_the_seal(path, flushed):
    fill_closed(path, ids(1, 2, 3))
    with milvus(str(path)) as client:
        meddle(client)
        if flushed:
            client.flush(client.list_collections()[0])
    assert sealed(path) is None
    assert fill_closed(path, ids(1, 2, 3)).new == 1
    with milvus(str(path)) as client:
        expect_held(client, "news", embeddings(ids(1, 2, 3)))


def test_a_vector_that_was_exchanged_is_put_right_when_the_collection_is_filled_again(path):
    fill_closed(path, ids(1, 2, 3))
    with milvus(str(path)) as client:
        [own] = client.list_collections()
        other = embeddings(ids(9))["embedding"][0].as_py()
        client.upsert(own, [{"id": "d0002", "embedding": other, "text": "x"}])
    assert fill_closed(path, ids(1, 2, 3)).new == 1
    with milvus(str(path)) as client:
        expect_held(client, "news", embeddings(ids(1, 2, 3)))


def test_a_vector_that_is_embedded_otherwise_by_now_is_found_out_or_written_again(path):
    table = embeddings(ids(1, 2, 3))
    other = table.take([0, 2, 1]).set_column(0, "doc_id", table["doc_id"])
    state = fill_closed(path, ids(1, 2, 3)).state
    with milvus(str(path)) as client, pytest.raises(CollectionError, match="document d0002"):
        nearest(client, state, other, BY_FAISS, 2)
    with milvus(str(path)) as client:
        assert sync(client, "news", articles(ids(1, 2, 3)), other, Index()).new == 2
    with milvus(str(path)) as client:
        expect_held(client, "news", other)


def test_a_run_that_fails_seals_nothing(path):
    with pytest.raises(RuntimeError, match="broke"), milvus(str(path)) as client:
        fill(client, "news", ids(1, 2, 3))
        raise RuntimeError("broke")
    assert sealed(path) is None


def test_what_follows_the_filling_is_not_sealed(path):
    with milvus(str(path)) as client:
        fill(client, "news", ids(1, 2, 3))
        meddle(client)
    assert sealed(path) is None


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"files": 1, "held": {}}', "\0"])
def test_a_seal_that_cant_be_read_is_none(path, content):
    first = fill_closed(path, ids(1, 2)).state
    path.with_name("milvus.db.seal").write_text(content)
    assert sealed(path) is None
    assert fill_closed(path, ids(1, 2)).state == first
    assert list(sealed(path).documents) == ids(1, 2)


def test_a_file_with_another_time_is_looked_at_again(path):
    fill_closed(path, ids(1, 2))
    some = next(p for p in path.rglob("*.parquet"))
    os.utime(some, (1, 1))
    assert sealed(path) is None


def test_no_documents_are_sealed_too(path, closed):
    fill_closed(path, ids(1, 2))
    assert fill_closed(path, []).removed == 2
    closed()
    assert fill_closed(path, []).state.count == 0


def test_without_a_file_there_is_no_seal(path):
    assert sealed(path) is None
