"""Milvus, opened: nobody is locked out, what can pass is outlasted, the rest is told plainly."""

import logging
import os
import re
import resource
import shutil
import subprocess
import sys
import threading
import time

import pytest

from newsclust_pipeline.core.errors import CollectionError, NewsclustError
from newsclust_pipeline.search.knn import nearest
from newsclust_pipeline.store import connection as room
from newsclust_pipeline.store.collection import serving, sync
from newsclust_pipeline.store.connection import batches, is_server, milvus
from newsclust_pipeline.store.indexes import Index
from newsclust_pipeline_tests.documents import (
    articles,
    embeddings,
    expect_held,
    fill,
    ids,
)
from newsclust_pipeline_tests.milvus_server import Road

# Takes the file, says so, and holds it until it is told to let go.
HOLDER = """
import sys
from newsclust_pipeline.store.connection import milvus
with milvus(sys.argv[1]) as client:
    print("held", flush=True)
    sys.stdin.readline()
    client.create_collection("left_by_the_holder", dimension=2)
"""
# What a user's notebook does, knowing nothing of us.
NOTEBOOK = """
import sys
from pymilvus import MilvusClient
client = MilvusClient(uri=sys.argv[1])
client.load_collection("news")
print(len(client.query("news", filter="", limit=10, output_fields=["text"])), flush=True)
sys.stdin.readline()
"""
# A run that fills the collection; dies without a word when it has written some.
FILLER = """
import os, signal, sys
from newsclust_pipeline.store.collection import sync
from newsclust_pipeline.store.indexes import Index
from newsclust_pipeline.store.connection import milvus
from newsclust_pipeline_tests.documents import articles, embeddings, ids
many = ids(*range(2500))
def die(done, total):
    if done >= int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
with milvus(sys.argv[1]) as client:
    sync(client, "news", articles(many), embeddings(many), Index(), die)
"""
MANY = ids(*range(2500))
PIPES = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
SECRET = "very-secret"  # noqa: S105


def test_what_was_written_is_there_when_it_is_opened_again(tmp_path):
    uri = str(tmp_path / "deeper" / "milvus.db")
    with milvus(uri) as client:
        before = fill(client, "news", ids(1, 2, 3)).state
    with milvus(uri) as client:
        expect_held(client, "news", embeddings(ids(1, 2, 3)))
        assert fill(client, "news", ids(1, 2, 3)).state == before


def test_once_closed_the_file_can_be_opened_by_anyone_while_we_live_on(tmp_path):
    uri = str(tmp_path / "milvus.db")
    with pytest.raises(RuntimeError, match="stage broke"), milvus(uri) as client:
        fill(client, "news", ids(1, 2, 3))
        raise RuntimeError("stage broke")  # after a failure, too
    with subprocess.Popen([sys.executable, "-c", NOTEBOOK, uri], **PIPES) as notebook:
        assert notebook.stdout.readline() == "3\n"
        # And while somebody else has it open, who doesn't take turns, we say so at once.
        with (
            pytest.raises(CollectionError, match=r"another program has the collection open"),
            milvus(uri) as client,
        ):
            client.list_collections()
        notebook.communicate("")
    with milvus(uri) as client:
        assert fill(client, "news", ids(1, 2, 3)).new == 0


def test_what_goes_wrong_while_the_file_is_open_is_not_taken_for_a_file_that_cant_be_opened(
    tmp_path,
):
    with pytest.raises(FileNotFoundError, match="elsewhere"), milvus(str(tmp_path / "milvus.db")):
        raise FileNotFoundError("elsewhere")


def test_two_processes_take_turns_at_one_file(tmp_path):
    uri = str(tmp_path / "milvus.db")
    command = [sys.executable, "-c", HOLDER, uri]
    with subprocess.Popen(command, **PIPES) as first:
        assert first.stdout.readline() == "held\n"
        with subprocess.Popen(command, **PIPES) as second:
            time.sleep(1.5)  # enough for it to start and be kept waiting
            first.communicate("let go\n")
            # The second was let in only now, so it sees what the first did at its very end...
            assert second.stdout.readline() == "held\n"
            # ...and dies without a word: its lock must go with it.
            second.kill()
    with milvus(uri) as client:
        assert client.list_collections() == ["left_by_the_holder"]
    assert (first.returncode, second.returncode) == (0, -9)


def test_a_run_that_never_ends_is_named_to_those_who_wait(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "_LOCK_SECONDS", 0.5)
    uri = str(tmp_path / "milvus.db")
    with subprocess.Popen([sys.executable, "-c", HOLDER, uri], **PIPES) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(CollectionError, match=r"another run holds.*NEWSCLUST_DATA_DIR"):
            milvus(uri).__enter__()
        holder.communicate("let go\n")


