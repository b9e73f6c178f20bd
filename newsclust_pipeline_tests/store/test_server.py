"""A Milvus server that restarts, hangs, refuses or is missing."""

import threading
import time
from importlib.metadata import version

import pytest

from newsclust_pipeline.core.errors import CollectionError
from newsclust_pipeline.search.knn import nearest
from newsclust_pipeline.store.collection import sync
from newsclust_pipeline.store.connection import connect
from newsclust_pipeline.store.indexes import Index
from newsclust_pipeline_tests.documents import OWNER, articles, assert_stored, embeddings, fill, ids
from newsclust_pipeline_tests.milvus_server import Proxy

MANY = ids(*range(2500))
SECRET = "very-secret"  # noqa: S105


def test_a_missing_server_is_retried_and_reported_without_the_token():
    start = time.monotonic()
    with pytest.raises(
        CollectionError, match=r"http://127.0.0.1:9: .*`milvus.uri` right"
    ) as caught:
        connect(f"http://root:{SECRET}@127.0.0.1:9", OWNER, patience=1).__enter__()
    assert 0.2 < time.monotonic() - start < 5
    assert SECRET not in str(caught.value)


def test_texts_that_exceed_one_message_together_are_written(milvus_server, name):
    doc_ids = ids(*range(1000))  # 65 MB, where a server takes 64 MB in a message
    texts = articles(doc_ids, "x" * 65_535)
    with connect(milvus_server.uri, OWNER) as client:
        done = sync(client, name, texts, embeddings(doc_ids, 512), Index())
    assert done.state.count == 1000


def test_a_token_is_accepted_as_argument_or_in_the_address_and_a_wrong_one_is_reported(
    guarded_server,
):
    uri, right = guarded_server.uri, f"root:{guarded_server.password}"
    for address, token in ((uri, right), (uri.replace("//", f"//{right}@"), None)):
        with connect(address, OWNER, token) as client:
            client.list_collections()
    start = time.monotonic()
    for address, token in (
        (uri, f"root:wrong-{SECRET}"),
        (uri, SECRET),
        (uri, None),
        (uri.replace("//", f"//root:wrong-{SECRET}@"), None),
    ):
        with pytest.raises(CollectionError, match=r"Check `milvus\.token`") as caught:
            connect(address, OWNER, token).__enter__()
        assert SECRET not in str(caught.value)
    assert time.monotonic() - start < 10, "it won't become right by waiting"


@pytest.fixture(scope="module")
def mortal(make_server):
    """A server that tests may kill."""
    return make_server(ttl=4)


def test_writing_continues_after_a_server_restart(mortal):
    def die_once(done, total):
        if done == 1000:
            mortal.kill()
            mortal.start(wait=False)

    with connect(mortal.uri, OWNER) as client:
        done = sync(client, "news", articles(MANY), embeddings(MANY), Index(), die_once)
        assert done.state.count == 2500
        assert_stored(client, "news", embeddings(MANY))


def test_a_server_that_dies_during_a_search_is_reported(mortal):
    table = embeddings(MANY)

    def die(done, total):
        mortal.kill()

    with connect(mortal.uri, OWNER, patience=2) as client:
        state = fill(client, "searched", MANY).state
        with pytest.raises(CollectionError, match=r"Is the server running.*run again"):
            nearest(client, state, table, Index(), 5, progress=die)
    mortal.start()
    with connect(mortal.uri, OWNER) as client:
        assert fill(client, "searched", MANY).new == 0
        assert nearest(client, state, table, Index(), 5).neighbours.indices.shape == (2500, 5)


def test_a_connection_that_breaks_at_every_step_is_restored(milvus_server, name):
    proxy = Proxy(milvus_server.port)
    with connect(proxy.uri, OWNER) as client:
        done = sync(client, name, articles(MANY), embeddings(MANY), Index(), lambda *_: proxy.cut())
        assert done.state.count == 2500
        nearest(client, done.state, embeddings(MANY), Index(), 5, progress=lambda *_: proxy.cut())
    proxy.close()


def test_a_server_that_hangs_is_noticed_and_retried(milvus_server, name):
    proxy = Proxy(milvus_server.port)
    with connect(proxy.uri, OWNER) as client:
        fill(client, name, ids(1, 2))
        proxy.swallow(True)
        threading.Timer(5, proxy.swallow, [False]).start()
        assert fill(client, name, ids(1, 2)).reused == 2
    proxy.close()


def test_the_clock_of_a_server_is_read_by_a_private_method_of_this_release_of_pymilvus(
    milvus_server,
):
    # `MilvusClient._handler.alloc_timestamp` is not public. After an update, read store/server.py.
    assert version("pymilvus").startswith("3.0.")
    with connect(milvus_server.uri, OWNER) as client:
        first, second = (client._client._handler.alloc_timestamp() for _ in range(2))
    assert 0 < first < second
