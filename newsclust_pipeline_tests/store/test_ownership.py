"""Collections of others are neither used, emptied nor dropped, on Milvus Lite and on a server."""

import re
import shutil

import pytest

from newsclust_pipeline.core.errors import CollectionError
from newsclust_pipeline.store.connection import connect
from newsclust_pipeline.store.owner import Owner, owner_of
from newsclust_pipeline_tests.documents import (
    OWNER,
    articles,
    assert_stored,
    collections_of,
    embeddings,
    fill,
    ids,
)

OTHER = Owner("another-owner")


@pytest.fixture(params=["lite", "server"])
def uri(request, tmp_path):
    """Return a file that no test has open, then the server that all tests share."""
    if request.param == "server":
        return request.getfixturevalue("milvus_server").uri
    return str(tmp_path / "shared" / "milvus.db")


def fill_as(owner, uri, name, doc_ids, **embedder):
    with connect(uri, owner) as client:
        return fill(client, name, doc_ids, **embedder)


def expect_stored(uri, name, doc_ids, **embedder):
    with connect(uri, OWNER) as client:
        assert_stored(client, name, embeddings(doc_ids, **embedder))


def refused(owner, uri, name, message):
    with pytest.raises(CollectionError, match=rf"{name}.*{message}.*`milvus\.collection`"):
        fill_as(owner, uri, name, ids(7, 8, 9))


@pytest.fixture
def folder(tmp_path):
    """A data folder."""
    path = tmp_path / "data"
    path.mkdir()
    return path


def owner(folder):
    return owner_of(folder, pytest.fail)


def create_version_1(client, name, doc_ids):
    """Create what version 0.1 created: no record, and no checksums."""
    from pymilvus import DataType

    collection = f"{name}_0123456789ab"
    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=64)
    schema.add_field("embedding", DataType.FLOAT_VECTOR, dim=8)
    schema.add_field("text", DataType.VARCHAR, max_length=65_535)
    client.create_collection(collection, schema=schema)
    rows = zip(doc_ids, embeddings(doc_ids)["embedding"].to_pylist(), strict=True)
    client.upsert(collection, [{"id": i, "embedding": v, "text": ""} for i, v in rows])
    client.create_alias(collection, name)
    return collection


def test_a_foreign_collection_of_that_name_is_refused_and_kept(uri, name):
    with connect(uri, OWNER) as client:
        client.create_collection(name, dimension=2)
        refused_here = pytest.raises(CollectionError, match=rf"{name}: not created.*milvus\.coll")
        with refused_here:
            fill(client, name, ids(1, 2))
        assert collections_of(client, name) == [name]


def test_a_foreign_alias_of_that_name_is_refused_and_its_collection_kept(uri, name):
    with connect(uri, OWNER) as client:
        client.create_collection(f"precious_{name}", dimension=2)
        client.create_alias(f"precious_{name}", name)
        with pytest.raises(CollectionError, match=f"{name}.*not created by this pipeline"):
            fill(client, name, ids(1, 2))
        assert f"precious_{name}" in client.list_collections()


@pytest.mark.parametrize("suffix", ["202611261200", "0123456789ab"])
def test_a_foreign_collection_whose_name_looks_like_an_own_one_is_kept(uri, name, suffix):
    with connect(uri, OWNER) as client:
        client.create_collection(f"{name}_{suffix}", dimension=2)
        client.insert(f"{name}_{suffix}", [{"id": 1, "vector": [1.0, 0.0]}])
        for fingerprint in ("minilm/1", "minilm/2", "minilm/1"):
            fill(client, name, ids(1, 2), fingerprint=fingerprint)
        assert client.count(f"{name}_{suffix}") == 1


def test_a_second_owner_is_refused_and_changes_nothing(uri, name):
    fill_as(OWNER, uri, name, ids(1, 2, 3))
    for _ in range(2):
        refused(OTHER, uri, name, "belongs to another data folder")
        with pytest.raises(CollectionError, match="another data folder"):
            fill_as(OTHER, uri, name, ids(1), fingerprint="minilm/2")
        expect_stored(uri, name, ids(1, 2, 3))
        assert fill_as(OWNER, uri, name, ids(1, 2, 3)).new == 0
    with connect(uri, OTHER) as client:
        assert len(collections_of(client, name)) == 1


