"""Milvus Lite: one process at a time, killed runs, damaged files, full disks."""

import re
import resource
import shutil
import subprocess
import sys
import time

import pytest

from newsclust_pipeline.core.errors import CollectionError, NewsclustError
from newsclust_pipeline.store import lite
from newsclust_pipeline.store.connection import connect
from newsclust_pipeline.store.owner import owner_of
from newsclust_pipeline_tests.documents import OWNER, assert_stored, embeddings, fill, ids

# Takes the file, says so, and holds it until it is asked to close it.
HOLDER = """
import sys
from newsclust_pipeline.store.connection import connect
from newsclust_pipeline_tests.documents import OWNER
with connect(sys.argv[1], OWNER) as client:
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
from newsclust_pipeline.store.connection import connect
from newsclust_pipeline.store import lite
from newsclust_pipeline_tests.documents import OWNER, articles, embeddings, ids
lite.SEGMENT_ROWS = 1000
many = ids(*range(2500))
def die(done, total):
    if done >= int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
with connect(sys.argv[1], OWNER) as client:
    sync(client, "news", articles(many), embeddings(many), Index(), die)
"""
MANY = ids(*range(2500))
PIPES = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}


def test_another_program_can_open_the_file_once_it_is_closed(tmp_path):
    uri = str(tmp_path / "milvus.db")
    with pytest.raises(RuntimeError, match="stage broke"), connect(uri, OWNER) as client:
        fill(client, "news", ids(1, 2, 3))
        raise RuntimeError("stage broke")  # after a failure, too
    with subprocess.Popen([sys.executable, "-c", NOTEBOOK, uri], **PIPES) as notebook:
        assert notebook.stdout.readline() == "3\n"
        # And while somebody else has it open, who doesn't take turns, we say so at once.
        with (
            pytest.raises(CollectionError, match=r"another program.*has the file open"),
            connect(uri, OWNER) as client,
        ):
            client.list_collections()
        notebook.communicate("")
    with connect(uri, OWNER) as client:
        assert fill(client, "news", ids(1, 2, 3)).new == 0


def test_two_processes_take_turns_with_one_file(tmp_path):
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
    with connect(uri, OWNER) as client:
        assert client.list_collections() == ["left_by_the_holder"]
    assert (first.returncode, second.returncode) == (0, -9)


def test_a_lock_that_is_never_freed_raises_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(lite, "_LOCK_SECONDS", 0.5)
    uri = str(tmp_path / "milvus.db")
    with subprocess.Popen([sys.executable, "-c", HOLDER, uri], **PIPES) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(CollectionError, match=r"another run has the file open.*`milvus.uri`"):
            connect(uri, OWNER).__enter__()
        holder.communicate("let go\n")


@pytest.mark.parametrize("written", [1000, 2500])
def test_the_next_run_completes_what_a_killed_run_has_begun(tmp_path, written):
    uri = str(tmp_path / "milvus.db")
    command = [sys.executable, "-c", FILLER, uri, str(written)]
    assert subprocess.run(command, check=False).returncode == -9
    with connect(uri, OWNER) as client:
        assert fill(client, "news", MANY).new == 2500 - written
        assert_stored(client, "news", embeddings(MANY))


def test_an_incomplete_collection_folder_is_replaced(tmp_path):
    old, uri = tmp_path / "old.db", tmp_path / "milvus.db"
    with connect(str(old), OWNER) as client:
        fill(client, "news", ids(1, 2))
    shutil.copytree(old / "collections", uri / "collections")
    for schema in uri.glob("collections/*/schema.json"):
        schema.unlink()
    with connect(str(uri), OWNER) as client:
        fill(client, "news", ids(1, 2))
        assert_stored(client, "news", embeddings(ids(1, 2)))