@pytest.mark.parametrize("written", [1000, 2500])
def test_a_run_killed_while_it_writes_leaves_no_lock_and_the_next_one_completes(tmp_path, written):
    uri = str(tmp_path / "milvus.db")
    command = [sys.executable, "-c", FILLER, uri, str(written)]
    assert subprocess.run(command, check=False).returncode == -9
    with milvus(uri) as client:
        assert fill(client, "news", MANY).new == 2500 - written
        expect_held(client, "news", embeddings(MANY))


def test_a_collection_half_made_or_half_dropped_when_the_run_was_killed_is_made_anew(tmp_path):
    old, uri = tmp_path / "old.db", tmp_path / "milvus.db"
    with milvus(str(old)) as client:
        fill(client, "news", ids(1, 2))
    shutil.copytree(old / "collections", uri / "collections")
    for schema in uri.glob("collections/*/schema.json"):
        schema.unlink()
    with milvus(str(uri)) as client:
        fill(client, "news", ids(1, 2))
        expect_held(client, "news", embeddings(ids(1, 2)))


@pytest.mark.parametrize("limit", [200, 20_000, 100_000])
def test_a_full_disk_is_told_and_with_room_the_next_run_completes(tmp_path, limit):
    uri = str(tmp_path / "milvus.db")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))  # no file may grow beyond
    try:
        full = pytest.raises(CollectionError, match=r"milvus\.db: .*make room")
        with full, milvus(uri) as client:
            fill(client, "news", MANY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    with milvus(uri) as client:
        fill(client, "news", MANY)
        expect_held(client, "news", embeddings(MANY))


def test_a_damaged_file_is_told_or_mended_and_moved_away_it_is_made_anew(tmp_path):
    sound, uri = tmp_path / "sound.db", tmp_path / "milvus.db"
    with milvus(str(sound)) as client:
        fill(client, "news", ids(*range(300)))
    told = 0
    parts = [path.relative_to(sound) for path in sound.rglob("*") if path.is_file()]
    for part in parts:
        shutil.copytree(sound, uri)
        (uri / part).write_bytes((sound / part).read_bytes()[: (sound / part).stat().st_size // 2])
        try:
            with milvus(str(uri)) as client:
                fill(client, "news", ids(*range(300)))
                expect_held(client, "news", embeddings(ids(*range(300))))
        except CollectionError as error:
            told += 1
            assert re.search(r"milvus\.db: Milvus Lite fails .*move it away", str(error))
        shutil.rmtree(uri)
    assert 0 < told < len(parts)


@pytest.mark.parametrize(
    ("file", "advice"),
    [("news.db", "move it away"), ("milvus", "MILVUS_URI")],
    ids=["not Milvus", "not named .db"],
)
def test_what_milvus_cant_open_is_named_with_a_way_out_and_kept(tmp_path, file, advice):
    path = tmp_path / file
    path.write_text("not Milvus at all")
    with (
        pytest.raises(NewsclustError, match=rf"{file}: .*{advice}"),
        milvus(str(path)) as client,
    ):
        client.list_collections()
    assert path.read_text() == "not Milvus at all"


def test_a_folder_that_cant_be_made_is_named(tmp_path):
    (tmp_path / "data").write_text("a file where the data folder should be")
    with pytest.raises(NewsclustError, match="data"), milvus(str(tmp_path / "data" / "milvus.db")):
        pass


def test_a_file_may_be_named_by_the_environment_which_pymilvus_reads_too(tmp_path):
    opens = "import os; from newsclust_pipeline.store.connection import milvus\n"
    opens += "with milvus(os.environ['MILVUS_URI']) as client: print(client.list_collections())"
    environment = os.environ | {"MILVUS_URI": str(tmp_path / "milvus.db")}
    done = subprocess.run(
        [sys.executable, "-c", opens], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize(
    ("uri", "server"),
    [("data/milvus.db", False), ("/var/milvus.db", False), ("http://milvus:19530", True)],
)
def test_a_server_is_told_from_a_file(uri, server):
    assert is_server(uri) is server


@pytest.mark.parametrize(
    "uri",
    [
        f"ftp://root:{SECRET}@milvus:19530",
        f"tcp://root:{SECRET}@milvus:19530",
        f"http://root:{SECRET}@",
        f"http://root:{SECRET}@milvus:port",
        f"http://root:{SECRET}@milvus:99999",
        f"root:{SECRET}@milvus:19530",
    ],
)
def test_an_address_that_cannot_be_one_is_refused_at_once_without_its_password(uri):
    with pytest.raises(CollectionError, match=r"MILVUS_URI.*http") as caught, milvus(uri):
        pass
    assert SECRET not in str(caught.value)


def test_a_server_that_is_not_there_is_waited_for_a_while_and_named_without_the_token():
    start = time.monotonic()
    with pytest.raises(CollectionError, match=r"http://127.0.0.1:9: .*MILVUS_URI right") as caught:
        milvus(f"http://root:{SECRET}@127.0.0.1:9", patience=1).__enter__()
    assert 0.2 < time.monotonic() - start < 5
    assert SECRET not in str(caught.value)


def test_rows_go_out_by_number_and_by_bytes_and_none_is_left_out():
    def cut(sizes):
        return [(batch.start, batch.stop) for batch in batches(sizes)]

    mebibyte = 1 << 20
    assert cut([]) == []
    assert cut([1] * 2001) == [(0, 1000), (1000, 2000), (2000, 2001)]
    assert cut([6 * mebibyte] * 5) == [(0, 2), (2, 4), (4, 5)]
    assert cut([1, 99 * mebibyte, 1]) == [(0, 1), (1, 2), (2, 3)]  # Milvus may yet refuse it


def test_texts_larger_than_a_message_together_are_written(milvus_server, name):
    doc_ids = ids(*range(1000))  # 65 MB, where a server takes 64 MB in a message
    texts = articles(doc_ids, "x" * 65_535)
    with milvus(milvus_server.uri) as client:
        done = sync(client, name, texts, embeddings(doc_ids, 512), Index())
    assert done.state.count == 1000


def test_all_ids_are_read_of_more_documents_than_a_server_gives_at_once(client, name, monkeypatch):
    monkeypatch.setattr(room, "_PAGE", 100)
    doc_ids = ids(*range(450))
    own = serving(client, fill(client, name, doc_ids).state, embeddings(doc_ids))
    assert client.ids(own) == set(doc_ids)


def test_a_search_sees_what_was_written_just_before(client, name):
    for n in range(10, 15):
        table = embeddings(ids(*range(n)))
        own = serving(client, fill(client, name, ids(*range(n))).state, table)
        everyone = client.search(
            own, data=room.np.ones((3, 8), room.np.float32), limit=50, output_fields=["id"]
        )
        assert [len(hits) for hits in everyone] == [n] * 3


def test_a_token_lets_in_by_setting_or_within_the_address_and_a_wrong_one_is_told(guarded_server):
    uri, right = guarded_server.uri, f"root:{guarded_server.password}"
    for address, token in ((uri, right), (uri.replace("//", f"//{right}@"), None)):
        with milvus(address, token) as client:
            client.list_collections()
    start = time.monotonic()
    for address, token in (
        (uri, f"root:wrong-{SECRET}"),
        (uri, SECRET),
        (uri, None),
        (uri.replace("//", f"//root:wrong-{SECRET}@"), None),
    ):
        with pytest.raises(CollectionError, match="Check MILVUS_TOKEN") as caught:
            milvus(address, token).__enter__()
        assert SECRET not in str(caught.value)
    assert time.monotonic() - start < 10, "it won't become right by waiting"


@pytest.fixture(scope="module")
def mortal(make_server):
    """A server that tests may kill."""
    return make_server()


def test_a_server_that_dies_while_it_is_written_to_is_outlasted_once_it_is_back(mortal):
    def die_once(done, total):
        if done == 1000:
            mortal.kill()
            mortal.start(wait=False)

    with milvus(mortal.uri) as client:
        done = sync(client, "news", articles(MANY), embeddings(MANY), Index(), die_once)
        assert done.state.count == 2500
        expect_held(client, "news", embeddings(MANY))


def test_a_server_that_dies_while_it_is_searched_and_stays_away_is_told(mortal):
    table = embeddings(MANY)

    def die(done, total):
        mortal.kill()

    with milvus(mortal.uri, patience=2) as client:
        state = fill(client, "searched", MANY).state
        with pytest.raises(CollectionError, match=r"Is the server up.*run again"):
            nearest(client, state, table, Index(), 5, progress=die)
    mortal.start()
    with milvus(mortal.uri) as client:
        assert fill(client, "searched", MANY).new == 0
        assert nearest(client, state, table, Index(), 5).neighbours.indices.shape == (2500, 5)


def test_a_connection_that_breaks_at_every_step_comes_about_again(milvus_server, name):
    road = Road(milvus_server.port)
    with milvus(road.uri) as client:
        done = sync(client, name, articles(MANY), embeddings(MANY), Index(), lambda *_: road.cut())
        assert done.state.count == 2500
        nearest(client, done.state, embeddings(MANY), Index(), 5, progress=lambda *_: road.cut())
    road.close()


def test_a_server_that_hangs_is_noticed_and_outlasted(milvus_server, name):
    road = Road(milvus_server.port)
    with milvus(road.uri) as client:
        fill(client, name, ids(1, 2))
        road.swallow(True)
        threading.Timer(5, road.swallow, [False]).start()
        assert fill(client, name, ids(1, 2)).reused == 2
    road.close()


def test_what_is_told_or_tried_again_leaves_no_traceback_on_the_terminal(capfd):
    level = logging.getLogger("pymilvus").level
    with pytest.raises(CollectionError):
        milvus("http://127.0.0.1:9", patience=0.6).__enter__()
    assert "Traceback" not in capfd.readouterr().err
    assert logging.getLogger("pymilvus").level == level