def test_a_second_owner_with_another_name_is_independent(uri, name):
    fill_as(OWNER, uri, name, ids(1, 2, 3))
    fill_as(OTHER, uri, f"{name}_more", ids(4, 5))
    fill_as(OWNER, uri, name, ids(2, 3), fingerprint="minilm/2")
    fill_as(OTHER, uri, f"{name}_more", ids(5), fingerprint="minilm/2")
    expect_stored(uri, name, ids(2, 3), fingerprint="minilm/2")
    expect_stored(uri, f"{name}_more", ids(5), fingerprint="minilm/2")


def test_an_alias_that_another_owner_takes_during_the_first_run_is_not_taken_back(
    milvus_server, name
):
    uri = milvus_server.uri

    def overtake(done, total):
        fill_as(OTHER, uri, name, ids(1, 2))

    from newsclust_pipeline.store.collection import sync
    from newsclust_pipeline.store.indexes import Index

    with connect(uri, OWNER) as client:
        documents = ids(7, 8, 9)
        with pytest.raises(CollectionError, match="belongs to another data folder"):
            sync(client, name, articles(documents), embeddings(documents), Index(), overtake)
        assert len(collections_of(client, name)) == 1
    expect_stored(uri, name, ids(1, 2))


def test_a_renamed_collection_is_neither_used_nor_dropped(uri, name):
    fill_as(OWNER, uri, name, ids(1, 2, 3))
    with connect(uri, OWNER) as client:
        [collection] = collections_of(client, name)
        client.rename_collection(collection, f"backup_of_{name}")
        renamed = pytest.raises(CollectionError, match=rf"{name} \(backup_of_{name}\): not created")
        with renamed:
            fill(client, name, ids(1))
        client.drop_alias(name)
        fill(client, name, ids(1))
        assert_stored(client, name, embeddings(ids(1)))
        client.load_collection(f"backup_of_{name}")
        assert client.count(f"backup_of_{name}") == 3


def test_an_own_collection_under_a_foreign_alias_is_refused_by_that_alias(uri, name):
    fill_as(OWNER, uri, name, ids(1, 2))
    with connect(uri, OWNER) as client:
        [collection] = collections_of(client, name)
        client.create_alias(collection, f"alias_of_{name}")
    refused(OWNER, uri, f"alias_of_{name}", "not created by this pipeline")
    expect_stored(uri, name, ids(1, 2))


def test_a_former_collection_with_a_foreign_alias_is_not_dropped(uri, name):
    fill_as(OWNER, uri, name, ids(1, 2))
    with connect(uri, OWNER) as client:
        [former] = collections_of(client, name)
        client.create_alias(former, f"alias_of_{name}")
        rebuilt = fill(client, name, ids(1, 2), fingerprint="minilm/2")
        assert rebuilt.not_dropped == (former,)
        client.drop_alias(f"alias_of_{name}")
        assert fill(client, name, ids(1), fingerprint="minilm/2").not_dropped == ()
        assert len(collections_of(client, name)) == 1


def test_after_alias_and_collection_were_dropped_by_hand_they_are_created_again(uri, name):
    fill_as(OWNER, uri, name, ids(1, 2))
    with connect(uri, OWNER) as client:
        [collection] = collections_of(client, name)
        client.drop_alias(name)
        client.drop_collection(collection)
    assert fill_as(OWNER, uri, name, ids(1, 2)).new == 2
    expect_stored(uri, name, ids(1, 2))


def test_a_collection_restored_without_its_alias_is_used_again(uri, name):
    fill_as(OWNER, uri, name, ids(1, 2))
    with connect(uri, OWNER) as client:
        client.drop_alias(name)
    assert fill_as(OWNER, uri, name, ids(1, 2, 3)).new == 1
    expect_stored(uri, name, ids(1, 2, 3))


def test_a_collection_restored_without_its_record_is_refused(uri, name):
    fill_as(OWNER, uri, name, ids(1, 2))
    with connect(uri, OWNER) as client:
        [collection] = collections_of(client, name)
        client.alter_collection_properties(collection, properties={"newsclust.owner": "unknown"})
    refused(OWNER, uri, name, "another data folder")


def test_databases_of_a_server_are_independent(milvus_server, name):
    with connect(milvus_server.uri, OWNER) as client:
        client.create_database(f"database_{name}")
    fill_as(OWNER, milvus_server.uri, name, ids(1, 2))
    fill_as(OTHER, f"{milvus_server.uri}/database_{name}", name, ids(3))
    expect_stored(milvus_server.uri, name, ids(1, 2))
    expect_stored(f"{milvus_server.uri}/database_{name}", name, ids(3))