@pytest.mark.parametrize("limit", [200, 20_000, 100_000])
def test_a_full_disk_raises_an_error_and_the_next_run_completes(tmp_path, limit):
    uri = str(tmp_path / "milvus.db")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))  # no file may grow beyond
    try:
        full = pytest.raises(CollectionError, match=r"milvus\.db: .*free some space")
        with full, connect(uri, OWNER) as client:
            fill(client, "news", MANY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    with connect(uri, OWNER) as client:
        fill(client, "news", MANY)
        assert_stored(client, "news", embeddings(MANY))


def test_a_damaged_file_is_reported_or_repaired(tmp_path):
    sound, uri = tmp_path / "sound.db", tmp_path / "milvus.db"
    with connect(str(sound), OWNER) as client:
        fill(client, "news", ids(*range(300)))
    told = 0
    parts = [path.relative_to(sound) for path in sound.rglob("*") if path.is_file()]
    for part in parts:
        shutil.copytree(sound, uri)
        (uri / part).write_bytes((sound / part).read_bytes()[: (sound / part).stat().st_size // 2])
        try:
            with connect(str(uri), OWNER) as client:
                fill(client, "news", ids(*range(300)))
                assert_stored(client, "news", embeddings(ids(*range(300))))
        except CollectionError as error:
            told += 1
            assert re.search(r"milvus\.db: Milvus Lite fails .*move it away", str(error))
        shutil.rmtree(uri)
    assert 0 < told < len(parts)


@pytest.mark.parametrize(
    ("file", "advice"),
    [("news.db", "move it away"), ("milvus", "`milvus.uri`")],
    ids=["not Milvus", "not named .db"],
)
def test_a_file_of_another_kind_is_refused_and_unchanged(tmp_path, file, advice):
    path = tmp_path / file
    path.write_text("not Milvus at all")
    with (
        pytest.raises(NewsclustError, match=rf"{file}: .*{advice}"),
        connect(str(path), OWNER) as client,
    ):
        client.list_collections()
    assert path.read_text() == "not Milvus at all"


def test_a_folder_that_cannot_be_created_raises_an_error(tmp_path):
    (tmp_path / "data").write_text("a file where the data folder should be")
    with (
        pytest.raises(NewsclustError, match="data"),
        connect(str(tmp_path / "data" / "milvus.db"), OWNER),
    ):
        pass


def owner_and_file(tmp_path):
    """Return the owner of a data folder, and the path of the file inside."""
    return owner_of(tmp_path / "data", pytest.fail), tmp_path / "data" / "milvus.db"


@pytest.mark.parametrize("damage", ["garbage", "a file", "an empty folder"])
def test_a_damaged_file_inside_the_data_folder_is_replaced_and_kept_aside(tmp_path, damage):
    owner, path = owner_and_file(tmp_path)
    with connect(str(path), owner) as client:
        fill(client, "news", ids(*range(300)))
    if damage == "garbage":
        for part in path.rglob("*.parquet"):
            part.write_bytes(b"garbage")
    else:
        shutil.rmtree(path)
        path.write_text("garbage") if damage == "a file" else path.mkdir()
    with connect(str(path), owner) as client:
        done = fill(client, "news", ids(*range(300)))
    assert done.new == 300
    if damage != "an empty folder":
        assert "milvus.db: Milvus Lite fails" in done.repair
        assert f"The file is now {path}.damaged" in done.repair
        assert path.with_name("milvus.db.damaged").exists()
    with connect(str(path), owner) as client:
        assert client.manifest is not None
        assert_stored(client, "news", embeddings(ids(*range(300))))


def test_a_second_damaged_file_replaces_the_first_one(tmp_path):
    owner, path = owner_and_file(tmp_path)
    for content in ("first", "second"):
        path.write_text(content)
        with connect(str(path), owner) as client:
            assert fill(client, "news", ids(1)).new == 1
        shutil.rmtree(path)
    assert (tmp_path / "data" / "milvus.db.damaged").read_text() == "second"


def test_a_failure_that_a_new_file_has_too_leaves_the_file_as_it_was(tmp_path):
    owner, path = owner_and_file(tmp_path)
    with connect(str(path), owner) as client:
        fill(client, "news", ids(1, 2))
    for _ in range(2):
        with (
            pytest.raises(CollectionError, match="collection name"),
            connect(str(path), owner) as client,
        ):
            fill(client, "n" * 300, ids(1))
    assert not path.with_name("milvus.db.damaged").exists()
    with connect(str(path), owner) as client:
        assert_stored(client, "news", embeddings(ids(1, 2)))


def test_a_full_disk_does_not_count_as_damage(tmp_path):
    owner, path = owner_and_file(tmp_path)
    with connect(str(path), owner) as client:
        fill(client, "news", ids(1, 2))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        full = pytest.raises(CollectionError, match=r"milvus\.db: .*free some space")
        with full, connect(str(path), owner) as client:
            fill(client, "news", MANY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not path.with_name("milvus.db.damaged").exists()
    with connect(str(path), owner) as client:
        assert fill(client, "news", MANY).repair == ""
        assert_stored(client, "news", embeddings(MANY))


def test_a_manifest_that_cannot_be_written_does_no_harm(tmp_path):
    owner, path = owner_and_file(tmp_path)
    path.with_name("milvus.db.manifest").mkdir(parents=True)
    for new in (2, 0):
        with connect(str(path), owner) as client:
            assert fill(client, "news", ids(1, 2)).new == new
