"""The documents in Milvus Lite: exactly those of the dump, and never vectors of two embedders."""

import itertools
import subprocess
import sys
import time
from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pytest

from newsclust_pipeline.stages.collection import (
    content_digest,
    count,
    is_server,
    milvus,
    serving,
    sync,
)
from newsclust_pipeline.stages.embedding import matrix
from newsclust_pipeline.stages.errors import CollectionError, NewsclustError
from newsclust_pipeline.stages.indexes import Index

# Takes the file, says so, and holds it until it is told to let go.
HOLDER = """
import sys
from newsclust_pipeline.stages.collection import milvus
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
print(len(client.query("news", filter="", limit=10, output_fields=["text"])))
"""
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """One open file for all tests that only look at collections; each names its own."""
    with milvus(str(tmp_path_factory.mktemp("lite") / "milvus.db")) as opened:
        yield opened


@pytest.fixture
def name():
    """A name that no other test's begins with."""
    return f"news_{next(NUMBERS):03}"


def ids(*numbers):
    return [f"d{number:04}" for number in numbers]


def articles(doc_ids, text="Ferry fire off Vesterglans"):
    return pa.table(
        {"doc_id": pa.array(doc_ids, pa.string()), "text": pa.array([text] * len(doc_ids))}
    )


def embeddings(doc_ids, dimension=8, fingerprint="minilm/1"):
    """Unit vectors that follow from id, dimension and fingerprint alone, as an embedder's do."""
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


def held(client, name):
    """What a reader of the collection finds: id → vector."""
    client.load_collection(name)
    rows = client.query(name, filter="", limit=16_000, output_fields=["id", "embedding"])
    return {row["id"]: np.array(row["embedding"], dtype=np.float32) for row in rows}


def collections_of(client, name):
    return [other for other in client.list_collections() if other.startswith(name)]


def expect_held(client, name, table):
    found = held(client, name)
    assert sorted(found) == sorted(table["doc_id"].to_pylist())
    stacked = np.stack([found[doc_id] for doc_id in table["doc_id"].to_pylist()])
    np.testing.assert_array_equal(stacked, matrix(table))


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


@pytest.mark.parametrize(
    "changed",
    [
        {"fingerprint": "minilm/2"},
        {"fingerprint": "bge/1", "dimension": 16},
        {"dimension": 16},  # an embedder may forget to put it into its fingerprint
        {"dimension": 4},
    ],
)
def test_a_changed_embedder_or_dimension_rebuilds_and_the_alias_moves(client, name, changed):
    fill(client, name, ids(1, 2, 3))
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


INDEXES = [
    Index("HNSW", build={"M": 8, "efConstruction": 64}),
    Index("IVF_FLAT", build={"nlist": 2}),
]


@pytest.mark.parametrize("index", INDEXES, ids=lambda index: index.kind)
def test_another_index_is_built_in_place_of_the_one_there_was(client, name, index):
    table = embeddings(ids(1, 2, 3))
    fill(client, name, ids(1, 2, 3))
    for wanted in (index, index, Index()):
        done = sync(client, name, articles(ids(1, 2, 3)), table, wanted)
        built = client.describe_index(name, "embedding")
        assert (done.new, done.state.index, built["index_type"]) == (0, wanted.kind, wanted.kind)
        assert built.get("params", {}) == wanted.build
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


def test_the_file_keeps_what_was_written_when_it_is_opened_again(tmp_path):
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
    notebook = [sys.executable, "-c", NOTEBOOK, uri]
    assert subprocess.run(notebook, capture_output=True, check=True, text=True).stdout == "3\n"


def test_what_goes_wrong_while_the_file_is_open_is_not_taken_for_a_file_that_cant_be_opened(
    tmp_path,
):
    with pytest.raises(FileNotFoundError, match="elsewhere"), milvus(str(tmp_path / "milvus.db")):
        raise FileNotFoundError("elsewhere")


def test_two_processes_take_turns_at_one_file(tmp_path):
    uri = str(tmp_path / "milvus.db")
    command = [sys.executable, "-c", HOLDER, uri]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as first:
        assert first.stdout.readline() == "held\n"
        with subprocess.Popen(command, **pipes) as second:
            time.sleep(1.5)  # enough for it to start and be kept waiting
            first.communicate("let go\n")
            # The second was let in only now, so it sees what the first did at its very end...
            assert second.stdout.readline() == "held\n"
            # ...and dies without a word: its lock must go with it.
            second.kill()
    with milvus(uri) as client:
        assert client.list_collections() == ["left_by_the_holder"]
    assert (first.returncode, second.returncode) == (0, -9)


@pytest.mark.parametrize(
    ("file", "advice"),
    [("news.db", "move the file away"), ("milvus", "MILVUS_URI")],
    ids=["not Milvus", "not named .db"],
)
def test_what_milvus_cant_open_is_named_with_a_way_out_and_kept(tmp_path, file, advice):
    path = tmp_path / file
    path.write_text("not Milvus at all")
    with pytest.raises(NewsclustError, match=rf"{file}: .*{advice}"), milvus(str(path)):
        pass
    assert path.read_text() == "not Milvus at all"


def test_a_folder_that_cant_be_made_is_named(tmp_path):
    (tmp_path / "data").write_text("a file where the data folder should be")
    with pytest.raises(NewsclustError, match="data"), milvus(str(tmp_path / "data" / "milvus.db")):
        pass


def test_a_server_that_is_not_there_is_named_without_the_token():
    uri = "http://127.0.0.1:9"
    says = rf"{uri}: .*MILVUS_URI and MILVUS_TOKEN"
    with pytest.raises(CollectionError, match=says) as caught, milvus(uri, "hush"):
        pass
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "server"),
    [("data/milvus.db", False), ("/var/milvus.db", False), ("http://milvus:19530", True)],
)
def test_a_server_is_told_from_a_file(uri, server):
    assert is_server(uri) is server


def test_the_digest_follows_documents_and_embedder_not_their_order():
    digest = content_digest(embeddings(ids(1, 2)))
    assert content_digest(embeddings(ids(2, 1))) == digest
    others = [embeddings(ids(1)), embeddings(ids(1, 2), fingerprint="minilm/2")]
    assert digest not in map(content_digest, others)