def test_a_copy_of_a_data_folder_is_refused_while_the_original_exists(uri, name, folder):
    fill_as(owner(folder), uri, name, ids(1, 2))
    copy, warnings = folder.with_name("copy"), []
    shutil.copytree(folder, copy)
    refused(owner_of(copy, warnings.append), uri, name, "another data folder")
    assert re.search(r"copy is a copy of .*data, so it gets a new id", warnings[0])
    assert fill_as(owner(folder), uri, name, ids(1)).removed == 1


def test_a_copy_on_another_machine_is_noticed_by_whoever_writes_next(uri, name, folder):
    # On another machine the copy may have the same path, so it can't know that it is a copy.
    fill_as(owner(folder), uri, name, ids(1, 2))
    original = folder.with_name("original")
    shutil.copytree(folder, original)
    fill_as(owner(folder), uri, name, ids(1))
    shutil.rmtree(folder)
    original.rename(folder)
    refused(owner(folder), uri, name, "another copy of this data folder has written")
    expect_stored(uri, name, ids(1))
    chosen = owner_of(folder, pytest.fail, owner(folder).id)
    assert fill_as(chosen, uri, name, ids(1, 2)).new == 1


def test_a_moved_data_folder_keeps_its_collection(uri, name, folder):
    fill_as(owner(folder), uri, name, ids(1, 2))
    folder = folder.rename(folder.with_name("moved"))
    assert fill_as(owner(folder), uri, name, ids(1)).removed == 1


def test_a_folder_that_lost_its_id_is_refused_until_the_id_is_set(uri, name, folder):
    lost = owner(folder).id
    fill_as(owner(folder), uri, name, ids(1, 2))
    (folder / ".owner.json").unlink()
    refused(owner(folder), uri, name, "belongs to another data folder")
    with pytest.raises(CollectionError, match=rf"`milvus\.owner` to {lost}"):
        fill_as(owner(folder), uri, name, ids(1))
    assert fill_as(owner_of(folder, pytest.fail, lost), uri, name, ids(1)).removed == 1


def test_a_collection_of_version_1_outside_the_data_folder_is_refused_and_kept(uri, name, folder):
    with connect(uri, OWNER) as client:
        former = create_version_1(client, name, ids(1, 2))
    refused(owner(folder), uri, name, "not created by this pipeline")
    with connect(uri, OWNER) as client:
        assert former in client.list_collections()


def test_a_collection_of_version_1_inside_the_data_folder_is_replaced(folder):
    uri = str(folder / "milvus.db")
    with connect(uri, owner(folder)) as client:
        former = create_version_1(client, "news", ids(1, 2))
        assert fill(client, "news", ids(1, 2, 3)).rebuilt
        assert former not in client.list_collections()
        assert_stored(client, "news", embeddings(ids(1, 2, 3)))


@pytest.mark.parametrize(
    "make",
    [
        lambda client: client.create_collection("news_0123456789ab", dimension=2),
        lambda client: create_version_1(client, "other", ids(1)),
    ],
    ids=["other fields", "other name"],
)
def test_what_is_not_of_version_1_is_refused_inside_the_data_folder_too(folder, make):
    with connect(str(folder / "milvus.db"), owner(folder)) as client:
        make(client)
        [collection] = client.list_collections()
        client.create_alias(collection, "news")
        with pytest.raises(CollectionError, match="not created by this pipeline"):
            fill(client, "news", ids(1))
        assert client.list_collections() == [collection]


def test_a_file_inside_the_data_folder_is_used_after_the_id_was_lost_or_the_folder_copied(folder):
    fill_as(owner(folder), str(folder / "milvus.db"), "news", ids(1, 2))
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)
    (folder / ".owner.json").unlink()
    for path in (folder, copy):
        done = fill_as(owner_of(path, lambda _: None), str(path / "milvus.db"), "news", ids(2, 3))
        assert (done.new, done.removed, done.rebuilt) == (1, 1, False)


def test_a_link_to_a_file_outside_the_data_folder_is_not_inside(folder, tmp_path):
    shared = tmp_path / "shared.db"
    fill_as(OTHER, str(shared), "news", ids(1, 2))
    (folder / "milvus.db").symlink_to(shared)
    refused(owner(folder), str(folder / "milvus.db"), "news", "another data folder")
